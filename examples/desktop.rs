//! A desktop application of three processes, which share one login: the window, a process that synchronizes in the
//! background, and a menu that logs out. They share a file and nothing else.
//!
//! `cargo run --example desktop -- ISSUER CLIENT_ID FILE window|sync|menu`
//!
//! A process can be killed at any time. The file and its lock are the others' then, and nothing is revoked: only the menu
//! ends the login.
//!
//! The client must be registered with the redirect URI `http://127.0.0.1/callback`. To try it without a provider:
//! `oidc_cli serve`, and `oidc_cli register` for a client ID.

use std::error::Error;
use std::time::Duration;

use oidc_proto::adapter::session::{BlockingSession, NoToken};
use oidc_proto::adapter::store::FileStore;
use oidc_proto::adapter::{BlockingDriver, SystemEnv, ureq};
use oidc_proto::session::{End, Erased, Event, Persistence, Session, SessionOptions};
use oidc_proto::{
    AuthorizationRequest, Callback, Client, Env as _, Issuer, ProviderOptions, RedirectUri, RelyingParty, Schemes,
    Scope, TokenSet,
};

/// How long a user waits for a token.
const PATIENCE: Duration = Duration::from_secs(30);

type UserSession = BlockingSession<ureq::Client, FileStore, SystemEnv>;

struct App {
    party: RelyingParty,
    http: ureq::Client,
    driver: BlockingDriver<ureq::Client>,
    file: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [issuer, client_id, file, role] = args.as_slice() else {
        return Err("usage: desktop ISSUER CLIENT_ID FILE window|sync|menu".into());
    };
    // `http` is for a provider on this machine; any other `http` URL is refused all the same.
    let schemes = if issuer.starts_with("http:") { Schemes::DangerousHttpOnLoopback } else { Schemes::HttpsOnly };
    let (issuer, options) = (Issuer::new(issuer, schemes)?, ProviderOptions::new().with_schemes(schemes));
    let client = Client::new(client_id.as_str()).with_redirect_uri(RedirectUri::new("http://127.0.0.1/callback")?);
    let (http, mut env) = (ureq::Client::new()?, SystemEnv::new()?);
    let driver = BlockingDriver::new(http.clone());
    let party = driver.run(RelyingParty::discover_with(issuer, client, options)?, &mut env)?;
    let app = App { party, http, driver, file: file.clone() };
    match role.as_str() {
        "window" => app.window(&mut env),
        "sync" => app.synchronize(&env),
        "menu" => app.log_out(&mut env),
        other => Err(format!("there is no process {other}").into()),
    }
}

impl App {
    /// The session of the record in the file, or of new tokens.
    fn session(&self, tokens: Option<TokenSet>, env: &SystemEnv) -> Result<Option<UserSession>, Box<dyn Error>> {
        let (store, mut env) = (FileStore::new(&self.file), env.clone());
        let options = SessionOptions::default().with_persistence(Persistence::Shared);
        let session = match (tokens, store.load()?) {
            (Some(tokens), _) => {
                let mut session = Session::new(tokens, None, self.party.clone(), options, &mut env)?;
                session.save(&env);
                session
            }
            (None, Some(record)) => {
                let version = record.version();
                Session::new(record.tokens, Some(version), self.party.clone(), options, &mut env)?
            }
            (None, None) => return Ok(None),
        };
        let session = BlockingSession::new(session, self.http.clone(), store, env)?;
        // What is to be saved is saved now.
        session.tend(Duration::ZERO);
        Ok(Some(session))
    }

    /// Logs in if nobody has, or if the login is of no use any more.
    fn window(&self, env: &mut SystemEnv) -> Result<(), Box<dyn Error>> {
        let session = match self.session(None, env)? {
            Some(session) => session,
            None => self.session(Some(self.log_in(env)?), env)?.ok_or("there are tokens")?,
        };
        match session.access(PATIENCE) {
            Ok(_token) => {}
            // The file keeps the record until the new one takes its place: the other processes go on with it.
            Err(NoToken::Ended(End::NeedsLogin(error))) => {
                eprintln!("{error}");
                session.adopt(self.log_in(env)?)?;
            }
            Err(error) => return Err(error.into()),
        }
        println!("{} is logged in", session.tokens().subject().unwrap_or("nobody"));
        self.revoke(&session, env);
        rest(&session);
        Ok(())
    }

    /// Works in the background, from one login to the next.
    fn synchronize(&self, env: &SystemEnv) -> Result<(), Box<dyn Error>> {
        loop {
            let Some(session) = self.session(None, env)? else {
                std::thread::sleep(Duration::from_secs(1));
                continue;
            };
            loop {
                match session.access(PATIENCE) {
                    Ok(_token) => println!("synchronized"),
                    // Logged out, or another user: wait for what the file has then.
                    Err(NoToken::Ended(end)) => {
                        println!("{end}");
                        break;
                    }
                    Err(error) => println!("later: {error}"),
                }
                // Refreshes ahead meanwhile.
                session.tend(Duration::from_secs(60));
            }
            rest(&session);
            self.revoke(&session, &mut env.clone());
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    /// Ends the login for all processes, at once for this one; the others notice it when they next use the file.
    fn log_out(&self, env: &mut SystemEnv) -> Result<(), Box<dyn Error>> {
        let Some(session) = self.session(None, env)? else { return Ok(()) };
        let mut events = session.subscribe();
        session.log_out();
        rest(&session);
        let is_revoked = self.revoke(&session, env);
        while let Some(event) = events.wait(Duration::ZERO) {
            if let Event::LoggedOut(logout) = event {
                if let Erased::Failed(error) = &logout.erased {
                    return Err(format!("remove {}: {error}", self.file).into());
                }
                match logout.uncertainty {
                    None if is_revoked => println!("logged out"),
                    None => println!("logged out, but some tokens may live on"),
                    Some(why) => println!("logged out, but some tokens may live on: {why}"),
                }
            }
        }
        Ok(())
    }

    /// Revokes what the session has given back. Returns whether all of it is revoked.
    fn revoke(&self, session: &UserSession, env: &mut SystemEnv) -> bool {
        let mut is_all = true;
        while let Some(revocation) = session.poll_revocation() {
            if let Err(error) = revocation.and_then(|step| self.driver.run(step, env)) {
                eprintln!("not revoked: {error}");
                is_all = false;
            }
        }
        is_all
    }

    /// The user copies the URL that the browser was sent to: nothing listens there. The example `oidc_cli` listens.
    fn log_in(&self, env: &mut SystemEnv) -> Result<TokenSet, Box<dyn Error>> {
        let redirect_uri = self.party.client().redirect_uris().first().cloned().ok_or("no redirect URI")?;
        let request = AuthorizationRequest::new(redirect_uri, Scope::new("openid offline_access")?);
        let (url, pending) = self.party.authorize(request, env)?;
        println!("Log in here:\n{}\nand paste the URL that the browser ends at:", url.as_str());
        for line in std::io::stdin().lines() {
            match Callback::from_url(line?.trim()).and_then(|callback| self.party.check(&pending, &callback, env.now()))
            {
                Ok(verified) => {
                    let step = self.party.redeem(pending, verified, env)?;
                    return Ok(self.driver.run(step, env)?.verified()?.tokens);
                }
                Err(error) => eprintln!("{error}"),
            }
        }
        Err("there was no callback".into())
    }
}

/// Before a process ends: nothing is unsaved, and no lock is held. A disk that stays full is not waited for.
fn rest(session: &UserSession) {
    for _ in 0..60 {
        if session.is_idle() {
            return;
        }
        session.tend(Duration::from_secs(1));
    }
}
