//! Files: how they are opened, locked, replaced and removed.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, ErrorKind, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::adapter::store::record::{self, LIMIT, Text, too_large};
use crate::error::{Error, ErrorCode, Quote};

/// Between two looks at a lock that somebody else holds. A refresh takes tens of milliseconds.
pub(super) const POLL: Duration = Duration::from_millis(20);

pub(super) struct Place {
    path: PathBuf,
    lock: PathBuf,
    patience: Duration,
}

/// Held until it is dropped, or until its process ends in any way.
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would do it too, but not while a process that was forked at a bad moment has the file as well.
        let _ = self.0.unlock();
    }
}

impl Place {
    pub(super) fn new(path: PathBuf, patience: Duration) -> Self {
        let lock = beside(&path, ".lock");
        Self { path, lock, patience }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn lock(&self) -> Result<Lock, Error> {
        self.make_folder()?;
        let since = Instant::now();
        loop {
            let file = self.open_lock()?;
            match file.try_lock() {
                Ok(()) => {
                    let lock = Lock(file);
                    if self.is_good(&lock) {
                        return Ok(lock);
                    }
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(broken(error)),
            }
            let left = self.patience.saturating_sub(since.elapsed());
            if left.is_zero() {
                return Err(ErrorCode::STORE_BUSY.into());
            }
            std::thread::sleep(POLL.min(left));
        }
    }

    /// Whether everyone else would be kept out by it: not if the file was removed, or another put in its place.
    pub(super) fn is_good(&self, lock: &Lock) -> bool {
        let (Ok(own), Ok(there)) = (lock.0.metadata(), fs::symlink_metadata(&self.lock)) else { return false };
        there.is_file() && is_same(&own, &there)
    }

    pub(super) fn read(&self) -> Result<Option<Text>, Error> {
        read_text(&self.path)
    }

    /// The record, under the lock, and whether a refresh of it was begun that has no end. A draft that holds the whole
    /// next record is the record: a process was killed before it could rename it.
    pub(super) fn settle(&self, lock: &mut Lock) -> Result<(Option<Text>, bool), Error> {
        let present = self.read()?;
        let Some(draft) = self.noted(lock).map_err(broken)? else { return Ok((present, false)) };
        // One that cannot be read was being written.
        let next = read_text(&draft).ok().flatten();
        let there = present.as_deref().map(String::as_str);
        if next.as_ref().is_some_and(|next| record::is_successor(next, there)) {
            fs::rename(&draft, &self.path).map_err(broken)?;
            let _ = lock.0.set_len(0);
            self.sync_folder().map_err(broken)?;
            return Ok((self.read()?, false));
        }
        // A whole record that is no successor is that of a login which was to take the place of this one.
        let is_login = next.is_some_and(|next| record::read(&next).is_ok());
        Ok((present, !is_login))
    }

    /// Makes room beside the record for the next one. The draft, which holds nothing yet, is the mark of a refresh that
    /// was begun: it stays until it is renamed or discarded. Returns its path.
    pub(super) fn prepare(&self, lock: &mut Lock, room: usize) -> Result<PathBuf, Error> {
        let is_begun = self.noted(lock).map_err(broken)?.is_some();
        let prepared = self.open_draft(lock).and_then(|(path, draft)| {
            fill(draft, room).and_then(|()| self.sync_folder()).map_err(broken)?;
            Ok(path)
        });
        if prepared.is_err() && !is_begun {
            // Nothing was begun.
            let _ = self.discard(lock);
        }
        prepared
    }

    /// Writes the draft and renames it. Whatever happens on the way, one of the two records is there as a whole.
    pub(super) fn replace(&self, lock: &mut Lock, text: &Text) -> Result<(), Error> {
        let is_prepared = self.noted(lock).map_err(broken)?.is_some();
        let (path, file) = self.open_draft(lock)?;
        let written = write(file, text).and_then(|()| fs::rename(&path, &self.path));
        if written.is_err() && !is_prepared {
            let _ = self.discard(lock);
        }
        written.map_err(broken)?;
        let _ = lock.0.set_len(0);
        self.sync_folder().map_err(broken)
    }

    /// Removes the record, and only then the mark that a refresh of it was begun: a process can be killed in between.
    /// What the draft holds goes first, so that it cannot take the record's place.
    pub(super) fn remove(&self, lock: &mut Lock) -> Result<(), Error> {
        if let Some(draft) = self.noted(lock).map_err(broken)? {
            fs::OpenOptions::new().write(true).truncate(true).open(draft).map_err(broken)?;
        }
        match fs::remove_file(&self.path) {
            Ok(()) => self.sync_folder().map_err(broken)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(broken(error)),
        }
        self.discard(lock)
    }

    /// Removes this draft, if it is the one that there is.
    pub(super) fn discard_own(&self, lock: &mut Lock, own: &Path) -> Result<(), Error> {
        match self.noted(lock).map_err(broken)? {
            Some(draft) if draft == own => self.discard(lock),
            _ => Ok(()),
        }
    }

    /// Removes the draft, if there is one. It may hold tokens.
    pub(super) fn discard(&self, lock: &mut Lock) -> Result<(), Error> {
        if let Some(name) = noted_name(lock).map_err(broken)? {
            match fs::remove_file(self.draft(&name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(broken(error)),
                _ => {}
            }
        }
        lock.0.set_len(0).and_then(|()| lock.0.rewind()).map_err(broken)
    }

    /// The draft, for writing: the one that there is, or a new one.
    fn open_draft(&self, lock: &mut Lock) -> Result<(PathBuf, File), Error> {
        if let Some(path) = self.noted(lock).map_err(broken)? {
            let file = OpenOptions::new().write(true).open(&path).map_err(broken)?;
            return Ok((path, file));
        }
        self.discard(lock)?;
        // A name that nobody knows beforehand, though nothing that was put there would be followed.
        let name = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
        lock.0.write_all(name.as_bytes()).and_then(|()| lock.0.sync_data()).map_err(broken)?;
        let path = self.draft(&name);
        let file = private().create_new(true).open(&path).map_err(broken)?;
        Ok((path, file))
    }

    /// The path of the draft that the lock file names, if there is one and it is a file.
    fn noted(&self, lock: &mut Lock) -> io::Result<Option<PathBuf>> {
        let Some(name) = noted_name(lock)? else { return Ok(None) };
        let path = self.draft(&name);
        let is_file = fs::symlink_metadata(&path).is_ok_and(|there| there.is_file());
        Ok(is_file.then_some(path))
    }

    fn draft(&self, name: &str) -> PathBuf {
        beside(&self.path, &format!(".{name}.new"))
    }

    fn open_lock(&self) -> Result<File, Error> {
        loop {
            // What is opened is a file when it is looked at: a pipe would block. `is_good` looks again afterwards.
            if regular(&self.lock)?.is_none() {
                match private().read(true).create_new(true).open(&self.lock) {
                    Ok(file) => return Ok(file),
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(broken(error)),
                }
            }
            match OpenOptions::new().read(true).write(true).open(&self.lock) {
                Ok(file) => return Ok(file),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(broken(error)),
            }
        }
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    fn make_folder(&self) -> Result<(), Error> {
        if self.path.file_name().is_none() {
            return Err(broken(io::Error::new(ErrorKind::InvalidInput, "no file name")));
        }
        make_folder(self.folder()).map_err(broken)
    }

    /// A name is only on the disk when its folder is.
    fn sync_folder(&self) -> io::Result<()> {
        #[cfg(unix)]
        match File::open(self.folder())?.sync_all() {
            // File systems that do not know it keep their folders in another way.
            Err(error) if !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
                return Err(error);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Creates the folder if it is missing. On Unix only this user can access it.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn read_text(path: &Path) -> Result<Option<Text>, Error> {
    let Some(there) = regular(path)? else { return Ok(None) };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(broken(error)),
    };
    let length = usize::try_from(there.len()).unwrap_or(usize::MAX);
    if length > LIMIT {
        return Err(too_large());
    }
    // With room to find the end in: a buffer that grew would leave copies behind.
    let mut text = Text::new(String::with_capacity(length + 64));
    match file.take(LIMIT as u64 + 1).read_to_string(&mut text) {
        Ok(_) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::InvalidData => Err(ErrorCode::STORED_MALFORMED.into()),
        Err(error) => Err(broken(error)),
    }
}

/// The name of the draft that the lock file holds.
fn noted_name(lock: &mut Lock) -> io::Result<Option<String>> {
    lock.0.rewind()?;
    let mut name = [0; 17];
    let mut length = 0;
    while let Some(rest) = name.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match lock.0.read(rest)? {
            0 => break,
            read => length += read,
        }
    }
    let name = name.get(..length).and_then(|name| std::str::from_utf8(name).ok());
    let name = name.filter(|name| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit()));
    Ok(name.map(str::to_owned))
}

/// Spaces, which may stand after a record: the disk has the room now.
fn fill(mut file: File, room: usize) -> io::Result<()> {
    file.write_all(&vec![b' '; room])?;
    file.set_len(room as u64)?;
    file.sync_all()
}

fn write(mut file: File, text: &Text) -> io::Result<()> {
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)?;
    file.sync_all()
}

/// What is there, if it is a file; an error if it is anything else.
fn regular(path: &Path) -> Result<Option<Metadata>, Error> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_file() => Ok(Some(there)),
        Ok(_) => Err(broken(io::Error::other("not a regular file"))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(broken(error)),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// Options that open a file for writing. On Unix a new file is accessible only to this user.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// A file that is open cannot be replaced.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

pub(super) fn broken(error: io::Error) -> Error {
    Error::new(ErrorCode::STORE_IO).with_found(Quote::adapter(&error.to_string())).with_source(error)
}
