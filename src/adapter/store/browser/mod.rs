//! Records in a browser: IndexedDB and Web Locks.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | [`BrowserStore`] |
//! | `action.rs` | what an action does to a stored row |
//! | `row.rs` | a row as a value of JavaScript |
//! | `hold.rs` `life.rs` | Web Locks, and whether their holders run |
//! | `watch.rs` | [`RecordWatch`]: when the record may have changed |

mod action;
mod hold;
mod life;
mod row;
mod watch;

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use self::action::{Done, carry_out};
use self::hold::{Hold, steal, take};
use self::life::Seen;
pub use self::watch::RecordWatch;
use super::contract::{PATIENCE, SessionStore};
use super::holder::Holder;
use super::named::named;
use super::queue::{Queue, StoreFuture, Worker, lock};
use super::record::{self, LastError};
use crate::adapter::browser::channel::Channel;
use crate::adapter::browser::database::{self, Next, RECORDS};
use crate::base::env::Env;
use crate::base::secret::Secret;
use crate::error::{Error, ErrorCode};
use crate::session::{Record, StoreAction, StoreResponse};

/// How long a holder may show no sign of life. The timers of a hidden window come once a minute.
const LEASE: Duration = Duration::from_secs(90);

/// The record of a session in IndexedDB, for all windows and workers of one origin. Web Locks keep two of them from
/// refreshing at once. It needs a secure context.
///
/// Clones are one holder of the lock. Actions are carried out in order, even if their futures are dropped. If the future
/// of a `Lock` is dropped, the lock is released. The browser releases it when the window or worker ends, and the store
/// when its last clone is dropped. A browser can freeze a window in the middle of a refresh. If
/// others wait for the lock, and its holder shows no sign of life for the time of the
/// [lease](Self::with_lease), they take the lock from it. A lock that was lost,
/// also to another script, is taken again before a refresh; a save compares in its transaction.
///
/// Stores of one name tell each other of each change, without its content ([`watch`](Self::watch)).
///
/// **Any script of the origin can read the record.** Bind the tokens to a key that cannot be
/// exported (DPoP), or keep them elsewhere, if that matters. A browser can evict the database of a
/// site that was not used for long; the session then ends as if its record had been removed.
#[derive(Clone)]
pub struct BrowserStore {
    inner: Arc<Inner>,
    queue: Arc<Queue>,
}

struct Inner {
    name: String,
    /// The name of the lock of the record.
    lock_name: String,
    /// Nobody else knows it: it marks the refreshes that this store has begun.
    owner: Secret,
    patience: Duration,
    lease: Mutex<Duration>,
    /// The prefix of the names of all holders' signs of life.
    life_name: String,
    /// What follows the prefix in the names of this holder.
    life: String,
    signs: Arc<AtomicU64>,
    seen: Mutex<Seen>,
    hold: Mutex<Option<Hold>>,
    /// Where changes are told. `None` where there are no channels.
    channel: Option<Channel>,
    last_error: LastError,
}

impl BrowserStore {
    /// The store of the session with this name. The environment generates a random name for the holder of the lock.
    pub fn new(name: &str, env: &mut dyn Env) -> Self {
        Self::with_patience(name, PATIENCE, env)
    }

    /// The same with the time to wait for the lock. By default 30 s.
    pub fn with_patience(name: &str, patience: Duration, env: &mut dyn Env) -> Self {
        let inner = Arc::new(Inner {
            name: name.to_owned(),
            lock_name: format!("oidc-proto:{name}"),
            owner: Secret::random(env.rng()),
            patience,
            lease: Mutex::new(LEASE),
            life_name: format!("oidc-proto-life:{name}:"),
            life: format!("{:016x}", env.rng().next_u64()),
            signs: Arc::default(),
            seen: Mutex::default(),
            hold: Mutex::default(),
            channel: Channel::open(&format!("oidc-proto:{name}")),
            last_error: LastError::default(),
        });
        let worked = Arc::clone(&inner);
        let queue = Queue::new(Holder::at(name), move |worker| spawn_local(Arc::clone(&worked).work(worker)));
        Self { inner, queue }
    }

    /// Sets how long a holder of the lock may show no sign of life while others wait for the lock:
    /// by default 90 s. Set the same value in all windows, and more than a minute: the timers of a
    /// hidden window run once a minute, so its signs of life come no more often. A frozen window
    /// shows none.
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        *lock(&self.inner.lease) = lease;
        self
    }

    /// Calls `changed` when another window or worker has changed the record, and when this one may have missed that: it
    /// was hidden, frozen or offline. Call [`SessionHandle::reload`](crate::adapter::session::SessionHandle::reload)
    /// there. It is a hint: any script of the origin can cause it.
    pub fn watch(&self, changed: impl FnMut() + 'static) -> RecordWatch {
        RecordWatch::start(self.inner.channel.as_ref(), changed)
    }

    /// Loads the record, to make a session from it; `None` if there is no record yet.
    ///
    /// # Errors
    /// `stored.malformed`, `stored.version`, or `store.io` with its [`source`](std::error::Error::source).
    pub async fn load(&self) -> Result<Option<Record>, Error> {
        self.inner.act(StoreAction::Load).await.map(record::of)
    }

    /// Returns and removes the error of the last action that failed for the session. Its code is
    /// one of those of [`BrowserStore::load`], or `store.busy`. An error that `load` itself
    /// returned is not kept.
    pub fn take_error(&self) -> Option<Error> {
        self.inner.last_error.take()
    }
}

impl Inner {
    async fn work(self: Arc<Self>, mut worker: Worker) {
        while let Some((action, response)) = worker.next() {
            let answer = self.last_error.response(self.act(action).await);
            if let Some(unlock) = response.give(answer) {
                self.last_error.response(self.act(unlock).await);
            }
        }
    }

    /// An error names the record.
    async fn act(&self, action: StoreAction) -> Result<StoreResponse, Error> {
        self.done(action).await.map_err(|error| named(error, self.name.as_str()))
    }

    async fn done(&self, action: StoreAction) -> Result<StoreResponse, Error> {
        match action {
            StoreAction::Lock => {
                self.hold().await?;
                return Ok(StoreResponse::Locked);
            }
            StoreAction::Unlock => {
                // Dropping it releases the lock.
                *lock(&self.hold) = None;
                return Ok(StoreResponse::Done);
            }
            // A lock that was lost is taken again before anything is spent.
            StoreAction::Prepare { .. } if lock(&self.hold).is_some() => self.hold().await?,
            _ => {}
        }
        let changes = matches!(action, StoreAction::Save { .. } | StoreAction::Erase { .. });
        let owner = Secret::new(self.owner.expose());
        let (response, is_written) = database::change(RECORDS, &self.name, move |value| {
            let Done { response, next } = carry_out(action, row::read(value), owner.expose())?;
            let is_written = next.is_some();
            Ok((next.as_ref().map_or(Next::Keep, row::write), (response, is_written)))
        })
        .await?;
        if let Some(channel) = self.channel.as_ref().filter(|_| changes && is_written) {
            // The message has no content: a receiver could not trust it, so it reads the record.
            channel.post(&JsValue::NULL);
        }
        Ok(response)
    }

    /// Holds the lock from now on.
    async fn hold(&self) -> Result<(), Error> {
        if lock(&self.hold).as_ref().is_some_and(Hold::is_held) {
            return Ok(());
        }
        let lease = *lock(&self.lease);
        let taken = match take(&self.lock_name, self.patience).await {
            Err(error) if error.code() == ErrorCode::STORE_BUSY => {
                let names = life::names(&self.life_name).await;
                if lock(&self.seen).note(names, self.patience) < lease {
                    return Err(error);
                }
                steal(&self.lock_name).await?
            }
            taken => taken?,
        };
        *lock(&self.seen) = Seen::default();
        life::show(&taken, format!("{}{}", self.life_name, self.life), Arc::clone(&self.signs), lease);
        *lock(&self.hold) = Some(taken);
        Ok(())
    }
}

impl SessionStore for BrowserStore {
    type Future = StoreFuture;

    fn carry_out(&self, action: StoreAction) -> StoreFuture {
        self.queue.ask(action)
    }

    fn holder(&self) -> Option<Holder> {
        Some(self.queue.holder.clone())
    }
}

impl fmt::Debug for BrowserStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BrowserStore").field(&self.inner.name).finish()
    }
}
