//! What only the asynchronous client can show.

use std::sync::mpsc;
use std::time::Duration;

use oidc_proto::adapter::{Driver, HttpClient, HttpOptions, SystemEnv, reqwest};
use oidc_proto::{FailureKind, Step};
use tokio::task::JoinHandle;

use super::support::certificates::Authority;
use super::support::server::Server;
use super::support::toy::{Outcome, Toy};

/// Compiles only if the driver's future is `Send` for any client whose reply is.
fn spawn_generic<C>(http: C, step: Step<Toy>) -> JoinHandle<Outcome>
where
    C: HttpClient + Send + Sync + 'static,
    C::Reply: Send,
{
    tokio::spawn(async move { Driver::new(http).run(step, &mut SystemEnv::new().unwrap()).await.unwrap() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_that_is_generic_over_its_client_is_spawned() {
    let server = Server::start(|mut connection| {
        loop {
            connection.request()?;
            connection.answer("200 OK", "", "spawned")?;
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
            return connection.answer("200 OK", "connection: close\r\n", "free");
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

#[tokio::test]
async fn http_2_is_used_where_it_is_offered() {
    let authority = Authority::new();
    let (tell, chosen) = mpsc::channel();
    let server = Server::start_tls(authority.server("127.0.0.1", &["h2", "http/1.1"]), move |connection| {
        tell.send(connection.alpn.clone()).map_err(std::io::Error::other)
    });
    let http = reqwest::Client::with(HttpOptions::new().root_certificates_pem(authority.pem)).unwrap();
    let outcome = Driver::new(http).run(Toy::get(&server.url("/"), 9), &mut SystemEnv::new().unwrap()).await.unwrap();
    assert!(matches!(&outcome, Outcome::Failed(failure) if failure.kind == FailureKind::Interrupted), "{outcome:?}");
    assert_eq!(chosen.recv().unwrap().as_deref(), Some(&b"h2"[..]));
}
