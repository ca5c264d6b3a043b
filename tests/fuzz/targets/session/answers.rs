//! What the provider and the store answer, as the bytes choose.

use http::Response;
use oidc_proto::session::{Persistence, Record, StoreAction, StoreResponse};
use oidc_proto::{Env, ErrorCode, Failure, FailureKind, MonotonicTime, Sent};

use super::{LIFETIME, World, name};

impl World {
    /// The provider answers, or the network does.
    pub(super) fn response(&mut self, how: u8) {
        // Not always in the order in which it was asked.
        let next = if how & 8 == 0 { self.calls.pop_front() } else { self.calls.pop_back() };
        let Some((ticket, number, had)) = next else { return };
        if matches!(how & 7, 5 | 6) && had == name(self.session.tokens()) {
            self.model.doubtful = Some(had);
        }
        // The last one's; of earlier ones the session has given up hope already.
        self.model.asked_at = self.model.asked_at.take().filter(|(last, ..)| *last != number || how & 7 == 7);
        let (status, body) = match how & 7 {
            0 | 1 => {
                if !self.has_store() {
                    self.model.saved.insert(format!("at-{number}"));
                }
                let rest = format!(r#""token_type":"Bearer","expires_in":{LIFETIME},"refresh_token":"rt-{number}""#);
                (200, format!(r#"{{"access_token":"at-{number}",{rest}}}"#))
            }
            2 => (400, r#"{"error":"invalid_grant"}"#.to_owned()),
            3 => (401, r#"{"error":"invalid_client"}"#.to_owned()),
            4 => (503, "sorry".to_owned()),
            5 => (200, "<html>".to_owned()),
            6 => {
                let failure = Failure::new(FailureKind::Timeout, Sent::Maybe);
                return self.session.handle_failure(ticket, failure, &mut self.env);
            }
            // It is lost, and nobody says so.
            _ => return,
        };
        let in_time = |since: MonotonicTime| {
            self.env.monotonic().saturating_since(since) < self.options.deadline() && status != 200
        };
        self.model.open.retain(|other, (_, since)| *other != number || !in_time(*since));
        self.model.grant_is_gone |= status == 400;
        // Without a lock there is no record to look at: what came late before is tried at once.
        self.model.goes_back |= status == 400 && self.options.persistence() != Persistence::Shared;
        self.model.client_is_rejected |= status == 401;
        let mut response = Response::new(body.into_bytes());
        *response.status_mut() = status.try_into().unwrap();
        response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
        self.session.handle_response(ticket, response, &mut self.env);
    }

    /// The store answers. It may fail, do what it was asked and fail to say so, or be silent.
    pub(super) fn keep(&mut self, how: u8) {
        let Some((ticket, action)) = self.asked.pop_front() else { return };
        let does_it = !matches!(how, 8 | 10);
        let own = match &action {
            StoreAction::Save { next, .. } => Some(name(&next.tokens)),
            _ => None,
        };
        let response = match action {
            StoreAction::Lock => StoreResponse::Locked,
            StoreAction::Load => StoreResponse::Loaded { record: self.record.clone().map(Box::new), begun: self.begun },
            StoreAction::Prepare { expect } if expect != self.record.as_ref().map(Record::version) => {
                StoreResponse::Conflict(self.record.clone().map(Box::new))
            }
            StoreAction::Prepare { .. } => {
                self.begun |= does_it;
                self.model.is_prepared = does_it && !matches!(how, 8..=11);
                StoreResponse::Prepared
            }
            StoreAction::Discard => {
                self.begun &= !does_it;
                StoreResponse::Done
            }
            StoreAction::Save { expect, .. } if expect != self.record.as_ref().map(Record::version) => {
                StoreResponse::Conflict(self.record.clone().map(Box::new))
            }
            StoreAction::Save { next, .. } => {
                if does_it {
                    (self.record, self.begun) = (Some(next), false);
                }
                StoreResponse::Saved
            }
            StoreAction::Erase { expect } => match self.record.clone() {
                Some(record) if Some(record.version()) != expect => StoreResponse::Conflict(Some(Box::new(record))),
                _ => {
                    let begun = self.begun;
                    if does_it {
                        self.record = None;
                    }
                    StoreResponse::Erased { begun }
                }
            },
            StoreAction::Unlock => {
                self.model.holds_lock = false;
                StoreResponse::Done
            }
        };
        let response = match how {
            8 | 9 => StoreResponse::Failed(ErrorCode::STORE_IO.into()),
            10 | 11 => return,
            _ => response,
        };
        self.model.holds_lock |= matches!(response, StoreResponse::Locked);
        // Also where it is an earlier record: the session cannot always know.
        if let (Some(own), StoreResponse::Conflict(Some(theirs))) = (own, &response) {
            self.model.overtaken.extend([own, name(&theirs.tokens)]);
        }
        self.session.handle_store(ticket, response, &mut self.env);
    }
}
