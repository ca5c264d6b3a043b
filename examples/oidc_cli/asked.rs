//! A note beside the tokens: the provider was asked for new ones, and what it did is not known.
//!
//! It is written before the provider is asked, and goes when the provider has answered. So it is there, too, if this
//! process is stopped while it waits. The access token of the record that it names is doubtful: the provider may have
//! ended it.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::store::Store;

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Note {
    version: u32,
    /// Of the record whose refresh token was sent.
    generation: u64,
}

/// Whether there is a note about the record of this generation. One that cannot be read counts.
pub(crate) fn is_noted(store: &Store, session: &str, generation: u64) -> Result<bool, Failure> {
    let Some(text) = store.read(&file(session))? else { return Ok(false) };
    Ok(serde_json::from_str::<Note>(&text).map_or(true, |note| note.generation == generation))
}

pub(crate) fn note(store: &Store, session: &str, generation: u64) -> Result<(), Failure> {
    store.draft()?.keep(&file(session), &Note { version: VERSION, generation })
}

/// Removes the note, unless it is about a later record.
pub(crate) fn erase(store: &Store, session: &str, generation: u64) -> Result<(), Failure> {
    let Some(text) = store.read(&file(session))? else { return Ok(()) };
    match serde_json::from_str::<Note>(&text) {
        Ok(note) if note.generation > generation => Ok(()),
        _ => store.remove(&file(session)),
    }
}

fn file(session: &str) -> String {
    format!("asked-{session}.json")
}
