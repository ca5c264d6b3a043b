//! A real file system of 64 KiB, which is full or read-only.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use oidc_proto::adapter::store::FileStore;
use oidc_proto::session::{Access, Outcome, Record, Session, StoreAction};
use oidc_proto::testing::On;
use tempfile::TempDir;

use crate::stores::tools::{SOON, act, chain, drive, erase, folder, prepare, record, save, token};
use crate::stores::world::{World, shared};

pub struct Small(TempDir);

impl Small {
    pub fn mount() -> Self {
        let small = Self(folder());
        small.do_mount(&["-t", "tmpfs", "-o", "size=64k", "tmpfs"]);
        small
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    fn do_mount(&self, arguments: &[&str]) {
        assert!(Command::new("mount").args(arguments).arg(self.path()).status().unwrap().success());
    }

    /// Leaves no more room than this.
    fn fill(&self, left: usize) {
        let room = fs::File::create(self.path().join("filler")).unwrap();
        let mut size = 0;
        while std::os::unix::fs::FileExt::write_at(&room, &[b'x'; 4096], size).is_ok_and(|written| written == 4096) {
            size += 4096;
        }
        room.set_len(size - left as u64).unwrap();
    }

    fn empty(&self) {
        fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

/// Refreshes, and says the code of what came of it.
fn refresh(session: &mut Session, store: &FileStore, world: &mut World) -> String {
    let http = world.op.http(world.env.clock());
    let Access::Wait(epoch) = session.refresh(&mut world.env) else { panic!("the session has ended") };
    drive(session, store, &http, &mut world.env);
    while matches!(session.outcome(epoch, &world.env), Outcome::Pending) {
        // It pauses after a failure.
        world.env.clock().advance(Duration::from_secs(1));
        session.handle_timeout(&mut world.env);
        drive(session, store, &http, &mut world.env);
    }
    match session.outcome(epoch, &world.env) {
        Outcome::Ready(_) => "ready".to_owned(),
        Outcome::Failed(error) => {
            let said = chain(&error);
            assert!(said.contains("No space") || said.contains("Read-only"), "{said}");
            error.code().as_str().to_owned()
        }
        _ => panic!("neither tokens nor an error"),
    }
}

#[test]
#[ignore = "needs the right to mount a file system"]
fn a_disk_that_is_full_or_read_only_spends_nothing_and_costs_no_session() {
    let disk = Small::mount();
    let path = disk.path().join("session.json");
    let mut world = World::new();
    let store = FileStore::with_patience(&path, SOON);
    let mut session = world.session(shared());
    let first = Record::new(1, session.tokens().clone());
    assert_eq!(refresh(&mut session, &store, &mut world), "ready");
    let (mut asked, mut saved) = (world.op.count(On::Token), act(&store, StoreAction::Load));
    assert_ne!(saved, format!("1 {}", token(&first)));
    for left in [0, 4096, 8192] {
        disk.fill(left);
        for _ in 0..3 {
            assert_eq!(refresh(&mut session, &store, &mut world), "store.io");
        }
        assert_eq!(world.op.count(On::Token), asked, "nothing was spent");
        assert_eq!(act(&store, StoreAction::Lock), "locked");
        assert_eq!(act(&store, StoreAction::Load), saved, "nothing was begun");
        assert_eq!(act(&store, StoreAction::Unlock), "done");
        assert!(matches!(session.access(&mut world.env), Access::Ready(_)), "the token is still good");
        disk.empty();
        assert_eq!(refresh(&mut session, &store, &mut world), "ready");
        (asked, saved) = (world.op.count(On::Token), act(&store, StoreAction::Load));
    }
    disk.do_mount(&["-o", "remount,ro"]);
    assert_eq!(refresh(&mut session, &store, &mut world), "store.io");
    assert_eq!((world.op.count(On::Token), act(&store, StoreAction::Load)), (asked, saved));
    disk.do_mount(&["-o", "remount,rw"]);
}

#[test]
#[ignore = "needs the right to mount a file system"]
fn what_was_prepared_is_saved_and_erased_on_a_full_disk() {
    let disk = Small::mount();
    let path = disk.path().join("session.json");
    let mut world = World::new();
    let store = FileStore::with_patience(&path, SOON);
    let (first, second) = (record(&mut world, 1), record(&mut world, 2));
    assert_eq!(act(&store, save(None, &first)), "saved");
    assert_eq!(act(&store, StoreAction::Lock), "locked");
    assert_eq!(act(&store, prepare(&first)), "prepared");
    disk.fill(0);
    assert_eq!(act(&store, save(&first, &second)), "saved");
    assert_eq!(act(&store, StoreAction::Load), format!("2 {}", token(&second)));
    assert_eq!(act(&store, erase(&second)), "done");
    assert_eq!(act(&store, StoreAction::Load), "nothing");
}
