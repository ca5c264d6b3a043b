//! The rendezvous: a mailbox at a homeserver that holds one text. The two devices write it in turn (MSC4108, MSC4388).
//!
//! ```text
//! create ─▶ POST (once more where a 307 or 308 points) ─▶ Done(Rendezvous)
//! join ───▶ GET ─▶ Done(Rendezvous)                                   the box is empty, or it is not ours
//!
//! send ───▶ PUT If-Match ─┬─ 2xx ─▶ Done(Delivered)
//!                ▲        ├─ 412 ─▶ Done(Overtaken)                   the other side wrote first: receive, then decide
//!                │        └─ no response ─▶ Wait(pause) ─▶ PUT If-Match ─┬─ 2xx ─▶ Done(Delivered)
//!                └── 304: it is not ── GET If-None-Match ◀─ 412 ─────────┘
//!                                       ├─ our own text: it was the first PUT ─▶ Done(Delivered)
//!                                       └─ another text, or 404 ─▶ Done(Uncertain)   receive, then decide
//!
//! receive ▶ GET If-None-Match ─┬─ a new text ─▶ Done(Received)
//!                ▲             ├─ 304, no text, our own text ─▶ Wait(interval) ───┐
//!                │             └─ no response ─▶ Wait(pause) ─────────────────────┤
//!                └────────────────────────────────────────────────────────────────┘
//! delete ─▶ DELETE ─▶ Done
//! ```
//!
//! The diagram has the requests of MSC4108. In MSC4388 the text and the state that was seen are in
//! a JSON body, a GET always returns both, and status 409 has the meaning that 412 has in MSC4108.
//! Status 404 means that the rendezvous has ended. The flows use the monotonic clock. They use the
//! server's times only
//! to compute differences. No request carries a credential, except for the creation and the check of MSC4388, where the
//! caller chooses that.
//!
// | file | holds |
// |---|---|
// | `options.rs` | [`RendezvousOptions`] |
// | `known.rs` | [`Rendezvous`]: the rendezvous, and its last known state |
// | `place.rs` | what requests and responses look like in either proposal |
// | `requests.rs` `patience.rs` | what the flows have in common: statuses, how long to try |
// | `check.rs` | [`RendezvousCheck`]: whether a homeserver has it |
// | `create.rs` `join.rs` `send.rs` `receive.rs` `delete.rs` | the flows, each with the calls of [`Rendezvous`] that start it |

mod check;
mod create;
mod delete;
mod join;
pub(super) mod known;
pub(super) mod options;
mod patience;
mod place;
mod receive;
mod requests;
mod send;

pub use check::{Availability, RendezvousCheck};
pub use create::Creation;
pub use delete::Deletion;
pub use join::Joining;
pub(super) use known::Rendezvous;
pub use options::DEFAULT_INTERVAL;
pub(super) use options::RendezvousOptions;
pub(super) use options::SHORTEST_INTERVAL;
pub use receive::{Received, Receiving};
pub use send::{Delivery, Sending};
