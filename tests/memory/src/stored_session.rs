//! A session whose record is in a file: it is loaded, refreshed, refreshed in vain, loaded again and logged out. Each secret
//! on its way is noted.

use std::path::Path;
use std::time::Duration;

use oidc_proto::adapter::BlockingDriver;
use oidc_proto::adapter::session::BlockingSession;
use oidc_proto::adapter::store::FileStore;
use oidc_proto::session::{Persistence, Record, Session, SessionOptions};
use oidc_proto::testing::{Clock, Lie, Provider, RegisteredClient, TestEnv};
use oidc_proto::{
    AuthorizationRequest, Callback, Client, Env as _, ErrorCode, Issuer, RedirectUri, RelyingParty, Schemes, Scope,
};

use crate::course::{Carrier, ISSUER, Noted, REDIRECT, Secrets};
use crate::watch::unwatched;

const PATIENCE: Duration = Duration::from_secs(60);

/// What all processes have in common.
struct World<'a> {
    provider: Provider,
    secrets: Noted,
    env: TestEnv,
    party: RelyingParty,
    path: &'a Path,
}

type Live = BlockingSession<Carrier, FileStore, TestEnv>;

impl<'a> World<'a> {
    /// A user is logged in, and the record is in the file.
    fn new(path: &'a Path) -> Self {
        let (secrets, mut env) = (Noted::default(), TestEnv::with_clock(3, Clock::new()));
        let provider = Provider::new(ISSUER).with_seed(4).with_client(RegisteredClient::public("app", REDIRECT));
        let http = BlockingDriver::new(Carrier::new(&provider, &env, &secrets));
        let redirect = RedirectUri::new(REDIRECT).unwrap();
        let client = Client::new("app").with_redirect_uri(redirect.clone());
        let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap();
        let party = http.run(RelyingParty::discover(issuer, client).unwrap(), &mut env).unwrap();
        let request = AuthorizationRequest::new(redirect, Scope::new("openid offline_access").unwrap());
        let (url, pending) = party.authorize(request, &mut env).unwrap();
        let callback = Callback::from_url(provider.visit(url.as_str(), env.now()).callback()).unwrap();
        let verified = party.check(&pending, &callback, env.now()).unwrap();
        let redeemed = party.redeem(pending, verified, &mut env).unwrap();
        let tokens = http.run(redeemed, &mut env).unwrap().verified().unwrap().tokens;
        let record = Record::of_login(tokens, None, &mut env);
        std::fs::write(path, serde_json::to_string(&record).unwrap()).unwrap();
        Self { provider, secrets, env, party, path }
    }

    /// As in a process that has just started.
    fn open(&mut self) -> Live {
        let text = unwatched(|| std::fs::read_to_string(self.path).unwrap());
        let record = Record::from_json(&text).unwrap();
        unwatched(|| drop(text));
        let options = SessionOptions::default().with_persistence(Persistence::Shared);
        let (version, party) = (record.version(), self.party.clone());
        let session = Session::new(record.tokens, Some(version), party, options, &mut self.env).unwrap();
        let (http, env) = unwatched(|| (Carrier::new(&self.provider, &self.env, &self.secrets), self.env.clone()));
        BlockingSession::new(session, http, FileStore::new(self.path), env).unwrap()
    }
}

/// Goes the whole way. Returns the secrets; the same each time.
pub fn stored_session(path: &Path) -> Secrets {
    let mut world = unwatched(|| World::new(path));
    let live = world.open();
    drop(live.refresh(PATIENCE).unwrap());
    unwatched(|| world.provider.lie(Lie::TokenAbsent));
    let failed = live.refresh(PATIENCE).unwrap_err();
    assert_eq!(failed.error().unwrap().code(), ErrorCode::TOKEN_MISSING_ACCESS_TOKEN);
    unwatched(|| world.provider.honest());
    drop((failed, live));
    let live = world.open();
    drop(live.access(PATIENCE).unwrap());
    live.log_out();
    let mut env = unwatched(|| world.env.clone());
    let http = BlockingDriver::new(unwatched(|| Carrier::new(&world.provider, &world.env, &world.secrets)));
    while let Some(step) = live.poll_revocation() {
        http.run(step.unwrap(), &mut env).unwrap();
    }
    assert!(live.is_idle() && !path.exists());
    drop(live);
    unwatched(|| {
        let secrets = world.secrets.take();
        drop((http, env, world));
        secrets
    })
}
