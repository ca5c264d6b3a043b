//! A sample of the provider's lies and of what goes wrong on the way, over real HTTP through each client: what is refused
//! in memory is refused there, by the same name.

use std::time::Duration;

use oidc_proto::ApplicationType;
use oidc_proto::adapter::{BlockingDriver, HttpOptions, SystemEnv, ureq};
use oidc_proto::flow::{Registration, ServerMetadataFetch};
use oidc_proto::testing::{Disturbance, Lie, On};
use oidc_proto::{
    AuthorizationRequest, Callback, ClientMetadata, Env, Error, ErrorCode, Flow, Issuer, ProviderOptions, RedirectUri,
    RelyingParty, Schemes, Scope, Step,
};

use crate::support::op::Op;

const REDIRECT_URI: &str = "http://127.0.0.1:7/cb";

trait Run {
    fn run<F: Flow>(&self, step: Step<F>) -> Result<F::Output, Error>;
}

impl Run for BlockingDriver<ureq::Client> {
    fn run<F: Flow>(&self, step: Step<F>) -> Result<F::Output, Error> {
        Self::run(self, step, &mut SystemEnv::new().unwrap())
    }
}

#[cfg(feature = "reqwest")]
struct ByReqwest(oidc_proto::adapter::Driver<oidc_proto::adapter::reqwest::Client>, tokio::runtime::Runtime);

#[cfg(feature = "reqwest")]
impl Run for ByReqwest {
    fn run<F: Flow>(&self, step: Step<F>) -> Result<F::Output, Error> {
        self.1.block_on(self.0.run(step, &mut SystemEnv::new().unwrap()))
    }
}

/// A whole session, as far as it goes.
fn session(run: &impl Run, op: &Op) -> Result<(), Error> {
    let mut env = SystemEnv::new()?;
    let schemes = Schemes::DangerousHttpOnLoopback;
    let issuer = Issuer::new(&op.issuer, schemes)?;
    let provider = run.run(ServerMetadataFetch::start(issuer, ProviderOptions::new().with_schemes(schemes))?)?.provider;
    let redirect_uri = RedirectUri::new(REDIRECT_URI)?;
    let metadata = ClientMetadata::new(ApplicationType::Native, vec![redirect_uri.clone()]);
    let registered = run.run(Registration::start(&provider, metadata)?)?;
    let party = RelyingParty::new(provider, registered.client(std::slice::from_ref(&redirect_uri)));
    let request = AuthorizationRequest::new(redirect_uri, Scope::new("openid offline_access")?);
    let (url, pending) = party.authorize(request, &mut env)?;
    let landing = op.provider.visit(url.as_str(), env.now());
    let verified = party.check(&pending, &Callback::from_url(landing.callback())?, env.now())?;
    let tokens = run.run(party.redeem(pending, verified, &mut env)?)?.verified()?.tokens;
    let tokens = run.run(party.refresh(&tokens, &mut env)?)?.verified()?.tokens;
    run.run(party.userinfo(&tokens, &mut env)?)?;
    Ok(())
}

enum Wrong {
    Nothing,
    Lie(Lie),
    Disturbance(On, Disturbance),
}

fn sample(run: &impl Run) {
    for (wrong, expected) in [
        (Wrong::Nothing, None),
        (Wrong::Lie(Lie::MetadataIssuerSlash), Some(ErrorCode::METADATA_ISSUER_MISMATCH)),
        (Wrong::Lie(Lie::MetadataPkceWithoutS256), Some(ErrorCode::METADATA_PKCE_WITHOUT_S256)),
        (Wrong::Lie(Lie::CallbackStateWrong), Some(ErrorCode::CALLBACK_STATE_MISMATCH)),
        (Wrong::Lie(Lie::TokenCrLf), Some(ErrorCode::TOKEN_MALFORMED)),
        (Wrong::Lie(Lie::ErrorWith200), Some(ErrorCode::TOKEN_INVALID_GRANT)),
        (Wrong::Lie(Lie::AlgorithmNone("none")), Some(ErrorCode::JWS_ALGORITHM)),
        (Wrong::Lie(Lie::NonceWrong), Some(ErrorCode::ID_TOKEN_NONCE_MISMATCH)),
        (Wrong::Lie(Lie::SignatureWrong), Some(ErrorCode::JWS_SIGNATURE)),
        (Wrong::Lie(Lie::RefreshSubOther), Some(ErrorCode::ID_TOKEN_CHANGED_CLAIM)),
        (Wrong::Lie(Lie::UserInfoSubOther), Some(ErrorCode::USERINFO_SUBJECT_MISMATCH)),
        (Wrong::Disturbance(On::ServerMetadata, Disturbance::LoginPage), Some(ErrorCode::HTTP_CONTENT_TYPE)),
        (Wrong::Disturbance(On::ServerMetadata, Disturbance::Redirect), Some(ErrorCode::HTTP_REDIRECT)),
        (Wrong::Disturbance(On::ServerMetadata, Disturbance::Oversized), Some(ErrorCode::HTTP_BODY_TOO_LARGE)),
        (Wrong::Disturbance(On::Jwks, Disturbance::Garbage), Some(ErrorCode::JSON_SYNTAX)),
        (Wrong::Disturbance(On::Token, Disturbance::status(503)), Some(ErrorCode::HTTP_SERVER_ERROR)),
        (Wrong::Disturbance(On::Token, Disturbance::DeepNesting), Some(ErrorCode::JSON_TOO_DEEP)),
        (Wrong::Disturbance(On::Token, Disturbance::DuplicateName), Some(ErrorCode::JSON_DUPLICATE_NAME)),
        (Wrong::Disturbance(On::Token, Disturbance::EmptyBody), Some(ErrorCode::JSON_SYNTAX)),
        (Wrong::Disturbance(On::UserInfo, Disturbance::status(429)), Some(ErrorCode::HTTP_TOO_MANY_REQUESTS)),
    ] {
        let op = Op::start();
        match &wrong {
            Wrong::Nothing => {}
            Wrong::Lie(lie) => op.provider.lie(*lie),
            Wrong::Disturbance(on, fault) => op.provider.disturb(*on, fault.clone(), 1),
        }
        let code = session(run, &op).err().map(|error| error.code());
        assert_eq!(code, expected);
    }
}

fn options() -> HttpOptions {
    HttpOptions::new().with_timeout(Duration::from_secs(10))
}

#[test]
fn what_is_refused_in_memory_is_refused_over_ureq() {
    sample(&BlockingDriver::new(ureq::Client::with(options()).unwrap()));
}

#[cfg(feature = "reqwest")]
#[test]
fn what_is_refused_in_memory_is_refused_over_reqwest() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let http = oidc_proto::adapter::reqwest::Client::with(options()).unwrap();
    sample(&ByReqwest(oidc_proto::adapter::Driver::new(http), runtime));
}
