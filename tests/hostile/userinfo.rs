//! userinfo
