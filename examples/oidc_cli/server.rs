//! The embedded provider, and a Matrix homeserver beside it, behind real HTTP, for `serve` and for the demo.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use oidc_proto::Env as _;
use oidc_proto::adapter::SystemEnv;
use oidc_proto::testing::{Dpop, Homeserver, On, Par, Provider, User};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::args::{ServeArgs, ServedDpop, ServedPar};
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::loopback;
use crate::output::Output;
use crate::pages;
use crate::surroundings::{self, Surroundings};

/// No client sends more.
const BODY_LIMIT: usize = 1024 * 1024;

/// A provider that listens, and is served once it is run.
pub(crate) struct Server {
    listener: TcpListener,
    homeserver: Homeserver,
    env: SystemEnv,
    surroundings: Surroundings,
    users: Vec<String>,
    consent: bool,
}

impl Server {
    pub(crate) fn bind(args: &ServeArgs) -> Result<Self, Failure> {
        check(args)?;
        let (listener, port) = loopback::bind(Ipv4Addr::LOCALHOST.into(), args.port).map_err(|failure| {
            failure.with_hint("Name another port with --port, or leave out --port to use any free port.")
        })?;
        let mut env = SystemEnv::new()?;
        let base = format!("http://127.0.0.1:{port}");
        let logins =
            if args.users.is_empty() { vec!["alice".to_owned(), "bob".to_owned()] } else { args.users.clone() };
        let provider = logins.iter().fold(Provider::new(&base), |provider, login| {
            let claims = args.claims.iter();
            provider.with_user(claims.fold(User::new(login), |user, (name, value)| {
                user.with_claim(name, serde_json::from_str(value).unwrap_or_else(|_| Value::from(value.as_str())))
            }))
        });
        let provider = if args.strict_offline_access { provider.with_offline_access_by_consent() } else { provider };
        let provider = provider
            .with_web_clients_on_loopback()
            .with_all_algorithms()
            .with_par(match args.par {
                ServedPar::Off => Par::Off,
                ServedPar::Advertised => Par::Advertised,
                ServedPar::Required => Par::Required,
            })
            .with_dpop(match args.dpop {
                ServedDpop::Off => Dpop::Off,
                ServedDpop::Advertised => Dpop::Advertised,
                ServedDpop::Required => Dpop::Required,
            })
            .with_dpop_nonce(args.dpop_nonce)
            // Who tries things out does not want to wait longer than must be.
            .with_device_interval(Some(Duration::from_secs(1)))
            // Where a page asks, nobody else decides.
            .with_device_polls(if args.consent { usize::MAX } else { 1 })
            .with_access_token_lifetime(args.access_token_lifetime)
            // Codes and tokens that nobody can guess, though it is only for tests.
            .with_seed(env.rng().next_u64());
        provider.edit_json(On::ServerMetadata, |document| {
            document.insert("backchannel_logout_supported".into(), true.into());
            document.insert("backchannel_logout_session_supported".into(), true.into());
        });
        provider.edit_id_token(|token| {
            // The same for all ID tokens of one sign-in.
            let sid = Sha256::digest(format!("{:?} {:?}", token.claims.get("sub"), token.claims.get("auth_time")));
            token.claims.insert("sid".into(), URL_SAFE_NO_PAD.encode(sid).into());
        });
        let sid = Arc::new(Mutex::new(None::<String>));
        let of_user = Arc::clone(&sid);
        provider.edit_logout_token(move |token| {
            if let Some(sid) = of_user.lock().unwrap_or_else(PoisonError::into_inner).take() {
                token.claim("sid", sid);
            }
        });
        let homeserver = Homeserver::new(&base, &format!("127.0.0.1:{port}"), provider);
        // For a user who looks for the camera.
        let _ = homeserver.rendezvous().clone().with_lifetime(Duration::from_secs(300));
        let surroundings = Surroundings::new(logins.clone(), args.consent, sid);
        Ok(Self { listener, homeserver, env, surroundings, users: logins, consent: args.consent })
    }

    pub(crate) fn issuer(&self) -> String {
        self.homeserver.provider().issuer()
    }

    /// Tells where it is, and who can log in.
    pub(crate) fn announce(&self, out: Output) {
        let Self { users, consent, .. } = self;
        out.emit(&Event::Serving { issuer: &self.issuer(), users, consent: *consent });
    }

    /// Serves until the process ends. `seen` gets the method, the path and the status of each exchange.
    pub(crate) fn run(self, seen: impl Fn(&str, &str, u16) + Send + Sync + 'static) -> Result<(), Failure> {
        let runtime = loopback::runtime()?;
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(self.listener).map_err(|e| Code::Listener.because(e))?;
            let shared = Arc::new((self.homeserver, self.env, self.surroundings, seen));
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    loopback::pause().await;
                    continue;
                };
                let shared = Arc::clone(&shared);
                let service = service_fn(move |request| {
                    let shared = Arc::clone(&shared);
                    async move {
                        let (homeserver, env, surroundings, seen) = &*shared;
                        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
                        let response = response(homeserver, env, surroundings, request).await;
                        seen(method.as_str(), &path, response.status().as_u16());
                        Ok::<_, Infallible>(response)
                    }
                });
                tokio::spawn(loopback::connections().serve_connection(TokioIo::new(stream), service));
            }
        })
    }
}

async fn response(
    homeserver: &Homeserver,
    env: &SystemEnv,
    surroundings: &Surroundings,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let Ok(body) = loopback::read(body, BODY_LIMIT).await else {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return response;
    };
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    let mut response = if method == Method::OPTIONS {
        surroundings::preflight()
    } else if let Some(question) = surroundings.question(&parts, &body) {
        // What is refused whatever the user says is refused at once.
        let tried = question.trial.map(|trial| homeserver.handle(trial, env.now()));
        tried.filter(|response| !surroundings::is_denial(response)).unwrap_or(question.page)
    } else if method == Method::GET && uri.path() == "/" {
        pages::root(&homeserver.provider().issuer(), surroundings.users())
    } else {
        let response = homeserver.handle(Request::from_parts(parts, &body), env.now());
        surroundings.after(homeserver.provider(), &method, &uri, &body, &response, env.now());
        response
    };
    pages::dress(uri.path(), &mut response);
    surroundings::allow_any_origin(&mut response);
    response.map(|body| Full::new(body.into()))
}

/// What each value alone does not show.
fn check(args: &ServeArgs) -> Result<(), Failure> {
    if args.dpop == ServedDpop::Off && args.dpop_nonce {
        return Err(Code::Usage.because("--dpop-nonce needs --dpop advertised or required"));
    }
    let names = args.claims.iter().map(|(name, _)| name);
    let twice = twice(args.users.iter()).map(|user| ("user", user));
    match twice.or_else(|| self::twice(names).map(|name| ("claim", name))) {
        Some((option, name)) => {
            Err(Code::Usage.because(format_args!("--{option} {} is given twice", name.escape_debug())))
        }
        None => Ok(()),
    }
}

/// The first one that was there before.
fn twice<'a>(names: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    let mut seen = BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

/// The command.
pub(crate) fn serve(args: &ServeArgs, out: Output) -> Result<(), Failure> {
    let server = Server::bind(args)?;
    let issuer = server.issuer();
    server.announce(out);
    server.run(move |method, path, status| {
        out.narrate(&Event::Exchange { method, url: &format!("{issuer}{path}"), status: Some(status) });
    })
}
