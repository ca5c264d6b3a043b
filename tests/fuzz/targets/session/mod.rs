//! A session, a provider and a store whose every move is chosen by bytes, and a simple model beside it that knows what the
//! session must say.

mod answers;

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::sync::OnceLock;
use std::time::Duration;

use oidc_proto::session::{
    Access, End, Epoch, Event, Outcome, Persistence, Record, RefreshPolicy, Refusal, Session, SessionOptions,
    StoreAction, StoreTicket, Ticket, Transmit,
};
use oidc_proto::testing::TestEnv;
use oidc_proto::{
    AccessToken, Client, Env, ErrorCode, Issuer, MonotonicTime, Provider, ProviderOptions, RelyingParty, Schemes,
    TokenSet,
};

const ISSUER: &str = "https://op.example.org";
/// Seconds that an access token lives.
const LIFETIME: u64 = 300;

/// Without ID tokens, and so without keys: one story leaves nothing behind for the next.
pub fn party() -> &'static RelyingParty {
    static PARTY: OnceLock<RelyingParty> = OnceLock::new();
    PARTY.get_or_init(|| {
        let metadata = format!(
            r#"{{"issuer":"{ISSUER}","authorization_endpoint":"{ISSUER}/a","token_endpoint":"{ISSUER}/t",
                "revocation_endpoint":"{ISSUER}/r","response_types_supported":["code"],
                "code_challenge_methods_supported":["S256"]}}"#
        );
        let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap();
        let provider = Provider::from_json(metadata.as_bytes(), &issuer, ProviderOptions::new()).unwrap();
        RelyingParty::new(provider, Client::new("app"))
    })
}

/// The tokens of this number, obtained now.
pub fn tokens(number: u64, env: &TestEnv) -> TokenSet {
    let now = env.now().unix_millis();
    let expires_at = now + LIFETIME * 1000;
    TokenSet::from_json(&format!(
        r#"{{"version":1,"issuer":"{ISSUER}","client_id":"app","access_token":"at-{number}","token_type":"Bearer",
            "refresh_token":"rt-{number}","scope":"a","obtained_at":{now},"expires_at":{expires_at}}}"#
    ))
    .unwrap()
}

/// What must hold, by what went into the session and came out of it.
#[derive(Default)]
struct Model {
    /// Access tokens that were handed over for saving, or need not be.
    saved: BTreeSet<String>,
    /// Why it has ended.
    end: Option<End>,
    /// The store has shown that it can write, since the last request.
    is_prepared: bool,
    /// The provider said so since the last login.
    grant_is_gone: bool,
    client_is_rejected: bool,
    goes_back: bool,
    /// Tokens of a new login were given to the session, and may take the place of any record.
    logs_in: bool,
    /// There was no record, or one of another login.
    is_erased: bool,
    is_foreign: bool,
    /// Attempts that somebody waits for, and those that are over.
    waiting: BTreeSet<Epoch>,
    over: BTreeSet<Epoch>,
    /// A lock was handed in and has not come back.
    holds_lock: bool,
    /// When the last request went out whose response has not come, and the access token that there was.
    asked_at: Option<(u64, MonotonicTime, String)>,
    /// The access token that the provider may have ended: it was asked for new ones, and nothing usable came back.
    doubtful: Option<String>,
    /// Those of others, and the session's own that met them in the store: which are the newest, nobody knows until there is a
    /// good token again.
    overtaken: BTreeSet<String>,
    /// Those that others have saved.
    others: BTreeSet<String>,
    /// Requests that were not denied in time, each with the access token that there was, and when it was sent.
    open: BTreeMap<u64, (String, MonotonicTime)>,
    /// What the session had when it was told to refresh, by the attempt that is waited for.
    old: Vec<(Epoch, String)>,
}

struct World {
    env: TestEnv,
    session: Session,
    options: SessionOptions,
    record: Option<Record>,
    begun: bool,
    /// Each with the access token that there was when it was sent.
    calls: VecDeque<(Ticket, u64, String)>,
    asked: VecDeque<(StoreTicket, StoreAction)>,
    /// Tokens so far.
    issued: u64,
    old: Vec<AccessToken>,
    model: Model,
}

/// Runs a session by these bytes.
pub fn session(data: &[u8]) {
    let (&choice, moves) = data.split_first().unwrap_or((&0, &[]));
    let mut world = World::new(choice);
    // Longer stories only slow the fuzzer down.
    for &byte in moves.iter().take(512) {
        world.act(byte & 15, byte >> 4);
        world.check();
    }
    world.calm_down();
}

impl World {
    fn new(choice: u8) -> Self {
        let mut env = TestEnv::seeded(u64::from(choice));
        let options = SessionOptions::default()
            .with_refresh(if choice & 4 == 0 { RefreshPolicy::Ahead } else { RefreshPolicy::Manual })
            .with_persistence(
                [Persistence::Shared, Persistence::Own, Persistence::Nowhere, Persistence::Shared]
                    [usize::from(choice & 3)],
            );
        let first = tokens(0, &env);
        let model = Model { saved: BTreeSet::from([name(&first)]), ..Model::default() };
        let session = Session::new(first, None, party().clone(), options, &mut env).unwrap();
        let (calls, asked, old) = (VecDeque::new(), VecDeque::new(), Vec::new());
        Self { env, session, options, record: None, begun: false, calls, asked, issued: 0, old, model }
    }

    fn has_store(&self) -> bool {
        self.options.persistence() != Persistence::Nowhere
    }

    fn issue(&mut self) -> TokenSet {
        self.issued += 1;
        tokens(self.issued, &self.env)
    }

    fn act(&mut self, what: u8, how: u8) {
        match (what, how) {
            (0, _) => _ = self.ask(|session, env| session.access(env)),
            (1, _) => {
                let had = name(self.session.tokens());
                let epoch = self.ask(|session, env| session.refresh(env));
                self.model.old.extend(epoch.map(|epoch| (epoch, had)));
            }
            (2, _) => {
                let old = self.old.get(usize::from(how) % self.old.len().max(1)).cloned();
                let token = old.unwrap_or_else(|| self.session.tokens().access_token().clone());
                let refusal = match how {
                    0..=11 => Refusal::Token,
                    12 | 13 => Refusal::Locked,
                    _ => Refusal::StepUp { acr_values: vec!["a".to_owned()], max_age: None },
                };
                let _ = self.ask(|session, env| session.unauthorized(&token, refusal, env));
            }
            (3, _) => self.env.clock().advance(Duration::from_secs(1 << how)),
            (4, _) => self.env.clock().jump(Duration::from_secs(1 << how)),
            (5, _) => self.env.clock().jump_back(Duration::from_secs(1 << how)),
            (6, _) => self.session.handle_timeout(&mut self.env),
            (7, _) => self.wait(),
            (8 | 9, _) => self.poll(),
            (10 | 11, _) => self.response(how),
            (12 | 13, _) => self.keep(how),
            (14, 0) => {
                self.session.log_out(&mut self.env);
                self.model.end = Some(End::LoggedOut);
                self.model.asked_at = None;
            }
            (14, 1) => self.adopt(),
            (14, 2) => {
                self.model.logs_in = true;
                self.session.save(&self.env);
            }
            // Another process logs out.
            (14, 3) => {
                self.model.is_erased = true;
                self.record = None;
            }
            // Somebody logs in there: nobody knows who.
            (14, 4) => {
                let tokens = self.issue();
                let version = self.record.as_ref().map(Record::version);
                self.model.is_foreign = true;
                self.record = Some(Record::of_login(tokens, version, &mut self.env));
            }
            // Another process saves what it got.
            (14, _) => {
                let Some(mut record) = self.record.clone() else { return };
                record.generation += 1;
                record.tokens = self.issue();
                self.model.saved.insert(name(&record.tokens));
                self.model.others.insert(name(&record.tokens));
                self.record = Some(record);
            }
            _ => self.old.push(self.session.tokens().access_token().clone()),
        }
    }

    fn ask(&mut self, ask: impl for<'a> FnOnce(&'a mut Session, &'a mut TestEnv) -> Access<'a>) -> Option<Epoch> {
        // What the model knows of a doubt, it knows from the events.
        self.listen();
        match ask(&mut self.session, &mut self.env) {
            Access::Ready(token) => {
                assert!(self.model.saved.contains(token.expose()), "a token is used before it is handed over");
                assert_ne!(self.model.doubtful.as_deref(), Some(token.expose()), "a doubtful token is said to be good");
                self.model.overtaken.clear();
                assert_eq!(self.model.end, None);
            }
            Access::Doubtful { token, .. } => {
                let Model { open, overtaken, others, .. } = &self.model;
                let is_open = open.values().any(|(had, _)| had == token.expose());
                let is_overtaken = overtaken.contains(token.expose());
                // Of others, and the provider may have given the session newer ones: clocks are set back, so that the times do
                // not say it.
                let is_doubt = !open.is_empty() || !overtaken.is_empty();
                let is_others = others.contains(token.expose()) && is_doubt;
                assert!(is_open || is_others || is_overtaken, "a good token is said to be doubtful");
                assert_eq!(self.model.end, None);
            }
            Access::Wait(epoch) => {
                assert_eq!(self.model.end, None);
                assert!(!self.model.over.contains(&epoch), "waits for what is over");
                self.model.waiting.insert(epoch);
                return Some(epoch);
            }
            Access::Expired => assert_eq!(self.options.refresh(), RefreshPolicy::Manual),
            Access::Ended(end) => assert_eq!(self.model.end, Some(end)),
        }
        None
    }

    fn wait(&mut self) {
        if let Some(due) = self.session.poll_timeout() {
            self.env.clock().advance(due.saturating_since(self.env.monotonic()));
            self.session.handle_timeout(&mut self.env);
        }
    }

    fn adopt(&mut self) {
        let tokens = self.issue();
        let name = name(&tokens);
        if self.session.adopt(tokens, &mut self.env).is_err() {
            return assert!(self.is_final());
        }
        assert!(!self.is_final(), "a session that was logged out lives again");
        self.model.logs_in = true;
        let Model { end, grant_is_gone, client_is_rejected, asked_at, .. } = &mut self.model;
        (*end, *grant_is_gone, *client_is_rejected, *asked_at) = (None, false, false, None);
        if !self.has_store() {
            self.model.saved.insert(name);
        }
    }

    fn is_final(&self) -> bool {
        matches!(self.model.end, Some(End::LoggedOut | End::LoggedOutElsewhere | End::Replaced(_)))
    }

    /// The lock is held, and was not told to be given back.
    fn keeps_lock(&self) -> bool {
        self.model.holds_lock && !self.asked.iter().any(|(_, action)| matches!(action, StoreAction::Unlock))
    }

    /// Takes what the session wants done.
    fn poll(&mut self) {
        // Before anything else is sent.
        self.listen();
        while let Some((ticket, action)) = self.session.poll_store(&mut self.env) {
            assert!(self.has_store(), "a store is asked where there is none");
            match &action {
                StoreAction::Save { expect, next } => {
                    let replaces = expect.is_some_and(|expect| expect.login != next.login);
                    assert!(!replaces || self.model.logs_in, "another login is overwritten");
                    self.model.saved.insert(name(&next.tokens));
                }
                StoreAction::Erase { .. } => assert_eq!(self.model.end, Some(End::LoggedOut)),
                StoreAction::Load => {
                    // After it the token before may be tried.
                    self.model.goes_back |= self.model.grant_is_gone;
                    let needs_none = self.options.persistence() == Persistence::Own && self.is_final();
                    assert!(self.keeps_lock() || needs_none, "loads without the lock");
                }
                StoreAction::Lock | StoreAction::Unlock | StoreAction::Prepare { .. } | StoreAction::Discard => {}
            }
            self.asked.push_back((ticket, action));
        }
        while let Some(transmit) = self.session.poll_transmit(&mut self.env) {
            let Transmit::Call { ticket, request, .. } = transmit else { panic!("no key lives elsewhere") };
            // After a logout, where a refresh was begun and has no end.
            let is_last = self.model.end == Some(End::LoggedOut);
            assert!(self.model.end.is_none() || is_last);
            assert_eq!(request.uri().path(), "/t");
            assert!(self.options.persistence() != Persistence::Shared || self.keeps_lock(), "asks without the lock");
            let is_prepared = std::mem::take(&mut self.model.is_prepared);
            assert!(is_prepared || is_last || !self.has_store() || self.model.goes_back, "spends what may not be kept");
            self.model.goes_back = false;
            let now = self.env.monotonic();
            self.issued += 1;
            let had = name(self.session.tokens());
            if let Some((_, before, _)) = self.model.asked_at.replace((self.issued, now, had.clone())) {
                assert!(now.saturating_since(before) >= self.options.deadline(), "two refreshes are in flight");
            }
            self.model.open.insert(self.issued, (had.clone(), now));
            self.calls.push_back((ticket, self.issued, had));
        }
    }

    /// What has happened so far.
    fn listen(&mut self) {
        let mut kinds = HashSet::new();
        while let Some(event) = self.session.poll_event() {
            assert!(kinds.insert(std::mem::discriminant(&event)), "twice: {event:?}");
            match event {
                Event::Ended => assert_eq!(self.model.end, Some(End::LoggedOut)),
                Event::Unverified(_) => panic!("no ID token came that could be refused"),
                // Its time was up, and nothing has come.
                Event::BackingOff { error, .. } if error.failure().is_some() => {
                    let now = name(self.session.tokens());
                    let asked = self.model.asked_at.as_ref().filter(|(_, _, had)| *had == now);
                    self.model.doubtful = asked.map(|_| now).or(self.model.doubtful.take());
                }
                _ => {}
            }
        }
    }

    /// What must hold after each move.
    fn check(&mut self) {
        match (&self.model.end, self.session.end()) {
            (before, now) if *before == now => {}
            (None, Some(End::NeedsLogin(_))) if self.model.grant_is_gone => {
                self.model.doubtful = Some(name(self.session.tokens()));
            }
            (None, Some(End::ClientRejected(_))) if self.model.client_is_rejected => {}
            (None, Some(End::LoggedOutElsewhere)) if self.model.is_erased => {}
            (None, Some(End::Replaced(error))) if self.model.is_foreign => {
                assert_eq!(error.code(), ErrorCode::SESSION_MISMATCH);
            }
            (before, now) => panic!("{now:?} after {before:?}"),
        }
        self.model.end = self.session.end();
        let is_doubtful = self.model.doubtful.as_ref() == Some(&name(self.session.tokens()));
        for (epoch, had) in &self.model.old {
            if let Outcome::Ready(token) = self.session.outcome(*epoch, &self.env) {
                assert_ne!(token.expose(), had, "a refresh yields what there was before");
            }
        }
        if let Some(token) = self.session.current(&self.env) {
            assert!(!is_doubtful, "a doubtful token is said to be good");
            assert!(self.model.saved.contains(token.expose()), "{} is used before it is handed over", token.expose());
            assert_eq!(self.model.end, None);
        }
        for epoch in &self.model.over {
            assert!(!matches!(self.session.outcome(*epoch, &self.env), Outcome::Pending), "it is over and goes on");
        }
        let waiting = std::mem::take(&mut self.model.waiting);
        let (waiting, over): (BTreeSet<_>, BTreeSet<_>) =
            waiting.into_iter().partition(|epoch| matches!(self.session.outcome(*epoch, &self.env), Outcome::Pending));
        assert!(waiting.is_empty() || self.session.poll_timeout().is_some(), "somebody waits and nothing is due");
        (self.model.waiting, self.model.over) = (waiting, &self.model.over | &over);
    }

    /// Everything works again: the session does, too.
    fn calm_down(&mut self) {
        for _ in 0..64 {
            self.poll();
            while !self.asked.is_empty() {
                self.keep(0);
                self.poll();
            }
            while !self.calls.is_empty() {
                self.response(0);
            }
            self.check();
            if self.session.is_idle()
                && self.model.waiting.is_empty()
                && self.session.poll_store(&mut self.env).is_none()
            {
                break;
            }
            self.wait();
        }
        assert!(self.model.waiting.is_empty(), "somebody waits for ever");
        assert!(self.session.is_idle() && !self.model.holds_lock, "it does not come to rest");
        if let (Persistence::Shared | Persistence::Own, None, Some(record)) =
            (self.options.persistence(), &self.model.end, &self.record)
            && Some(record.version()) == self.session.stored()
        {
            assert_eq!(name(&record.tokens), name(self.session.tokens()), "what is used is not what is kept");
        }
    }
}

fn name(tokens: &TokenSet) -> String {
    tokens.access_token().expose().to_owned()
}
