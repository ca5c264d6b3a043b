//! One run: what happens when, and what must hold in the end.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use http::{Request, Response};
use oidc_proto::session::{StoreAction, StoreResponse, StoreTicket, Ticket};
use oidc_proto::testing::{self, Clock, TestEnv};
use oidc_proto::{Body, Failure, RelyingParty};

use crate::simulation::process::Process;
use crate::simulation::provider::{Habit, LockedUsers, is_harsh, machines, provider, user};
use crate::simulation::store::Store;

const PROCESSES: usize = 3;
/// How many sessions there are at most; how many there are is drawn.
pub(crate) const SESSIONS: u64 = 4;
/// Trouble lasts for an hour, of access tokens that live five minutes; then there is peace.
pub(crate) const TROUBLE: u64 = 3_600_000;
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

/// Whose request it is: of the session that began then, which may have made room for another by now.
pub(crate) struct Call {
    pub(crate) since: u64,
    pub(crate) ticket: Ticket,
}

/// What is on its way.
pub(crate) enum Post {
    Request {
        seat: Seat,
        call: Call,
        request: Request<Body>,
    },
    Response {
        seat: Seat,
        call: Call,
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
    /// Somebody says that the record has changed.
    Hint {
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
    pub(crate) steps: u64,
    /// Sessions at a strict provider, and what ended those that did not last.
    pub(crate) strict: u64,
    pub(crate) ended: Vec<&'static str>,
    /// Grants that nobody can end, and why.
    pub(crate) alive: Vec<&'static str>,
    pub(crate) truth: Truth,
    /// How often each of the mishaps of harsh worlds has happened.
    pub(crate) mishaps: BTreeMap<&'static str, u64>,
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
    /// They are in a draft as a whole: that the process was killed is no excuse.
    pub(crate) is_drafted: bool,
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
    /// The access token and the refresh token that it got last.
    pub(crate) newest: String,
    pub(crate) refresh_token: String,
    /// The store has lost a record of it, and has not got the newest tokens since: those who had seen it, in which lives.
    pub(crate) lost: Option<Vec<Seat>>,
    /// Who has erased its record, or whose login has taken its place in the store. It has to be revoked.
    pub(crate) replaced_by: Option<Seat>,
    /// Who had put another login in its place, of which its saver had not heard: he has saved it once more since. `None` once
    /// the other one has found it there.
    pub(crate) came_back_over: Option<Seat>,
    /// Two processes asked for new tokens at once, without the lock, and the newest ones have not been saved since.
    pub(crate) is_raced: bool,
}

impl Grant {
    pub(crate) fn new(session: usize, user: &str, access_token: &str, refresh_token: &str) -> Self {
        let (newest, refresh_token) = (access_token.to_owned(), refresh_token.to_owned());
        let user = user.to_owned();
        let (issued, unsaved, ended, lost, is_raced) = (None, None, None, None, false);
        let (replaced_by, came_back_over) = (None, None);
        Self {
            session,
            user,
            issued,
            unsaved,
            ended,
            newest,
            refresh_token,
            lost,
            replaced_by,
            came_back_over,
            is_raced,
        }
    }
}

pub(crate) struct Universe {
    pub(crate) seed: u64,
    tells: bool,
    dice: u64,
    /// Those of mishaps that old seeds do not have.
    more_dice: u64,
    pub(crate) op: testing::Provider,
    /// The provider's clock, which is right.
    pub(crate) env: TestEnv,
    pub(crate) machines: [Clock; 2],
    pub(crate) party: RelyingParty,
    pub(crate) logins: RelyingParty,
    pub(crate) processes: Vec<Process>,
    /// One for each session, and so are these.
    pub(crate) stores: Vec<Store>,
    pub(crate) refreshes: Vec<u64>,
    /// Of all logins, also of those that were replaced.
    pub(crate) grants: Vec<Grant>,
    /// The grant of each token that the provider has issued.
    pub(crate) owners: HashMap<String, usize>,
    /// How many tokens had been issued before each of them, and when it was.
    pub(crate) issues: HashMap<String, (usize, u64)>,
    /// No clock has been set so far.
    pub(crate) clocks_are_right: bool,
    /// Who asked for the successor of each access token, and when the provider issued it.
    pub(crate) ended_by: HashMap<String, (Seat, u64)>,
    /// When each refresh token was used first.
    pub(crate) spent_at: HashMap<String, u64>,
    /// Why a grant may live on that nobody uses any more.
    pub(crate) unrevoked: HashMap<usize, &'static str>,
    pub(crate) truth: Truth,
    pub(crate) locked: LockedUsers,
    pub(crate) mishaps: BTreeMap<&'static str, u64>,
    /// What was carried out.
    steps: u64,
    /// By time, and by the order in which they were posted. In boxes: a tree moves what it holds.
    queue: BTreeMap<(u64, u64), Box<Post>>,
    posted: u64,
    pub(crate) now: u64,
}

impl Universe {
    pub(crate) fn new(seed: u64, tells: bool) -> Self {
        let mut env = TestEnv::with_clock(seed, Clock::new());
        let (op, [party, logins]) = provider(seed, &mut env);
        let mut universe = Self {
            seed,
            tells,
            dice: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            more_dice: seed.wrapping_mul(0xd6e8_feb8_6659_fd93) | 1,
            op,
            env,
            machines: machines(),
            party,
            logins,
            processes: Vec::new(),
            stores: Vec::new(),
            refreshes: Vec::new(),
            grants: Vec::new(),
            owners: HashMap::new(),
            issues: HashMap::new(),
            clocks_are_right: true,
            ended_by: HashMap::new(),
            spent_at: HashMap::new(),
            unrevoked: HashMap::new(),
            truth: Truth::default(),
            locked: LockedUsers::default(),
            mishaps: BTreeMap::new(),
            steps: 0,
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
        let machines = &universe.machines;
        universe.processes = (0..PROCESSES).map(|own| Process::new(sessions, own, seed, &machines[own / 2])).collect();
        universe
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
            let passes = Duration::from_millis(at.saturating_sub(self.now));
            [self.env.clock(), &self.machines[0], &self.machines[1]]
                .into_iter()
                .for_each(|clock| clock.advance(passes));
            self.now = at.max(self.now);
            self.steps += 1;
            self.carry_out(*post);
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
            steps: self.steps,
            strict: if self.habit().is_strict() { sessions as u64 } else { 0 },
            ended: self.grants.iter().filter_map(|grant| grant.ended).collect(),
            alive: self.alive(),
            truth: self.truth,
            mishaps: self.mishaps,
        }
    }

    /// Whether users log in anew, take turns and log out: in one world of two.
    pub(crate) fn changes(&self) -> bool {
        self.seed / 8 % 2 == 1
    }

    pub(crate) fn habit(&self) -> Habit {
        Habit::of(self.seed)
    }

    pub(crate) fn is_harsh(&self) -> bool {
        is_harsh(self.seed)
    }

    /// Whether the login that is in the store was ended by the provider.
    fn has_ended(&self, session: usize) -> bool {
        let record = self.stores[session].record.as_ref();
        record.is_some_and(|record| self.grant_of(record.tokens.access_token().expose()).ended.is_some())
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
        throw(&mut self.dice) % sides
    }

    /// The same for what happens in harsh worlds only.
    pub(crate) fn roll_more(&mut self, sides: u64) -> u64 {
        throw(&mut self.more_dice) % sides
    }

    /// Whether a mishap of harsh worlds happens, once in `times`; never in peace, nor to a session that is spared.
    pub(crate) fn mishap(&mut self, session: usize, times: u64, name: &'static str) -> bool {
        let happens = self.is_harsh() && self.now < TROUBLE && self.roll_more(times) == 0 && !self.is_spared(session);
        if happens {
            *self.mishaps.entry(name).or_default() += 1;
            self.tell(|| format!("session {session}: {name}"));
        }
        happens
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
        self.queue.insert((self.now + after, self.posted), Box::new(post));
    }

    /// Notes a token that the provider has issued.
    pub(crate) fn own(&mut self, grant: usize, token: &str) {
        self.issues.insert(token.to_owned(), (self.owners.len(), self.now));
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
        | Post::Hint { process, .. }
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
            Post::Hint { process, session } => self.hint(process, session),
            Post::Open { process, session, logs_in } => self.open(process, session, logs_in),
            Post::Wake { seat } => self.wake(seat),
            Post::Request { seat, call, request } => self.serve(seat, call, request),
            Post::Response { seat, call, response } => self.answered(seat, call, response),
            Post::Ask { seat, ticket, action } => self.keep(seat, ticket, action),
            Post::Look { seat, ticket, until } if !self.is_gone(seat) => self.lock(seat, ticket, until),
            Post::Look { .. } => {}
            Post::Said { seat, ticket, response } => self.said(seat, ticket, response),
        }
    }
}

fn throw(dice: &mut u64) -> u64 {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    *dice >> 11
}
