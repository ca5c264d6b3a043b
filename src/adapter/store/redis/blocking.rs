//! Redis on the calling thread.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use redis::{Client, Cmd, ConnectionLike, RedisError, RedisResult, Value};

use super::options::{Identity, RedisOptions};
use super::refusal::{broken, is_stale};
use super::work::{Next, Work};
use crate::adapter::store::contract::BlockingSessionStore;
use crate::adapter::store::holder::Holder;
use crate::adapter::store::named::named;
use crate::adapter::store::queue::lock;
use crate::adapter::store::record::{self, LastError};
use crate::base::env::Env;
use crate::error::Error;
use crate::session::{Record, StoreAction, StoreResponse};

/// How many connections are kept when nobody uses them.
const IDLE: usize = 8;

/// A Redis server, for the stores of many sessions. Clones share their connections. Each running action uses one
/// connection; at most eight idle connections are kept.
#[derive(Clone)]
pub struct Redis(Arc<Server>);

type Connection = Box<dyn ConnectionLike + Send>;

struct Server {
    connect: Box<dyn Fn(Duration) -> RedisResult<Connection> + Send + Sync>,
    options: RedisOptions,
    idle: Mutex<Vec<Connection>>,
}

impl Redis {
    /// The server that this client connects to: `redis::Client::open("rediss://…")`. Nothing is sent yet.
    pub fn new(client: Client, options: RedisOptions) -> Self {
        let connect = move |timeout| {
            let connection = client.get_connection_with_timeout(timeout)?;
            connection.set_read_timeout(Some(timeout))?;
            connection.set_write_timeout(Some(timeout))?;
            Ok(connection)
        };
        Self::with_connections(connect, options)
    }

    /// The same by connections of any kind: to a cluster, or to the server that a sentinel names. `connect` gets
    /// [the time-out](RedisOptions::with_timeout) that the connection is to keep.
    pub fn with_connections<C: ConnectionLike + Send + 'static>(
        connect: impl Fn(Duration) -> RedisResult<C> + Send + Sync + 'static,
        options: RedisOptions,
    ) -> Self {
        let connect = move |timeout| connect(timeout).map(|connection| Box::new(connection) as Connection);
        Self(Arc::new(Server { connect: Box::new(connect), options: options.checked(), idle: Mutex::default() }))
    }

    /// The store of the session with this name. The environment generates a random name for the holder of the lock.
    pub fn store(&self, name: &str, env: &mut dyn Env) -> RedisStore {
        let identity = Identity::new(name, &self.0.options, env);
        let (holder, last_error) = (Holder::at(identity.record.as_str()), LastError::default());
        RedisStore(Arc::new(Inner { server: self.clone(), identity, holder, last_error }))
    }

    fn send(&self, command: &Cmd) -> Result<Value, Error> {
        let idle = lock(&self.0.idle).pop();
        if let Some(connection) = idle {
            match self.send_by(connection, command) {
                // All the others have been idle for longer.
                Err(error) if is_stale(&error) => lock(&self.0.idle).clear(),
                other => return other.map_err(|error| broken(&error)),
            }
        }
        (self.0.connect)(self.0.options.timeout)
            .and_then(|connection| self.send_by(connection, command))
            .map_err(|error| broken(&error))
    }

    /// A connection that failed in any way is not kept: its next response might be an earlier command's, and a server
    /// that cannot write may have a successor.
    fn send_by(&self, mut connection: Connection, command: &Cmd) -> Result<Value, RedisError> {
        let value = command.query(&mut *connection)?;
        let mut idle = lock(&self.0.idle);
        if idle.len() < IDLE {
            idle.push(connection);
        }
        Ok(value)
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redis").field(&self.0.options).finish()
    }
}

/// Stores a record on a Redis server. Clones are handles to the same store: keep a clone for
/// [`RedisStore::take_error`].
///
/// If a record is damaged, larger than 4 MiB or from a newer version, the store fails and does not overwrite it. If a
/// store is dropped while it holds the lock, the lock stays until its lease expires. To avoid this, call `tend` on the
/// session until [`is_idle`](crate::adapter::session::BlockingSession::is_idle) returns `true`.
#[derive(Clone)]
pub struct RedisStore(Arc<Inner>);

struct Inner {
    server: Redis,
    identity: Identity,
    holder: Holder,
    last_error: LastError,
}

impl RedisStore {
    /// Loads the record, to make a session from it; `None` if there is no record yet.
    ///
    /// # Errors
    /// `stored.malformed`, `stored.version`, or `store.io` with its [`source`](std::error::Error::source).
    pub fn load(&self) -> Result<Option<Record>, Error> {
        self.act(StoreAction::Load).map(record::of)
    }

    /// Returns and removes the error of the last action that failed for the session. Its code is
    /// one of those of [`RedisStore::load`], or `store.busy`. An error that `load` itself returned
    /// is not kept.
    pub fn take_error(&self) -> Option<Error> {
        self.0.last_error.take()
    }

    /// An error names the key of the record.
    fn act(&self, action: StoreAction) -> Result<StoreResponse, Error> {
        self.done(action).map_err(|error| named(error, self.0.identity.record.as_str()))
    }

    fn done(&self, action: StoreAction) -> Result<StoreResponse, Error> {
        let Inner { server, identity, .. } = &*self.0;
        let (mut work, since) = (Work::new(action, identity)?, Instant::now());
        loop {
            let response = server.send(&work.command(identity, &server.0.options))?;
            match work.take(response, since.elapsed(), identity, &server.0.options)? {
                Next::Send => {}
                Next::Pause(pause) => std::thread::sleep(pause),
                Next::Done(answer) => return Ok(answer),
            }
        }
    }
}

impl BlockingSessionStore for RedisStore {
    fn carry_out(&self, action: StoreAction) -> StoreResponse {
        self.0.last_error.response(self.act(action))
    }

    fn lease(&self) -> Option<Duration> {
        Some(self.0.server.0.options.lease)
    }

    fn holder(&self) -> Option<Holder> {
        Some(self.0.holder.clone())
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisStore").field(&self.0.identity.record).finish()
    }
}
