//! HTTP data for the state machines: the policy of a request, a response and its headers, forms.

pub(crate) mod challenge;
pub(crate) mod date;
pub(crate) mod form;
pub(crate) mod freshness;
pub(crate) mod headers;
pub(crate) mod oauth_error;
pub(crate) mod policy;
pub(crate) mod request;
pub(crate) mod response;
