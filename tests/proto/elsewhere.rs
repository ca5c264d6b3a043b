//! Signatures that a key store verifies, because the client chose it (`IdTokenTrust::VerifyElsewhere`): its verdict is the
//! only one, a failure of the store is none, and the tokens survive both.

use oidc_proto::adapter::BlockingDriver;
use oidc_proto::jose::Algorithm;
use oidc_proto::jose::backend::Backend as _;
use oidc_proto::jose::backend::rustcrypto::RustCrypto;
use oidc_proto::step::{KeyOutput, KeyUse};
use oidc_proto::testing::{On, Provider, RegisteredClient, TestEnv};
use oidc_proto::{
    AuthorizationRequest, Callback, Client, Env as _, Error, ErrorCode, Failure, FailureKind, IdTokenTrust, Issuer,
    RedirectUri, RelyingParty, Schemes, Scope, Step, TokenOutcome, TokenSet,
};

const REDIRECT_URI: &str = "https://app.example.org/cb";

type Store = fn(KeyUse) -> Result<KeyOutput, Failure>;

struct World {
    op: Provider,
    env: TestEnv,
    party: RelyingParty,
}

/// A store that does what it is asked to.
fn verifies(key_use: KeyUse) -> Result<KeyOutput, Failure> {
    let KeyUse::Verify { key, algorithm, bytes, signature, .. } = key_use else { panic!("{key_use:?}") };
    let key = RustCrypto.parse(&key).expect("a key of the provider");
    Ok(KeyOutput::verified(key.verify(algorithm, &bytes, &signature).is_ok()))
}

impl World {
    fn new() -> Self {
        Self::of(Provider::new("https://op.example.org"), |client| client)
    }

    fn of(op: Provider, choose: impl FnOnce(Client) -> Client) -> Self {
        let mut env = TestEnv::seeded(1);
        let op = op.with_client(RegisteredClient::public("app", REDIRECT_URI));
        let issuer = Issuer::new("https://op.example.org", Schemes::HttpsOnly).unwrap();
        let client = Client::new("app").with_redirect_uri(RedirectUri::new(REDIRECT_URI).unwrap());
        let client = choose(client.with_id_token_trust(IdTokenTrust::VerifyElsewhere));
        let http = BlockingDriver::new(op.http(env.clock()));
        let party = http.run(RelyingParty::discover(issuer, client).unwrap(), &mut env).unwrap();
        Self { op, env, party }
    }

    fn run<F: oidc_proto::Flow>(&mut self, step: Step<F>, store: Store) -> Result<F::Output, Error> {
        BlockingDriver::new(self.op.http(self.env.clock())).with_keys(store).run(step, &mut self.env)
    }

    fn login(&mut self, store: Store) -> TokenOutcome {
        let request = AuthorizationRequest::new(RedirectUri::new(REDIRECT_URI).unwrap(), Scope::new("openid").unwrap());
        let (url, pending) = self.party.authorize(request, &mut self.env).unwrap();
        let visit = self.op.visit(url.as_str(), self.env.now());
        let callback = Callback::from_url(visit.callback()).unwrap();
        let verified = self.party.check(&pending, &callback, self.env.now()).unwrap();
        let step = self.party.redeem(pending, verified, &mut self.env).unwrap();
        self.run(step, store).unwrap()
    }

    fn tokens(&mut self) -> TokenSet {
        self.login(verifies).verified().unwrap().tokens
    }
}

fn refused(outcome: TokenOutcome) -> (ErrorCode, oidc_proto::UnverifiedTokens) {
    let TokenOutcome::Unverified { error, tokens } = outcome else { panic!("it was verified") };
    (error.code(), tokens)
}

#[test]
fn the_store_verifies_a_login() {
    let tokens = World::new().tokens();
    assert_eq!(tokens.subject(), Some("sub-alice"));
}

/// Whatever it answers instead of "it is right" verifies nothing, and costs no tokens: with a store that works they are good.
#[test]
fn what_is_not_a_yes_verifies_nothing() {
    let stores: [(Store, ErrorCode); 5] = [
        (|_| Ok(KeyOutput::verified(false)), ErrorCode::JWS_SIGNATURE),
        (|_| Ok(KeyOutput::bytes([1])), ErrorCode::KEY_OUTPUT),
        (|_| Ok(KeyOutput::derived([1])), ErrorCode::KEY_OUTPUT),
        (|_| Err(FailureKind::KeyRefused.into()), ErrorCode::KEY_REFUSED),
        (|_| Err(FailureKind::Unsupported.into()), ErrorCode::KEY_UNSUPPORTED),
    ];
    for (store, code) in stores {
        let mut world = World::new();
        let (found, tokens) = refused(world.login(store));
        assert_eq!(found, code);
        let step = tokens.verify(&mut world.env);
        let tokens = world.run(step, verifies).unwrap().verified().unwrap().tokens;
        assert_eq!(tokens.subject(), Some("sub-alice"));
        assert_eq!(world.op.count(On::Token), 1);
    }
}

/// The claims are checked all the same, and the store sees no signature that the client would not accept.
#[test]
fn a_yes_waives_no_other_check() {
    let yes: Store = |_| Ok(KeyOutput::verified(true));
    let mut world = World::new();
    world.op.edit_id_token(|token| drop(token.claims.insert("aud".into(), "another".into())));
    assert_eq!(refused(world.login(yes)).0, ErrorCode::ID_TOKEN_AUDIENCE_MISMATCH);

    let mut world = World::new();
    world.op.edit_id_token(|token| drop(token.header.insert("alg".into(), "none".into())));
    assert_eq!(refused(world.login(|_| panic!("asked for a token without a signature"))).0, ErrorCode::JWS_ALGORITHM);

    let mut world =
        World::of(Provider::new("https://op.example.org"), |client| client.with_registered_algorithm(Algorithm::EdDsa));
    let asked: Store = |_| panic!("asked for an algorithm that the client does not accept");
    assert_eq!(refused(world.login(asked)).0, ErrorCode::JWS_ALGORITHM);
}

/// Without a `kid` each key that fits is tried: the right one is found, and if none is right that is said.
#[test]
fn each_key_that_fits_is_tried() {
    let mut world = World::new();
    world.op.edit_id_token(|token| drop(token.header.remove("kid")));
    world.op.rotate_keys();
    assert_eq!(world.tokens().subject(), Some("sub-alice"));
    assert_eq!(refused(world.login(|_| Ok(KeyOutput::verified(false)))).0, ErrorCode::JWS_SIGNATURE);
}

/// New keys are fetched as for this crate's own check: once.
#[test]
fn a_rotation_costs_one_fetch() {
    let mut world = World::new();
    world.tokens();
    let fetched = world.op.count(On::Jwks);
    world.op.rotate_keys();
    world.tokens();
    world.tokens();
    assert_eq!(world.op.count(On::Jwks), fetched + 1);
}

#[test]
fn logout_tokens_are_verified_elsewhere_too() {
    let mut world = World::new();
    world.tokens();
    for (store, expected) in [
        (verifies as Store, Ok(Some("sub-alice"))),
        (|_| Ok(KeyOutput::verified(false)), Err(ErrorCode::JWS_SIGNATURE)),
        (|_| Err(FailureKind::KeyRefused.into()), Err(ErrorCode::KEY_REFUSED)),
    ] {
        let body = world.op.logout_request("app", "alice", world.env.now());
        let step = world.party.back_channel_logout(body.as_bytes(), &mut world.env).unwrap();
        let token = world.run(step, store);
        let subject = token.as_ref().map(|token| token.subject()).map_err(Error::code);
        assert_eq!(subject, expected);
    }
}
