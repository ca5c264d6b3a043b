//! A provider in memory or on a socket, and a client that is ready to log in.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use http::Request;
use oidc_proto::ApplicationType;
use oidc_proto::adapter::{BlockingDriver, BlockingHttpClient};
use oidc_proto::testing::{self, Clock, TestEnv};
use oidc_proto::{ClientMetadata, Error, Issuer, ProviderOptions, RedirectUri, RelyingParty, Schemes};
use oidc_proto_downstream::flow::SetUp;

pub const REDIRECT_URI: &str = "http://127.0.0.1:7/cb";

pub fn redirect_uri() -> RedirectUri {
    RedirectUri::new(REDIRECT_URI).unwrap()
}

/// By the flow of one's own.
pub fn set_up(
    http: &BlockingDriver<impl BlockingHttpClient>,
    issuer: &str,
    env: &mut TestEnv,
) -> Result<RelyingParty, Error> {
    let schemes = Schemes::DangerousHttpOnLoopback;
    let metadata = ClientMetadata::new(ApplicationType::Native, vec![redirect_uri()]);
    let step = SetUp::start(Issuer::new(issuer, schemes)?, ProviderOptions::new().with_schemes(schemes), metadata)?;
    http.run(step, env)
}

/// A provider that listens on this machine until the process ends.
pub fn listening() -> testing::Provider {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let provider = testing::Provider::new(&format!("http://{}", listener.local_addr().unwrap()));
    let handle = provider.clone();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            serve(&handle, socket.unwrap());
        }
    });
    provider
}

/// One request, one response, and the connection is over.
fn serve(provider: &testing::Provider, mut socket: TcpStream) {
    let (mut text, mut part) = (Vec::new(), [0; 4096]);
    let (head, start) = loop {
        let read = socket.read(&mut part).unwrap();
        text.extend_from_slice(&part[..read]);
        if let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") {
            break (String::from_utf8(text[..end].to_vec()).unwrap(), end + 4);
        }
        assert!(read > 0, "a request has a head");
    };
    let mut lines = head.split("\r\n");
    let first: Vec<_> = lines.next().unwrap().split(' ').collect();
    let mut request = Request::builder().method(first[0]).uri(format!("{}{}", provider.issuer(), first[1]));
    let mut length = 0;
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        if name == "content-length" {
            length = value.parse().unwrap();
        }
        request = request.header(name, value);
    }
    while text.len() < start + length {
        let read = socket.read(&mut part).unwrap();
        text.extend_from_slice(&part[..read]);
    }
    let response = provider.handle(request.body(text[start..].to_vec()).unwrap(), Clock::new().now());
    let mut answer = format!("HTTP/1.0 {}\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        answer.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    answer.extend([b"\r\n", response.body().as_slice()].concat());
    socket.write_all(&answer).unwrap();
}
