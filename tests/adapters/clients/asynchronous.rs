//! What only the asynchronous client can show.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use oidc_proto::adapter::{Driver, HttpClient, HttpOptions, SystemEnv, reqwest};
use oidc_proto::{Accept, Body, FailureKind, Policy, Step};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::support::certificates::Authority;
use crate::support::server::Server;
use crate::support::toy::{Outcome, Toy};

/// Compiles only if the driver's future is `Send` for any client whose reply is.
fn spawn_generic<C>(http: C, step: Step<Toy>) -> JoinHandle<Outcome>
where
    C: HttpClient + Send + Sync + 'static,
    C::Response: Send,
{
    tokio::spawn(async move { Driver::new(http).run(step, &mut SystemEnv::new().unwrap()).await.unwrap() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_that_is_generic_over_its_client_is_spawned() {
    let server = Server::start(|mut connection| {
        loop {
            connection.request()?;
            connection.response("200 OK", "", "spawned")?;
        }
    });
    let http = reqwest::Client::new().unwrap();
    let tasks: Vec<_> = (0..8).map(|_| spawn_generic(http.clone(), Toy::get(&server.url("/"), 9))).collect();
    for task in tasks {
        let outcome = task.await.unwrap();
        assert!(matches!(&outcome, Outcome::Answer(response) if response.body() == b"spawned"), "{outcome:?}");
    }
}

#[tokio::test]
async fn dropping_a_reply_ends_its_exchange_and_leaves_the_server_free() {
    let (tell, events) = mpsc::channel();
    let server = Server::start(move |mut connection| {
        let seen = connection.request()?;
        if seen.line.ends_with("/free") {
            return connection.response("200 OK", "connection: close\r\n", "free");
        }
        tell.send("arrived").map_err(std::io::Error::other)?;
        connection.hang();
        tell.send("hung up").map_err(std::io::Error::other)
    });
    let next = |events: mpsc::Receiver<&'static str>| async {
        tokio::task::spawn_blocking(move || (events.recv_timeout(Duration::from_secs(20)).unwrap(), events))
            .await
            .unwrap()
    };
    let http = reqwest::Client::new().unwrap();
    let (driver, mut env) = (Driver::new(http.clone()), SystemEnv::new().unwrap());
    let events = tokio::select! {
        outcome = driver.run(Toy::get(&server.url("/stuck"), 9), &mut env) => panic!("{outcome:?}"),
        (event, events) = next(events) => {
            assert_eq!(event, "arrived");
            events
        }
    };
    assert_eq!(next(events).await.0, "hung up");
    let outcome = driver.run(Toy::get(&server.url("/free"), 9), &mut env).await.unwrap();
    assert!(matches!(&outcome, Outcome::Answer(response) if response.body() == b"free"), "{outcome:?}");
}

/// A provider that speaks HTTP/2 and nothing else: a request with a body, a header and a long answer, several at once on
/// one connection; and the limit of the body holds.
#[tokio::test]
async fn http_2_is_spoken_where_it_is_offered() {
    let authority = Authority::new();
    let acceptor = TlsAcceptor::from(authority.server("127.0.0.1", &["h2"]));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    tokio::spawn(async move {
        loop {
            let stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = service_fn(|request: Request<Incoming>| async move {
                let version = request.version();
                let asked = request.into_body().collect().await?.to_bytes();
                let body = if asked.is_empty() { vec![b'x'; 100_000] } else { [b"got ", &asked[..]].concat() };
                let body = Full::new(Bytes::from(body));
                Ok::<_, hyper::Error>(
                    http::Response::builder().header("x-version", format!("{version:?}")).body(body).unwrap(),
                )
            });
            let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(http.serve_connection(TokioIo::new(stream), answer));
        }
    });
    let http = reqwest::Client::with(HttpOptions::new().with_root_certificates_pem(authority.pem)).unwrap();
    let url = format!("https://127.0.0.1:{port}/token");
    let policy = |limit| Policy::read(limit, Accept::Any);
    let post = |text: &'static str| Request::post(&url).body(Body::from(text.to_owned())).unwrap();

    let first = http.call(post("form=1"), policy(100)).await.unwrap();
    assert_eq!(
        (first.body().as_slice(), &first.headers()["x-version"]),
        (&b"got form=1"[..], &"HTTP/2.0".parse().unwrap())
    );
    let (second, third) = tokio::join!(http.call(post(""), policy(100_000)), http.call(post("b"), policy(100)));
    assert_eq!((second.unwrap().body().len(), third.unwrap().into_body()), (100_000, b"got b".to_vec()));
    let failure = http.call(post(""), policy(99_999)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::BodyTooLarge);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
