//! The functions for the driver of a session: it polls the actions to carry out, and passes their results in.

use http::Response;

use super::Session;
use super::exchange::Exchange;
use super::flight::{ExpectResponse, Flight};
use super::state::{Attempt, Stage, State};
use crate::base::env::{Env, MonotonicTime};
use crate::base::url::Issuer;
use crate::error::transport::Failure;
use crate::error::{Error, ErrorCode};
use crate::flow::TokenRequest;
use crate::session::access::{Activity, Ticket, Transmit};
use crate::session::event::Event;
use crate::session::question::{Question, Told};
use crate::session::store::{StoreAction, StoreResponse, StoreTicket};
use crate::session::timer::Timer;
use crate::step::{Awaiting, KeyOutput, Step};

/// The next step of the flow.
type Progress = Result<Step<TokenRequest>, Error>;

impl Session {
    /// The next request or key operation to carry out now. Call it until it returns `None`.
    pub fn poll_transmit(&mut self, env: &mut dyn Env) -> Option<Transmit> {
        self.wake_if_rung(env);
        let (_, until) = self.state.flight().filter(|(flight, _)| flight.is_to_transmit())?;
        if env.monotonic() >= until {
            // Nobody has looked for so long that a lock may be lost and a proof too old.
            self.time_is_up(env);
            return None;
        }
        // Before anything changes: the caller's environment may panic.
        let deadline = self.core.deadline(env);
        let (flight, until) = self.state.flight_mut()?;
        if flight.is_to_ask() {
            flight.is_sent(env);
            self.core.late.set_aside();
        }
        // The time for the response counts from here.
        *until = deadline;
        flight.transmit(self.core.attempts.ticket())
    }

    /// The next action for the store, and the ticket for its response. Call it until it returns `None`.
    pub fn poll_store(&mut self, env: &mut dyn Env) -> Option<(StoreTicket, StoreAction)> {
        let is_due = [Question::Load, Question::Prepare].iter().any(|question| self.core.store.is_due(*question));
        if is_due && self.is_due(Timer::Response, env.monotonic()) {
            // Nobody has looked for so long that the lock may be lost.
            self.time_is_up(env);
        }
        let core = &mut self.core;
        if let Some(unlock) = core.store.poll_unlock() {
            return Some(unlock);
        }
        if let Some(renewal) = core.store.poll_lease() {
            return Some(renewal);
        }
        if let Some(asked) = core.store.poll_question(core.current.tokens(), self.state.to_save()) {
            // From here on the response has its time.
            self.state.lasts_until(core.deadline(env));
            return Some(asked);
        }
        if self.state.has_new_login() {
            // The new login takes the place of the unsaved tokens. If these were saved too, that
            // save could reach the store after an erasure, and its record would stay.
            return None;
        }
        core.store.poll_unsaved(core.current.tokens()).or_else(|| self.poll_reload())
    }

    /// The next event. Call it until it returns `None`.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.events.pop()
    }

    /// When to call [`Session::handle_timeout`]; `None` if no timer runs.
    pub fn poll_timeout(&self) -> Option<MonotonicTime> {
        Timer::ALL.into_iter().filter_map(|timer| self.deadline_of(timer)).min()
    }

    /// The table of deadlines: `None` for a timer that does not run.
    fn deadline_of(&self, timer: Timer) -> Option<MonotonicTime> {
        match timer {
            Timer::SaveAgain => self.core.store.deadline(),
            Timer::Refresh | Timer::Retry | Timer::Response | Timer::Wake => {
                let own = match self.core.orphans.has_set_aside() {
                    true => self.state.timer_of_next_attempt(),
                    false => self.state.timer(),
                };
                own.filter(|(own, _)| *own == timer).map(|(_, deadline)| deadline)
            }
        }
    }

    fn is_due(&self, timer: Timer, now: MonotonicTime) -> bool {
        self.deadline_of(timer).is_some_and(|deadline| deadline <= now)
    }

    /// Carries out what is due now. A call that is too early has no effect.
    pub fn handle_timeout(&mut self, env: &mut dyn Env) {
        let now = env.monotonic();
        self.wake_if_rung(env);
        // What begins now is not due at once, even if its deadline is short.
        let due = Timer::ALL.map(|timer| self.is_due(timer, now));
        for (timer, _) in Timer::ALL.into_iter().zip(due).filter(|(_, is_due)| *is_due) {
            match timer {
                Timer::SaveAgain => self.core.store.save_again(now.saturating_add(self.core.options.deadline())),
                Timer::Refresh | Timer::Retry => self.begin(env),
                Timer::Response => self.time_is_up(env),
                Timer::Wake => self.wake(env),
            }
        }
    }

    /// From now on each attempt waits for [`Session::admit`].
    pub(crate) fn queue_attempts(&mut self) {
        self.core.options.queues = true;
    }

    /// Lets the attempt begin that waits.
    pub(crate) fn admit(&mut self, env: &mut dyn Env) {
        self.transition(|state, core| match state {
            State::Attempting(attempt) if matches!(attempt.stage, Stage::Queued) => core.admitted(env),
            other => other,
        });
    }

    /// What the session is doing.
    pub(crate) fn activity(&self) -> Activity {
        match &self.state {
            State::Attempting(attempt) if matches!(attempt.stage, Stage::Queued) => Activity::Queued,
            _ if self.state.is_interrupted() => Activity::BackingOff,
            State::Attempting(_) | State::Leaving(_) => Activity::Refreshing,
            State::Pausing(_) | State::Interrupted => Activity::BackingOff,
            State::Idle { .. } | State::Stopped(_) | State::LoggedOut => Activity::Idle,
        }
    }

    /// Whether there are tokens that the store does not have.
    pub(crate) fn has_unsaved(&self) -> bool {
        self.core.store.has_unsaved()
    }

    /// Who is asked for tokens.
    pub(crate) fn issuer(&self) -> &Issuer {
        self.core.party.provider().issuer()
    }

    /// What the attempt awaits does not come in time.
    fn time_is_up(&mut self, env: &mut dyn Env) {
        let was_asked = !self.core.store.is_due(Question::Save);
        self.transition(|state, core| {
            let attempt = match state {
                State::Leaving(leaving) if !leaving.waits() => return core.leaving_is_late(*leaving, env),
                State::Attempting(attempt) => attempt,
                other => return other,
            };
            match attempt.stage {
                Stage::Queued => State::Attempting(attempt),
                Stage::InFlight(ref flight) if flight.waits() => State::Attempting(attempt),
                Stage::ExpectSave(obtained) if was_asked => core.save_is_late(*obtained, env),
                // Nobody has looked since they came. They are not used before they were handed over.
                Stage::ExpectSave(obtained) => core.obtained(*obtained, env),
                Stage::ExpectRecordToCount(error) => core.not_counted(*error, env),
                Stage::ExpectCount(counted) => core.not_counted(counted.error, env),
                Stage::ExpectRecordAfter(_) => core.store_failed(ErrorCode::SESSION_STORE.into(), env),
                Stage::ExpectLock | Stage::ExpectRecord | Stage::ExpectEarlierSave | Stage::ExpectPreparation => {
                    core.store_is_late(env)
                }
                Stage::InFlight(flight) => match *flight {
                    Flight::Response(_, expect) if expect.exchange.awaits_tokens() => {
                        core.response_is_late(expect, env)
                    }
                    flight => {
                        let (step, exchange) = flight.expire(env);
                        core.proceed(step, exchange, env)
                    }
                },
            }
        });
    }

    /// Goes on with the flow that waits. It decides whether it is time.
    fn wake(&mut self, env: &mut dyn Env) {
        self.go_on(env, Flight::into_wait, |wait, _, env| wait.wake(env));
    }

    /// Goes on with the flow of an attempt or a logout, if `take` finds that it awaits this.
    fn go_on<T>(
        &mut self,
        env: &mut dyn Env,
        take: impl FnOnce(Box<Flight>) -> Result<(T, Exchange), Box<Flight>>,
        next: impl FnOnce(T, &mut Exchange, &mut dyn Env) -> Progress,
    ) {
        self.transition(|state, core| match state {
            State::Attempting(Attempt { stage: Stage::InFlight(flight), until }) => match take(flight) {
                Ok((taken, mut exchange)) => {
                    let step = next(taken, &mut exchange, env);
                    core.proceed(step, exchange, env)
                }
                Err(flight) => State::attempting(Stage::InFlight(flight), until),
            },
            State::Leaving(leaving) => match leaving.take(take) {
                Ok(((taken, mut exchange), known)) => {
                    let step = next(taken, &mut exchange, env);
                    core.proceed_leaving(step, exchange, known, env)
                }
                Err(leaving) => State::Leaving(leaving),
            },
            other => other,
        });
    }

    /// A wait ends before its time if its bell has rung.
    fn wake_if_rung(&mut self, env: &mut dyn Env) {
        if self.state.flight().is_some_and(|(flight, _)| flight.has_rung()) {
            self.wake(env);
        }
    }

    /// Takes the response to a request. Pass the body as a [`Body`](crate::Body) to wipe it afterwards. A response whose
    /// ticket is no longer awaited is ignored.
    pub fn handle_response<B: AsRef<[u8]>>(&mut self, ticket: Ticket, response: Response<B>, env: &mut dyn Env) {
        self.take_response(ticket, env, |awaiting, exchange, env| {
            exchange.answered(response.status());
            awaiting.receive(response, env)
        });
    }

    /// Says that no response came, or not all of it. A failure whose ticket is no longer awaited is ignored.
    pub fn handle_failure(&mut self, ticket: Ticket, failure: Failure, env: &mut dyn Env) {
        self.take_response(ticket, env, |awaiting, exchange, env| {
            match failure.status() {
                Some(status) => exchange.answered(status),
                None => exchange.not_answered(failure.sent),
            }
            awaiting.fail(failure, env)
        });
    }

    /// Goes on from what awaits the response: in the attempt that is going on, or in one whose time was up.
    fn take_response(
        &mut self,
        ticket: Ticket,
        env: &mut dyn Env,
        receive: impl FnOnce(Awaiting<TokenRequest>, &mut Exchange, &mut dyn Env) -> Progress,
    ) {
        if ticket != self.core.attempts.ticket() {
            self.core.late.receive(ticket, |awaiting, exchange| receive(awaiting, exchange, env));
            return self.transition(|state, core| core.late_has_come(state, env));
        }
        if !matches!(self.state, State::Pausing(_)) {
            return self.go_on(env, Flight::into_response, receive);
        }
        self.transition(|state, core| {
            let State::Pausing(pause) = state else { return state };
            match pause.into_late() {
                Ok(ExpectResponse { awaiting, mut exchange }) => {
                    // It is the next attempt, which is over sooner than it was due.
                    core.attempts.begin();
                    let step = receive(awaiting, &mut exchange, env);
                    core.proceed(step, exchange, env)
                }
                Err(pausing) => pausing,
            }
        });
    }

    /// Takes the output of the key store, or its failure. A ticket that is no longer awaited has no effect.
    pub fn handle_key_output(&mut self, ticket: Ticket, output: Result<KeyOutput, Failure>, env: &mut dyn Env) {
        if ticket != self.core.attempts.ticket() {
            return;
        }
        self.go_on(env, Flight::into_key_output, |awaiting, _, env| match output {
            Ok(output) => awaiting.receive(output, env),
            Err(failure) => awaiting.fail(failure, env),
        });
    }

    /// Takes a response of the store. If its ticket is no longer awaited, the session learns only
    /// two things from it: that it has the lock, and that unsaved tokens were saved.
    pub fn handle_store(&mut self, ticket: StoreTicket, response: StoreResponse, env: &mut dyn Env) {
        if self.awaits_reload(&ticket) {
            return self.transition(|state, core| core.reloaded(response, state, env));
        }
        let deadline = self.core.options.deadline();
        let Some(told) = self.core.store.handle(ticket, response, deadline, env) else { return };
        // A process that was suspended here may have lost its lock meanwhile. What was saved was saved all the same.
        let needs_lock = matches!(told, Told::Locked(_) | Told::Loaded(_) | Told::Prepared(_));
        if needs_lock && self.is_due(Timer::Response, env.monotonic()) {
            return self.time_is_up(env);
        }
        match told {
            Told::SavedAgain(saved) => self.transition(|state, core| core.saved_again(saved, state, env)),
            told => self.transition(|state, core| match state {
                State::Attempting(Attempt { stage, until }) => core.told(told, stage, until, env),
                State::Leaving(leaving) => core.told_leaving(told, *leaving, env),
                other => other,
            }),
        }
    }
}
