//! JSON Object Signing: algorithms, key sets, signatures.

mod algorithm;

pub use algorithm::{Algorithm, Algorithms};
