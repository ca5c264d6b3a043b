//! A loopback server that behaves exactly as badly as it is told: every connection is given to a function.
//!
//! No port is fixed, nothing is slept: a server that "hangs" waits for the client to hang up.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::{Domain, SockRef, Socket, Type};

pub struct Server {
    address: SocketAddr,
    tls: bool,
    stop: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Gives each connection to `serve`, on a thread of its own.
    pub fn start(serve: impl Fn(Connection) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self::accept(None, serve)
    }

    /// The same with TLS. A connection whose handshake fails is dropped unseen.
    pub fn start_tls(
        config: Arc<ServerConfig>,
        serve: impl Fn(Connection) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::accept(Some(config), serve)
    }

    fn accept(
        tls: Option<Arc<ServerConfig>>,
        serve: impl Fn(Connection) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, serve, is_tls) = (Arc::clone(&stop), Arc::new(serve), tls.is_some());
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(stream), tls, serve) = (stream, tls.clone(), Arc::clone(&serve)) else { continue };
                std::thread::spawn(move || Connection::open(stream, tls).and_then(|connection| serve(connection)));
            }
        });
        Self { address, tls: is_tls, stop, accepting: Some(accepting) }
    }

    pub fn url(&self, path: &str) -> String {
        self.url_at("127.0.0.1", path)
    }

    pub fn url_at(&self, host: &str, path: &str) -> String {
        format!("http{}://{host}:{}{path}", if self.tls { "s" } else { "" }, self.address.port())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // The listener only looks up when someone knocks.
        let _ = TcpStream::connect(self.address);
        let _ = self.accepting.take().map(JoinHandle::join);
    }
}

/// A port that is taken but refuses connections, for as long as the value lives.
pub struct DeadPort(Socket);

impl DeadPort {
    pub fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        Self(socket)
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.0.local_addr().unwrap().as_socket().unwrap())
    }
}

/// One request as it arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Method and target.
    pub line: String,
    /// Names in lower case, in the order of their arrival.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The server's end of a connection.
pub struct Connection {
    stream: BufReader<Box<dyn ReadWrite>>,
    socket: TcpStream,
    /// What ALPN chose.
    pub alpn: Option<Vec<u8>>,
}

pub trait ReadWrite: Read + Write + Send {}
impl<T: Read + Write + Send> ReadWrite for T {}

impl Connection {
    fn open(mut stream: TcpStream, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        // Nothing here takes long; without a limit a broken test would hang.
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let socket = stream.try_clone()?;
        let Some(config) = tls else {
            return Ok(Self { stream: BufReader::new(Box::new(stream)), socket, alpn: None });
        };
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        let alpn = tls.alpn_protocol().map(<[u8]>::to_vec);
        Ok(Self { stream: BufReader::new(Box::new(StreamOwned::new(tls, stream))), socket, alpn })
    }

    /// Reads one request.
    pub fn request(&mut self) -> io::Result<Seen> {
        let mut seen = Seen::default();
        let line = self.line()?;
        line.strip_suffix(" HTTP/1.1").unwrap_or(&line).clone_into(&mut seen.line);
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            seen.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = seen.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        seen.body = String::from_utf8(body).map_err(io::Error::other)?;
        Ok(seen)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// Fills the buffer.
    pub fn read(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.stream.read_exact(bytes)
    }

    /// Gives everything that comes to the server at this address, and its responses back.
    pub fn forward(self, server: &Server) -> io::Result<()> {
        let there = TcpStream::connect(server.address)?;
        let (mut up, mut down) = ((self.socket.try_clone()?, there.try_clone()?), (there, self.socket));
        let back = std::thread::spawn(move || io::copy(&mut down.0, &mut down.1));
        io::copy(&mut up.0, &mut up.1)?;
        up.1.shutdown(std::net::Shutdown::Write)?;
        back.join().map_or(Ok(()), |copied| copied.map(drop))
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)?;
        self.stream.get_mut().flush()
    }

    /// A whole response, after which the connection stays open.
    pub fn response(&mut self, status: &str, headers: &str, body: &str) -> io::Result<()> {
        self.write(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()).as_bytes())
    }

    /// Waits until the client hangs up.
    pub fn hang(mut self) {
        while matches!(self.stream.read(&mut [0; 1024]), Ok(1..)) {}
    }

    /// Ends the connection with a reset.
    pub fn reset(self) -> io::Result<()> {
        SockRef::from(&self.socket).set_linger(Some(Duration::ZERO))
    }
}
