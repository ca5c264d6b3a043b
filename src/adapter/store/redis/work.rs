//! One action as commands and replies, without a connection.

use std::time::Duration;

use redis::{Cmd, Value};

use super::options::{Identity, RedisOptions};
use crate::adapter::store::record::{self, LIMIT, Text, too_large};
use crate::error::{Error, ErrorCode};
use crate::session::{RecordVersion, StoreAction, StoreResponse};

/// Between two looks at a lock that somebody else holds.
const POLL: Duration = Duration::from_millis(50);

/// How often a change looks again because the record has changed between its look and its write.
const ROUNDS: u8 = 8;

// Each script has one key, so that a cluster takes it.
const LOCK: &str = "local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1";
const RENEW: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])";
const UNLOCK: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])";
const LOAD: &str = "local length = redis.call('STRLEN', KEYS[1])
if length > tonumber(ARGV[1]) then return length end
return redis.call('GET', KEYS[1])";
const FIRST: &str = "if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
return 1";
const REPLACE: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
return 1";
const TAKE: &str = "local mark = redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1])
return mark";
const ERASE: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])";

pub(super) struct Work {
    stage: Stage,
}

enum Stage {
    Lock,
    Renew,
    Load,
    /// The mark that a refresh was begun, beside this record.
    Mark(Option<Text>),
    /// Before a change, how often there was a look already.
    Look(Change, u8),
    /// If the record is still this text.
    Write(Change, Option<Text>, u8),
    /// Takes the mark away that was beside the record that is erased.
    Erased(Option<RecordVersion>),
    /// Removes the mark.
    Discard,
    Unlock,
}

/// A change of the record, or of its mark.
enum Change {
    Prepare { expect: Option<RecordVersion> },
    Save { expect: Option<RecordVersion>, next: Text },
    Erase { expect: Option<RecordVersion> },
}

/// What comes next.
pub(super) enum Next {
    /// Send [`Work::command`].
    Send,
    /// The same after a pause.
    Pause(Duration),
    Done(StoreResponse),
}

impl Work {
    pub(super) fn new(action: StoreAction) -> Result<Self, Error> {
        let stage = match action {
            StoreAction::Lock => Stage::Lock,
            StoreAction::Load => Stage::Renew,
            StoreAction::Save { expect, next } => Stage::Look(Change::Save { expect, next: record::write(&next)? }, 0),
            StoreAction::Prepare { expect } => Stage::Look(Change::Prepare { expect }, 0),
            StoreAction::Discard => Stage::Discard,
            StoreAction::Unlock => Stage::Unlock,
            StoreAction::Erase { expect } => Stage::Look(Change::Erase { expect }, 0),
        };
        Ok(Self { stage })
    }

    /// What to send now.
    pub(super) fn command(&self, identity: &Identity, options: &RedisOptions) -> Cmd {
        let script = |script: &str, key: &str| {
            let mut command = redis::cmd("EVAL");
            command.arg(script).arg(1).arg(key);
            command
        };
        let lease = u64::try_from(options.lease.as_millis()).unwrap_or(u64::MAX).min(i64::MAX as u64 / 2);
        let Identity { record, lock, mark, owner } = identity;
        let mut command = match &self.stage {
            Stage::Lock => script(LOCK, lock),
            Stage::Renew => script(RENEW, lock),
            Stage::Unlock => script(UNLOCK, lock),
            Stage::Load | Stage::Look(..) => script(LOAD, record),
            Stage::Mark(_) => redis::cmd("GET"),
            Stage::Discard => redis::cmd("DEL"),
            Stage::Erased(_) => script(TAKE, mark),
            Stage::Write(Change::Prepare { .. }, ..) => redis::cmd("SET"),
            Stage::Write(Change::Save { .. }, None, _) => script(FIRST, record),
            Stage::Write(Change::Save { .. }, Some(_), _) => script(REPLACE, record),
            Stage::Write(Change::Erase { .. }, Some(_), _) => script(ERASE, record),
            Stage::Write(Change::Erase { .. }, None, _) => redis::cmd("DEL"),
        };
        match &self.stage {
            Stage::Lock | Stage::Renew => command.arg(owner.expose()).arg(lease),
            Stage::Unlock => command.arg(owner.expose()),
            Stage::Load | Stage::Look(..) => command.arg(LIMIT),
            Stage::Mark(_) | Stage::Discard => command.arg(mark.as_str()),
            Stage::Erased(_) => &mut command,
            Stage::Write(Change::Prepare { expect }, ..) => command.arg(mark.as_str()).arg(mark_of(*expect)),
            Stage::Write(change, present, _) => {
                match change {
                    Change::Prepare { .. } => {}
                    Change::Save { next, .. } => _ = command.arg(next.as_str()),
                    Change::Erase { .. } if present.is_none() => _ = command.arg(record.as_str()),
                    Change::Erase { .. } => {}
                }
                present.iter().fold(&mut command, |command, present| command.arg(present.as_str()))
            }
        };
        command
    }

    /// Takes the response; `since` is how long the action takes already.
    pub(super) fn take(&mut self, response: Value, since: Duration, options: &RedisOptions) -> Result<Next, Error> {
        let done = match std::mem::replace(&mut self.stage, Stage::Unlock) {
            Stage::Lock if is_one(&response)? => StoreResponse::Locked,
            Stage::Lock => {
                let left = options.patience.saturating_sub(since);
                if left.is_zero() {
                    return Err(ErrorCode::STORE_BUSY.into());
                }
                self.stage = Stage::Lock;
                return Ok(Next::Pause(POLL.min(left)));
            }
            Stage::Renew => {
                // Whether or not it is held: who has lost the lock learns it when the save compares.
                self.stage = Stage::Load;
                return Ok(Next::Send);
            }
            Stage::Load => {
                self.stage = Stage::Mark(text(response)?);
                return Ok(Next::Send);
            }
            Stage::Mark(present) => {
                let mark = text(response)?;
                let present = present.map(|present| record::read(&present)).transpose()?;
                let version = present.as_ref().map(|record| record.version());
                // A mark of an earlier record says nothing about this one.
                let begun = mark.is_some_and(|mark| *mark == mark_of(version));
                StoreResponse::Loaded { record: present, begun }
            }
            Stage::Look(change, rounds) => {
                let (present, answer) = match &change {
                    Change::Prepare { expect } => {
                        let present = text(response)?;
                        let answer = record::compare_version(present.as_deref().map(String::as_str), *expect)?;
                        (present, answer)
                    }
                    Change::Save { expect, next } => {
                        let present = text(response)?;
                        let answer = record::compare(present.as_deref().map(String::as_str), *expect, next)?;
                        (present, answer)
                    }
                    Change::Erase { expect } => {
                        let present = text(response).ok().flatten();
                        let other = present.as_deref().and_then(|present| record::other(present, *expect));
                        (present, other.map(|other| StoreResponse::Conflict(Some(other))))
                    }
                };
                match answer {
                    Some(answer) => answer,
                    None => {
                        self.stage = Stage::Write(change, present, rounds);
                        return Ok(Next::Send);
                    }
                }
            }
            Stage::Write(Change::Prepare { .. }, ..) => StoreResponse::Prepared,
            Stage::Write(Change::Save { .. }, ..) if is_one(&response)? => StoreResponse::Saved,
            Stage::Write(Change::Erase { expect }, present, _) if is_one(&response)? || present.is_none() => {
                self.stage = Stage::Erased(expect);
                return Ok(Next::Send);
            }
            Stage::Erased(version) => {
                let begun = text(response)?.is_some_and(|mark| *mark == mark_of(version));
                StoreResponse::Erased { begun }
            }
            Stage::Write(change, _, rounds) if rounds < ROUNDS => {
                self.stage = Stage::Look(change, rounds + 1);
                return Ok(Next::Send);
            }
            Stage::Write(..) => return Err(ErrorCode::STORE_BUSY.into()),
            Stage::Unlock | Stage::Discard => StoreResponse::Done,
        };
        Ok(Next::Done(done))
    }
}

/// The text of the mark: the record that a refresh was begun from.
fn mark_of(version: Option<RecordVersion>) -> String {
    let login = version.and_then(|version| version.login).map_or_else(String::new, |login| login.to_string());
    format!("{login}:{}", version.map_or(0, |version| version.generation))
}

fn is_one(response: &Value) -> Result<bool, Error> {
    match response {
        Value::Int(number) => Ok(*number == 1),
        _ => Err(ErrorCode::STORE_IO.into()),
    }
}

fn text(response: Value) -> Result<Option<Text>, Error> {
    match response {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(Text::new(text))),
            Err(_) => Err(ErrorCode::STORED_MALFORMED.into()),
        },
        Value::Int(_) => Err(too_large()),
        _ => Err(ErrorCode::STORE_IO.into()),
    }
}
