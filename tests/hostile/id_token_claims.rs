//! id_token_claims
