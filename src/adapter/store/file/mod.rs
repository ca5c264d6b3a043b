//! A record in a file.
//!
//! ```text
//! session.json            the record, mode 0600; replaced as a whole, never written in place
//! session.json.lock       empty, or the name of what is being written; locked by whoever refreshes; stays for good
//! session.json.….new      at first only spaces, to reserve room: the file says that a refresh was begun; then the next record, until it is renamed
//! ```
//!
//! The lock is an advisory lock of the operating system. If its holder is killed, the lock is released. Processes and
//! stores that use the same path share the record. Clones of one store are one holder of the lock. Do not put the file
//! on a network file system without locks.

//
// | file | holds |
// |---|---|
// | `store.rs` | [`FileStore`]: what each action does |
// | `disk.rs` | how files are opened, locked, replaced and removed |
// | `folder.rs` | [`FileStores`]: a folder of records, with an index |
// | `pool.rs` | the threads of such a folder |

mod disk;
mod folder;
mod pool;
mod store;

pub use folder::FileStores;
pub use pool::PooledStore;
pub use store::FileStore;
