//! What real providers send: a verdict is read wherever it is, tokens that arrived are kept, and what nobody asked for harms
//! nothing. The hostile tables say what stays refused.

mod claims;
mod homeservers;
mod keys;
mod lists;
mod members;
mod named;
mod registration;
mod rests;
mod tokens;
mod unheld;
mod verdicts;
mod words;
