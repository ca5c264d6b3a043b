//! The rendezvous: a mailbox at a homeserver that holds one text. The two devices write it in turn (MSC4108).
//!
//! ```text
//! create ─▶ POST (once more where a 307 or 308 points) ─▶ Done(Rendezvous)
//! join ───▶ GET ─▶ Done(Rendezvous)                                   the box is empty, or it is not ours
//!
//! send ───▶ PUT If-Match ─┬─ 2xx ─▶ Done(Delivered)
//!                ▲        ├─ 412 ─▶ Done(Overtaken)                   the other side wrote first: receive, then decide
//!                │        └─ no response ─▶ Wait(pause) ─▶ PUT If-Match ─┬─ 2xx ─▶ Done(Delivered)
//!                └── 304: it is not ── GET If-None-Match ◀─ 412 ───────┘
//!                                       ├─ our own text: it was the first PUT ─▶ Done(Delivered)
//!                                       └─ another text, or 404 ─▶ Done(Uncertain)   receive, then decide
//!
//! receive ▶ GET If-None-Match ─┬─ a new text ─▶ Done(Received)
//!                ▲             ├─ 304, no text, our own text ─▶ Wait(interval) ─┐
//!                │             └─ no response ─▶ Wait(pause) ─────────────────────┤
//!                └──────────────────────────────────────────────────────────────┘
//! delete ─▶ DELETE ─▶ Done
//! ```
//!
//! Status 404 means that the rendezvous has ended. The flows use the monotonic clock. They use the server's times only
//! to compute differences. No request carries a credential.
//!
// | file | holds |
// |---|---|
// | `options.rs` | [`RendezvousOptions`] |
// | `known.rs` | [`Rendezvous`]: the rendezvous, and its last known state |
// | `requests.rs` `patience.rs` | what the flows have in common: requests, responses, how long to try |
// | `create.rs` `send.rs` `receive.rs` `delete.rs` | the flows, each with the calls of [`Rendezvous`] that start it |

mod create;
mod delete;
pub(super) mod known;
pub(super) mod options;
mod patience;
mod receive;
mod requests;
mod send;

pub use create::{Creation, Joining};
pub use delete::Deletion;
pub(super) use known::Rendezvous;
pub use options::DEFAULT_INTERVAL;
pub(super) use options::RendezvousOptions;
pub(super) use options::SHORTEST_INTERVAL;
pub use receive::{Received, Receiving};
pub use send::{Delivery, Sending};
