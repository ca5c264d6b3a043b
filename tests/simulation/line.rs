//! The provider, at the other end of a bad line.

use http::{Request, Response};
use oidc_proto::session::Ticket;
use oidc_proto::{Body, Env, Failure, FailureKind, Sent};

use crate::universe::{Answer, Post, Seat, Universe};

impl Universe {
    pub(crate) fn serve(&mut self, seat: Seat, ticket: Ticket, request: Request<Body>) {
        let Seat { process, session, .. } = seat;
        let lost = Err(Failure::new(FailureKind::Timeout, Sent::Maybe));
        if self.trouble_for(session, 10) {
            self.tell(|| format!("the request of session {session} of process {process} is lost"));
            return self.reply(seat, ticket, lost);
        }
        let answer = if self.trouble_for(session, 10) {
            Ok(Response::builder().status(503).body(Vec::new()).unwrap())
        } else {
            self.refresh(session, request)
        };
        if self.trouble_for(session, 10) {
            self.tell(|| format!("the answer to session {session} of process {process} is lost"));
            return self.reply(seat, ticket, lost);
        }
        self.reply(seat, ticket, answer);
    }

    /// The request is the session's own, and what comes of it is nobody else's.
    fn refresh(&mut self, session: usize, request: Request<Body>) -> Answer {
        self.refreshes[session] += 1;
        let sent = request.body().as_ref().to_vec();
        let form = url::form_urlencoded::parse(&sent).find(|(name, _)| name == "refresh_token");
        self.must_own(session, &form.unwrap().1, "the refresh token that is sent");
        let answer = self.op.exchange(request, self.env.now());
        let Ok(response) = &answer else { self.broken("the provider cannot be reached") };
        let body = String::from_utf8_lossy(response.body()).into_owned();
        self.tell(|| format!("the provider: {} -> {body}", String::from_utf8_lossy(&sent)));
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        for name in ["access_token", "refresh_token"] {
            if let Some(token) = body[name].as_str() {
                self.own(session, token);
            }
        }
        answer
    }

    fn reply(&mut self, seat: Seat, ticket: Ticket, answer: Answer) {
        let late = if self.trouble_for(seat.session, 10) { 60_000 } else { 2000 };
        let after = 1 + self.roll(late);
        self.post(after, Post::Answer { seat, ticket, answer });
    }
}
