//! Redis on a tokio runtime.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{AsyncConnectionConfig, Client, Cmd, RedisError, RedisResult, Value};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::options::{Identity, RedisOptions};
use super::refusal::{broken, is_stale};
use super::work::{Next, Work};
use crate::adapter::store::contract::SessionStore;
use crate::adapter::store::holder::Holder;
use crate::adapter::store::named::named;
use crate::adapter::store::queue::{Queue, StoreFuture, Worker, lock};
use crate::adapter::store::record::{self, LastError};
use crate::base::env::Env;
use crate::error::Error;
use crate::session::{Record, StoreAction, StoreResponse};

/// A Redis server, for the stores of many sessions, which share one connection.
#[derive(Clone)]
pub struct AsyncRedis(Arc<Server>);

/// A connection that many use at once.
trait Shared: ConnectionLike + Send + Sync {
    fn share(&self) -> Connection;
}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> Shared for C {
    fn share(&self) -> Connection {
        Box::new(self.clone())
    }
}

type Connection = Box<dyn Shared>;
type Connecting = Pin<Box<dyn Future<Output = RedisResult<Connection>> + Send>>;

struct Server {
    connect: Box<dyn Fn(Duration) -> Connecting + Send + Sync>,
    options: RedisOptions,
    current: Mutex<Current>,
    /// One connects, however many wait for it.
    connects: tokio::sync::Mutex<()>,
    /// The runtime in which it was made.
    runtime: Option<Handle>,
}

/// The connection that is used.
#[derive(Default)]
struct Current {
    connection: Option<Connection>,
    /// How often somebody has connected.
    number: u64,
    /// Why the last one who connected did not.
    error: Option<Error>,
}

impl AsyncRedis {
    /// The server that this client connects to: `redis::Client::open("rediss://…")`. Nothing is sent yet.
    ///
    /// Create it in the runtime that will run it. The runtime must have IO and time enabled (`enable_all`). If you
    /// create it outside of a runtime, it uses the runtime in which an action starts.
    pub fn new(client: Client, options: RedisOptions) -> Self {
        let connect = move |timeout| {
            let client = client.clone();
            let config =
                AsyncConnectionConfig::new().set_connection_timeout(Some(timeout)).set_response_timeout(Some(timeout));
            async move { client.get_multiplexed_async_connection_with_config(&config).await }
        };
        Self::with_connection(connect, options)
    }

    /// The same by a connection of any kind, which its clones share: to a cluster, or to the server
    /// that a sentinel names. `connect` gets [the time-out](RedisOptions::with_timeout) that the
    /// connection is to keep.
    pub fn with_connection<C, F>(connect: impl Fn(Duration) -> F + Send + Sync + 'static, options: RedisOptions) -> Self
    where
        C: ConnectionLike + Clone + Send + Sync + 'static,
        F: Future<Output = RedisResult<C>> + Send + 'static,
    {
        let connect = move |timeout| {
            let connecting = connect(timeout);
            Box::pin(async move { connecting.await.map(|connection| Box::new(connection) as Connection) }) as Connecting
        };
        Self(Arc::new(Server {
            connect: Box::new(connect),
            options: options.checked(),
            current: Mutex::default(),
            connects: tokio::sync::Mutex::default(),
            runtime: Handle::try_current().ok(),
        }))
    }

    /// The store of the session with this name. The environment generates a random name for the holder of the lock.
    pub fn store(&self, name: &str, env: &mut dyn Env) -> AsyncRedisStore {
        let identity = Identity::new(name, &self.0.options, env);
        let inner = Arc::new(Inner { server: self.clone(), identity, last_error: LastError::default() });
        let (server, worked) = (self.clone(), Arc::clone(&inner));
        let queue = Queue::new(Holder::at(inner.identity.record.as_str()), move |worker| {
            // Without a runtime the worker is dropped, which says that it failed.
            if let Some(runtime) = server.runtime() {
                runtime.spawn(Arc::clone(&worked).work(worker));
            }
        });
        AsyncRedisStore { inner, queue }
    }

    pub(super) fn options(&self) -> &RedisOptions {
        &self.0.options
    }

    /// The runtime in which the server was made.
    pub(super) fn runtime(&self) -> Option<Handle> {
        self.0.runtime.clone().or_else(|| Handle::try_current().ok())
    }

    pub(super) async fn send(&self, command: &Cmd) -> Result<Value, Error> {
        let (connection, number) = self.connection().await?;
        match self.send_by(connection, number, command).await {
            Err(error) if is_stale(&error) => {}
            other => return other.map_err(|error| broken(&error)),
        }
        let (connection, number) = self.connection().await?;
        self.send_by(connection, number, command).await.map_err(|error| broken(&error))
    }

    /// The connection, and its number. Whoever waited while another one connected shares what came of it.
    async fn connection(&self) -> Result<(Connection, u64), Error> {
        let asked = match self.current() {
            Ok(current) => return Ok(current),
            Err((asked, _)) => asked,
        };
        let _connects = self.0.connects.lock().await;
        match self.current() {
            Ok(current) => return Ok(current),
            Err((number, Some(error))) if number != asked => return Err(error),
            Err(_) => {}
        }
        let connected = (self.0.connect)(self.0.options.timeout).await.map_err(|error| broken(&error));
        let mut current = lock(&self.0.current);
        current.number += 1;
        current.error = connected.as_ref().err().cloned();
        let connection = connected?;
        current.connection = Some(connection.share());
        Ok((connection, current.number))
    }

    /// The connection and its number; or the number of the last one, and why it was not made.
    fn current(&self) -> Result<(Connection, u64), (u64, Option<Error>)> {
        let current = lock(&self.0.current);
        match &current.connection {
            Some(connection) => Ok((connection.share(), current.number)),
            None => Err((current.number, current.error.clone())),
        }
    }

    /// A connection that failed in any way is not used again: a server that cannot write may have a successor.
    async fn send_by(&self, mut connection: Connection, number: u64, command: &Cmd) -> Result<Value, RedisError> {
        let result = connection.req_packed_command(command).await.and_then(Value::extract_error);
        if result.is_err() {
            let mut current = lock(&self.0.current);
            if current.number == number {
                current.connection = None;
            }
        }
        result
    }
}

impl fmt::Debug for AsyncRedis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncRedis").field(&self.0.options).finish()
    }
}

/// Like [`RedisStore`](super::RedisStore), without a thread. A task of the runtime carries out the actions in order,
/// even if their futures are dropped. If the future of a `Lock` is dropped, the lock is released.
#[derive(Clone)]
pub struct AsyncRedisStore {
    inner: Arc<Inner>,
    queue: Arc<Queue>,
}

struct Inner {
    server: AsyncRedis,
    identity: Identity,
    last_error: LastError,
}

impl AsyncRedisStore {
    /// Loads the record, to make a session from it; `None` if there is no record yet.
    ///
    /// # Errors
    /// `stored.malformed`, `stored.version`, or `store.io` with its [`source`](std::error::Error::source).
    pub async fn load(&self) -> Result<Option<Record>, Error> {
        self.inner.act(StoreAction::Load).await.map(record::of)
    }

    /// Returns and removes the error of the last action that failed for the session. Its code is
    /// one of those of [`AsyncRedisStore::load`], or `store.busy`. An error that `load` itself
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

    /// An error names the key of the record.
    async fn act(&self, action: StoreAction) -> Result<StoreResponse, Error> {
        self.done(action).await.map_err(|error| named(error, self.identity.record.as_str()))
    }

    async fn done(&self, action: StoreAction) -> Result<StoreResponse, Error> {
        let Self { server, identity, .. } = self;
        let (mut work, since) = (Work::new(action, identity)?, Instant::now());
        loop {
            let response = server.send(&work.command(identity, &server.0.options)).await?;
            match work.take(response, since.elapsed(), identity, &server.0.options)? {
                Next::Send => {}
                Next::Pause(pause) => tokio::time::sleep(pause).await,
                Next::Done(answer) => return Ok(answer),
            }
        }
    }
}

impl SessionStore for AsyncRedisStore {
    type Future = StoreFuture;

    fn carry_out(&self, action: StoreAction) -> StoreFuture {
        self.queue.ask(action)
    }

    fn lease(&self) -> Option<Duration> {
        Some(self.inner.server.options().lease)
    }

    fn holder(&self) -> Option<Holder> {
        Some(self.queue.holder.clone())
    }
}

impl fmt::Debug for AsyncRedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncRedisStore").field(&self.inner.identity.record).finish()
    }
}
