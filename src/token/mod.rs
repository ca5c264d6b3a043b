//! Tokens and their claims: token sets, ID tokens, logout tokens, userinfo, scopes.

pub(crate) mod id_token;
pub(crate) mod logout_token;
pub(crate) mod numeric;
pub(crate) mod scope;
pub(crate) mod token_set;
pub(crate) mod token_type;
pub(crate) mod userinfo;
