//! The records of many sessions in a folder.
//!
//! ```text
//! sessions/…/record.json       the record of a name, in a folder that is named by the digest of the name
//! sessions/…/record.json.lock
//! users/…/…                    for each key of the index a folder, and in it a file for each entry: it holds the name
//! ```

use std::fmt;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::disk::{broken, make_folder, private};
use super::pool::{Pool, PooledStore};
use super::store::FileStore;
use crate::adapter::store::contract::PATIENCE;
use crate::adapter::store::named::named;
use crate::adapter::store::stores::{IndexEntry, IndexKey, SessionStores};
use crate::adapter::store::task::StoreTask;
use crate::base::base64url;
use crate::base::env::Env;
use crate::error::Error;

/// The longest name that is read from the index, in bytes.
const LONGEST_NAME: u64 = 64 * 1024;

/// How often an entry is written again because its folder was removed meanwhile.
const ROUNDS: usize = 8;

/// How many threads work for the stores of one folder.
const THREADS: usize = 16;

/// Stores the records of many sessions in a folder, with an index, for all processes of the machine that use the same
/// folder. Each record is kept as by a [`FileStore`].
///
/// At most 16 threads work for all of them, while there is work; a store that waits for a lock has no thread. A store
/// has an open file while it holds its lock.
///
/// A name can be any text: the names of the files are digests of it. The index names users by digests, too.
#[derive(Clone)]
pub struct FileStores {
    folder: Arc<Path>,
    patience: Duration,
    pool: Pool,
}

impl FileStores {
    /// The stores in this folder. Nothing is opened yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into().into(), patience: PATIENCE, pool: Pool::new(THREADS) }
    }

    /// Sets how long a store waits for its lock; see [`FileStore::with_patience`].
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// A blocking store for the record with this name, for use without a registry. It takes turns
    /// with the registry's store of the same record, because they are two holders of the lock.
    pub fn file(&self, name: &str) -> FileStore {
        FileStore::with_patience(self.path(name), self.patience)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join("sessions").join(digest(name)).join("record.json")
    }

    /// The files of an entry, each below the folder of its key.
    fn entries(&self, entry: &IndexEntry) -> Vec<PathBuf> {
        let login = entry.login().map_or_else(|| "-".to_owned(), |login| login.to_string());
        let file = format!("{login}.{}", digest(entry.name()));
        entry.keys().iter().map(|key| self.key(*key).join(&file)).collect()
    }

    fn key(&self, key: IndexKey) -> PathBuf {
        self.folder.join("users").join(key.to_string())
    }

    fn task<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> StoreTask<T> {
        StoreTask::new(|work| self.pool.push(work), work)
    }
}

impl SessionStores for FileStores {
    type Store = PooledStore;
    type Noted = StoreTask<()>;
    type Found = StoreTask<Option<Vec<String>>>;

    fn store(&self, name: &str, _: &mut dyn Env) -> PooledStore {
        PooledStore::new(FileStore::with_patience(self.path(name), Duration::ZERO), self.patience, &self.pool)
    }

    fn note(&self, entry: &IndexEntry) -> StoreTask<()> {
        let (paths, name) = (self.entries(entry), entry.name().to_owned());
        self.task(move || paths.iter().try_for_each(|path| write(path, &name).map_err(|error| at(path, error))))
    }

    fn forget(&self, entry: &IndexEntry) -> StoreTask<()> {
        let paths = self.entries(entry);
        self.task(move || paths.iter().try_for_each(|path| remove(path).map_err(|error| at(path, error))))
    }

    fn find(&self, key: IndexKey) -> StoreTask<Option<Vec<String>>> {
        let folder = self.key(key);
        self.task(move || names(&folder).map(Some).map_err(|error| at(&folder, error)))
    }
}

impl fmt::Debug for FileStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FileStores").field(&self.folder).finish()
    }
}

/// The error of this file, or of this folder.
fn at(path: &Path, error: Error) -> Error {
    named(error, path.to_string_lossy())
}

fn digest(name: &str) -> String {
    base64url::encode(Sha256::digest(name))
}

/// As a whole: what is half written has another name.
fn write(path: &Path, name: &str) -> Result<(), Error> {
    if path.is_file() {
        return Ok(());
    }
    let Some(folder) = path.parent() else { return Ok(()) };
    let draft = path.with_extension(format!("{:x}.new", std::process::id()));
    let attempt = || {
        make_folder(folder)?;
        let mut file = private().create(true).truncate(true).open(&draft)?;
        file.write_all(name.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    for _ in 1..ROUNDS {
        match attempt() {
            // Whoever removed the last entry removed the folder. Or a thread of this process wrote the same.
            Err(error) if error.kind() == ErrorKind::NotFound && !path.is_file() => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            done => return done.map_err(broken),
        }
    }
    attempt().map_err(broken)
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(broken(error)),
        _ => {}
    }
    // It stays if there are others in it.
    let _ = path.parent().map(fs::remove_dir);
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(broken(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.map_err(broken)?.path();
        if path.extension().is_some_and(|extension| extension == "new") || !path.is_file() {
            continue;
        }
        let mut name = String::new();
        match fs::File::open(&path).and_then(|file| file.take(LONGEST_NAME).read_to_string(&mut name)) {
            Ok(_) => names.push(name),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(broken(error)),
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}
