//! ID tokens made by a program, and what three libraries say of them.
//!
//! [`classes`] is the list: each class of good and of broken tokens, with the reason why the three differ where they do.
//! [`verdicts`] asks them, with settings that are as alike as their APIs allow; [`table`] writes `TABLE.md`.

pub mod classes;
pub mod keys;
pub mod table;
pub mod token;
pub mod verdicts;
