//! One run: what happens when, and what must hold in the end.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use http::{Request, Response};
use oidc_proto::adapter::BlockingDriver;
use oidc_proto::session::{StoreAction, StoreResponse, StoreTicket, Ticket};
use oidc_proto::testing::{self, Clock, RegisteredClient, Reuse, RevokingSpent, Rotation, TestEnv, User};
use oidc_proto::{
    AuthorizationRequest, Body, Callback, Client, Failure, Issuer, RedirectUri, RelyingParty, Schemes, Scope, TokenSet,
};

use crate::simulation::process::Process;
use crate::simulation::store::Store;

const ISSUER: &str = "https://op.example.org";
const REDIRECT_URI: &str = "https://app.example.org/cb";
const PROCESSES: usize = 3;
/// How many sessions there are at most; how many there are is drawn.
const SESSIONS: u64 = 4;
/// Trouble lasts for an hour, of access tokens that live five minutes; then there is peace.
const TROUBLE: u64 = 3_600_000;
const PEACE: u64 = 1_800_000;

pub(crate) type Exchanged = Result<Response<Vec<u8>>, Failure>;

/// A session in one of the lives of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) process: usize,
    /// What was meant for an earlier life does not arrive.
    pub(crate) life: u64,
    pub(crate) session: usize,
}

/// What is on its way.
pub(crate) enum Post {
    Request {
        seat: Seat,
        ticket: Ticket,
        request: Request<Body>,
    },
    Response {
        seat: Seat,
        ticket: Ticket,
        response: Exchanged,
    },
    Ask {
        seat: Seat,
        ticket: StoreTicket,
        action: StoreAction,
    },
    /// Another look at a lock that somebody else holds.
    Look {
        seat: Seat,
        ticket: StoreTicket,
        until: u64,
    },
    Said {
        seat: Seat,
        ticket: StoreTicket,
        response: StoreResponse,
    },
    Wake {
        seat: Seat,
    },
    Call {
        process: usize,
        session: usize,
    },
    Restart {
        process: usize,
    },
    /// A process that has no session looks whether there is one, or its user logs in.
    Open {
        process: usize,
        session: usize,
        logs_in: bool,
    },
}

/// What came of a run.
pub(crate) struct Told {
    pub(crate) sessions: u64,
    pub(crate) refreshes: u64,
    /// Sessions at a strict provider, and what ended those that did not last.
    pub(crate) strict: u64,
    pub(crate) ended: Vec<&'static str>,
    /// Grants that nobody can end, and why.
    pub(crate) alive: Vec<&'static str>,
    pub(crate) truth: Truth,
}

/// What callers were told of tokens, and of refreshes.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    /// Doubtful tokens that the provider still took, and that it did not.
    pub(crate) doubtful: [u64; 2],
    /// Tokens that ended at a rotation and were handed out as good: by a process that could not know.
    pub(crate) unknown: u64,
    /// Refreshes that were asked for: those that brought new tokens, and those that did not.
    pub(crate) refreshed: [u64; 2],
}

impl Truth {
    pub(crate) fn add(&mut self, other: &Self) {
        let Self { doubtful, unknown, refreshed } = other;
        self.unknown += unknown;
        for (own, others) in self.doubtful.iter_mut().chain(&mut self.refreshed).zip(doubtful.iter().chain(refreshed)) {
            *own += others;
        }
    }
}

/// Tokens that the provider has issued, for a session that had better get them.
pub(crate) struct Issued {
    pub(crate) seat: Seat,
    pub(crate) refresh_token: String,
    pub(crate) is_delivered: bool,
    /// The next request was on its way before that.
    pub(crate) is_late: bool,
}

/// What one login was given.
pub(crate) struct Grant {
    pub(crate) session: usize,
    pub(crate) user: String,
    pub(crate) issued: Option<Issued>,
    /// Who logged in, until the tokens are in the store.
    pub(crate) unsaved: Option<Seat>,
    /// Why the provider has ended it.
    pub(crate) ended: Option<&'static str>,
    /// The access token that it got last.
    pub(crate) newest: String,
}

pub(crate) struct Universe {
    seed: u64,
    tells: bool,
    dice: u64,
    pub(crate) op: testing::Provider,
    pub(crate) env: TestEnv,
    pub(crate) party: RelyingParty,
    pub(crate) processes: Vec<Process>,
    /// One for each session, and so are these.
    pub(crate) stores: Vec<Store>,
    pub(crate) refreshes: Vec<u64>,
    /// Of all logins, also of those that were replaced.
    pub(crate) grants: Vec<Grant>,
    /// The grant of each token that the provider has issued.
    pub(crate) owners: HashMap<String, usize>,
    /// Who asked for the successor of each access token.
    pub(crate) ended_by: HashMap<String, Seat>,
    /// Why a grant may live on that nobody uses any more.
    pub(crate) unrevoked: HashMap<usize, &'static str>,
    pub(crate) truth: Truth,
    /// By time, and by the order in which they were posted.
    queue: BTreeMap<(u64, u64), Post>,
    posted: u64,
    pub(crate) now: u64,
}

impl Universe {
    pub(crate) fn new(seed: u64, tells: bool) -> Self {
        let mut env = TestEnv::with_clock(seed, Clock::new());
        let users = (0..SESSIONS as usize).flat_map(|session| [0, 1].map(|turn| User::new(&user(session, turn))));
        let op = users
            .fold(testing::Provider::new(ISSUER), testing::Provider::with_user)
            .with_reuse(if is_strict(seed) { Reuse::EndsGrant } else { Reuse::AllowedUntilSuccessorIsUsed })
            .with_rotation(rotation(seed))
            .with_revoking_spent(if seed / 16 % 2 == 1 { RevokingSpent::DoesNothing } else { RevokingSpent::EndsGrant })
            .with_client(RegisteredClient::public("app", REDIRECT_URI));
        let http = BlockingDriver::new(op.http(env.clock()));
        let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap();
        let client = Client::new("app").with_redirect_uri(RedirectUri::new(REDIRECT_URI).unwrap());
        let party = http.run(RelyingParty::discover(issuer, client).unwrap(), &mut env).unwrap();
        let mut universe = Self {
            seed,
            tells,
            dice: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            op,
            env,
            party,
            processes: Vec::new(),
            stores: Vec::new(),
            refreshes: Vec::new(),
            grants: Vec::new(),
            owners: HashMap::new(),
            ended_by: HashMap::new(),
            unrevoked: HashMap::new(),
            truth: Truth::default(),
            queue: BTreeMap::new(),
            posted: 0,
            now: 0,
        };
        for session in 0..=universe.roll(SESSIONS) as usize {
            let tokens = universe.login(session, &user(session, 0));
            let store = Store::new(tokens, user(session, 0), &mut universe.env);
            universe.stores.push(store);
            universe.refreshes.push(0);
        }
        let sessions = universe.stores.len();
        universe.processes = (0..PROCESSES).map(|_| Process::new(sessions)).collect();
        universe
    }

    pub(crate) fn login(&mut self, session: usize, user: &str) -> TokenSet {
        let http = BlockingDriver::new(self.op.http(self.env.clock()));
        // Without `openid`: no ID tokens, so that a run costs no signatures.
        let redirect_uri = self.party.client().redirect_uris()[0].clone();
        let request = AuthorizationRequest::new(redirect_uri, Scope::new("offline_access").unwrap())
            .with_login_hint(format!("auto:{user}"));
        let (url, pending) = self.party.authorize(request, &mut self.env).unwrap();
        let now = oidc_proto::Env::now(&self.env);
        let visit = self.op.visit(url.as_str(), now);
        let callback = Callback::from_url(visit.callback()).unwrap();
        let verified = self.party.check(&pending, &callback, now).unwrap();
        let step = self.party.redeem(pending, verified, &mut self.env).unwrap();
        let tokens = http.run(step, &mut self.env).unwrap().verified().unwrap().tokens;
        let access_token = tokens.access_token().expose().to_owned();
        let newest = access_token.clone();
        self.grants.push(Grant { session, user: user.to_owned(), issued: None, unsaved: None, ended: None, newest });
        let grant = self.grants.len() - 1;
        self.own(grant, &access_token);
        self.own(grant, tokens.refresh_token().unwrap().expose());
        self.tell(|| format!("{user} logs in: grant {grant}"));
        named(&tokens, user)
    }

    /// Runs to the end.
    pub(crate) fn run(mut self) -> Told {
        let sessions = self.stores.len();
        for process in 0..PROCESSES {
            self.post(0, Post::Restart { process });
            for session in 0..sessions {
                let later = self.roll(60_000);
                self.post(later, Post::Call { process, session });
            }
        }
        while let Some(((at, _), post)) = self.queue.pop_first() {
            if at > TROUBLE + PEACE {
                break;
            }
            self.env.clock().advance(Duration::from_millis(at.saturating_sub(self.now)));
            self.now = at.max(self.now);
            self.carry_out(post);
        }
        // In peace everyone gets a token that the provider takes.
        for (process, own) in self.processes.iter().enumerate() {
            for (session, desk) in own.desks.iter().enumerate() {
                let last = desk.served_at;
                if last + 900_000 < TROUBLE + PEACE && !self.has_ended(session) {
                    self.broken(&format!("session {session} of process {process} got its last good token at {last}"));
                }
            }
        }
        for (session, refreshes) in self.refreshes.iter().enumerate() {
            if *refreshes < 8 && !self.has_ended(session) {
                self.broken(&format!("session {session} had {refreshes} refreshes in an hour and a half"));
            }
        }
        Told {
            sessions: sessions as u64,
            refreshes: self.refreshes.iter().sum(),
            strict: if is_strict(self.seed) { sessions as u64 } else { 0 },
            ended: self.grants.iter().filter_map(|grant| grant.ended).collect(),
            alive: self.alive(),
            truth: self.truth,
        }
    }

    /// Whether users log in anew, take turns and log out: in one world of two.
    pub(crate) fn changes(&self) -> bool {
        self.seed / 8 % 2 == 1
    }

    pub(crate) fn is_strict(&self) -> bool {
        is_strict(self.seed)
    }

    /// Whether the login that is in the store was ended by the provider.
    fn has_ended(&self, session: usize) -> bool {
        let record = self.stores[session].record.as_ref();
        record.is_some_and(|record| self.grant_of(record.tokens.access_token().expose()).ended.is_some())
    }

    /// No login that was replaced or logged out lives on, unless nobody could know its newest tokens or revoke them.
    fn alive(&self) -> Vec<&'static str> {
        let is_kept = |grant: usize| {
            let records = self.stores.iter().filter_map(|store| store.record.as_ref());
            records.map(|record| self.owners[record.tokens.access_token().expose()]).any(|kept| kept == grant)
        };
        let mut alive = Vec::new();
        for (number, grant) in self.grants.iter().enumerate() {
            if is_kept(number) || !self.op.has_grant_of(&grant.newest) {
                continue;
            }
            let is_lost = grant.issued.as_ref().is_some_and(|issued| !issued.is_delivered || issued.is_late);
            let is_gone =
                grant.issued.as_ref().is_some_and(|issued| self.processes[issued.seat.process].life > issued.seat.life);
            alive.push(match self.unrevoked.get(&number) {
                Some(why) => *why,
                None if is_lost => "the response was lost or late",
                None if is_gone => "the process was killed",
                None if grant.unsaved.is_some_and(|seat| self.processes[seat.process].life > seat.life) => {
                    "the process was killed before the login was saved"
                }
                None => {
                    self.broken(&format!("grant {number} of session {} lives, and nobody can end it", grant.session))
                }
            });
        }
        alive
    }

    pub(crate) fn grant_of(&self, token: &str) -> &Grant {
        &self.grants[self.owners[token]]
    }

    pub(crate) fn broken(&self, what: &str) -> ! {
        panic!("SIMULATION_SEED={}: after {} ms: {what}", self.seed, self.now)
    }

    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        if self.tells {
            println!("{:>9} ms  {}", self.now, what());
        }
    }

    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice >> 11) % sides
    }

    /// Whether something goes wrong that does so once in `times`; never in peace.
    pub(crate) fn trouble(&mut self, times: u64) -> bool {
        self.now < TROUBLE && self.roll(times) == 0
    }

    /// The same for what concerns one session only. Of several, one is spared: it has the processes in common with the
    /// others, whose trouble must not reach it.
    pub(crate) fn trouble_for(&mut self, session: usize, times: u64) -> bool {
        self.trouble(times) && !self.is_spared(session)
    }

    pub(crate) fn is_spared(&self, session: usize) -> bool {
        session > 0 && session + 1 == self.stores.len()
    }

    pub(crate) fn post(&mut self, after: u64, post: Post) {
        self.posted += 1;
        self.queue.insert((self.now + after, self.posted), post);
    }

    /// Notes a token that the provider has issued.
    pub(crate) fn own(&mut self, grant: usize, token: &str) {
        if let Some(other) = self.owners.insert(token.to_owned(), grant) {
            self.broken(&format!("a token of grant {other} is issued once more, to grant {grant}"));
        }
    }

    /// Nothing of a session's reaches another, and nothing of a user's another user.
    pub(crate) fn must_own(&self, seat: Seat, token: &str, where_it_is: &str) {
        let Seat { process, session, .. } = seat;
        let user = &self.processes[process].desks[session].user;
        match self.owners.get(token).map(|grant| &self.grants[*grant]) {
            Some(grant) if grant.session == session && grant.user == *user => {}
            Some(grant) => {
                let (other, their) = (grant.session, &grant.user);
                self.broken(&format!("{where_it_is} of session {session} of {user} is one of {other} of {their}"));
            }
            None => self.broken(&format!("{where_it_is} of session {session} is nobody's")),
        }
    }

    fn carry_out(&mut self, post: Post) {
        // A suspended process hears of nothing until it goes on.
        if let Post::Response { seat: Seat { process, .. }, .. }
        | Post::Said { seat: Seat { process, .. }, .. }
        | Post::Look { seat: Seat { process, .. }, .. }
        | Post::Wake { seat: Seat { process, .. } }
        | Post::Open { process, .. }
        | Post::Call { process, .. } = &post
        {
            let until = self.processes[*process].suspended_until;
            if until > self.now {
                return self.post(until - self.now, post);
            }
        }
        match post {
            Post::Restart { process } => self.restart(process),
            Post::Call { process, session } => self.call(process, session),
            Post::Open { process, session, logs_in } => self.open(process, session, logs_in),
            Post::Wake { seat } => self.wake(seat),
            Post::Request { seat, ticket, request } => self.serve(seat, ticket, request),
            Post::Response { seat, ticket, response } => self.answered(seat, ticket, response),
            Post::Ask { seat, ticket, action } => self.keep(seat, ticket, action),
            Post::Look { seat, ticket, until } if !self.is_gone(seat) => self.lock(seat, ticket, until),
            Post::Look { .. } => {}
            Post::Said { seat, ticket, response } => self.said(seat, ticket, response),
        }
    }
}

/// Whether the provider takes a refresh token that comes a second time for a theft: one world in four has such a one.
pub(crate) fn is_strict(seed: u64) -> bool {
    seed % 4 == 3
}

/// Whether a refresh ends the access token before: one world in two has such a provider.
fn rotation(seed: u64) -> Rotation {
    if seed / 4 % 2 == 1 { Rotation::EndsAccessTokens } else { Rotation::KeepsAccessTokens }
}

/// The login names of a session's users, who take turns.
pub(crate) fn user(session: usize, turn: u64) -> String {
    format!("user-{session}-{turn}")
}

/// With the user's name in an ID token that nobody has signed: so a run costs no signatures, and a session knows whose the
/// tokens are.
fn named(tokens: &TokenSet, user: &str) -> TokenSet {
    let mut stored = serde_json::to_value(tokens).unwrap();
    stored["id_token"] = serde_json::json!({
        "compact": "e30.e30.AA", "issuer": ISSUER, "subject": user, "audience": ["app"],
        "expires_at": stored["obtained_at"], "issued_at": stored["obtained_at"],
    });
    serde_json::from_value(stored).unwrap()
}
