//! The types of access tokens that this crate can use (RFC 6749 section 7.1).

use crate::base::word_set::words;

words! {
    /// A token type that this crate can use. The standard's names are compared without regard to case.
    TokenType {
        Bearer = "Bearer",
        /// Bound to a key (RFC 9449).
        Dpop = "DPoP",
    }
}
