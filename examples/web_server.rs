//! A web server on any number of machines, which share a Redis server. Any machine can answer any request.
//!
//! `cargo run --features reqwest,redis --example web_server -- ISSUER CLIENT_ID CLIENT_SECRET PUBLIC_URL REDIS_URL LISTEN`
//!
//! The client must be registered with the redirect URI `PUBLIC_URL/cb` and the `backchannel_logout_uri`
//! `PUBLIC_URL/backchannel`.

use std::convert::Infallible;
use std::error::Error;
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::header::{CACHE_CONTROL, COOKIE, LOCATION, SET_COOKIE};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use oidc_proto::adapter::session::{NamedListener, Registry, RegistryOptions};
use oidc_proto::adapter::store::redis::{AsyncRedis, RedisOptions};
use oidc_proto::adapter::tokio::TokioTimer;
use oidc_proto::adapter::{Driver, SystemEnv, reqwest};
use oidc_proto::session::Event;
use oidc_proto::{
    AuthorizationRequest, Callback, Client, ClientAuth, Env as _, Issuer, PendingAuthorization, ProviderOptions,
    RedirectUri, RelyingParty, Schemes, Scope,
};

/// How long a user may stay away. The records in Redis live as long.
const ABSENCE: Duration = Duration::from_secs(30 * 24 * 3600);

type Failure = Box<dyn Error + Send + Sync>;

struct App {
    party: RelyingParty,
    driver: Driver<reqwest::Client, TokioTimer>,
    registry: Registry<AsyncRedis, SystemEnv>,
    /// Pending logins: the callback may come to another machine.
    pending: redis::Client,
    redirect_uri: RedirectUri,
    public_url: String,
    env: SystemEnv,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [issuer, client_id, secret, public_url, redis_url, listen] = args.as_slice() else {
        return Err("usage: web_server ISSUER CLIENT_ID CLIENT_SECRET PUBLIC_URL REDIS_URL LISTEN".into());
    };
    let (driver, mut env) = (Driver::new(reqwest::Client::new()?).with_timer(TokioTimer), SystemEnv::new()?);
    let redirect_uri = RedirectUri::new(&format!("{public_url}/cb"))?;
    let client = Client::new(client_id.as_str())
        .with_auth(ClientAuth::SecretBasic(secret.as_str().into()))
        .with_redirect_uri(redirect_uri.clone());
    // `http` is for a provider on this machine; any other `http` URL is refused all the same.
    let schemes = if issuer.starts_with("http:") { Schemes::DangerousHttpOnLoopback } else { Schemes::HttpsOnly };
    let (issuer, options) = (Issuer::new(issuer, schemes)?, ProviderOptions::new().with_schemes(schemes));
    let party = driver.run(RelyingParty::discover_with(issuer, client, options)?, &mut env).await?;

    let pending = redis::Client::open(redis_url.as_str())?;
    let records = AsyncRedis::new(pending.clone(), RedisOptions::new().with_record_lifetime(ABSENCE));
    let options = RegistryOptions::new(party.clone());
    let own = Driver::new(reqwest::Client::new()?).with_timer(TokioTimer);
    let (registry, run) = Registry::new(own, env.clone(), records, options)?;
    let (run, events) = (tokio::spawn(run), registry.subscribe());

    let public_url = public_url.clone();
    let app = Arc::new(App { party, driver, registry, pending, redirect_uri, public_url, env });
    tokio::spawn(watch(events, Arc::downgrade(&app)));
    let connections = GracefulShutdown::new();
    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("listening on {}", listener.local_addr()?);
    let mut end = std::pin::pin!(end());
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            ended = &mut end => break ended?,
        };
        let app = app.clone();
        let service = service_fn(move |request| app.clone().respond(request));
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connections.watch(connection));
    }
    // Requests are responded to. Then running refreshes end and are saved, and the locks are released. Nothing is revoked:
    // the sessions are in Redis, for the other machines and for the next start.
    drop(app);
    tokio::time::timeout(Duration::from_secs(30), connections.shutdown()).await?;
    tokio::time::timeout(Duration::from_secs(60), run).await??;
    Ok(())
}

/// Ctrl-C, or what a service manager sends.
#[cfg(unix)]
async fn end() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn end() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// What the operator should know, and what is left to do.
async fn watch(mut events: NamedListener, app: Weak<App>) {
    while let Some(event) = events.next().await {
        match event.event() {
            Event::Orphaned => {
                let Some(app) = app.upgrade() else { return };
                app.revoke().await;
            }
            Event::NotSaved(error) | Event::NotErased(error) | Event::Stalled(error) => eprintln!("{error}"),
            _ => {}
        }
    }
}

impl App {
    /// Tokens that no session uses any more, and that the provider may still honour.
    async fn revoke(&self) {
        while let Some(revocation) = self.registry.poll_revocation() {
            let revoked = match revocation {
                Ok(step) => self.driver.run(step, &mut self.env.clone()).await,
                Err(error) => Err(error),
            };
            if let Err(error) = revoked {
                eprintln!("not revoked: {error}");
            }
        }
    }

    async fn respond(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<String>, Infallible> {
        let response = match (request.method().as_str(), request.uri().path()) {
            ("GET", "/") => self.home(&request).await,
            ("GET", "/login") => self.log_in().await,
            ("GET", "/cb") => self.callback(&request).await,
            ("POST", "/logout") => self.log_out(&request).await,
            ("POST", "/backchannel") => self.back_channel(request).await,
            _ => page(404, "There is no such page."),
        };
        Ok(response.unwrap_or_else(|error| {
            eprintln!("{error}");
            let mut response = Response::new("Try again later.".to_owned());
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            response
        }))
    }

    /// Any page that needs an access token.
    async fn home(&self, request: &Request<Incoming>) -> Result<Response<String>, Failure> {
        let Some(name) = cookie(request, "__Host-session") else { return page(200, "Log in at /login.") };
        let Some(session) = self.registry.session(name).await? else { return page(200, "Log in at /login.") };
        match session.access().await {
            Ok(_token) => page(200, session.tokens().subject().unwrap_or("somebody")),
            Err(error) => page(200, &format!("Log in at /login: {error}")),
        }
    }

    async fn log_in(&self) -> Result<Response<String>, Failure> {
        let request = AuthorizationRequest::new(self.redirect_uri.clone(), Scope::new("openid offline_access")?);
        let (url, pending) = self.party.authorize(request, &mut self.env.clone())?;
        let mut connection = self.pending.get_multiplexed_async_connection().await?;
        let stored = serde_json::to_string(&pending)?;
        let mut set = redis::cmd("SET");
        set.arg(format!("login:{}", pending.key())).arg(stored).arg("EX").arg(600);
        set.query_async::<()>(&mut connection).await?;
        let cookie = format!("__Host-login-{}=1; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax", pending.key());
        Ok(redirect(url.as_str()).header(SET_COOKIE, cookie).body(String::new())?)
    }

    async fn callback(&self, request: &Request<Incoming>) -> Result<Response<String>, Failure> {
        let query = request.uri().query().unwrap_or_default();
        let callback = Callback::from_url(&format!("{}/cb?{query}", self.public_url))?;
        let own = |key: &String| cookie(request, &format!("__Host-login-{key}")).is_some();
        let Some(key) = callback.key().filter(own) else { return page(400, "Log in again at /login.") };
        let mut connection = self.pending.get_multiplexed_async_connection().await?;
        let key = format!("login:{key}");
        let stored: Option<String> = redis::cmd("GET").arg(&key).query_async(&mut connection).await?;
        let Some(stored) = stored else { return page(400, "Log in again at /login.") };
        let pending = PendingAuthorization::from_json(&stored)?;
        let mut env = self.env.clone();
        let verified = self.party.check(&pending, &callback, env.now())?;
        // A forged callback has not come so far. Of two requests with this one, one goes on.
        if redis::cmd("DEL").arg(&key).query_async::<u32>(&mut connection).await? == 0 {
            return page(400, "Log in again at /login.");
        }
        let step = self.party.redeem(pending, verified, &mut env)?;
        let tokens = self.driver.run(step, &mut env).await?.verified()?.tokens;
        // A name of its own for each login, which nobody can guess.
        let name = format!("{:016x}{:016x}", env.rng().next_u64(), env.rng().next_u64());
        self.registry.log_in(&name, tokens)?;
        let cookie = format!("__Host-session={name}; Path=/; Secure; HttpOnly; SameSite=Lax");
        Ok(redirect("/").header(SET_COOKIE, cookie).body(String::new())?)
    }

    async fn log_out(&self, request: &Request<Incoming>) -> Result<Response<String>, Failure> {
        if let Some(name) = cookie(request, "__Host-session")
            && let Some(session) = self.registry.log_out(name).await?
        {
            // A failure does not stop the logout.
            while let Some(revocation) = session.poll_revocation() {
                if let Err(error) = self.driver.run(revocation?, &mut self.env.clone()).await {
                    eprintln!("not revoked: {error}");
                }
            }
        }
        page(200, "You are logged out.")
    }

    /// The provider has logged the user out: all of the user's sessions end, also those on other machines.
    async fn back_channel(&self, request: Request<Incoming>) -> Result<Response<String>, Failure> {
        let Ok(body) = Limited::new(request.into_body(), 256 * 1024).collect().await else { return page(400, "") };
        let mut env = self.env.clone();
        let token = match self.party.back_channel_logout(&body.to_bytes(), &mut env) {
            Ok(step) => self.driver.run(step, &mut env).await,
            Err(error) => Err(error),
        };
        let done = match token {
            Ok(token) => self.registry.back_channel_logout(&self.party, &token).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(ended) => {
                // Nobody uses their tokens any more; those of `offline_access` live on otherwise.
                drop(ended);
                self.revoke().await;
                page(200, "")
            }
            Err(error) => {
                eprintln!("{error}");
                page(400, "")
            }
        }
    }
}

fn page(status: u16, text: &str) -> Result<Response<String>, Failure> {
    Ok(Response::builder().status(status).header(CACHE_CONTROL, "no-store").body(text.to_owned())?)
}

fn redirect(url: &str) -> http::response::Builder {
    Response::builder().status(303).header(LOCATION, url).header(CACHE_CONTROL, "no-store")
}

fn cookie<'a>(request: &'a Request<Incoming>, name: &str) -> Option<&'a str> {
    let cookies = request.headers().get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(own, _)| *own == name).map(|(_, value)| value).next()
}
