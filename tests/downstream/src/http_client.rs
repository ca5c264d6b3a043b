//! An HTTP client of one's own: HTTP/1.0 over a socket, for a provider on this machine.

use std::io::{Error, Read as _, Write as _};
use std::net::TcpStream;

use http::{Request, Response};
use oidc_proto::adapter::BlockingHttpClient;
use oidc_proto::{Body, Failure, FailureKind, Policy, Sent};

/// Plain sockets.
pub struct Sockets;

impl BlockingHttpClient for Sockets {
    fn call(&self, request: Request<Body>, policy: Policy) -> Result<Response<Vec<u8>>, Failure> {
        let (parts, body) = request.into_parts();
        let authority = parts.uri.authority().map_or("", |authority| authority.as_str());
        let unreachable = |_: Error| Failure::new(FailureKind::Unreachable, Sent::No);
        let broken = |_: Error| Failure::new(FailureKind::Interrupted, Sent::Maybe);
        let mut socket = TcpStream::connect(authority).map_err(unreachable)?;
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut text = format!("{} {path} HTTP/1.0\r\nhost: {authority}\r\n", parts.method).into_bytes();
        for (name, value) in &parts.headers {
            text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        text.extend([format!("content-length: {}\r\n\r\n", body.len()).as_bytes(), body.as_ref()].concat());
        socket.write_all(&text).map_err(broken)?;
        let mut answer = Vec::new();
        socket.take(policy.body_limit() as u64 + 16_384).read_to_end(&mut answer).map_err(broken)?;
        parse(&answer).ok_or(Failure::new(FailureKind::Interrupted, Sent::Maybe))
    }
}

/// Status line, headers, body.
fn parse(answer: &[u8]) -> Option<Response<Vec<u8>>> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let mut lines = std::str::from_utf8(&answer[..end]).ok()?.split("\r\n");
    let mut response = Response::builder().status(lines.next()?.split(' ').nth(1)?);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        response = response.header(name, value.trim());
    }
    response.body(answer[end + 4..].to_vec()).ok()
}
