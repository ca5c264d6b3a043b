//! A server in this process, for tests that need none: what the scripts of the stores do, by the words that tell them apart.
//! That the scripts do it is shown by a real server.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use redis::aio::ConnectionLike as AsyncConnectionLike;
use redis::{Cmd, ConnectionLike, Pipeline, RedisFuture, RedisResult, Value};

/// Clones are the same server.
#[derive(Clone, Default)]
pub struct Fake(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    texts: HashMap<String, String>,
    marks: HashMap<String, BTreeMap<String, String>>,
    /// In milliseconds, as it was set last; no entry for a key that lives for ever.
    lifetimes: HashMap<String, i64>,
    refuses: Option<Refuses>,
    connections: usize,
    /// Connections that were made before are dead.
    dead: usize,
}

/// Which writes it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refuses {
    /// Those that need memory.
    Memory,
    All,
}

/// By its number.
#[derive(Clone)]
pub struct Line(Fake, usize);

impl Fake {
    pub fn connect(&self) -> Line {
        let mut state = self.0.lock().unwrap();
        state.connections += 1;
        Line(self.clone(), state.connections)
    }

    pub fn refuse(&self, refuses: Option<Refuses>) {
        self.0.lock().unwrap().refuses = refuses;
    }

    pub fn connections(&self) -> usize {
        self.0.lock().unwrap().connections
    }

    pub fn kill_connections(&self) {
        let mut state = self.0.lock().unwrap();
        state.dead = state.connections;
    }

    /// As the server's `PTTL` says: -1 for a key that lives for ever, -2 for none.
    pub fn lifetime(&self, key: &str) -> i64 {
        let state = self.0.lock().unwrap();
        let is_there = state.texts.contains_key(key) || state.marks.contains_key(key);
        if is_there { state.lifetimes.get(key).copied().unwrap_or(-1) } else { -2 }
    }

    /// As if its time had come.
    pub fn expire(&self, key: &str) {
        self.0.lock().unwrap().remove(key);
    }

    pub fn keys(&self) -> Vec<String> {
        let state = self.0.lock().unwrap();
        let mut keys: Vec<_> = state.texts.keys().chain(state.marks.keys()).cloned().collect();
        keys.sort();
        keys
    }
}

impl State {
    /// Whether it may write; `Err` is what it says instead.
    fn write(&self, takes_memory: bool) -> Result<(), &'static str> {
        match self.refuses {
            Some(Refuses::All) => Err("-READONLY You can't write against a read only replica.\r\n"),
            Some(Refuses::Memory) if takes_memory => {
                Err("-OOM command not allowed when used memory > 'maxmemory'.\r\n")
            }
            _ => Ok(()),
        }
    }

    fn remove(&mut self, key: &str) {
        self.texts.remove(key);
        self.marks.remove(key);
        self.lifetimes.remove(key);
    }

    fn set(&mut self, key: &str, text: String, lifetime: i64) {
        self.texts.insert(key.to_owned(), text);
        self.live(key, lifetime);
    }

    /// 0 is for ever.
    fn live(&mut self, key: &str, lifetime: i64) {
        match lifetime {
            0 => _ = self.lifetimes.remove(key),
            lifetime => _ = self.lifetimes.insert(key.to_owned(), lifetime),
        }
    }

    fn run(&mut self, script: &str, keys: &[String], words: &[String]) -> Result<Value, &'static str> {
        let is = |word: &str| script.contains(word);
        let millis = |at: usize| words[at].parse::<i64>().unwrap();
        let there = self.texts.get(&keys[0]).cloned();
        let says = |yes: bool| Ok(Value::Int(yes.into()));
        let owner = || format!("{}{}", words[0], words[1]);
        match () {
            () if is("string.sub(holder") => {
                if there.is_some_and(|holder| !holder.starts_with(&words[0])) {
                    return says(false);
                }
                self.write(true)?;
                self.set(&keys[0], owner(), millis(2));
            }
            () if is("STRLEN") => {
                if words[0] != "0" {
                    self.write(false)?;
                    keys.iter().for_each(|key| self.live(key, millis(0)));
                }
                let bulk = |text: &String| Value::BulkString(text.clone().into_bytes());
                let marks = self.marks.get(&keys[1]).into_iter().flat_map(BTreeMap::values).map(bulk).collect();
                let text = there.as_ref().map_or(Value::Nil, bulk);
                return Ok(Value::Array(vec![text, Value::Array(marks)]));
            }
            () if is("HSET") => {
                if there.as_ref() != words.get(4) {
                    return says(false);
                }
                self.write(true)?;
                let mark = format!("{}#{}", words[3], words[2]);
                self.marks.entry(keys[1].clone()).or_default().insert(words[1].clone(), mark);
                self.live(&keys[1], millis(0));
            }
            () if is("HGET") => {
                self.write(false)?;
                let marks = self.marks.entry(keys[0].clone()).or_default();
                marks.retain(|owner, mark| *owner != words[0] || mark.rsplit_once('#').unwrap().1 != words[1]);
                if marks.is_empty() {
                    self.remove(&keys[0]);
                }
            }
            () if is("'SET', KEYS[1], ARGV[2])") => {
                if there.as_ref() != words.get(2) {
                    return says(false);
                }
                self.write(true)?;
                self.set(&keys[0], words[1].clone(), millis(0));
                self.remove(&keys[1]);
            }
            () if is("erased") => {
                if words[0] == "1" && there.as_ref() != words.get(2) {
                    return says(false);
                }
                self.write(false)?;
                let mut marks = self.marks.get(&keys[1]).into_iter().flat_map(BTreeMap::values);
                let is_begun = marks.any(|mark| mark.rsplit_once('#').unwrap().0 == words[1]);
                keys.iter().for_each(|key| self.remove(key));
                return Ok(Value::Int(if is_begun { 2 } else { 1 }));
            }
            // What is left is for whoever holds the lock: it begins anew, or is given back.
            () if there != Some(owner()) => return says(false),
            () if is("'DEL'") => {
                self.write(false)?;
                self.remove(&keys[0]);
            }
            () => {
                self.write(false)?;
                self.live(&keys[0], millis(2));
            }
        }
        says(true)
    }
}

impl Line {
    fn respond(&self, packed: &[u8]) -> RedisResult<Value> {
        let Self(Fake(state), number) = self;
        let mut state = state.lock().unwrap();
        if *number <= state.dead {
            return Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe).into());
        }
        let Value::Array(parts) = redis::parse_redis_value(packed)? else { panic!("no command") };
        let text = |part| match part {
            Value::BulkString(bytes) => String::from_utf8(bytes).unwrap(),
            other => panic!("{other:?}"),
        };
        let words: Vec<String> = parts.into_iter().map(text).collect();
        assert_eq!(words[0], "EVAL");
        let (keys, rest) = words[3..].split_at(words[2].parse().unwrap());
        match state.run(&words[1], keys, rest) {
            Ok(value) => Ok(value),
            Err(words) => redis::parse_redis_value(words.as_bytes())?.extract_error(),
        }
    }
}

impl ConnectionLike for Line {
    fn req_packed_command(&mut self, packed: &[u8]) -> RedisResult<Value> {
        self.respond(packed)
    }

    fn req_packed_commands(&mut self, _: &[u8], _: usize, _: usize) -> RedisResult<Vec<Value>> {
        unreachable!("the stores send one command after the other")
    }

    fn get_db(&self) -> i64 {
        0
    }

    fn check_connection(&mut self) -> bool {
        true
    }

    fn is_open(&self) -> bool {
        true
    }
}

impl AsyncConnectionLike for Line {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move { self.respond(&command.get_packed_command()) })
    }

    fn req_packed_commands<'a>(&'a mut self, _: &'a Pipeline, _: usize, _: usize) -> RedisFuture<'a, Vec<Value>> {
        unreachable!("the stores send one command after the other")
    }

    fn get_db(&self) -> i64 {
        0
    }
}
