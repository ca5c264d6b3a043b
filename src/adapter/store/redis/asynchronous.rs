//! Redis on a tokio runtime.

use std::fmt;
use std::sync::{Arc, Mutex};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, RedisError, Value};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::options::{Identity, RedisOptions};
use super::refusal::{broken, is_stale};
use super::work::{Next, Work};
use crate::adapter::store::SessionStore;
use crate::adapter::store::queue::{Queue, StoreFuture, Worker, lock};
use crate::adapter::store::record::{self, LastError};
use crate::base::env::Env;
use crate::error::Error;
use crate::session::{Record, StoreAction, StoreResponse};

/// A Redis server, for the stores of many sessions, which share one connection.
#[derive(Clone)]
pub struct AsyncRedis(Arc<Server>);

struct Server {
    client: Client,
    options: RedisOptions,
    connection: Mutex<Current>,
    /// The runtime in which it was made.
    runtime: Option<Handle>,
}

/// The connection that is used, and how many there were.
#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    number: u64,
}

impl AsyncRedis {
    /// The server that this client connects to: `redis::Client::open("rediss://…")`. Nothing is sent yet.
    ///
    /// Make it in the runtime that is to drive it, which needs IO and time enabled (`enable_all`). Made outside, it uses
    /// the runtime in which it is used.
    pub fn new(client: Client, options: RedisOptions) -> Self {
        let (connection, runtime) = (Mutex::default(), Handle::try_current().ok());
        Self(Arc::new(Server { client, options: options.checked(), connection, runtime }))
    }

    /// The store of the session with this name. The environment gives the random name of the one who locks.
    pub fn store(&self, name: &str, env: &mut dyn Env) -> AsyncRedisStore {
        let identity = Identity::new(name, &self.0.options, env);
        let inner = Arc::new(Inner { server: self.clone(), identity, last_error: LastError::default() });
        let (runtime, worked) = (self.0.runtime.clone(), Arc::clone(&inner));
        let queue = Queue::new(move |worker| {
            // Without a runtime the worker is dropped, which says that it failed.
            if let Some(runtime) = runtime.clone().or_else(|| Handle::try_current().ok()) {
                runtime.spawn(Arc::clone(&worked).work(worker));
            }
        });
        AsyncRedisStore { inner, queue }
    }

    async fn send(&self, command: &Cmd) -> Result<Value, Error> {
        let (current, number) = {
            let current = lock(&self.0.connection);
            (current.connection.clone(), current.number)
        };
        if let Some(connection) = current {
            match self.send_by(connection, number, command).await {
                Err(error) if is_stale(&error) => {}
                other => return other.map_err(|error| broken(&error)),
            }
        }
        let (connection, number) = self.connect().await.map_err(|error| broken(&error))?;
        self.send_by(connection, number, command).await.map_err(|error| broken(&error))
    }

    async fn connect(&self) -> Result<(MultiplexedConnection, u64), RedisError> {
        let timeout = Some(self.0.options.timeout);
        let config = AsyncConnectionConfig::new().set_connection_timeout(timeout).set_response_timeout(timeout);
        let connection = self.0.client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut current = lock(&self.0.connection);
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((connection, current.number))
    }

    /// A connection that failed in any way is not used again: a server that cannot write may have a successor.
    async fn send_by(
        &self,
        mut connection: MultiplexedConnection,
        number: u64,
        command: &Cmd,
    ) -> Result<Value, RedisError> {
        let result = command.query_async(&mut connection).await;
        if result.is_err() {
            let mut current = lock(&self.0.connection);
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

/// [`RedisStore`](super::RedisStore) without a thread. What is asked for is done by a task of the runtime, in order,
/// whether or not the response is waited for; a lock whose response is dropped is given back.
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
    /// The record, for the one who makes a session of it; `None` if there is none yet.
    ///
    /// # Errors
    /// `stored.malformed`, `stored.version`, or `store.io` with its [`source`](std::error::Error::source).
    pub async fn load(&self) -> Result<Option<Record>, Error> {
        self.inner.act(StoreAction::Load).await.map(record::of)
    }

    /// Why the last action that failed did so; once. Besides those of [`AsyncRedisStore::load`]: `store.busy`.
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

    async fn act(&self, action: StoreAction) -> Result<StoreResponse, Error> {
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
}

impl fmt::Debug for AsyncRedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncRedisStore").field(&self.inner.identity.record).finish()
    }
}
