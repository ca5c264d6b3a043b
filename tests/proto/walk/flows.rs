//! The flows, and how each begins.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use oidc_proto::flow::{KeysFetch, Registration, ServerMetadataFetch};
use oidc_proto::jose::Algorithm;
use oidc_proto::jose::backend::Backend as _;
use oidc_proto::jose::backend::rustcrypto::RustCrypto;
use oidc_proto::matrix::{
    self, Address, AuthMetadataFetch, AuthServer, DeviceCheck, DeviceId, HomeserverDiscovery, LoginRequest, Party,
    SupportCheck, Whoami,
};
use oidc_proto::qr::rendezvous::{Delivery, RendezvousCheck};
use oidc_proto::qr::{Proposal, Rendezvous, RendezvousOptions};
use oidc_proto::step::{KeyOutput, KeyUse};
use oidc_proto::testing::{Disturbance, Homeserver, On, Provider, RegisteredClient, TestEnv};
use oidc_proto::{
    Accept, ApplicationType, AuthorizationRequest, Body, Callback, Client, ClientAuth, ClientMetadata, DpopKey, Env,
    Error, Failure, Flow, IdTokenTrust, Issuer, PendingAuthorization, Policy, ProviderOptions, RedirectUri,
    RelyingParty, Schemes, Scope, Step, TokenOutcome, TokenSet, VerifiedCallback,
};

use super::driver::{assert_expected, astray, ways};
use super::embedding::{Containing, Embedding, Named};
use crate::qr::keystore;

const ISSUER: &str = "https://account.example.org";
const HOMESERVER: &str = "https://matrix.example.org";
const SERVER_NAME: &str = "example.org";
const REDIRECT_URI: &str = "https://app.example.org/cb";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const TOKEN_SCOPE: &str = "openid offline_access urn:matrix:client:api:* urn:matrix:client:device:ABCDEFGHIJ";
const MINUTE: Duration = Duration::from_secs(60);

/// A flow by its name: several ways may begin one.
pub(super) type Start = fn(&mut Walk) -> Result<(), Error>;

pub(super) const FLOWS: &[(&str, Start)] = &[
    ("ServerMetadataFetch", |walk| {
        let step = ServerMetadataFetch::start(issuer(), ProviderOptions::new());
        walk.go(step).map(drop)
    }),
    ("PartyDiscovery", |walk| walk.go(RelyingParty::discover(issuer(), Client::new("app"))).map(drop)),
    ("Registration", |walk| {
        let metadata = ClientMetadata::new(ApplicationType::Web, vec![redirect_uri()]);
        let step = Registration::start(walk.party.provider(), metadata);
        walk.go(step).map(drop)
    }),
    ("KeysFetch", |walk| {
        let step = walk.party.fetch_keys(&mut walk.env);
        walk.go(step).map(drop)
    }),
    ("PushedAuthorization", |walk| {
        let step = walk.party.push(request(), &mut walk.env);
        walk.go(step).map(drop)
    }),
    ("OptionalPush", |walk| {
        let step = walk.party.push_if_possible(request(), &mut walk.env);
        walk.go(step).map(drop)
    }),
    ("TokenRequest", |walk| {
        let (pending, verified) = walk.come_back();
        let step = walk.party.redeem(pending, verified, &mut walk.env);
        walk.go(step)?.verified().map(drop)
    }),
    ("TokenRequest", |walk| {
        let tokens = walk.log_in();
        let step = walk.party.refresh(&tokens, &mut walk.env);
        walk.go(step)?.verified().map(drop)
    }),
    // Tokens whose ID token nobody could verify are verified again.
    ("TokenRequest", |walk| {
        let tokens = walk.log_in();
        walk.server.provider().disturb(On::Jwks, Disturbance::Unreachable, 1);
        let step = walk.party.refresh(&tokens, &mut walk.env);
        let TokenOutcome::Unverified { tokens, .. } = walk.honest(step) else { return Ok(()) };
        let step = tokens.verify(&mut walk.env);
        walk.go(Ok(step))?.verified().map(drop)
    }),
    ("DeviceAuthorization", |walk| {
        let step = walk.party.authorize_device(scope(), &mut walk.env);
        walk.go(step).map(drop)
    }),
    // The provider is polled.
    ("TokenRequest", |walk| {
        let step = walk.party.authorize_device(scope(), &mut walk.env);
        let pending = walk.honest(step);
        let step = walk.party.poll_device(pending, &mut walk.env);
        walk.go(step)?.verified().map(drop)
    }),
    ("UserinfoFetch", |walk| {
        let tokens = walk.log_in();
        let step = walk.party.userinfo(&tokens, &mut walk.env);
        walk.go(step).map(drop)
    }),
    ("ResourceCall", |walk| {
        let tokens = walk.log_in();
        let request = Request::get(format!("{ISSUER}/resource")).body(Body::default()).unwrap();
        let step = walk.party.call(request, Policy::read(1024, Accept::Any), &tokens, &mut walk.env);
        walk.go(step).map(drop)
    }),
    ("Revocation", |walk| {
        let tokens = walk.log_in();
        let step = walk.party.revoke(&tokens, &mut walk.env);
        walk.go(step).map(drop)
    }),
    ("BackChannelLogout", |walk| {
        let body = walk.server.provider().logout_request("app", "alice", walk.env.now());
        let step = walk.party.back_channel_logout(body.as_bytes(), &mut walk.env);
        walk.go(step).map(drop)
    }),
    ("HomeserverDiscovery", |walk| walk.go(HomeserverDiscovery::start(address(), Schemes::HttpsOnly)).map(drop)),
    ("AuthMetadataFetch", |walk| walk.go(AuthMetadataFetch::start(homeserver(), ProviderOptions::new())).map(drop)),
    ("SupportCheck", |walk| walk.go(SupportCheck::start(address(), ProviderOptions::new())).map(drop)),
    ("PushedLogin", |walk| {
        let party = walk.at_homeserver();
        let step = LoginRequest::new().push(redirect_uri(), &party, &mut walk.env);
        walk.go(step).map(drop)
    }),
    ("Completion", |walk| {
        let party = walk.at_homeserver();
        let login = LoginRequest::new().with_further_scope(&scope());
        let (url, pending) = login.start(redirect_uri(), &party, &mut walk.env)?;
        let visit = walk.server.visit(url.as_str(), walk.env.now());
        let verified = pending.check(&Callback::from_url(visit.callback())?, &party, walk.env.now())?;
        let step = pending.redeem(verified, &party, &mut walk.env);
        walk.go(step)?.logged_in().map(drop)
    }),
    ("Completion", |walk| {
        let party = walk.at_homeserver();
        let step = LoginRequest::new().start_device(&party, &mut walk.env);
        let pending = walk.honest(step);
        let step = pending.poll(&party, &mut walk.env);
        walk.go(step)?.logged_in().map(drop)
    }),
    ("DeviceLogin", |walk| {
        let party = walk.at_homeserver();
        let step = LoginRequest::new().start_device(&party, &mut walk.env);
        walk.go(step).map(drop)
    }),
    ("Whoami", |walk| {
        let tokens = walk.log_in();
        let party = walk.at_homeserver();
        let step = Whoami::start(&tokens, &party, &mut walk.env);
        walk.go(step).map(drop)
    }),
    ("DeviceCheck", |walk| {
        let tokens = walk.log_in();
        let party = walk.at_homeserver();
        let step = DeviceCheck::start(&DeviceId::new("ABCDEFGHIJ").unwrap(), &tokens, &party, &mut walk.env);
        walk.go(step).map(drop)
    }),
    ("Creation", |walk| walk.go(Rendezvous::create(&homeserver(), RendezvousOptions::new())).map(drop)),
    ("Creation", |walk| walk.go(Rendezvous::create(&homeserver(), draft())).map(drop)),
    ("Creation", |walk| {
        let tokens = walk.log_in();
        let party = walk.at_homeserver();
        let step = Rendezvous::create_as(&party, &tokens, draft(), &mut walk.env);
        walk.go(step).map(drop)
    }),
    ("RendezvousCheck", |walk| walk.go(RendezvousCheck::start(&homeserver(), RendezvousOptions::new())).map(drop)),
    ("RendezvousCheck", |walk| walk.go(RendezvousCheck::start(&homeserver(), draft())).map(drop)),
    ("RendezvousCheck", |walk| {
        let tokens = walk.log_in();
        let party = walk.at_homeserver();
        let step = RendezvousCheck::start_as(&party, &tokens, draft(), &mut walk.env);
        walk.go(step).map(drop)
    }),
    ("Joining", |walk| {
        let made = walk.honest(Rendezvous::create(&homeserver(), RendezvousOptions::new()));
        let step = Rendezvous::join(&made.code([9; 32], None), RendezvousOptions::new(), MINUTE, &mut walk.env);
        walk.go(Ok(step)).map(drop)
    }),
    ("Joining", |walk| {
        let made = walk.honest(Rendezvous::create(&homeserver(), draft()));
        let step = Rendezvous::join(&made.code([9; 32], None), RendezvousOptions::new(), MINUTE, &mut walk.env);
        walk.go(Ok(step)).map(drop)
    }),
    ("Sending", |walk| {
        let made = walk.honest(Rendezvous::create(&homeserver(), draft()));
        let step = made.send("text", MINUTE, &mut walk.env);
        walk.go(Ok(step)).map(drop)
    }),
    ("Sending", |walk| {
        let made = walk.honest(Rendezvous::create(&homeserver(), RendezvousOptions::new()));
        let step = made.send("text", MINUTE, &mut walk.env);
        walk.go(Ok(step)).map(drop)
    }),
    ("Receiving", |walk| {
        let made = walk.honest(Rendezvous::create(&homeserver(), RendezvousOptions::new()));
        let step = Rendezvous::join(&made.code([9; 32], None), RendezvousOptions::new(), MINUTE, &mut walk.env);
        let joined = walk.honest(Ok(step));
        let step = joined.send("text", MINUTE, &mut walk.env);
        let Delivery::Delivered(_) = walk.honest(Ok(step)) else { panic!("it was not taken") };
        let step = made.receive(MINUTE, &mut walk.env);
        walk.go(Ok(step)).map(drop)
    }),
    ("Deletion", |walk| {
        let made = walk.honest(Rendezvous::create(&homeserver(), RendezvousOptions::new()));
        walk.go(Ok(made.delete()))
    }),
];

fn draft() -> RendezvousOptions {
    RendezvousOptions::new().with_proposal(Proposal::Msc4388)
}

/// The client, and what is under way when a flow begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Public,
    /// The client's key and that of its tokens live elsewhere, and the provider demands nonces.
    Signing,
    /// Signatures are verified elsewhere, and userinfo is signed.
    Verifying,
    /// Another flow fetches the provider's keys, and gives up later.
    Waiting,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Public, Self::Signing, Self::Verifying, Self::Waiting];
}

/// One walk of one flow.
pub(super) struct Walk {
    env: TestEnv,
    server: Homeserver,
    kind: Kind,
    embedding: Embedding,
    /// What goes wrong at each step; nothing after its end.
    script: VecDeque<Option<u8>>,
    party: RelyingParty,
    /// The other flow, which fetches the keys.
    fetching: Option<Step<KeysFetch>>,
    /// In how many ways each step that came could be answered.
    pub(super) ways: Vec<u8>,
}

impl Walk {
    pub(super) fn new(kind: Kind, embedding: Embedding, script: Vec<Option<u8>>) -> Self {
        let mut env = TestEnv::seeded(1);
        let jwk = keystore::public_jwk();
        let mut registered = match kind {
            Kind::Signing => RegisteredClient::with_key("app", jwk, REDIRECT_URI),
            _ => RegisteredClient::public("app", REDIRECT_URI),
        };
        registered = registered.with_grant_type(DEVICE_GRANT).with_id_token_signed_response_alg("EdDSA");
        if kind == Kind::Verifying {
            registered = registered.with_userinfo_signed_response_alg("EdDSA");
        }
        let provider = Provider::new(ISSUER).with_client(registered).with_dpop_nonce(kind == Kind::Signing);
        let server = Homeserver::new(HOMESERVER, SERVER_NAME, provider);
        server.add_device("alice", "ABCDEFGHIJ");
        let step = RelyingParty::discover(issuer(), client(kind));
        let party = honest(&server, step, &mut env);
        let script = script.into();
        let mut walk = Self { env, server, kind, embedding, script, party, fetching: None, ways: Vec::new() };
        walk.fetch_elsewhere(&walk.party.clone());
        walk
    }

    /// Begins the flow, and walks until it ends.
    pub(super) fn begin(&mut self, start: Start) -> Result<(), Error> {
        let outcome = start(self);
        outcome.as_ref().err().into_iter().for_each(assert_expected);
        outcome
    }

    /// The tokens of a login, whose keys are forgotten.
    fn log_in(&mut self) -> TokenSet {
        let provider = self.party.provider();
        let provider = oidc_proto::Provider::new(provider.metadata().clone(), *provider.options());
        let party = RelyingParty::new(provider, self.party.client().clone());
        let (pending, verified) = come_back(&self.server, &party, &mut self.env);
        let step = party.redeem(pending, verified, &mut self.env);
        self.honest(step).verified().unwrap().tokens
    }

    /// A login whose user has come back.
    fn come_back(&mut self) -> (PendingAuthorization, VerifiedCallback) {
        come_back(&self.server, &self.party, &mut self.env)
    }

    fn at_homeserver(&mut self) -> Party {
        let step = AuthMetadataFetch::start(homeserver(), ProviderOptions::new());
        let server: Arc<AuthServer> = self.honest(step).supported().unwrap();
        let party = Party::new(server, client(self.kind));
        self.fetch_elsewhere(party.relying_party());
        party
    }

    fn fetch_elsewhere(&mut self, party: &RelyingParty) {
        if self.kind == Kind::Waiting {
            self.fetching = Some(party.fetch_keys(&mut self.env).unwrap());
        }
    }

    fn honest<F: Flow>(&mut self, step: Result<Step<F>, Error>) -> F::Output {
        honest(&self.server, step, &mut self.env)
    }

    fn go<F: Flow<Output: 'static>>(&mut self, step: Result<Step<F>, Error>) -> Result<F::Output, Error> {
        let step = step?;
        match self.embedding {
            Embedding::Alone => self.drive(step),
            Embedding::Boxed => self.drive(step.boxed()),
            Embedding::BoxedTwice => self.drive(step.boxed().boxed()),
            Embedding::Embedded => self.drive(Containing::go_on(step)?),
            Embedding::Wrapped => self.drive(step.wrap(Named)),
        }
    }

    fn drive<F: Flow>(&mut self, mut step: Step<F>) -> Result<F::Output, Error> {
        for at in 0..5000 {
            self.ways.push(ways(&step));
            if at == 3 {
                self.fetching = None;
            }
            step = match (self.script.pop_front().flatten(), step) {
                (_, Step::Done(output)) => return Ok(output),
                (Some(way), step) => astray(step, way, &mut self.env)?,
                (None, step) => carry_out(&self.server, step, &mut self.env)?,
            };
        }
        panic!("it goes on for ever")
    }
}

fn carry_out<F: Flow>(server: &Homeserver, step: Step<F>, env: &mut TestEnv) -> Result<Step<F>, Error> {
    match step {
        Step::Call(call) => {
            let (request, _, awaiting) = call.into_parts();
            match server.exchange(request, env.now()) {
                Ok(response) => awaiting.receive(response, env),
                Err(failure) => awaiting.fail(failure, env),
            }
        }
        Step::Wait(wait) => {
            env.clock().advance(wait.duration(env.monotonic()));
            wait.wake(env)
        }
        Step::UseKey(use_key) => {
            let (key_use, awaiting) = use_key.into_parts();
            match use_key_elsewhere(&key_use) {
                Ok(output) => awaiting.receive(output, env),
                Err(kind) => awaiting.fail(kind, env),
            }
        }
        done @ Step::Done(_) => Ok(done),
    }
}

fn use_key_elsewhere(key_use: &KeyUse) -> Result<KeyOutput, Failure> {
    match key_use {
        KeyUse::Verify { key, algorithm, bytes, signature, .. } => {
            let key = RustCrypto.parse(key).expect("a key of the provider");
            Ok(KeyOutput::verified(key.verify(*algorithm, bytes, signature).is_ok()))
        }
        key_use => keystore::use_key(key_use),
    }
}

fn honest<F: Flow>(server: &Homeserver, step: Result<Step<F>, Error>, env: &mut TestEnv) -> F::Output {
    let mut step = step.unwrap();
    for _ in 0..5000 {
        step = match step {
            Step::Done(output) => return output,
            step => carry_out(server, step, env).unwrap(),
        };
    }
    panic!("it goes on for ever")
}

fn come_back(server: &Homeserver, party: &RelyingParty, env: &mut TestEnv) -> (PendingAuthorization, VerifiedCallback) {
    let (url, pending) = party.authorize(request(), env).unwrap();
    let callback = Callback::from_url(server.visit(url.as_str(), env.now()).callback()).unwrap();
    let verified = party.check(&pending, &callback, env.now()).unwrap();
    (pending, verified)
}

fn client(kind: Kind) -> Client {
    let client = Client::new("app").with_redirect_uri(redirect_uri()).with_registered_algorithm(Algorithm::EdDsa);
    match kind {
        Kind::Public | Kind::Waiting => client,
        Kind::Signing => client
            .with_auth(ClientAuth::PrivateKeyJwt(keystore::remote()))
            .with_dpop(DpopKey::new(keystore::remote()).unwrap()),
        Kind::Verifying => client
            .with_id_token_trust(IdTokenTrust::VerifyElsewhere)
            .with_registered_userinfo_algorithm(Algorithm::EdDsa),
    }
}

fn issuer() -> Issuer {
    Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap()
}

fn redirect_uri() -> RedirectUri {
    RedirectUri::new(REDIRECT_URI).unwrap()
}

fn scope() -> Scope {
    Scope::new("openid").unwrap()
}

fn request() -> AuthorizationRequest {
    AuthorizationRequest::new(redirect_uri(), Scope::new(TOKEN_SCOPE).unwrap())
}

fn homeserver() -> matrix::Homeserver {
    matrix::Homeserver::new(HOMESERVER, Schemes::HttpsOnly).unwrap()
}

fn address() -> Address {
    Address::parse(SERVER_NAME, Schemes::HttpsOnly).unwrap()
}
