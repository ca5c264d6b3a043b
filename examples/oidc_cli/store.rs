//! Files that hold secrets: mode 0600, written beside and renamed, never overwritten when damaged.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use oidc_proto::adapter::store::FileStore;
use oidc_proto::{ErrorCode as Core, Registrations};
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::failure::{Code, Failure};

const REGISTRATIONS: &str = "registrations.json";
const LOCK: &str = "lock";
/// Far beyond what is ever stored; keeps a wrong file from filling the memory.
const FILE_LIMIT: u64 = 16 * 1024 * 1024;
/// For a session and its tokens, or for a client.
const ROOM: usize = 32 * 1024;
const LOCK_POLL: Duration = Duration::from_millis(50);
/// Of files without a name yet. A killed process leaves them.
const DRAFT: &str = ".new-";
/// What stands beside a session's file until its tokens are saved.
const COMING: &str = ".next";
/// A draft that is younger may be one whose process has not locked it yet.
const DRAFT_AGE: Duration = Duration::from_secs(60);

/// A folder with one file of registrations and two files a session.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    patience: Duration,
}

/// What a file holds while it is on its way into or out of the store.
pub(crate) type Text = Zeroizing<String>;

impl Store {
    /// The store in this folder, or else in the platform's data folder. `patience` is how long to wait for a lock.
    pub(crate) fn open(folder: Option<&Path>, patience: Duration) -> Result<Self, Failure> {
        let folder = match folder {
            Some(folder) => folder.to_owned(),
            None => directories::ProjectDirs::from("", "", "oidc_cli")
                .map(|folders| folders.data_local_dir().to_owned())
                .ok_or_else(|| Code::StoreIo.because("no home folder; name a folder with --store"))?,
        };
        Ok(Self { folder, patience })
    }

    /// Keeps other processes from changing the store, until it is dropped.
    ///
    /// A refresh token is good once: two processes that use it at the same time would end the session.
    pub(crate) fn lock(&self) -> Result<Lock, Failure> {
        self.create_folder()?;
        let (path, file) = self.lock_file()?;
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(TryLockError::WouldBlock) if since.elapsed() < self.patience => std::thread::sleep(LOCK_POLL),
                Err(TryLockError::WouldBlock) => return Err(Code::StoreBusy.because(path.display())),
                Err(TryLockError::Error(error)) => return Err(broken(&path, &error)),
            }
        }
    }

    /// The same, if no other process has it now.
    pub(crate) fn try_lock(&self) -> Option<Lock> {
        let (_, file) = self.lock_file().ok()?;
        file.try_lock().ok().map(|()| Lock { _file: file })
    }

    fn lock_file(&self) -> Result<(PathBuf, File), Failure> {
        let path = self.folder.join(LOCK);
        regular(&path)?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        private(&mut options);
        let file = options.open(&path).map_err(|error| broken(&path, &error))?;
        Ok((path, file))
    }

    /// A place for what is about to come, made before it is asked for: what cannot be kept is better not obtained. It has
    /// the room: a full disk lets an empty file be made.
    pub(crate) fn room(&self) -> Result<Draft, Failure> {
        let mut draft = self.draft()?;
        let reserved = draft.file.write_all(&[b' '; ROOM]).and_then(|()| draft.file.as_file().sync_all());
        reserved.map_err(|error| broken(&self.folder, &error))?;
        Ok(draft)
    }

    /// A file that gets its name later.
    pub(crate) fn draft(&self) -> Result<Draft, Failure> {
        self.create_folder()?;
        // Mode 0600 from its creation, where there are modes.
        let file = NamedTempFile::with_prefix_in(DRAFT, &self.folder).map_err(|error| broken(&self.folder, &error))?;
        // Until it is dropped or has its name: nobody takes it for one that was left behind.
        let _ = file.as_file().try_lock();
        Ok(Draft { file, folder: self.folder.clone(), patience: self.patience })
    }

    pub(crate) fn registrations(&self) -> Result<Registrations, Failure> {
        let path = self.folder.join(REGISTRATIONS);
        let Some(text) = read(&path)? else { return Ok(Registrations::default()) };
        Registrations::from_json(&text).map_err(|error| damaged(&path, &error))
    }

    /// Changes the registrations as they are in the store now.
    pub(crate) fn change_registrations(&self, change: impl FnOnce(&mut Registrations)) -> Result<(), Failure> {
        let _lock = self.lock()?;
        let mut registrations = self.registrations()?;
        change(&mut registrations);
        self.draft()?.keep(REGISTRATIONS, &registrations)
    }

    /// The names of the session files, of those to come, too.
    pub(crate) fn session_files(&self) -> Result<Vec<String>, Failure> {
        let names = self.names()?.into_iter();
        let names = names.map(|name| name.strip_suffix(COMING).map(str::to_owned).unwrap_or(name));
        let mut names: Vec<_> = names.filter(|name| is_session(name)).collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The name that a session's file has until its tokens are saved.
    pub(crate) fn coming(name: &str) -> String {
        name.to_owned() + COMING
    }

    /// The file that was to come is there.
    pub(crate) fn come(&self, name: &str) -> Result<(), Failure> {
        let (from, to) = (self.folder.join(Self::coming(name)), self.folder.join(name));
        fs::rename(from, &to).map_err(|error| broken(&to, &error))
    }

    /// Whether there is something that a killed process can have left: it costs no lock to find that there is nothing.
    pub(crate) fn has_leavings(&self) -> bool {
        let names = self.names().unwrap_or_default();
        let is_whole = |name: &str| names.iter().any(|other| *other == name.replacen("session-", "tokens-", 1));
        let is_left =
            |name: &str| name.starts_with(DRAFT) || name.ends_with(COMING) || is_session(name) && !is_whole(name);
        names.iter().any(|name| is_left(name))
    }

    /// Removes the files without a name that killed processes have left. They can hold secrets.
    pub(crate) fn sweep(&self) {
        for name in self.names().unwrap_or_default().into_iter().filter(|name| name.starts_with(DRAFT)) {
            let path = self.folder.join(name);
            let is_left = regular(&path).is_ok()
                && File::open(&path).is_ok_and(|file| {
                    let age = file.metadata().and_then(|there| there.modified()).map(|then| then.elapsed());
                    matches!(age, Ok(Ok(age)) if age >= DRAFT_AGE) && file.try_lock().is_ok()
                });
            if is_left {
                let _ = fs::remove_file(path);
            }
        }
    }

    fn names(&self) -> Result<Vec<String>, Failure> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(broken(&self.folder, &error)),
        };
        let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
        let names: io::Result<Vec<_>> = names.collect();
        Ok(names.map_err(|error| broken(&self.folder, &error))?.into_iter().flatten().collect())
    }

    pub(crate) fn files(&self) -> Files<'_> {
        Files { folder: &self.folder, patience: self.patience }
    }

    pub(crate) fn read(&self, name: &str) -> Result<Option<Text>, Failure> {
        read(&self.folder.join(name))
    }

    /// Removes a file. Another process may have done so meanwhile.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Failure> {
        let path = self.folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(broken(&path, &error)),
            _ => Ok(()),
        }
    }

    /// The failure for a file that cannot be understood.
    pub(crate) fn damaged(&self, name: &str, error: &oidc_proto::Error) -> Failure {
        damaged(&self.folder.join(name), error)
    }

    fn create_folder(&self) -> Result<(), Failure> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder).map_err(|error| broken(&self.folder, &error))
    }
}

/// Held while the store is changed.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Writes a file that only its owner can read, in place of an older one.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: &io::Error| Code::Secrets.because(format_args!("{}: {error}", path.display()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::with_prefix_in(".new-", folder).map_err(|error| failed(&error))?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all());
    written.map_err(|error| failed(&error))?;
    file.persist(path).map(drop).map_err(|error| failed(&error.error))
}

/// A file without a name yet. It is gone if it is dropped.
#[derive(Debug)]
pub(crate) struct Draft {
    file: NamedTempFile,
    folder: PathBuf,
    patience: Duration,
}

/// The files that the library's file store keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Files<'a> {
    folder: &'a Path,
    patience: Duration,
}

impl Files<'_> {
    pub(crate) fn record(self, name: &str) -> FileStore {
        FileStore::with_patience(self.folder.join(name), self.patience)
    }

    /// Removes a file.
    pub(crate) fn remove(self, name: &str) -> Result<(), Failure> {
        let path = self.folder.join(name);
        fs::remove_file(&path).map_err(|error| broken(&path, &error))
    }

    /// Why the file store failed.
    pub(crate) fn explain(self, name: &str, error: &oidc_proto::Error) -> Failure {
        let path = self.folder.join(name);
        match error.code() {
            Core::STORED_VERSION | Core::STORED_MALFORMED => damaged(&path, error),
            Core::STORE_BUSY => Code::StoreBusy.because(path.display()),
            _ => {
                let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
                // The innermost one says why.
                let reason = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
                Code::StoreIo.because(format_args!("{}: {reason}", path.display()))
            }
        }
    }
}

impl Draft {
    pub(crate) fn files(&self) -> Files<'_> {
        Files { folder: &self.folder, patience: self.patience }
    }

    /// The store that it is in.
    pub(crate) fn store(&self) -> Store {
        Store { folder: self.folder.clone(), patience: self.patience }
    }

    /// Gives back the room that was reserved.
    pub(crate) fn make_room(&mut self) -> Result<(), Failure> {
        let file = self.file.as_file_mut();
        let emptied = file.set_len(0).and_then(|()| file.rewind());
        emptied.map_err(|error| broken(&self.folder, &error))
    }

    /// Writes the value and gives the file its name, in place of an older one.
    pub(crate) fn keep(mut self, name: &str, value: &impl serde::Serialize) -> Result<(), Failure> {
        let path = self.folder.join(name);
        let json = serde_json::to_string(value).map_err(|_| Code::StoreIo.because(path.display()))?;
        let json: Text = json.into();
        self.make_room()?;
        let written = self.file.write_all(json.as_bytes()).and_then(|()| self.file.as_file().sync_all());
        written.map_err(|error| broken(&path, &error))?;
        self.file.persist(&path).map_err(|error| broken(&path, &error.error))?;
        Ok(())
    }
}

fn is_session(name: &str) -> bool {
    name.starts_with("session-") && name.ends_with(".json")
}

fn read(path: &Path) -> Result<Option<Text>, Failure> {
    regular(path)?;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(broken(path, &error)),
    };
    let mut text = Text::default();
    match file.take(FILE_LIMIT).read_to_string(&mut text) {
        Ok(_) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(Code::StoreDamaged.because(format_args!("{} is not text", path.display())))
        }
        Err(error) => Err(broken(path, &error)),
    }
}

/// Refuses what is not a file: a pipe would block for ever.
fn regular(path: &Path) -> Result<(), Failure> {
    match fs::metadata(path) {
        Ok(there) if !there.is_file() => Err(broken(path, &io::Error::other("not a regular file"))),
        // Whoever opens it says what is wrong.
        _ => Ok(()),
    }
}

fn damaged(path: &Path, error: &oidc_proto::Error) -> Failure {
    let code = match error.code() {
        Core::STORED_VERSION => Code::StoreVersion,
        _ => Code::StoreDamaged,
    };
    code.because(path.display())
}

fn broken(path: &Path, error: &io::Error) -> Failure {
    Code::StoreIo.because(format_args!("{}: {error}", path.display()))
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
fn private(_: &mut OpenOptions) {}
