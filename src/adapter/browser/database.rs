//! IndexedDB: one value, read and written in one transaction.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::error::{Error, ErrorCode, Quote};

#[wasm_bindgen]
extern "C" {
    type Factory;

    #[wasm_bindgen(thread_local_v2, js_name = indexedDB)]
    static INDEXED_DB: Option<Factory>;

    #[wasm_bindgen(method, catch, structural)]
    fn open(this: &Factory, name: &str, version: u32) -> Result<Request, JsValue>;

    #[derive(Clone)]
    type Request;

    #[wasm_bindgen(method, getter, structural)]
    fn result(this: &Request) -> JsValue;

    #[wasm_bindgen(method, setter, structural)]
    fn set_onsuccess(this: &Request, listener: &Function);

    #[wasm_bindgen(method, setter, structural)]
    fn set_onerror(this: &Request, listener: &Function);

    #[wasm_bindgen(method, setter, structural)]
    fn set_onupgradeneeded(this: &Request, listener: &Function);

    #[derive(Clone)]
    type Database;

    #[wasm_bindgen(method, catch, structural, js_name = createObjectStore)]
    fn create_object_store(this: &Database, name: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch, structural)]
    fn transaction(this: &Database, store: &str, mode: &str, options: &Object) -> Result<Transaction, JsValue>;

    #[wasm_bindgen(method, structural)]
    fn close(this: &Database);

    type Transaction;

    #[wasm_bindgen(method, catch, structural, js_name = objectStore)]
    fn object_store(this: &Transaction, name: &str) -> Result<ObjectStore, JsValue>;

    #[wasm_bindgen(method, setter, structural)]
    fn set_oncomplete(this: &Transaction, listener: &Function);

    #[wasm_bindgen(method, setter, structural)]
    fn set_onabort(this: &Transaction, listener: &Function);

    #[derive(Clone)]
    type ObjectStore;

    #[wasm_bindgen(method, catch, structural)]
    fn get(this: &ObjectStore, key: &str) -> Result<Request, JsValue>;

    #[wasm_bindgen(method, catch, structural)]
    fn put(this: &ObjectStore, value: &JsValue, key: &str) -> Result<Request, JsValue>;

    #[wasm_bindgen(method, catch, structural)]
    fn delete(this: &ObjectStore, key: &str) -> Result<Request, JsValue>;
}

const DATABASE: &str = "oidc-proto";
/// The object stores of the database.
pub(in crate::adapter) const RECORDS: &str = "records";
pub(super) const KEYS: &str = "keys";

/// What becomes of a value.
pub(in crate::adapter) enum Next {
    Keep,
    Put(JsValue),
    Delete,
}

/// Reads the value of this name, undefined if there is none, and carries out what `decide` says,
/// before anybody else can write it.
pub(in crate::adapter) async fn change<T: 'static>(
    store: &'static str,
    name: &str,
    decide: impl FnOnce(&JsValue) -> Result<(Next, T), Error> + 'static,
) -> Result<T, Error> {
    let database = connect().await.map_err(|_| failed("IndexedDB cannot be opened"))?;
    let changed = transact(&database, store, name, decide).await;
    // A connection that stays open keeps others from changing the database.
    database.close();
    changed
}

async fn connect() -> Result<Database, JsValue> {
    let factory = INDEXED_DB.with(|factory| factory.as_ref().map(|factory| factory.open(DATABASE, 1)));
    let request = factory.ok_or(JsValue::UNDEFINED)??;
    let upgraded = request.clone();
    let upgrade = Closure::<dyn FnMut()>::new(move || {
        let database: Database = upgraded.result().unchecked_into();
        for store in [RECORDS, KEYS] {
            // If it fails, the transaction will not find the store.
            let _ = database.create_object_store(store);
        }
    });
    request.set_onupgradeneeded(upgrade.as_ref().unchecked_ref());
    let opened = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(&resolve);
        request.set_onerror(&reject);
    });
    JsFuture::from(opened).await?;
    Ok(request.result().unchecked_into())
}

async fn transact<T: 'static>(
    database: &Database,
    store: &str,
    name: &str,
    decide: impl FnOnce(&JsValue) -> Result<(Next, T), Error> + 'static,
) -> Result<T, Error> {
    let broken = |_| failed("IndexedDB does not begin a transaction");
    let options = Object::new();
    // What was written is on the disk when the transaction is complete.
    Reflect::set(&options, &"durability".into(), &"strict".into()).map_err(broken)?;
    let transaction = database.transaction(store, "readwrite", &options).map_err(broken)?;
    let store = transaction.object_store(store).map_err(broken)?;
    let request = store.get(name).map_err(broken)?;
    let decided = Rc::new(RefCell::new(None));
    let (result, key, read) = (Rc::clone(&decided), name.to_owned(), request.clone());
    // A transaction ends when control returns to the event loop without a request: it is decided here and now.
    let listener = Closure::once(move || {
        let done = decide(&read.result()).and_then(|(next, done)| {
            let written = match next {
                Next::Keep => return Ok(done),
                Next::Put(value) => store.put(&value, &key),
                Next::Delete => store.delete(&key),
            };
            written.map(|_| done).map_err(|_| failed("IndexedDB does not write"))
        });
        *result.borrow_mut() = Some(done);
    });
    request.set_onsuccess(listener.as_ref().unchecked_ref());
    let completed = Promise::new(&mut |resolve, reject| {
        transaction.set_oncomplete(&resolve);
        transaction.set_onabort(&reject);
    });
    let completed = JsFuture::from(completed).await;
    let done = decided.take().ok_or_else(|| failed("IndexedDB does not read"))??;
    // Where there is no room, the write ends the transaction.
    completed.map(|_| done).map_err(|_| failed("IndexedDB rolled the transaction back: there may be no room"))
}

pub(super) fn failed(why: &'static str) -> Error {
    Error::new(ErrorCode::STORE_IO).with_found(Quote::library(why)).with_source(why)
}
