//! The homeserver of `tests/peers/`, Synapse, as a child process on a free port, with the certified provider as its
//! authentication service.
//!
//! A test that starts one fails without Synapse, so it is marked `#[ignore = "needs Synapse and Node.js"]`.
//! `OIDC_PROTO_SYNAPSE_PYTHON` names the Python that has it; `python3` unless set.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use oidc_proto::adapter::{BlockingHttpClient as _, ureq};
use oidc_proto::{Accept, Body, Policy};
use socket2::{Domain, Socket, Type};

use super::peer::Peer;

const SECRET: &str = "what-synapse-and-its-service-share";

/// A homeserver that runs until the value is dropped, or the process ends.
pub struct Synapse {
    child: Child,
    input: Option<ChildStdin>,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// Where its users log in.
    pub service: Option<Peer>,
}

impl Synapse {
    /// Starts both, the service with these switches of `op.mjs`.
    pub fn start(switches: &[(&str, &str)]) -> Self {
        Self::with_service(switches).unwrap()
    }

    /// Starts one whose users do not log in by OAuth 2.0.
    pub fn start_alone() -> Self {
        installed().and_then(|()| Self::spawn(&Port::reserve(), None)).unwrap()
    }

    /// What the authentication service tells it once the user has allowed the reset at the account's page.
    pub fn allow_cross_signing_reset(&self, localpart: &str) {
        let url = format!("{}/_synapse/mas/allow_cross_signing_reset", self.url);
        let request = http::Request::post(url).header("authorization", format!("Bearer {SECRET}"));
        let request = request.header("content-type", "application/json");
        let request = request.body(Body::from(format!(r#"{{"localpart":"{localpart}"}}"#))).unwrap();
        let response = ureq::Client::new().unwrap().call(request, Policy::write(Accept::Json)).unwrap();
        assert!(response.status().is_success(), "{}", response.status());
    }

    fn with_service(switches: &[(&str, &str)]) -> Result<Self, String> {
        installed()?;
        let port = Port::reserve();
        let own = [("SYNAPSE", port.url()), ("MAS_SECRET", SECRET.to_owned())];
        let own: Vec<_> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let service = Peer::start(&[&own, switches].concat());
        Self::spawn(&port, Some(service))
    }

    fn spawn(port: &Port, service: Option<Peer>) -> Result<Self, String> {
        let mut child = Command::new(python())
            .arg("homeserver.py")
            .arg(port.number.to_string())
            .args(service.as_ref().map(|peer| &peer.issuer))
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers"))
            .env("MAS_SECRET", SECRET)
            // It ends with its input, so that it does not outlive a killed test.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let input = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut synapse = Self { child, input, url: port.url(), service };
        if lines.map_while(Result::ok).any(|line| line.starts_with("ready ")) {
            return Ok(synapse);
        }
        Err(format!("Synapse did not start: {:?}", synapse.child.wait()))
    }
}

impl Drop for Synapse {
    /// Lets it delete its folder.
    fn drop(&mut self) {
        drop(self.input.take());
        let deadline = Instant::now() + Duration::from_secs(20);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn python() -> String {
    std::env::var("OIDC_PROTO_SYNAPSE_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

fn installed() -> Result<(), String> {
    static FOUND: OnceLock<bool> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let mut command = Command::new(python());
        command.args(["-c", "import synapse"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    });
    if *found { Ok(()) } else { Err("Synapse is not installed".to_owned()) }
}

/// A port that nobody else is given: it is bound, and not listened at. Synapse can bind it all the same, since both allow
/// the address to be used again.
struct Port {
    number: u16,
    _socket: Socket,
}

impl Port {
    fn reserve() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        let number = socket.local_addr().unwrap().as_socket().unwrap().port();
        Self { number, _socket: socket }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.number)
    }
}
