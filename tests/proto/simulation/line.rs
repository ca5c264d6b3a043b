//! The provider, at the other end of a bad line.

use http::{Method, Request, Response};
use oidc_proto::flow::Revocation;
use oidc_proto::session::End;
use oidc_proto::{Body, Env, Failure, FailureKind, Sent, Step};

use crate::simulation::provider::{GRACE, Habit, is_signed};
use crate::simulation::universe::{Call, Exchanged, Grant, Issued, Post, Seat, Universe};

/// Why a login may live on after its logout, whatever the session says.
pub(crate) const LOST: &str = "the revocation was lost";
pub(crate) const SPENT: &str = "a token was revoked that was spent";
pub(crate) const TWICE: &str = "the request came twice, and nobody knows what the second one brought";

impl Universe {
    pub(crate) fn serve(&mut self, seat: Seat, call: Call, request: Request<Body>) {
        let Seat { process, session, .. } = seat;
        if self.is_offline(process) {
            return self.reply(seat, call, Err(Failure::new(FailureKind::Unreachable, Sent::No)));
        }
        let lost = Err(Failure::new(FailureKind::Timeout, Sent::Maybe));
        if self.trouble_for(session, 10) {
            self.tell(|| format!("the request of session {session} of process {process} is lost"));
            return self.reply(seat, call, lost);
        }
        if request.method() == Method::GET {
            let response =
                if self.trouble_for(session, 2) { unavailable() } else { self.op.exchange(request, self.env.now()) };
            return self.reply(seat, call, response);
        }
        let response = if self.trouble_for(session, 10) {
            unavailable()
        } else if is_signed(self.seed) && self.stores[session].silent < 2 && self.trouble_for(session, 10) {
            self.stores[session].silent += 1;
            self.tell(|| format!("session {session} of process {process} is refused without a reason"));
            Ok(Response::builder().status(400).body(Vec::new()).unwrap())
        } else if self.trouble_for(session, 20) {
            self.tell(|| format!("the request of session {session} of process {process} arrives twice"));
            let first = self.refresh(seat, request.clone());
            let brought = self.newest_of(&request);
            if let Some(grant) = self.owners.get(&sent(&request)) {
                self.unrevoked.insert(*grant, TWICE);
            }
            let second = self.refresh(seat, request);
            // Nobody can know that the second one has ended what the first one brought.
            brought.iter().for_each(|brought| _ = self.ended_by.remove(brought));
            if self.roll(2) == 0 { first } else { second }
        } else {
            self.refresh(seat, request)
        };
        let response = match response {
            Ok(response) if is_signed(self.seed) && response.status() == 200 && self.trouble_for(session, 10) => {
                self.tell(|| format!("session {session} of process {process} gets a refresh token alone"));
                Ok(without_access_token(&response))
            }
            response => response,
        };
        if self.trouble_for(session, 10) {
            self.tell(|| format!("the response to session {session} of process {process} is lost"));
            return self.reply(seat, call, lost);
        }
        self.reply(seat, call, response);
    }

    fn newest_of(&self, request: &Request<Body>) -> Option<String> {
        self.owners.get(&sent(request)).map(|grant| self.grants[*grant].newest.clone())
    }

    /// The request is the session's own, and what comes of it is nobody else's.
    fn refresh(&mut self, seat: Seat, request: Request<Body>) -> Exchanged {
        let session = seat.session;
        self.refreshes[session] += 1;
        let sent = sent(&request);
        let grant = self.owners.get(&sent).copied().unwrap_or_else(|| self.broken("nobody's refresh token is sent"));
        self.check_reuse(seat, grant, &sent);
        self.spent_at.entry(sent.clone()).or_insert(self.now);
        if is_signed(self.seed) && self.trouble_for(session, 4) {
            self.op.rotate_keys();
        }
        let exchanged = self.op.exchange(request, self.env.now());
        let Ok(response) = &exchanged else { self.broken("the provider cannot be reached") };
        let body = String::from_utf8_lossy(response.body()).into_owned();
        self.tell(|| format!("the provider: {sent} of grant {grant} -> {body}"));
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        if let Some(token) = body["access_token"].as_str() {
            // Where a rotation ends it; else nobody will find it dead before it expires.
            let before = std::mem::replace(&mut self.grants[grant].newest, token.to_owned());
            self.ended_by.insert(before, (seat, self.now));
        }
        for name in ["access_token", "refresh_token"] {
            if let Some(token) = body[name].as_str().filter(|token| *token != sent) {
                self.own(grant, token);
            }
        }
        if let Some(token) = body["access_token"].as_str().filter(|_| self.is_locked(&self.grants[grant].user)) {
            self.locked.tokens.insert(token.to_owned());
        }
        if body["error"] == "invalid_grant" {
            // Also a provider that takes a spent one again does so only until its successor is used.
            // Where a spent one fails and the grant goes on, its newest tokens may be what nobody got.
            let has_ended = self.has_more() || !self.op.has_grant_of(&self.grants[grant].newest);
            let reused = self.why_reused(seat, grant, &sent).flatten().filter(|_| has_ended);
            let Grant { ended, lost, is_raced, .. } = &mut self.grants[grant];
            let why = lost.as_ref().map(|_| "the store lost the record of the last tokens");
            *ended = ended.or(why).or(is_raced.then_some("the lock was lost during a refresh")).or(reused);
        }
        if let Some(token) = body["refresh_token"].as_str().filter(|token| *token != sent) {
            self.grants[grant].refresh_token = token.to_owned();
            self.grants[grant].issued = Some(Issued {
                seat,
                refresh_token: token.to_owned(),
                is_delivered: false,
                is_drafted: false,
                is_late: false,
            });
        }
        exchanged
    }

    /// A strict provider ends the grant now. No client can help that where the one that was issued instead did not get
    /// to who had asked, or he could not keep it in time: that is the window, and it is counted.
    fn check_reuse(&mut self, seat: Seat, grant: usize, sent: &str) {
        let Some(why) = self.why_reused(seat, grant, sent) else { return };
        let is_in_grace = self.habit() == Habit::ForAWhile
            && self.spent_at.get(sent).is_none_or(|spent_at| self.now < spent_at + GRACE);
        if !self.habit().is_strict() || self.grants[grant].ended.is_some() || is_in_grace {
            return;
        }
        let session = self.grants[grant].session;
        let why = why.unwrap_or_else(|| {
            self.broken(&format!("session {session} asks with a token that was replaced, although it has the new one"))
        });
        self.tell(|| format!("grant {grant} ends: {why}"));
        self.grants[grant].ended = Some(why);
    }

    /// Why a refresh token is sent whose successor was issued. `None` if it was not; `Some(None)` if nothing excuses it.
    fn why_reused(&self, seat: Seat, grant: usize, sent: &str) -> Option<Option<&'static str>> {
        let issued = self.grants[grant].issued.as_ref().filter(|issued| issued.refresh_token != sent)?;
        let issued_at = self.issues[&issued.refresh_token].1;
        let has_left = self.processes[issued.seat.process].desks[issued.seat.session].since > issued_at;
        let asker = self.processes[seat.process].desks[seat.session].session.as_ref();
        let is_logging_out = asker.is_some_and(|session| session.end() == Some(End::LoggedOut));
        Some(if is_logging_out {
            // What came late may have been overtaken. The grant is to end.
            Some("it was revoked")
        } else if self.is_gone(issued.seat) && !issued.is_drafted {
            Some("the process was killed")
        } else if !issued.is_delivered || issued.is_late {
            Some("the response was lost, late, or the request came twice")
        } else if has_left && self.unrevoked.get(&grant) == Some(&LOST) {
            // The user has logged out, the record was not erased, and the revocation was lost: this is one.
            Some("it was revoked")
        } else if self.grants[grant].lost.is_some() && issued.seat != seat {
            Some("the store lost the record of the last tokens")
        } else if !self.has_lock(issued.seat) {
            Some("the lease ran out")
        } else {
            None
        })
    }

    /// The application revokes what a session gives back. It tries once. Returns the grant.
    pub(crate) fn revoke(&mut self, seat: Seat, step: Step<Revocation>) -> usize {
        let Seat { process, session, .. } = seat;
        let Step::Call(call) = step else { self.broken("a revocation asks for more than a request") };
        let (request, ..) = call.into_parts();
        let token = parameter(&request, "token");
        let grant = self.owners[&token];
        // A provider that looks where the hint says finds nothing there if it is wrong, and answers 200 (RFC 7009 section 2.2).
        let kind = if token.starts_with("rt_") { "refresh_token" } else { "access_token" };
        assert_eq!(parameter(&request, "token_type_hint"), kind, "a revocation that does nothing");
        self.tell(|| format!("session {session} of process {process} gives back {token} of grant {grant}"));
        let had_newest = self.processes[process].desks[session].had.contains(&self.grants[grant].newest);
        if let Some(holders) = self.grants[grant].lost.as_mut().filter(|_| !had_newest) {
            // It has given back what it had.
            holders.retain(|holder| *holder != seat);
        }
        if self.is_offline(process) || self.trouble_for(session, 20) {
            // One that would have ended nothing is no excuse for those who have the newest.
            let Grant { newest, refresh_token, .. } = &self.grants[grant];
            let is_newest = [newest, refresh_token].contains(&&token);
            match is_newest || self.spent_tokens_end_grants() {
                true => self.unrevoked.insert(grant, LOST),
                false => Some(*self.unrevoked.entry(grant).or_insert(SPENT)),
            };
            return grant;
        }
        assert_eq!(self.op.exchange(request, self.env.now()).unwrap().status(), 200);
        if self.op.has_grant_of(&self.grants[grant].newest) {
            self.unrevoked.entry(grant).or_insert(SPENT);
        } else {
            self.grants[grant].ended = self.grants[grant].ended.or(Some("it was revoked"));
        }
        grant
    }

    /// Somebody has got the newest tokens of a grant: from now on it is his to end it, whatever was lost before.
    pub(crate) fn is_delivered(&mut self, response: &Response<Vec<u8>>) {
        let body: Option<serde_json::Value> = serde_json::from_slice(response.body()).ok();
        let token = body.as_ref().and_then(|body| body["access_token"].as_str());
        if let Some(grant) = token.and_then(|token| self.owners.get(token).copied())
            && Some(self.grants[grant].newest.as_str()) == token
        {
            self.unrevoked.remove(&grant);
        }
    }

    fn reply(&mut self, seat: Seat, call: Call, response: Exchanged) {
        let late = if self.trouble_for(seat.session, 10) { 60_000 } else { 2000 };
        let after = 1 + self.roll(late);
        self.post(after, Post::Response { seat, call, response });
    }
}

/// A flaw of the provider: nobody gets the access token that it has issued.
fn without_access_token(response: &Response<Vec<u8>>) -> Response<Vec<u8>> {
    let mut body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    body["access_token"] = "".into();
    Response::builder().body(body.to_string().into_bytes()).unwrap()
}

fn unavailable() -> Exchanged {
    Ok(Response::builder().status(503).body(Vec::new()).unwrap())
}

/// The refresh token of a request.
fn sent(request: &Request<Body>) -> String {
    parameter(request, "refresh_token")
}

fn parameter(request: &Request<Body>, wanted: &str) -> String {
    let body = request.body().as_ref().to_vec();
    let sent = url::form_urlencoded::parse(&body).find(|(name, _)| name == wanted);
    sent.unwrap().1.into_owned()
}
