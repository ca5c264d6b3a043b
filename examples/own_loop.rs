//! A driver written by hand, without an async crate: a poll loop that carries out one step at a time. The tokens are bound
//! to a key that lives elsewhere (RFC 9449).
//!
//! `cargo run --example own_loop` does a whole login against the embedded provider, in memory: discovery, registration,
//! authorization, code exchange, refresh. To use a flow in a runtime, a browser or a firmware of your own, replace
//! `Network` by whatever sends requests there, and `Device` by whatever signs.

use std::process::ExitCode;
use std::task::Poll;

use http::{Request, Response};
use oidc_proto::flow::{Registration, ServerMetadataFetch};
use oidc_proto::jose::backend::rustcrypto::SigningKey;
use oidc_proto::jose::{Algorithm, PrivateKey, RemoteKey, Signer as _};
use oidc_proto::step::{Awaiting, KeyOutput, KeyUse};
use oidc_proto::testing::{Provider, TestEnv};
use oidc_proto::{ApplicationType, ClientMetadata};
use oidc_proto::{
    AuthorizationRequest, Body, Callback, DpopKey, Env, Error, Failure, FailureKind, Flow, Issuer, ProviderOptions,
    RedirectUri, RelyingParty, Schemes, Scope, Step, Timestamp,
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

/// What stands for a chip, a browser or a service that signs. The program has the key's name and its public half.
struct Device(SigningKey);

impl Device {
    fn new() -> Result<Self, Error> {
        // RFC 8410 section 7: what every such key begins with, and 32 bytes that are random outside of an example.
        let header = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
        SigningKey::from_pkcs8_der(Algorithm::EdDsa, &[&header[..], &[7; 32]].concat(), None).map(Self)
    }

    fn key(&self) -> PrivateKey {
        let key = RemoteKey::new("device").with_public_key(self.0.public_key().clone());
        PrivateKey::remote(key, Algorithm::EdDsa)
    }

    fn use_key(&self, key_use: &KeyUse) -> Result<KeyOutput, Failure> {
        match key_use {
            KeyUse::Sign { key, bytes, .. } if key.name() == "device" => self
                .0
                .sign(bytes)
                .map(KeyOutput::bytes)
                .map_err(|error| Failure::from(FailureKind::KeyRefused).with_text(error)),
            _ => Err(FailureKind::Unsupported.into()),
        }
    }
}

/// One step after the other. One flow is under way here; a program with many keeps a queue of `Step<BoxFlow<_>>`.
fn drive<F: Flow>(
    mut step: Step<F>,
    (network, device): (&mut Network<'_>, &Device),
    env: &mut TestEnv,
) -> Result<F::Output, Error> {
    loop {
        step = match step {
            Step::Call(call) => {
                println!("  {call:?}");
                let (request, _policy, awaiting) = call.into_parts();
                let uri = request.uri().clone();
                network.request = Some(request);
                receive(awaiting, &uri, network, env)?
            }
            Step::Wait(wait) => {
                // A program sleeps, or does something else; this one sets its clock.
                env.clock().advance(wait.duration(env.monotonic()));
                wait.wake(env)?
            }
            Step::UseKey(use_key) => {
                println!("  {use_key:?}");
                let (key_use, awaiting) = use_key.into_parts();
                match device.use_key(&key_use) {
                    Ok(output) => awaiting.receive(output, env)?,
                    Err(failure) => awaiting.fail(failure, env)?,
                }
            }
            Step::Done(output) => return Ok(output),
        }
    }
}

/// The poll loop. The state of the flow is a value: it can wait here, in a queue or in another thread.
fn receive<F: Flow>(
    awaiting: Awaiting<F>,
    uri: &http::Uri,
    network: &mut Network<'_>,
    env: &mut TestEnv,
) -> Result<Step<F>, Error> {
    loop {
        match network.poll(env.now()) {
            Poll::Pending => std::hint::spin_loop(),
            Poll::Ready(Ok(response)) => return awaiting.receive(response, env),
            Poll::Ready(Err(failure)) => return awaiting.fail(failure.with_server(uri), env),
        }
    }
}

fn login() -> Result<(), Error> {
    let (provider, mut env) = (Provider::new("https://op.example.org"), TestEnv::seeded(1));
    let (network, env) = (&mut Network { provider: &provider, request: None, answer: None }, &mut env);
    let device = &Device::new()?;

    println!("discovery");
    let issuer = Issuer::new("https://op.example.org", Schemes::HttpsOnly)?;
    let op = drive(ServerMetadataFetch::start(issuer, ProviderOptions::new())?, (network, device), env)?.provider;

    println!("registration");
    let redirect_uri = RedirectUri::new("com.example.app:/callback")?;
    let metadata = ClientMetadata::new(ApplicationType::Native, vec![redirect_uri.clone()]);
    let registered = drive(Registration::start(&op, metadata)?, (network, device), env)?;
    let client = registered.client(std::slice::from_ref(&redirect_uri)).with_dpop(DpopKey::new(device.key())?);
    let party = RelyingParty::new(op, client);

    println!("authorization");
    let request = AuthorizationRequest::new(redirect_uri, Scope::new("openid")?);
    let (url, pending) = party.authorize(request, env)?;
    // The user's browser goes to the URL and comes back with the callback.
    let callback = Callback::from_url(provider.visit(url.as_str(), env.now()).callback())?;
    let verified = party.check(&pending, &callback, env.now())?;

    println!("code exchange");
    let granted = drive(party.redeem(pending, verified, env)?, (network, device), env)?.verified()?;
    println!("  logged in as {}", granted.tokens.subject().unwrap_or("nobody"));

    println!("refresh");
    let refreshed = drive(party.refresh(&granted.tokens, env)?, (network, device), env)?.verified()?;
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
