//! A blocking login with `ureq`. The first run logs in and keeps the tokens in a file; later runs use them, and refresh
//! them when they expire.
//!
//! `cargo run --example blocking_login -- https://op.example.org tokens.json`, at a provider that allows dynamic
//! registration, for example `oidc_cli serve`.

use std::error::Error;
use std::time::Duration;

use oidc_proto::adapter::session::BlockingSession;
use oidc_proto::adapter::store::FileStore;
use oidc_proto::adapter::{BlockingDriver, SystemEnv, ureq};
use oidc_proto::flow::{Registration, ServerMetadataFetch};
use oidc_proto::session::{Persistence, Session, SessionOptions};
use oidc_proto::{
    ApplicationType, AuthorizationRequest, Callback, Client, ClientMetadata, Env as _, Issuer, Provider,
    ProviderOptions, RedirectUri, RelyingParty, Schemes, Scope, TokenSet,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(issuer), Some(file)) = (args.next(), args.next()) else {
        return Err("usage: blocking_login ISSUER FILE".into());
    };
    // `http` is for a provider on this machine; any other `http` URL is refused all the same.
    let schemes = if issuer.starts_with("http:") { Schemes::DangerousHttpOnLoopback } else { Schemes::HttpsOnly };
    let (issuer, options) = (Issuer::new(&issuer, schemes)?, ProviderOptions::new().with_schemes(schemes));
    let (http, mut env) = (ureq::Client::new()?, SystemEnv::new()?);
    let driver = BlockingDriver::new(http.clone());
    let provider = driver.run(ServerMetadataFetch::start(issuer, options)?, &mut env)?.provider;

    // The file has mode 0600. Processes that use the same file take turns at refreshing.
    let store = FileStore::new(file);
    let options = SessionOptions::default().with_persistence(Persistence::Shared);
    let session = match store.load()? {
        Some(record) => {
            // The client has no secret: its ID is enough.
            let party = RelyingParty::new(provider, Client::new(record.tokens.client_id()));
            Session::new(record.tokens.clone(), Some(record.version()), party, options, &mut env)?
        }
        None => {
            let (party, tokens) = log_in(&driver, provider, &mut env)?;
            let mut session = Session::new(tokens, None, party, options, &mut env)?;
            session.save(&env);
            session
        }
    };
    let session = BlockingSession::new(session, http, store, env)?;
    session.tend(Duration::ZERO); // saves the tokens of the login
    let _token = session.access(Duration::from_secs(30))?;
    println!("{} has an access token that is good", session.tokens().subject().unwrap_or("nobody"));
    if session.is_idle() { Ok(()) } else { Err("the tokens could not be saved".into()) }
}

/// Registers, and logs in. The user copies the URL that the browser was sent to: nothing listens there.
fn log_in(
    driver: &BlockingDriver<ureq::Client>,
    provider: Provider,
    env: &mut SystemEnv,
) -> Result<(RelyingParty, TokenSet), Box<dyn Error>> {
    let redirect_uri = RedirectUri::new("http://127.0.0.1/callback")?;
    let metadata = ClientMetadata::new(ApplicationType::Native, vec![redirect_uri.clone()]);
    let registered = driver.run(Registration::start(&provider, metadata)?, env)?;
    let party = RelyingParty::new(provider, registered.client(std::slice::from_ref(&redirect_uri)));

    let request = AuthorizationRequest::new(redirect_uri, Scope::new("openid offline_access")?);
    let (url, pending) = party.authorize(request, env)?;
    println!("Log in here:\n{}\nand paste the URL that the browser ends at:", url.as_str());
    for line in std::io::stdin().lines() {
        let checked = Callback::from_url(line?.trim()).and_then(|callback| party.check(&pending, &callback, env.now()));
        match checked {
            Ok(verified) => {
                let tokens = driver.run(party.redeem(pending, verified, env)?, env)?.verified()?.tokens;
                return Ok((party, tokens));
            }
            Err(error) => eprintln!("{error}"),
        }
    }
    Err("there was no callback".into())
}
