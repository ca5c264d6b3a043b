//! Files: who may read them, what else may lie in their place, what is left of processes that were killed.

use std::fs;
use std::path::{Path, PathBuf};

use oidc_proto::adapter::store::FileStore;
use oidc_proto::session::{Record, StoreAction};

use crate::stores::tools::{NOW, act, chain, erase, folder, prepare, record, save, token};
use crate::stores::world::World;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn now(path: &Path) -> FileStore {
    FileStore::with_patience(path, NOW)
}

#[test]
fn a_holder_is_a_store_with_its_clones() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let (store, other) = (now(&path), now(&path));
    assert_eq!(act(&store, StoreAction::Lock), "locked");
    assert_eq!(act(&store.clone(), StoreAction::Lock), "locked");
    assert_eq!(act(&other, StoreAction::Lock), "failed");
    assert_eq!(other.take_error().unwrap().code().as_str(), "store.busy");
    assert!(other.take_error().is_none());
    // Whoever does not hold the lock does not write past it.
    let record = record(&mut World::new(), 1);
    assert_eq!(act(&other, save(None, &record)), "failed");
    assert_eq!(act(&other, erase(&record)), "failed");
    // Reading needs none.
    assert_eq!(act(&other, StoreAction::Load), "nothing");
    let clone = store.clone();
    drop(store);
    assert_eq!(act(&other, StoreAction::Lock), "failed");
    drop(clone);
    assert_eq!(act(&other, StoreAction::Lock), "locked");
}

#[test]
fn the_record_is_there_for_the_one_who_begins() {
    let folder = folder();
    let store = FileStore::new(folder.path().join("session.json"));
    assert!(store.load().unwrap().is_none());
    let record = record(&mut World::new(), 1);
    assert_eq!(act(&store, save(None, &record)), "saved");
    assert_eq!(token(&store.load().unwrap().unwrap()), token(&record));
    assert_eq!(names(folder.path()), ["session.json", "session.json.lock"]);
    assert_eq!(act(&store, erase(&record)), "done");
    assert_eq!(names(folder.path()), ["session.json.lock"]);
}

const DRAFT: &str = "session.json.0123456789abcdef.new";

/// A process was killed while it saved: what it had written may be the only tokens that live.
#[test]
fn a_whole_draft_that_is_the_successor_is_the_record() {
    let mut world = World::new();
    let tokens = world.login("alice");
    let first = Record::of_login(tokens, None, &mut world.env);
    let mut after = |generation, login| {
        let mut next = Record::new(generation, world.login("alice"));
        next.login = login;
        next
    };
    let next = after(2, first.login);
    let (skipped, foreign) = (after(3, first.login), after(2, None));
    let text = |record: &Record| serde_json::to_string(record).unwrap();
    let (is, was) = (format!("2 {}", token(&next)), format!("1 {}", token(&first)));
    let begun = format!("{was}, begun");
    for (draft, loaded) in [
        (text(&next), &is),
        (text(&next) + &" ".repeat(4096), &is),
        (text(&next)[..200].to_owned() + &" ".repeat(4096), &begun),
        (" ".repeat(4096), &begun),
        (String::new(), &begun),
        // Those of a login that was to take its place.
        (text(&foreign), &was),
        (text(&skipped), &was),
    ] {
        let folder = folder();
        let path = folder.path().join("session.json");
        fs::write(&path, text(&first)).unwrap();
        fs::write(folder.path().join("session.json.lock"), &DRAFT[13..29]).unwrap();
        fs::write(folder.path().join(DRAFT), &draft).unwrap();
        let store = now(&path);
        // Whoever does not hold the lock does not know what a draft means.
        assert_eq!(act(&store, StoreAction::Load), was);
        assert_eq!(act(&store, StoreAction::Lock), "locked");
        assert_eq!(act(&store, StoreAction::Load), *loaded, "{draft}");
        assert_eq!(folder.path().join(DRAFT).exists(), *loaded != is);
        let record = store.load().unwrap().unwrap();
        assert_eq!(act(&store, prepare(&record)), "prepared");
        let mut last = after(record.generation + 1, record.login);
        last.tokens = next.tokens.clone();
        assert_eq!(act(&store, save(&record, &last)), "saved");
        assert_eq!(names(folder.path()), ["session.json", "session.json.lock"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), text(&last), "nothing of the draft is left behind it");
        assert_eq!(act(&store, StoreAction::Load), format!("{} {}", last.generation, token(&last)));
    }
}

/// A process was killed while it erased: what is done comes in this order. The mark outlives the record, so that whoever
/// comes then does not take a token for the newest that may be spent, and nothing of the draft comes back.
#[test]
fn an_erasure_that_was_cut_off_leaves_a_mark_or_nothing() {
    let mut world = World::new();
    let first = Record::of_login(world.login("alice"), None, &mut world.env);
    let mut next = Record::new(2, world.login("alice"));
    next.login = first.login;
    let text = |record: &Record| serde_json::to_string(record).unwrap();
    let (was, erase) = (format!("1 {}, begun", token(&first)), |expect| StoreAction::Erase { expect });
    // The draft is emptied, the record removed, the draft removed, and the lock names nothing any more.
    for (cut, [has_record, has_draft, is_named], is_there, erased) in [
        (1, [true, true, true], was.as_str(), "done, begun"),
        (2, [false, true, true], "nothing, begun", "done, begun"),
        (3, [false, false, true], "nothing", "done"),
        (4, [false, false, false], "nothing", "done"),
    ] {
        let (folder, files) = (folder(), |place: &Path| {
            if has_record {
                fs::write(place.join("session.json"), text(&first)).unwrap();
            }
            if has_draft {
                fs::write(place.join(DRAFT), "").unwrap();
            }
            fs::write(place.join("session.json.lock"), if is_named { &DRAFT[13..29] } else { "" }).unwrap();
        });
        let path = folder.path().join("session.json");
        files(folder.path());
        let store = now(&path);
        assert_eq!(act(&store, StoreAction::Lock), "locked");
        assert_eq!(act(&store, StoreAction::Load), is_there, "{cut}");
        // The next logout ends it, and says what it found.
        let expect = has_record.then(|| first.version());
        assert_eq!(act(&store, erase(expect)), erased, "{cut}");
        assert_eq!(act(&store, StoreAction::Unlock), "done");
        assert_eq!(names(folder.path()), ["session.json.lock"], "{cut}");
        // Or the next login takes its place, and is not taken for one whose refresh was begun.
        files(folder.path());
        let (store, new) = (now(&path), Record::of_login(world.login("alice"), None, &mut world.env));
        assert_eq!(act(&store, StoreAction::Lock), "locked");
        assert_eq!(act(&store, StoreAction::Save { expect, next: new.clone() }), "saved", "{cut}");
        assert_eq!(act(&store, StoreAction::Load), format!("1 {}", token(&new)), "{cut}");
        assert_eq!(names(folder.path()), ["session.json", "session.json.lock"], "{cut}");
    }
    // A whole next record is no excuse for what was erased to come back: the draft is emptied first.
    let folder = folder();
    let path = folder.path().join("session.json");
    let store = now(&path);
    assert_eq!(act(&store, save(None, &first)), "saved");
    assert_eq!(act(&store, StoreAction::Lock), "locked");
    assert_eq!(act(&store, prepare(&first)), "prepared");
    assert_eq!(act(&store, erase(Some(first.version()))), "done, begun");
    assert_eq!(
        (act(&store, StoreAction::Load), names(folder.path())),
        ("nothing".into(), vec!["session.json.lock".into()])
    );
}

/// The room is there before anything is spent, and without it nothing is.
#[test]
fn a_store_that_cannot_write_says_so_before_a_refresh() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let first = record(&mut World::new(), 1);
    let store = now(&path);
    assert_eq!(act(&store, save(None, &first)), "saved");
    assert_eq!(act(&store, StoreAction::Lock), "locked");
    assert_eq!(act(&store, prepare(&first)), "prepared");
    let length = |name: &str| fs::metadata(folder.path().join(name)).unwrap().len();
    let draft = names(folder.path()).into_iter().find(|name| name.ends_with(".new")).unwrap();
    assert!(length(&draft) >= 2 * length("session.json"), "{}", length(&draft));
    assert_eq!(act(&store, StoreAction::Discard), "done");
    assert_eq!(names(folder.path()), ["session.json", "session.json.lock"]);

    // There is a record, and no file system takes the longer name of a draft.
    let path = folder.path().join("x".repeat(240));
    fs::write(&path, serde_json::to_string(&first).unwrap()).unwrap();
    let store = now(&path);
    assert_eq!(act(&store, StoreAction::Lock), "locked");
    assert_eq!(act(&store, StoreAction::Load), format!("1 {}", token(&first)));
    assert_eq!(act(&store, prepare(&first)), "failed");
    assert_eq!(store.take_error().unwrap().code().as_str(), "store.io");
    assert_eq!(act(&store, StoreAction::Load), format!("1 {}", token(&first)), "nothing was begun");
}

/// A lock that was lost is taken again before anything is spent, and a mark that another process made is its own.
#[test]
fn a_mark_and_a_lock_belong_to_one_holder() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let first = record(&mut World::new(), 1);
    let (store, other) = (now(&path), now(&path));
    assert_eq!(act(&store, save(None, &first)), "saved");
    assert_eq!(act(&store, StoreAction::Lock), "locked");
    assert_eq!(act(&store, prepare(&first)), "prepared");
    fs::remove_file(folder.path().join("session.json.lock")).unwrap();
    assert_eq!(act(&other, StoreAction::Lock), "locked");
    assert_eq!(act(&other, prepare(&first)), "prepared");
    assert_eq!(act(&store, prepare(&first)), "failed");
    assert_eq!(store.take_error().unwrap().code().as_str(), "store.busy");
    assert_eq!(act(&other, StoreAction::Unlock), "done");
    assert_eq!(act(&store, StoreAction::Discard), "done");
    assert_eq!(act(&store, StoreAction::Lock), "locked");
    assert_eq!(act(&store, StoreAction::Load), format!("1 {}, begun", token(&first)));
    // Who prepares beside another's mark does not make it its own.
    assert_eq!(act(&store, prepare(&first)), "prepared");
    assert_eq!(act(&store, StoreAction::Discard), "done");
    assert_eq!(act(&store, StoreAction::Load), format!("1 {}, begun", token(&first)));
    fs::remove_file(folder.path().join("session.json.lock")).unwrap();
    assert_eq!(act(&store, prepare(&first)), "prepared");
    assert_eq!(act(&other, StoreAction::Lock), "failed");
}

#[test]
fn what_cannot_be_read_is_never_written_over() {
    let mut world = World::new();
    let good = serde_json::to_vec(&record(&mut world, 1)).unwrap();
    let newer = String::from_utf8(good.clone()).unwrap().replacen("\"version\":1", "\"version\":2", 1).into_bytes();
    let next = record(&mut world, 2);
    for (what, content, code) in [
        ("empty", Vec::new(), "stored.malformed"),
        ("cut off", good[..good.len() / 2].to_vec(), "stored.malformed"),
        ("followed by more", [good.as_slice(), b"}"].concat(), "stored.malformed"),
        ("not text", [b"\xff\xfe".as_slice(), &good].concat(), "stored.malformed"),
        ("zeros", vec![0; 4096], "stored.malformed"),
        ("nested too deeply", b"[".repeat(100_000), "stored.malformed"),
        ("too large", [good.clone(), vec![b' '; 4 * 1024 * 1024]].concat(), "stored.malformed"),
        ("newer", newer, "stored.version"),
    ] {
        let folder = folder();
        let path = folder.path().join("session.json");
        fs::write(&path, &content).unwrap();
        let store = now(&path);
        assert_eq!(store.load().unwrap_err().code().as_str(), code, "{what}");
        for action in [StoreAction::Load, save(None, &next), save(&next, &next)] {
            assert_eq!(act(&store, action), "failed", "{what}");
            let error = store.take_error().unwrap();
            assert_eq!(error.code().as_str(), code, "{what}");
            let told = chain(&error);
            assert!(told.contains(&format!("{path:?}")) && !told.contains(token(&next)), "{told}");
        }
        assert!(fs::read(&path).unwrap() == content, "{what}");
        // The owner's last word is obeyed whatever is there.
        assert_eq!(act(&store, erase(&next)), "done", "{what}");
        assert!(!path.exists());
    }
    let mut large = serde_json::to_value(&next).unwrap();
    large["tokens"]["access_token"] = "x".repeat(5 * 1024 * 1024).into();
    let large = serde_json::from_value(large).unwrap();
    let folder = folder();
    let store = now(&folder.path().join("session.json"));
    assert_eq!(act(&store, save(None, &large)), "failed");
    let error = store.take_error().unwrap();
    assert_eq!(error.field(), Some("size"));
    // Nothing is damaged.
    assert!(error.hint().contains("larger than the store accepts"), "{error}");
}

#[test]
fn where_no_file_can_be_there_is_a_failure() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    let record = record(&mut World::new(), 1);
    for path in [file.join("session.json"), PathBuf::from("/"), PathBuf::new(), PathBuf::from("\0")] {
        let store = now(&path);
        for action in [StoreAction::Lock, save(None, &record)] {
            assert_eq!(act(&store, action), "failed", "{path:?}");
            let error = store.take_error().unwrap();
            assert_eq!(error.code().as_str(), "store.io");
            assert!(chain(&error).contains(&format!(": {path:?} ")), "{}", chain(&error));
            // Without its sources, too.
            let found = error.found().unwrap().as_str();
            let place = path.to_string_lossy().escape_debug().to_string();
            assert!(found.starts_with(&format!("{place}: ")) && error.to_string().contains(found), "{error}");
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, symlink};
    use std::process::Command;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn nobody_else_can_read_what_is_written() {
        let folder = folder();
        let mut world = World::new();
        let (new, old) = (folder.path().join("made/deep"), folder.path().join("there"));
        fs::DirBuilder::new().mode(0o755).create(&old).unwrap();
        fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).unwrap();
        for folder in [&new, &old] {
            let path = folder.join("session.json");
            let store = now(&path);
            let first = record(&mut world, 1);
            assert_eq!(act(&store, save(None, &first)), "saved");
            assert_eq!((mode(&path), mode(&folder.join("session.json.lock"))), (0o600, 0o600));
            // What somebody has opened to all is closed by the next record.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            assert_eq!(act(&store, save(&first, &record(&mut world, 2))), "saved");
            assert_eq!(mode(&path), 0o600);
        }
        assert_eq!((mode(&new), mode(&folder.path().join("made")), mode(&old)), (0o700, 0o700, 0o755));
    }

    /// Each reading and writing goes to the file itself, or nowhere.
    #[test]
    fn links_pipes_and_folders_are_not_records_and_not_locks() {
        let record = record(&mut World::new(), 1);
        for name in ["session.json", "session.json.lock"] {
            for what in ["link", "dangling link", "pipe", "folder"] {
                let folder = folder();
                let (place, target) = (folder.path().join(name), folder.path().join("target"));
                match what {
                    "link" => {
                        fs::write(&target, serde_json::to_string(&record).unwrap()).unwrap();
                        symlink(&target, &place).unwrap();
                    }
                    "dangling link" => symlink(&target, &place).unwrap(),
                    "pipe" => assert!(Command::new("mkfifo").arg(&place).status().unwrap().success()),
                    _ => fs::create_dir(&place).unwrap(),
                }
                let before = fs::read(&target).ok();
                let store = now(&folder.path().join("session.json"));
                let read = if name == "session.json" { "failed" } else { "nothing" };
                assert_eq!(act(&store, StoreAction::Load), read, "{what}");
                assert_eq!(act(&store, save(&record, &record)), "failed", "{what}");
                assert_eq!(store.take_error().unwrap().code().as_str(), "store.io", "{what}");
                assert_eq!(fs::read(&target).ok(), before, "{what}");
                assert!(fs::symlink_metadata(&place).is_ok(), "{what}");
            }
        }
    }

    #[test]
    fn a_device_is_no_record() {
        let store = now(Path::new("/dev/zero"));
        assert_eq!(act(&store, StoreAction::Load), "failed");
        assert_eq!(store.take_error().unwrap().code().as_str(), "store.io");
    }

    /// A process that is killed between writing and renaming leaves tokens behind, and their name in the lock file.
    #[test]
    fn what_was_left_half_written_is_removed() {
        let mut world = World::new();
        let first = record(&mut world, 1);
        for action in [save(None, &first), erase(&first)] {
            let folder = folder();
            let path = folder.path().join("session.json");
            let (draft, target) =
                (folder.path().join("session.json.0123456789abcdef.new"), folder.path().join("target"));
            fs::write(folder.path().join("session.json.lock"), "0123456789abcdef").unwrap();
            fs::write(&target, "kept").unwrap();
            // Somebody has put a link in its place.
            symlink(&target, &draft).unwrap();
            let name = if matches!(action, StoreAction::Erase { .. }) { "session.json.lock" } else { "session.json" };
            assert_ne!(act(&now(&path), action), "failed");
            assert!(fs::symlink_metadata(&draft).is_err() && folder.path().join(name).exists());
            assert_eq!(fs::read(&target).unwrap(), b"kept");
            assert_eq!(fs::read(folder.path().join("session.json.lock")).unwrap(), b"");
        }
    }

    #[test]
    fn a_lock_file_names_nothing_but_what_was_half_written() {
        let record = record(&mut World::new(), 1);
        for content in ["../../../target", "0123456789abcdef0", "/123456789abcdef", "\u{e9}0123456789abcd", "x"] {
            let folder = folder();
            let path = folder.path().join("session.json");
            fs::write(folder.path().join("session.json.lock"), content).unwrap();
            fs::write(folder.path().join("session.json.0123456789abcdef0.new"), "kept").unwrap();
            assert_eq!(act(&now(&path), save(None, &record)), "saved", "{content}");
            assert_eq!(names(folder.path()).len(), 3);
        }
    }

    #[test]
    fn a_lock_whose_file_was_removed_is_lost_and_the_save_compares() {
        let folder = folder();
        let path = folder.path().join("session.json");
        let mut world = World::new();
        let (first, second, third) = (record(&mut world, 1), record(&mut world, 1), record(&mut world, 2));
        let (store, other) = (now(&path), now(&path));
        assert_eq!(act(&store, StoreAction::Lock), "locked");
        fs::remove_file(folder.path().join("session.json.lock")).unwrap();
        assert_eq!(act(&other, StoreAction::Lock), "locked");
        assert_eq!(act(&store, save(None, &first)), "failed");
        assert_eq!(act(&other, save(None, &second)), "saved");
        assert_eq!(act(&other, StoreAction::Unlock), "done");
        assert_eq!(act(&store, save(None, &first)), format!("conflict 1 {}", token(&second)));
        assert_eq!(act(&store, save(&second, &third)), "saved");
        assert_eq!(act(&store, StoreAction::Unlock), "done");
    }
}
