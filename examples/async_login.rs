//! An asynchronous login with `reqwest` on tokio. The browser comes back to a listener on loopback.
//!
//! `cargo run --features reqwest --example async_login -- https://op.example.org CLIENT_ID`
//!
//! The client must be registered with the redirect URI `http://127.0.0.1/callback`, and the provider must allow any port
//! there (RFC 8252 section 7.3). To try it without a provider: `oidc_cli serve`, and `oidc_cli register` for a client ID.

use std::error::Error;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use oidc_proto::adapter::tokio::TokioTimer;
use oidc_proto::adapter::{Driver, SystemEnv, reqwest};
use oidc_proto::limits::{CALLBACK_LIMIT, LOGIN_LIFETIME};
use oidc_proto::{
    AuthorizationRequest, Callback, Client, Env, Fault, Issuer, PendingAuthorization, ProviderOptions, RedirectUri,
    RelyingParty, Schemes, Scope, VerifiedCallback,
};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(issuer), Some(client_id)) = (args.next(), args.next()) else {
        return Err("usage: async_login ISSUER CLIENT_ID".into());
    };
    // `http` is for a provider on this machine; any other `http` URL is refused all the same.
    let schemes = if issuer.starts_with("http:") { Schemes::DangerousHttpOnLoopback } else { Schemes::HttpsOnly };
    let (issuer, options) = (Issuer::new(&issuer, schemes)?, ProviderOptions::new().with_schemes(schemes));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let redirect_uri = RedirectUri::new(&format!("http://{}/callback", listener.local_addr()?))?;
    let client = Client::new(client_id).with_redirect_uri(redirect_uri.clone());
    let (driver, mut env) = (Driver::new(reqwest::Client::new()?).with_timer(TokioTimer), SystemEnv::new()?);
    let party = driver.run(RelyingParty::discover_with(issuer, client, options)?, &mut env).await?;

    let request = AuthorizationRequest::new(redirect_uri, Scope::new("openid profile")?);
    let (url, pending) = party.authorize(request, &mut env)?;
    println!("Log in here:\n{}", url.as_str());
    let verified = timeout(LOGIN_LIFETIME, come_back(&listener, &party, &pending, &env)).await??;
    let tokens = driver.run(party.redeem(pending, verified, &mut env)?, &mut env).await?.verified()?.tokens;
    println!("Logged in as {}", tokens.subject().unwrap_or("nobody"));
    Ok(())
}

/// Waits until the browser brings the response to this login. A request with anything else does not end the login.
async fn come_back(
    listener: &TcpListener,
    party: &RelyingParty,
    pending: &PendingAuthorization,
    env: &SystemEnv,
) -> Result<VerifiedCallback, Box<dyn Error>> {
    loop {
        let (mut socket, _) = listener.accept().await?;
        // A browser opens connections that it does not use.
        let Ok(Ok(head)) = timeout(Duration::from_secs(2), read_head(&mut socket)).await else { continue };
        let url = format!("http://{}{}", listener.local_addr()?, head.split(' ').nth(1).unwrap_or_default());
        let verdict = Callback::from_url(&url).and_then(|callback| party.check(pending, &callback, env.now()));
        let status = if verdict.is_ok() { "200 OK" } else { "400 Bad Request" };
        let response =
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{status}", status.len());
        let _ = socket.write_all(response.as_bytes()).await;
        match verdict {
            Err(error) if error.fault() != Fault::Denied => eprintln!("not the response to this login: {error}"),
            verdict => return Ok(verdict?),
        }
    }
}

/// The request line and the headers.
async fn read_head(socket: &mut TcpStream) -> io::Result<String> {
    let (mut head, mut reader) = (String::new(), BufReader::new(socket.take(CALLBACK_LIMIT as u64)));
    while reader.read_line(&mut head).await? > 2 {}
    Ok(head)
}
