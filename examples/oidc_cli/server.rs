//! The embedded provider, and a Matrix homeserver beside it, behind real HTTP, for `serve` and for the demo.

use std::convert::Infallible;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use oidc_proto::Env as _;
use oidc_proto::adapter::SystemEnv;
use oidc_proto::testing::{Homeserver, Provider, User};

use crate::args::ServeArgs;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::loopback;
use crate::output::Output;

/// No client sends more.
const BODY_LIMIT: usize = 1024 * 1024;

/// A provider that listens, and is served once it is run.
pub(crate) struct Server {
    listener: TcpListener,
    homeserver: Homeserver,
    env: SystemEnv,
}

impl Server {
    pub(crate) fn bind(args: &ServeArgs) -> Result<Self, Failure> {
        let (listener, port) = loopback::bind(Ipv4Addr::LOCALHOST.into(), args.port)?;
        let mut env = SystemEnv::new()?;
        let base = format!("http://127.0.0.1:{port}");
        let provider = Provider::new(&base)
            .with_user(User::new("alice"))
            .with_user(User::new("bob"))
            // Who tries things out does not want to wait longer than must be.
            .with_device_interval(Some(Duration::from_secs(1)))
            .with_access_token_lifetime(args.access_token_lifetime)
            // Codes and tokens that nobody can guess, though it is only for tests.
            .with_seed(env.rng().next_u64());
        let homeserver = Homeserver::new(&base, &format!("127.0.0.1:{port}"), provider);
        // For a user who looks for the camera.
        let _ = homeserver.rendezvous().clone().with_lifetime(Duration::from_secs(300));
        Ok(Self { listener, homeserver, env })
    }

    pub(crate) fn issuer(&self) -> String {
        self.homeserver.provider().issuer()
    }

    /// Serves until the process ends. `seen` gets the method, the path and the status of each exchange.
    pub(crate) fn run(self, seen: impl Fn(&str, &str, u16) + Send + Sync + 'static) -> Result<(), Failure> {
        let runtime = loopback::runtime()?;
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(self.listener).map_err(|e| Code::Listener.because(e))?;
            let shared = Arc::new((self.homeserver, self.env, seen));
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    loopback::pause().await;
                    continue;
                };
                let shared = Arc::clone(&shared);
                let service = service_fn(move |request| {
                    let shared = Arc::clone(&shared);
                    async move {
                        let (homeserver, env, seen) = &*shared;
                        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
                        let response = response(homeserver, env, request).await;
                        seen(method.as_str(), &path, response.status().as_u16());
                        Ok::<_, Infallible>(response)
                    }
                });
                tokio::spawn(loopback::connections().serve_connection(TokioIo::new(stream), service));
            }
        })
    }
}

async fn response(homeserver: &Homeserver, env: &SystemEnv, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    match loopback::read(body, BODY_LIMIT).await {
        Ok(body) => homeserver.handle(Request::from_parts(parts, body), env.now()).map(|body| Full::new(body.into())),
        Err(_) => {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            response
        }
    }
}

/// The command.
pub(crate) fn serve(args: &ServeArgs, out: Output) -> Result<(), Failure> {
    let server = Server::bind(args)?;
    let issuer = server.issuer();
    out.emit(&Event::Serving { issuer: &issuer });
    server.run(move |method, path, status| {
        out.narrate(&Event::Exchange { method, url: &format!("{issuer}{path}"), status: Some(status) });
    })
}
