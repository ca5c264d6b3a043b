//! Real processes that share a record: this test's own binary, started again.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use oidc_proto::adapter::store::{BlockingSessionStore, FileStore};
use oidc_proto::adapter::{BlockingDriver, BlockingHttpClient as _, SystemEnv, from_fn, ureq};
use oidc_proto::session::{Access, Outcome, Record, Session, StoreAction, StoreResponse};
use oidc_proto::testing::{On, RegisteredClient, Reuse};
use oidc_proto::{
    AuthorizationRequest, Body, Callback, Client, Env, Issuer, Policy, ProviderOptions, RedirectUri, RelyingParty,
    Schemes, Scope,
};
use tempfile::NamedTempFile;

use crate::stores::tools::{LEASE, SOON, act, chain, drive, folder, record, save, token};
use crate::stores::world::{World, shared};
use crate::support::op::Op;

/// The variable with the seconds of a shorter lease.
const SHORTER: &str = "OIDC_PROTO_LEASE";

pub const REDIRECT_URI: &str = "https://app.example.org/cb";

/// A process, which says a line after `@` and is told to go on by a line.
pub struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    progress: NamedTempFile,
}

/// How far a refresh of a process has come. The process leaves it in a file, which outlives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// The provider was not asked.
    Nothing,
    /// The request is about to be sent, and no response has come.
    Sent,
    /// The response has come, and its tokens are not known to be saved.
    Answered,
    /// The tokens are saved.
    Saved,
}

impl Progress {
    const ALL: [Self; 4] = [Self::Nothing, Self::Sent, Self::Answered, Self::Saved];

    /// At the beginning of the file, at once.
    fn note(self, file: &File) {
        let (mut file, byte) = (file, [self as u8]);
        file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&byte)).unwrap();
    }

    fn read(file: &File) -> Self {
        let (mut file, mut byte) = (file, [0]);
        file.seek(SeekFrom::Start(0)).and_then(|_| file.read(&mut byte)).unwrap();
        Self::ALL[usize::from(byte[0])]
    }
}

impl Process {
    /// `store` is a path or a URL.
    pub fn start(role: &str, store: &str, issuer: &str) -> Self {
        Self::spawn(Command::new(std::env::current_exe().unwrap()), role, store, issuer)
    }

    /// One that refreshes, and whose lock another one gets after this many seconds if it is killed.
    pub fn with_lease(seconds: u64, store: &str, issuer: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(SHORTER, seconds.to_string());
        Self::spawn(command, "refresh", store, issuer)
    }

    /// The same with files of at most 512 bytes: a disk that is full.
    fn without_room(role: &str, store: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
        Self::spawn(shell, role, store, "")
    }

    fn spawn(mut command: Command, role: &str, store: &str, issuer: &str) -> Self {
        command.args(["--exact", "stores::processes::child", "--ignored", "--nocapture"]);
        command.env("OIDC_PROTO_CHILD", role).env("OIDC_PROTO_STORE", store).env("OIDC_PROTO_ISSUER", issuer);
        // What is measured is not this process's business, and its file would not fit.
        command.env_remove("LLVM_PROFILE_FILE");
        let progress = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        command.env("OIDC_PROTO_PROGRESS", progress.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output, progress }
    }

    /// What it says next.
    pub fn says(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the process has ended");
            if let Some((_, said)) = line.trim_end().split_once('@') {
                return said.to_owned();
            }
        }
    }

    pub fn go(&mut self) {
        Progress::Nothing.note(self.progress.as_file());
        self.input.write_all(b"\n").unwrap();
    }

    pub fn progress(&self) -> Progress {
        Progress::read(self.progress.as_file())
    }

    /// By `SIGKILL`, where there is one. How far its refresh had come.
    pub fn kill(mut self) -> Progress {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.progress()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn say(what: &str) {
    let mut out = io::stdout();
    out.write_all(format!("@{what}\n").as_bytes()).and_then(|()| out.flush()).unwrap();
}

/// Whether to go on.
fn wait() -> bool {
    io::stdin().read_line(&mut String::new()).is_ok_and(|read| read > 0)
}

pub fn open(store: &str) -> Box<dyn BlockingSessionStore> {
    #[cfg(feature = "redis")]
    if store.starts_with("redis://") {
        return Box::new(crate::stores::redis::open(store, &mut SystemEnv::new().unwrap()));
    }
    Box::new(FileStore::new(store))
}

/// What a process that was started above does. Without a role there is nothing to do.
#[test]
#[ignore = "a process of its own, which other tests start"]
fn child() {
    let Ok(role) = std::env::var("OIDC_PROTO_CHILD") else { return };
    let [store, issuer] = ["OIDC_PROTO_STORE", "OIDC_PROTO_ISSUER"].map(|name| std::env::var(name).unwrap());
    match role.as_str() {
        "lock" => {
            let store = open(&store);
            say(&act(&*store, StoreAction::Lock));
            wait();
        }
        "save" => {
            let file = FileStore::new(&store);
            let record = file.load().unwrap().unwrap();
            say(&act(&file, save(&record, &Record::new(record.generation + 1, record.tokens.clone()))));
            say(&chain(&file.take_error().unwrap()));
        }
        "prepare" => {
            let file = FileStore::new(&store);
            say(&act(&file, StoreAction::Lock));
            let expect = file.load().unwrap().map(|record| record.version());
            say(&act(&file, StoreAction::Prepare { expect }));
            say(&act(&file, StoreAction::Load));
        }
        "refresh" => {
            let progress = std::env::var("OIDC_PROTO_PROGRESS").unwrap();
            refresh(&*open(&store), &issuer, &File::options().write(true).open(progress).unwrap());
        }
        role => panic!("{role}"),
    }
}

/// How long a lock stays whose holder was killed: [`LEASE`], unless the test says less.
pub fn lease() -> Duration {
    let told = std::env::var(SHORTER).ok().and_then(|seconds| seconds.parse().ok());
    told.map_or(LEASE, Duration::from_secs)
}

/// Refreshes whenever it is told to, and says the token that it has then.
fn refresh(store: &dyn BlockingSessionStore, issuer: &str, progress: &File) {
    let mut env = SystemEnv::new().unwrap();
    let http = ureq::Client::new().unwrap();
    let party = party(issuer, &mut env);
    let StoreResponse::Loaded { record: Some(record), .. } = store.carry_out(StoreAction::Load) else {
        panic!("no record")
    };
    let options = shared().with_deadline(lease());
    let mut session = Session::new(record.tokens.clone(), Some(record.version()), party, options, &mut env).unwrap();
    let noted = from_fn(|request: http::Request<Body>, policy: Policy| {
        let asks_for_tokens = request.uri().path() == "/token";
        let note = |step: Progress| asks_for_tokens.then(|| step.note(progress));
        note(Progress::Sent);
        let response = http.call(request, policy);
        note(Progress::Answered);
        response
    });
    let noting = |action: StoreAction| {
        let response = store.carry_out(action);
        if matches!(response, StoreResponse::Saved) {
            Progress::Saved.note(progress);
        }
        response
    };
    say("ready");
    while wait() {
        let Access::Wait(epoch) = session.refresh(&mut env) else { panic!("the session has ended") };
        drive(&mut session, &noting, &noted, &mut env);
        match session.outcome(epoch, &env) {
            Outcome::Ready(token) => say(token.expose()),
            Outcome::Doubtful { error, .. } | Outcome::Failed(error) => say(error.code().as_str()),
            Outcome::Ended(end) => say(&end.to_string()),
            Outcome::Pending => say("pending"),
        }
    }
}

pub fn party(issuer: &str, env: &mut SystemEnv) -> RelyingParty {
    let issuer = Issuer::new(issuer, Schemes::DangerousHttpOnLoopback).unwrap();
    let http = BlockingDriver::new(ureq::Client::new().unwrap());
    let client = Client::new("app").with_redirect_uri(RedirectUri::new(REDIRECT_URI).unwrap());
    let options = ProviderOptions::new().with_schemes(Schemes::DangerousHttpOnLoopback);
    http.run(RelyingParty::discover_with(issuer, client, options).unwrap(), env).unwrap()
}

/// A user logs in, and the record goes into the store, in place of any other.
pub fn log_in(op: &Op, store: &dyn BlockingSessionStore) {
    let mut env = SystemEnv::new().unwrap();
    let party = party(&op.issuer, &mut env);
    let scope = Scope::new("openid offline_access").unwrap();
    let request =
        AuthorizationRequest::new(party.client().redirect_uris()[0].clone(), scope).with_login_hint("auto:alice");
    let (url, pending) = party.authorize(request, &mut env).unwrap();
    let callback = Callback::from_url(op.provider.visit(url.as_str(), env.now()).callback()).unwrap();
    let verified = party.check(&pending, &callback, env.now()).unwrap();
    let step = party.redeem(pending, verified, &mut env).unwrap();
    let granted = BlockingDriver::new(ureq::Client::new().unwrap()).run(step, &mut env).unwrap();
    let tokens = granted.verified().unwrap().tokens;
    let StoreResponse::Loaded { record, .. } = store.carry_out(StoreAction::Load) else { panic!("no response") };
    let expect = record.map(|record| record.version());
    let next = Record::of_login(tokens, expect, &mut env);
    assert_eq!(act(store, StoreAction::Save { expect, next }), "saved");
}

/// Many processes want a new token at the same moment: one of them asks the provider.
pub fn one_of_them_refreshes(store: &str, processes: usize) {
    let op = Op::with(|provider| {
        let client = RegisteredClient::public("app", REDIRECT_URI);
        provider.with_client(client).with_reuse(Reuse::AllowedUntilSuccessorIsUsed)
    });
    log_in(&op, &*open(store));
    let mut processes: Vec<_> = (0..processes).map(|_| Process::start("refresh", store, &op.issuer)).collect();
    processes.iter_mut().for_each(|process| assert_eq!(process.says(), "ready"));
    let mut last = String::new();
    for _ in 0..3 {
        let asked = op.provider.count(On::Token);
        processes.iter_mut().for_each(Process::go);
        let mut tokens: Vec<_> = processes.iter_mut().map(Process::says).collect();
        tokens.dedup();
        assert_eq!(tokens.len(), 1, "{tokens:?}");
        assert_eq!(op.provider.count(On::Token), asked + 1);
        assert_ne!(tokens[0], last);
        last.clone_from(&tokens[0]);
    }
    // One that was killed while it waited or worked is not missed.
    let asked = op.provider.count(On::Token);
    let mut killed = processes.pop().unwrap();
    processes.iter_mut().for_each(Process::go);
    killed.go();
    killed.kill();
    let tokens: Vec<_> = processes.iter_mut().map(Process::says).collect();
    assert!(tokens.iter().all(|token| op.provider.bearer(token, SystemEnv::new().unwrap().now()).is_some()));
    // It may have asked the provider and not lived to save the response.
    assert!((1..=2).contains(&(op.provider.count(On::Token) - asked)));
}

#[test]
fn ten_processes_and_a_file() {
    let folder = folder();
    one_of_them_refreshes(folder.path().join("session.json").to_str().unwrap(), 10);
}

#[test]
fn a_process_that_is_killed_frees_the_lock_of_a_file() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let mut holder = Process::start("lock", path.to_str().unwrap(), "");
    assert_eq!(holder.says(), "locked");
    let store = FileStore::with_patience(&path, crate::stores::tools::NOW);
    assert_eq!(act(&store, StoreAction::Lock), "failed");
    // Another process waits for it.
    let mut waiting = Process::start("lock", path.to_str().unwrap(), "");
    holder.kill();
    assert_eq!(waiting.says(), "locked");
    waiting.kill();
    assert_eq!(act(&store, StoreAction::Lock), "locked");
}

#[cfg(unix)]
#[test]
fn a_disk_without_room_keeps_the_record_that_is_there() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let store = FileStore::with_patience(&path, SOON);
    let record = record(&mut World::new(), 1);
    assert_eq!(act(&store, save(None, &record)), "saved");
    let mut process = Process::without_room("save", path.to_str().unwrap());
    assert_eq!(process.says(), "failed");
    let error = process.says();
    assert!(error.contains("store.io") && error.contains("large") && !error.contains(token(&record)), "{error}");
    drop(process);
    assert_eq!(act(&store, StoreAction::Load), format!("1 {}", token(&record)));
    assert_eq!(files(folder.path()), 2);
}

/// What was not prepared was not begun, though a part of the room was there.
#[cfg(unix)]
#[test]
fn a_disk_with_too_little_room_has_no_mark() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let record = record(&mut World::new(), 1);
    assert_eq!(act(&FileStore::with_patience(&path, SOON), save(None, &record)), "saved");
    let mut process = Process::without_room("prepare", path.to_str().unwrap());
    assert_eq!([process.says(), process.says()], ["locked", "failed"]);
    assert_eq!(process.says(), format!("1 {}", token(&record)));
    assert_eq!(files(folder.path()), 2);
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}
