//! The HTTP clients behave alike: one table of scenarios, run through each.

#[cfg(feature = "reqwest")]
mod asynchronous;
mod lies;
mod proxies;
mod scenarios;
mod tls;
use crate::support::toy::{Outcome, Toy};
use oidc_proto::adapter::{BlockingDriver, HttpOptions, OptionsError, SystemEnv, from_fn, ureq};
use oidc_proto::{Body, Failure, FailureKind, Policy, Sent, Step};

/// How a scenario has its request sent.
type Send = fn(&HttpOptions, Step<Toy>) -> Outcome;

fn by_ureq(options: &HttpOptions, step: Step<Toy>) -> Outcome {
    let http = ureq::Client::with(options.clone()).unwrap();
    BlockingDriver::new(http).run(step, &mut SystemEnv::new().unwrap()).unwrap()
}

#[cfg(feature = "reqwest")]
fn by_reqwest(options: &HttpOptions, step: Step<Toy>) -> Outcome {
    use oidc_proto::adapter::{Driver, reqwest};

    let http = reqwest::Client::with(options.clone()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Driver::new(http).run(step, &mut SystemEnv::new().unwrap())).unwrap()
}

#[cfg(feature = "hyper")]
fn by_hyper(_: &HttpOptions, step: Step<Toy>) -> Outcome {
    use http_body_util::Full;
    use hyper::body::Bytes;
    use hyper_util::client::legacy::{Client, connect::HttpConnector};
    use oidc_proto::adapter::{Driver, tower};

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let executor = hyper_util::rt::TokioExecutor::new();
        let service: Client<HttpConnector, Full<Bytes>> = Client::builder(executor).build_http();
        Driver::new(tower::Client::new(service)).run(step, &mut SystemEnv::new().unwrap()).await.unwrap()
    })
}

/// The same with a time-out around the whole call, which a service of its own would end with the head of the response.
#[cfg(feature = "hyper")]
fn by_hyper_in_time(_: &HttpOptions, step: Step<Toy>) -> Outcome {
    use http_body_util::Full;
    use hyper::body::Bytes;
    use hyper_util::client::legacy::{Client, connect::HttpConnector};
    use oidc_proto::adapter::{Driver, HttpClient as _, tower};
    use scenarios::SHORT;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let executor = hyper_util::rt::TokioExecutor::new();
        let service: Client<HttpConnector, Full<Bytes>> = Client::builder(executor).build_http();
        let client = tower::Client::new(service);
        let http = from_fn(move |request: http::Request<Body>, policy: Policy| {
            let call = client.call(request, policy);
            async move {
                let late = |_| Failure::new(FailureKind::Timeout, Sent::Maybe).after(SHORT);
                tokio::time::timeout(SHORT, call).await.map_err(late)?
            }
        });
        Driver::new(http).run(step, &mut SystemEnv::new().unwrap()).await.unwrap()
    })
}

/// Those without options: what they do is the service's choice.
fn with_services() -> Vec<(&'static str, Send)> {
    let all = senders();
    #[cfg(feature = "hyper")]
    let all = all.into_iter().chain([("hyper", by_hyper as Send)]).collect();
    all
}

/// Those that give up in time: by an option, or by a time-out around a client without options.
fn in_time() -> Vec<(&'static str, Send)> {
    let all = senders();
    #[cfg(feature = "hyper")]
    let all = all.into_iter().chain([("hyper", by_hyper_in_time as Send)]).collect();
    all
}

fn senders() -> Vec<(&'static str, Send)> {
    vec![
        ("ureq", by_ureq),
        #[cfg(feature = "reqwest")]
        ("reqwest", by_reqwest),
    ]
}

/// The whole of an adapter for a server that is known to be well-behaved: enough to see that a closure is a client.
fn by_closure(_: &HttpOptions, step: Step<Toy>) -> Outcome {
    let http = |request: http::Request<Body>, _: Policy| plain(&request).map_err(|_| broken());
    BlockingDriver::new(from_fn(http)).run(step, &mut SystemEnv::new().unwrap()).unwrap()
}

fn broken() -> Failure {
    Failure::new(FailureKind::Interrupted, Sent::Maybe)
}

fn plain(request: &http::Request<Body>) -> std::io::Result<http::Response<Vec<u8>>> {
    use std::fmt::Write as _;
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};

    let authority = request.uri().authority().unwrap().as_str();
    let target = request.uri().path_and_query().unwrap().as_str();
    let mut head = format!("{} {target} HTTP/1.1\r\nhost: {authority}\r\n", request.method());
    for (name, value) in request.headers() {
        write!(head, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
    }
    write!(head, "content-length: {}\r\n\r\n", request.body().len()).unwrap();
    let mut stream = std::net::TcpStream::connect(authority)?;
    stream.write_all(&[head.as_bytes(), request.body().as_ref()].concat())?;

    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    lines.read_line(&mut line)?;
    let mut response = http::Response::builder().status(line.split(' ').nth(1).unwrap_or_default());
    let mut length = 0;
    loop {
        line.clear();
        lines.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        length = if name == "content-length" { value.parse().unwrap() } else { length };
        response = response.header(name, value);
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body)?;
    response.body(body).map_err(std::io::Error::other)
}

#[test]
fn options_that_cannot_work_are_refused_when_the_client_is_made() {
    let bad = [
        (HttpOptions::new().with_root_certificates_pem("no certificate"), OptionsError::RootCertificate),
        (HttpOptions::new().with_root_certificates_pem(""), OptionsError::RootCertificate),
        (HttpOptions::new().with_proxy("::"), OptionsError::Proxy),
        // Not spoken: the request would go straight to the server.
        (HttpOptions::new().with_proxy("socks4://127.0.0.1:1"), OptionsError::Proxy),
        // A proxy has a host and a port. The rest would be ignored in silence.
        (HttpOptions::new().with_proxy("http://127.0.0.1:1/path"), OptionsError::Proxy),
        (HttpOptions::new().with_proxy("127.0.0.1:1/path"), OptionsError::Proxy),
        (HttpOptions::new().with_proxy("http://127.0.0.1:1?a=b"), OptionsError::Proxy),
        (HttpOptions::new().with_proxy("http://127.0.0.1:1/#a"), OptionsError::Proxy),
        (HttpOptions::new().with_user_agent("a\nb"), OptionsError::UserAgent),
        // Firewalls refuse it, as they refuse requests without one.
        (HttpOptions::new().with_user_agent(""), OptionsError::UserAgent),
        (HttpOptions::new().with_user_agent("  "), OptionsError::UserAgent),
        (HttpOptions::new().with_user_agent("app\t\u{202e}"), OptionsError::UserAgent),
        (
            HttpOptions::new().with_proxy("http://127.0.0.1:1").with_public_addresses_only(),
            OptionsError::ProxyUnchecked,
        ),
        (HttpOptions::new().with_proxy_from_environment().with_public_addresses_only(), OptionsError::ProxyUnchecked),
    ];
    for (options, error) in bad {
        assert_eq!(ureq::Client::with(options.clone()).err(), Some(error), "ureq {options:?}");
        #[cfg(feature = "reqwest")]
        assert_eq!(
            oidc_proto::adapter::reqwest::Client::with(options.clone()).err(),
            Some(error),
            "reqwest {options:?}"
        );
    }
}
