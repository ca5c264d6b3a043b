//! The stores of a registry on a Redis server, and their index.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use redis::{Cmd, Value};

use super::asynchronous::{AsyncRedis, AsyncRedisStore};
use super::work::millis;
use crate::adapter::store::contract::failed;
use crate::adapter::store::named::named;
use crate::adapter::store::stores::{IndexEntry, IndexKey, SessionStores};
use crate::base::env::Env;
use crate::error::{Error, ErrorCode};

/// Expired entries are removed on the way. The time is the server's.
const NOTE: &str = "local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if ARGV[1] == '0' then return redis.call('ZADD', KEYS[1], '+inf', ARGV[2]) end
redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[2])
return redis.call('PEXPIRE', KEYS[1], ARGV[1])";
const FIND: &str = "local time = redis.call('TIME')
return redis.call('ZRANGEBYSCORE', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000), '+inf')";

/// How much longer than its record an entry lives: it is noted first.
const LONGER: Duration = Duration::from_secs(60);

type Sending<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

impl AsyncRedis {
    fn key(&self, key: IndexKey) -> String {
        format!("{}index:{key}", self.options().prefix)
    }

    /// On the server's runtime, in this order. Each command is for a key, which an error names.
    fn send_all(&self, commands: Vec<(String, Cmd)>) -> Sending<Option<Value>> {
        let (server, runtime) = (self.clone(), self.runtime());
        let sending = async move {
            let mut response = None;
            for (key, command) in commands {
                response = Some(server.send(&command).await.map_err(|error| named(error, key))?);
            }
            Ok(response)
        };
        Box::pin(async move {
            let Some(runtime) = runtime else { return Err(failed("there is no runtime")) };
            runtime.spawn(sending).await.unwrap_or_else(|_| Err(failed("the runtime has ended")))
        })
    }

    /// A command for each key of an entry.
    fn change(&self, entry: &IndexEntry, command: impl Fn(&str, &str) -> Cmd) -> Sending<()> {
        let login = entry.login().map_or_else(|| "-".to_owned(), |login| login.to_string());
        let member = format!("{login}:{}", entry.name());
        let keys = entry.keys().iter().map(|key| self.key(*key));
        let commands = keys.map(|key| {
            let command = command(&key, &member);
            (key, command)
        });
        let sending = self.send_all(commands.collect());
        Box::pin(async move { sending.await.map(drop) })
    }
}

impl SessionStores for AsyncRedis {
    type Store = AsyncRedisStore;
    type Noted = Sending<()>;
    type Found = Sending<Option<Vec<String>>>;

    fn store(&self, name: &str, env: &mut dyn Env) -> AsyncRedisStore {
        AsyncRedis::store(self, name, env)
    }

    fn lease(&self) -> Option<Duration> {
        Some(self.options().lease)
    }

    fn note(&self, entry: &IndexEntry) -> Sending<()> {
        let lifetime = self.options().lifetime.map_or(0, |lifetime| millis(lifetime.saturating_add(LONGER)));
        self.change(entry, |key, member| {
            let mut command = redis::cmd("EVAL");
            command.arg(NOTE).arg(1).arg(key).arg(lifetime).arg(member);
            command
        })
    }

    fn forget(&self, entry: &IndexEntry) -> Sending<()> {
        self.change(entry, |key, member| {
            let mut command = redis::cmd("ZREM");
            command.arg(key).arg(member);
            command
        })
    }

    fn find(&self, key: IndexKey) -> Sending<Option<Vec<String>>> {
        let (key, mut command) = (self.key(key), redis::cmd("EVAL"));
        command.arg(FIND).arg(1).arg(&key);
        let sending = self.send_all(vec![(key.clone(), command)]);
        Box::pin(async move {
            let Some(Value::Array(members)) = sending.await? else {
                return Err(named(ErrorCode::STORE_IO.into(), key));
            };
            let name = |member| match member {
                Value::BulkString(bytes) => {
                    let member = String::from_utf8(bytes).ok()?;
                    member.split_once(':').map(|(_, name)| name.to_owned())
                }
                _ => None,
            };
            Ok(Some(members.into_iter().filter_map(name).collect()))
        })
    }

    /// If records have a lifetime.
    fn expires(&self) -> bool {
        self.options().lifetime.is_some()
    }
}
