//! The words of what a session and its store say to each other.

use oidc_proto::session::{Record, StoreAction, StoreResponse};

pub(crate) fn name(action: &StoreAction) -> String {
    match action {
        StoreAction::Lock => "locks".to_owned(),
        StoreAction::Load => "loads".to_owned(),
        StoreAction::Prepare { .. } => "prepares".to_owned(),
        StoreAction::Discard => "discards".to_owned(),
        StoreAction::Save { next, .. } => format!("saves {}", record(Some(next))),
        StoreAction::Unlock => "unlocks".to_owned(),
        StoreAction::Erase { .. } => "erases".to_owned(),
    }
}

pub(crate) fn answer(response: &StoreResponse) -> String {
    match response {
        StoreResponse::Loaded { record: loaded, begun } => format!("{}, begun: {begun}", record(loaded.as_deref())),
        StoreResponse::Conflict(there) => format!("there is {}", record(there.as_deref())),
        StoreResponse::Erased { begun } => format!("erased, begun: {begun}"),
        StoreResponse::Failed(_) => "failed".to_owned(),
        other => format!("{other:?}"),
    }
}

fn record(record: Option<&Record>) -> String {
    let Some(Record { login, generation, tokens, .. }) = record else { return "nothing".to_owned() };
    let login = login.map_or_else(String::new, |login| login.to_string());
    format!("{:.4} {generation} with {}", login, tokens.access_token().expose())
}
