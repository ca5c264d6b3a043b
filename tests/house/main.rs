//! Rules for the source tree.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod allowed;
mod cost;
mod cycles;
mod embedding;
mod evidence;
mod floors;
mod growth;
mod imports;
mod layout;
mod lexer;
mod links;
mod members;
mod names;
mod passage;
mod sdk;
mod session_rules;
mod tree;
