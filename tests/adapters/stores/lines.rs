//! Records and actions for a store, and what it responds, in a line.

use std::time::Duration;

use oidc_proto::session::{Record, StoreAction, StoreResponse};

use super::world::World;

/// For a lock that somebody else holds and does not give back.
pub const NOW: Duration = Duration::ZERO;
/// For a lock that is about to be free. Nothing waits so long unless it is broken.
pub const SOON: Duration = Duration::from_secs(20);

/// How long a lock stays whose holder was killed. The deadline of the sessions is no longer.
pub const LEASE: Duration = Duration::from_secs(10);

/// A record of a new login of the same user.
pub fn record(world: &mut World, generation: u64) -> Record {
    Record::new(generation, world.login("alice"))
}

/// In the place of this record.
pub fn save<'a>(expect: impl Into<Option<&'a Record>>, next: &Record) -> StoreAction {
    StoreAction::Save { expect: expect.into().map(Record::version), next: next.clone() }
}

pub fn prepare(expect: &Record) -> StoreAction {
    StoreAction::Prepare { expect: Some(expect.version()) }
}

pub fn erase(expect: &Record) -> StoreAction {
    StoreAction::Erase { expect: Some(expect.version()) }
}

pub fn token(record: &Record) -> &str {
    record.tokens.access_token().expose()
}

/// What a response says, in a line.
pub fn told(answer: StoreResponse) -> String {
    match answer {
        StoreResponse::Loaded { record, begun } => {
            let record = record.map(|record| format!("{} {}", record.generation, token(&record)));
            format!("{}{}", record.as_deref().unwrap_or("nothing"), if begun { ", begun" } else { "" })
        }
        StoreResponse::Prepared => "prepared".to_owned(),
        StoreResponse::Conflict(None) => "conflict nothing".to_owned(),
        StoreResponse::Conflict(Some(record)) => format!("conflict {} {}", record.generation, token(&record)),
        StoreResponse::Locked => "locked".to_owned(),
        StoreResponse::Saved => "saved".to_owned(),
        StoreResponse::Done | StoreResponse::Erased { begun: false } => "done".to_owned(),
        StoreResponse::Erased { begun: true } => "done, begun".to_owned(),
        StoreResponse::Failed(_) => "failed".to_owned(),
    }
}
