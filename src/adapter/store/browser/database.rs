//! IndexedDB: one row, read and written in one transaction.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::action::{Done, Row};
use crate::adapter::store::contract::failed;
use crate::adapter::store::record::Text;
use crate::error::Error;

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

    #[wasm_bindgen(method, catch, structural)]
    fn abort(this: &Transaction) -> Result<(), JsValue>;

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
const RECORDS: &str = "records";

/// Reads the row of this name, and writes what `decide` makes of it, before anybody else can write it.
pub(super) async fn change(
    name: &str,
    decide: impl FnOnce(Row) -> Result<Done, Error> + 'static,
) -> Result<Done, Error> {
    let database = connect().await.map_err(|_| failed("IndexedDB cannot be opened"))?;
    let changed = transact(&database, name, decide).await;
    // A connection that stays open keeps others from changing the database.
    database.close();
    changed
}

async fn connect() -> Result<Database, JsValue> {
    let factory = INDEXED_DB.with(|factory| factory.as_ref().map(|factory| factory.open(DATABASE, 1)));
    let request = factory.ok_or(JsValue::UNDEFINED)??;
    let upgraded = request.clone();
    let upgrade = Closure::<dyn FnMut()>::new(move || {
        // If it fails, the transaction will not find the store.
        let _ = upgraded.result().unchecked_into::<Database>().create_object_store(RECORDS);
    });
    request.set_onupgradeneeded(upgrade.as_ref().unchecked_ref());
    let opened = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(&resolve);
        request.set_onerror(&reject);
    });
    JsFuture::from(opened).await?;
    Ok(request.result().unchecked_into())
}

async fn transact(
    database: &Database,
    name: &str,
    decide: impl FnOnce(Row) -> Result<Done, Error> + 'static,
) -> Result<Done, Error> {
    let broken = |_| failed("IndexedDB does not begin a transaction");
    let options = Object::new();
    // `Saved` means that the record is on the disk.
    Reflect::set(&options, &"durability".into(), &"strict".into()).map_err(broken)?;
    let transaction = database.transaction(RECORDS, "readwrite", &options).map_err(broken)?;
    let store = transaction.object_store(RECORDS).map_err(broken)?;
    let request = store.get(name).map_err(broken)?;
    let decided = Rc::new(RefCell::new(None));
    let (result, key, read) = (Rc::clone(&decided), name.to_owned(), request.clone());
    // A transaction ends when control returns to the event loop without a request: it is decided here and now.
    let listener = Closure::once(move || {
        let done = decide(row(&read.result())).and_then(|done| match &done.next {
            Some(next) => write(&store, &key, next).map(|_| done).map_err(|_| failed("IndexedDB does not write")),
            None => Ok(done),
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
    completed.map(|_| done).map_err(|_| failed("IndexedDB took the change back: there may be no room"))
}

fn write(store: &ObjectStore, key: &str, row: &Row) -> Result<Request, JsValue> {
    if row.is_empty() {
        return store.delete(key);
    }
    let record = row.record.as_deref().map_or(JsValue::NULL, |text| JsValue::from_str(text));
    store.put(&Array::of2(&record, &JsValue::from_str(&row.marks.join("\n"))), key)
}

/// What is stored; a value of another shape is a record that cannot be read.
fn row(value: &JsValue) -> Row {
    if value.is_undefined() {
        return Row::default();
    }
    let parts: Vec<JsValue> = if Array::is_array(value) { Array::from(value).to_vec() } else { Vec::new() };
    match parts.as_slice() {
        [record, marks] => Row {
            record: if record.is_null() { None } else { Some(Text::new(record.as_string().unwrap_or_default())) },
            marks: marks.as_string().unwrap_or_default().lines().map(str::to_owned).collect(),
        },
        _ => Row { record: Some(Text::default()), marks: Vec::new() },
    }
}
