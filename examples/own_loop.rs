//! A driver written by hand, without an async crate: a poll loop that carries out one step at a time.
//!
//! `cargo run --example own_loop` does a whole login against the embedded provider, in memory: discovery, registration,
//! authorization, code exchange, refresh. To use a flow in a runtime, a browser or a firmware of your own, replace
//! `Network` by whatever sends requests there.

use std::process::ExitCode;
use std::task::Poll;

use http::{Request, Response};
use oidc_proto::FailureKind;
use oidc_proto::flow::{Registration, ServerMetadataFetch};
use oidc_proto::step::Awaiting;
use oidc_proto::testing::{Provider, TestEnv};
use oidc_proto::{ApplicationType, ClientMetadata};
use oidc_proto::{
    AuthorizationRequest, Body, Callback, Env, Error, Failure, Flow, Issuer, ProviderOptions, RedirectUri,
    RelyingParty, Schemes, Scope, Step, Timestamp,
};

/// What stands for a network: a request is on its way for one look, then there is a response.
struct Network<'a> {
    provider: &'a Provider,
    request: Option<Request<Body>>,
    answer: Option<Result<Response<Vec<u8>>, Failure>>,
}

impl Network<'_> {
    fn poll(&mut self, now: Timestamp) -> Poll<Result<Response<Vec<u8>>, Failure>> {
        match self.request.take() {
            Some(request) => {
                self.answer = Some(self.provider.exchange(request, now));
                Poll::Pending
            }
            None => self.answer.take().map_or(Poll::Pending, Poll::Ready),
        }
    }
}

/// One step after the other. One flow is under way here; a program with many keeps a queue of `Step<BoxFlow<_>>`.
fn drive<F: Flow>(mut step: Step<F>, network: &mut Network<'_>, env: &mut TestEnv) -> Result<F::Output, Error> {
    loop {
        step = match step {
            Step::Call(call) => {
                println!("  {call:?}");
                let (request, _policy, awaiting) = call.into_parts();
                network.request = Some(request);
                receive(awaiting, network, env)?
            }
            Step::Wait(wait) => {
                // A program sleeps, or does something else; this one sets its clock.
                env.clock().advance(wait.duration(env.monotonic()));
                wait.wake(env)?
            }
            // For keys that live elsewhere. None of these flows has one.
            Step::UseKey(use_key) => use_key.into_parts().1.fail(FailureKind::Unsupported, env)?,
            Step::Done(output) => return Ok(output),
        }
    }
}

/// The poll loop. The state of the flow is a value: it can wait here, in a queue or in another thread.
fn receive<F: Flow>(awaiting: Awaiting<F>, network: &mut Network<'_>, env: &mut TestEnv) -> Result<Step<F>, Error> {
    loop {
        match network.poll(env.now()) {
            Poll::Pending => std::hint::spin_loop(),
            Poll::Ready(Ok(response)) => return awaiting.receive(response, env),
            Poll::Ready(Err(failure)) => return awaiting.fail(failure, env),
        }
    }
}

fn login() -> Result<(), Error> {
    let (provider, mut env) = (Provider::new("https://op.example.org"), TestEnv::seeded(1));
    let (mut network, env) = (Network { provider: &provider, request: None, answer: None }, &mut env);

    println!("discovery");
    let issuer = Issuer::new("https://op.example.org", Schemes::HttpsOnly)?;
    let op = drive(ServerMetadataFetch::start(issuer, ProviderOptions::new())?, &mut network, env)?.provider;

    println!("registration");
    let redirect_uri = RedirectUri::new("com.example.app:/callback")?;
    let metadata = ClientMetadata::new(ApplicationType::Native, vec![redirect_uri.clone()]);
    let registered = drive(Registration::start(&op, metadata)?, &mut network, env)?;
    let party = RelyingParty::new(op, registered.client(std::slice::from_ref(&redirect_uri)));

    println!("authorization");
    let request = AuthorizationRequest::new(redirect_uri, Scope::new("openid")?);
    let (url, pending) = party.authorize(request, env)?;
    // The user's browser goes to the URL and comes back with the callback.
    let callback = Callback::from_url(provider.visit(url.as_str(), env.now()).callback())?;
    let verified = party.check(&pending, &callback, env.now())?;

    println!("code exchange");
    let granted = drive(party.redeem(pending, verified, env)?, &mut network, env)?.verified()?;
    println!("  logged in as {}", granted.tokens.subject().unwrap_or("nobody"));

    println!("refresh");
    let refreshed = drive(party.refresh(&granted.tokens, env)?, &mut network, env)?.verified()?;
    println!("  still {}", refreshed.tokens.subject().unwrap_or("nobody"));
    Ok(())
}

fn main() -> ExitCode {
    match login() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
