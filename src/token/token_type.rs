//! The types of access tokens that this crate can use (RFC 6749 section 7.1).

use crate::base::word_set::words;

words! {
    /// A token type that this crate can use. In a token response its name may be in any letter
    /// case. `from_name` and `from_str` accept only the spelling of [`TokenType::name`].
    TokenType {
        Bearer = "Bearer",
        /// Bound to a key (RFC 9449).
        Dpop = "DPoP",
    }
}
