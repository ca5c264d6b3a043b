//! A note beside the tokens: the provider was asked for new ones, and what it did is not known.
//!
//! It is written before the provider is asked, and goes when the provider has answered. So it is there, too, if this
//! process is stopped while it waits. The access token of the record that it names is doubtful: the provider may have
//! ended it. If the provider wants the user to log in again, the note says so and stays until new tokens come.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::store::Store;

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Note {
    version: u32,
    /// Of the record whose refresh token was sent.
    generation: u64,
    /// The provider's verdict, if it wants the user to log in again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    needs_login: Option<NeedsLogin>,
}

/// The provider wants the user to log in again. It may change its mind: a user is disabled and enabled again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NeedsLogin {
    /// Of the error.
    pub(crate) code: String,
    /// Whether the provider may have ended the access token.
    pub(crate) is_doubtful: bool,
}

/// What a note says about the record of this generation.
pub(crate) enum Noted {
    Nothing,
    /// The provider was asked. A note that cannot be read says so, too.
    Asked,
    NeedsLogin(NeedsLogin),
}

impl Noted {
    pub(crate) fn read(store: &Store, session: &str, generation: u64) -> Result<Self, Failure> {
        let Some(text) = store.read(&file(session))? else { return Ok(Self::Nothing) };
        Ok(match serde_json::from_str::<Note>(&text) {
            Ok(note) if note.generation != generation => Self::Nothing,
            Ok(Note { needs_login: Some(needs_login), .. }) => Self::NeedsLogin(needs_login),
            _ => Self::Asked,
        })
    }
}

/// Notes that the provider is asked, or what it has said.
pub(crate) fn note(
    store: &Store,
    session: &str,
    generation: u64,
    needs_login: Option<NeedsLogin>,
) -> Result<(), Failure> {
    store.draft()?.keep(&file(session), &Note { version: VERSION, generation, needs_login })
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
