//! Runs logins under an allocator that reads each block before it is freed.

pub mod course;
pub mod stored_session;
pub mod watch;
