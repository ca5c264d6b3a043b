//! One action as commands and replies, without a connection.

use std::time::Duration;

use redis::{Cmd, Value};

use super::options::{Identity, RedisOptions};
use crate::adapter::store::record::{self, LIMIT, Text, mark_of, too_large};
use crate::error::{Error, ErrorCode};
use crate::session::{RecordVersion, StoreAction, StoreResponse};

/// Between two looks at a lock that somebody else holds.
const POLL: Duration = Duration::from_millis(50);

/// How often a change looks again because the record has changed between its look and its write.
const ROUNDS: u8 = 8;

// A cluster takes a script whose keys share a slot: the record and its marks do.
const LOCK: &str = "local holder = redis.call('GET', KEYS[1])
if holder and string.sub(holder, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'PX', ARGV[3])
return 1";
const RENEW: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[3])";
const UNLOCK: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2] then return 0 end
return redis.call('DEL', KEYS[1])";
const LOAD: &str = "local length = redis.call('STRLEN', KEYS[1])
if length > tonumber(ARGV[2]) then return {length, {}} end
if ARGV[1] ~= '0' then
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
    redis.call('PEXPIRE', KEYS[2], ARGV[1])
end
return {redis.call('GET', KEYS[1]), redis.call('HVALS', KEYS[2])}";
const PREPARE: &str = "if redis.call('GET', KEYS[1]) ~= (ARGV[5] or false) then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[4] .. '#' .. ARGV[3])
if ARGV[1] ~= '0' then redis.call('PEXPIRE', KEYS[2], ARGV[1]) end
return 1";
const DISCARD: &str = "local mark = redis.call('HGET', KEYS[1], ARGV[1])
if not mark or string.match(mark, '#(%d+)$') ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])";
const SAVE: &str = "if redis.call('GET', KEYS[1]) ~= (ARGV[3] or false) then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
if ARGV[1] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
redis.call('DEL', KEYS[2])
return 1";
const ERASE: &str = "if ARGV[1] == '1' and redis.call('GET', KEYS[1]) ~= (ARGV[3] or false) then return 0 end
local erased = 1
for _, mark in ipairs(redis.call('HVALS', KEYS[2])) do
    if string.match(mark, '^(.*)#') == ARGV[2] then erased = 2 end
end
redis.call('DEL', KEYS[1], KEYS[2])
return erased";

pub(super) struct Work {
    stage: Stage,
    /// The number of the lock that is taken or released, or of the mark.
    number: u64,
}

enum Stage {
    /// Takes the lock, for itself or before the record is changed.
    Lock(Option<Change>),
    /// Begins the lease anew, and then loads or changes the record.
    Renew(Option<Change>),
    Load,
    /// Before a change, how often there was a look already.
    Look(Change, u8),
    /// If the record is still this one.
    Write(Change, Present, u8),
    Discard,
    Unlock,
}

/// A change of the record, or of its marks.
enum Change {
    Prepare { expect: Option<RecordVersion>, number: u64 },
    Save { expect: Option<RecordVersion>, next: Text },
    Erase { expect: Option<RecordVersion> },
}

/// What is there before a change.
enum Present {
    Nothing,
    Text(Text),
    /// It is no record, and is erased whatever it is.
    Unreadable,
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
    pub(super) fn new(action: StoreAction, identity: &Identity) -> Result<Self, Error> {
        let number = match &action {
            StoreAction::Unlock => identity.unlocks(),
            StoreAction::Discard => identity.current_mark(),
            _ => identity.current_lock(),
        };
        let stage = match action {
            StoreAction::Lock => Stage::Lock(None),
            StoreAction::Load => Stage::Renew(None),
            StoreAction::Save { expect, next } => {
                let change = Change::Save { expect, next: record::write(&next)? };
                match identity.holds_lock() {
                    true => Stage::Renew(Some(change)),
                    false => Stage::Look(change, 0),
                }
            }
            StoreAction::Prepare { expect } => {
                let change = Change::Prepare { expect, number: identity.next_mark() };
                match identity.holds_lock() {
                    // A lock that was lost is taken again before anything is spent.
                    true => Stage::Lock(Some(change)),
                    false => Stage::Look(change, 0),
                }
            }
            StoreAction::Discard => Stage::Discard,
            StoreAction::Unlock => Stage::Unlock,
            StoreAction::Erase { expect } => Stage::Look(Change::Erase { expect }, 0),
        };
        Ok(Self { stage, number })
    }

    /// What to send now.
    pub(super) fn command(&self, identity: &Identity, options: &RedisOptions) -> Cmd {
        let script = |script: &str, keys: &[&str]| {
            let mut command = redis::cmd("EVAL");
            command.arg(script).arg(keys.len()).arg(keys);
            command
        };
        let lifetime = options.lifetime.map_or(0, millis);
        let Identity { record, lock, mark, owner, .. } = identity;
        let mut command = match &self.stage {
            Stage::Lock(_) => script(LOCK, &[lock]),
            Stage::Renew(_) => script(RENEW, &[lock]),
            Stage::Unlock => script(UNLOCK, &[lock]),
            Stage::Load | Stage::Look(..) => script(LOAD, &[record, mark]),
            Stage::Discard => script(DISCARD, &[mark]),
            Stage::Write(Change::Prepare { .. }, ..) => script(PREPARE, &[record, mark]),
            Stage::Write(Change::Save { .. }, ..) => script(SAVE, &[record, mark]),
            Stage::Write(Change::Erase { .. }, ..) => script(ERASE, &[record, mark]),
        };
        match &self.stage {
            Stage::Lock(_) | Stage::Renew(_) => {
                command.arg(owner.expose()).arg(self.number).arg(millis(options.lease));
            }
            Stage::Unlock | Stage::Discard => _ = command.arg(owner.expose()).arg(self.number),
            Stage::Load | Stage::Look(..) => _ = command.arg(lifetime).arg(LIMIT),
            Stage::Write(change, present, _) => {
                match change {
                    Change::Prepare { expect, number } => {
                        command.arg(lifetime).arg(owner.expose()).arg(*number).arg(mark_of(*expect))
                    }
                    Change::Save { next, .. } => command.arg(lifetime).arg(next.as_str()),
                    Change::Erase { expect } => {
                        command.arg(u8::from(!matches!(present, Present::Unreadable))).arg(mark_of(*expect))
                    }
                };
                if let Present::Text(present) = present {
                    command.arg(present.as_str());
                }
            }
        }
        command
    }

    /// Takes the response; `since` is how long the action takes already.
    pub(super) fn take(
        &mut self,
        response: Value,
        since: Duration,
        identity: &Identity,
        options: &RedisOptions,
    ) -> Result<Next, Error> {
        let done = match std::mem::replace(&mut self.stage, Stage::Unlock) {
            Stage::Lock(change) if number(&response)? == 1 => {
                identity.locked();
                match change {
                    Some(change) => return Ok(self.go(Stage::Look(change, 0))),
                    None => StoreResponse::Locked,
                }
            }
            Stage::Lock(change) => {
                let left = options.patience.saturating_sub(since);
                if left.is_zero() {
                    return Err(ErrorCode::STORE_BUSY.into());
                }
                self.stage = Stage::Lock(change);
                return Ok(Next::Pause(POLL.min(left)));
            }
            // Whether or not it is held: a refresh takes a lost lock again, and a save compares.
            Stage::Renew(None) => return Ok(self.go(Stage::Load)),
            Stage::Renew(Some(change)) => return Ok(self.go(Stage::Look(change, 0))),
            Stage::Load => {
                let (present, marks) = loaded(response)?;
                let present = present?.map(|present| record::read(&present)).transpose()?;
                let version = mark_of(present.as_ref().map(|record| record.version()));
                // A mark of an earlier record says nothing about this one.
                let begun = marks.iter().any(|mark| mark.rsplit_once('#').is_some_and(|(of, _)| of == version));
                StoreResponse::Loaded { record: present, begun }
            }
            Stage::Look(change, rounds) => {
                let (present, _) = loaded(response)?;
                let (present, answer) = change.compare(present)?;
                match answer {
                    Some(answer) => answer,
                    None => return Ok(self.go(Stage::Write(change, present, rounds))),
                }
            }
            Stage::Write(change, _, rounds) => match (number(&response)?, change) {
                (1, Change::Prepare { .. }) => StoreResponse::Prepared,
                (1, Change::Save { .. }) => StoreResponse::Saved,
                (erased @ (1 | 2), Change::Erase { .. }) => StoreResponse::Erased { begun: erased == 2 },
                (_, change) if rounds < ROUNDS => return Ok(self.go(Stage::Look(change, rounds + 1))),
                _ => return Err(ErrorCode::STORE_BUSY.into()),
            },
            Stage::Unlock | Stage::Discard => StoreResponse::Done,
        };
        Ok(Next::Done(done))
    }

    fn go(&mut self, stage: Stage) -> Next {
        self.stage = stage;
        Next::Send
    }
}

impl Change {
    /// What is there, and the response if nothing is to be written.
    fn compare(&self, present: MaybeText) -> Result<(Present, Option<StoreResponse>), Error> {
        if let (Self::Erase { .. }, Err(_)) = (self, &present) {
            return Ok((Present::Unreadable, None));
        }
        let present = present?;
        let there = present.as_deref().map(String::as_str);
        let answer = match self {
            Self::Prepare { expect, .. } => record::compare_version(there, *expect)?,
            Self::Save { expect, next } => record::compare(there, *expect, next)?,
            Self::Erase { expect } => {
                there.and_then(|there| record::other(there, *expect)).map(|other| StoreResponse::Conflict(Some(other)))
            }
        };
        Ok((present.map_or(Present::Nothing, Present::Text), answer))
    }
}

/// In milliseconds, and no more than the server accepts. `RedisOptions::checked` ensures at least
/// one.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).min(i64::MAX as u64 / 2)
}

fn number(response: &Value) -> Result<i64, Error> {
    match response {
        Value::Int(number) => Ok(*number),
        _ => Err(ErrorCode::STORE_IO.into()),
    }
}

/// The text of a record, or why it cannot be one.
type MaybeText = Result<Option<Text>, Error>;

/// The record and its marks.
fn loaded(response: Value) -> Result<(MaybeText, Vec<Text>), Error> {
    let Value::Array(parts) = response else { return Err(ErrorCode::STORE_IO.into()) };
    let Ok([present, Value::Array(marks)]) = <[Value; 2]>::try_from(parts) else {
        return Err(ErrorCode::STORE_IO.into());
    };
    let marks = marks.into_iter().filter_map(|mark| text(mark).ok().flatten()).collect();
    Ok((text(present), marks))
}

fn text(response: Value) -> MaybeText {
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
