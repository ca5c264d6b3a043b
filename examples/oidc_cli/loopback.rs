//! What the program's two small servers have in common: they listen on this machine's own addresses and nowhere else.

use std::io;
use std::net::{IpAddr, TcpListener};
use std::time::Duration;

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body, Bytes};
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use tokio::runtime::Runtime;

use crate::failure::{Code, Failure};

/// For the head of a request: a callback of the largest size and then some.
const HEAD_LIMIT: usize = 96 * 1024;
/// For a connection to send its request's head. A browser opens some that it never uses.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Listens on this port, or on any free one if it is 0. Returns the port.
pub(crate) fn bind(address: IpAddr, port: u16) -> Result<(TcpListener, u16), Failure> {
    let open = || -> io::Result<_> {
        let listener = TcpListener::bind((address, port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        Ok((listener, port))
    };
    open().map_err(|error| Code::Listener.because(format_args!("port {port}: {error}")))
}

pub(crate) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| Code::Setup.because(error))
}

/// One connection at a time is served like this: HTTP/1.1, bounded in size and time.
pub(crate) fn connections() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_LIMIT);
    builder
}

/// After a connection could not be accepted: it was reset, or there are no more file handles, which takes a moment.
pub(crate) async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Why a body was not read.
pub(crate) enum NoBody {
    TooLarge,
    Broken,
}

/// Reads a body up to the limit.
pub(crate) async fn read<B>(body: B, limit: usize) -> Result<Bytes, NoBody>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(NoBody::TooLarge),
        Err(_) => Err(NoBody::Broken),
    }
}
