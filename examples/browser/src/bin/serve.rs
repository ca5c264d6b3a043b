//! Serves the page on loopback: `serve DIRECTORY PORT ISSUER [ORIGIN…]`. Port 0 is any free one.
//!
//! The page may send requests to the issuer and to the origins, and runs no code but its own.

#[cfg(target_family = "wasm")]
fn main() {}

#[cfg(not(target_family = "wasm"))]
fn main() -> Result<(), String> {
    page::main()
}

#[cfg(not(target_family = "wasm"))]
mod page {
    use std::collections::BTreeMap;
    use std::convert::Infallible;
    use std::net::{Ipv4Addr, TcpListener};
    use std::path::Path;
    use std::sync::Arc;

    use http_body_util::Full;
    use hyper::body::Bytes;
    use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper::{Response, StatusCode};
    use hyper_util::rt::TokioIo;

    /// What is served, by its path.
    struct Site {
        files: BTreeMap<String, (&'static str, Bytes)>,
        headers: Vec<(HeaderName, HeaderValue)>,
    }

    pub(super) fn main() -> Result<(), String> {
        let mut arguments = std::env::args().skip(1);
        let (Some(directory), Some(port), Some(issuer)) = (arguments.next(), arguments.next(), arguments.next()) else {
            return Err("serve DIRECTORY PORT ISSUER [ORIGIN…]".to_owned());
        };
        let origins: Vec<_> = arguments.collect();
        let port = port.parse().map_err(|_| format!("{port} is no port"))?;
        let site = Arc::new(Site::read(Path::new(&directory), &issuer, &origins)?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| error.to_string())?;
        listener.set_nonblocking(true).map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        println!("http://{address}/");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(serve(listener, site))
    }

    async fn serve(listener: TcpListener, site: Arc<Site>) -> Result<(), String> {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async move {
                loop {
                    let Ok((stream, _)) = listener.accept().await else {
                        tokio::task::yield_now().await;
                        continue;
                    };
                    let site = site.clone();
                    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                        let response = site.response(request.uri().path());
                        async move { Ok::<_, Infallible>(response) }
                    });
                    tokio::task::spawn_local(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
                }
            })
            .await
    }

    impl Site {
        fn read(directory: &Path, issuer: &str, origins: &[String]) -> Result<Self, String> {
            let mut files = BTreeMap::new();
            read_all(directory, "", &mut files).map_err(|error| format!("{}: {error}", directory.display()))?;
            let quoted = issuer.replace('\\', "\\\\").replace('"', "\\\"");
            let settings = format!("{{\"issuer\":\"{quoted}\"}}");
            files.insert("/settings.json".to_owned(), ("application/json", settings.into()));
            let allowed: Result<Vec<_>, _> =
                [issuer].into_iter().chain(origins.iter().map(String::as_str)).map(origin).collect();
            let policy = format!(
                "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
                 connect-src 'self' {}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                allowed?.join(" ")
            );
            let policy = HeaderValue::try_from(policy).map_err(|_| "an origin has no form of one".to_owned())?;
            let fixed = |name, value| (HeaderName::from_static(name), HeaderValue::from_static(value));
            let headers = vec![
                (HeaderName::from_static("content-security-policy"), policy),
                fixed("cache-control", "no-cache"),
                fixed("cross-origin-opener-policy", "same-origin"),
                fixed("referrer-policy", "no-referrer"),
                fixed("x-content-type-options", "nosniff"),
            ];
            Ok(Self { files, headers })
        }

        fn response(&self, path: &str) -> Response<Full<Bytes>> {
            let path = if matches!(path, "/" | "/callback") { "/index.html" } else { path };
            let mut response = Response::default();
            match self.files.get(path) {
                Some((media_type, bytes)) => {
                    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
                    *response.body_mut() = Full::new(bytes.clone());
                }
                None => *response.status_mut() = StatusCode::NOT_FOUND,
            }
            response.headers_mut().extend(self.headers.iter().cloned());
            response
        }
    }

    /// The origin of a URL. A policy that names a path allows nothing but this path.
    fn origin(url: &str) -> Result<&str, String> {
        let scheme = url.find("://").filter(|_| url.starts_with("https://") || url.starts_with("http://"));
        let authority = scheme.map_or("", |at| url[at + 3..].split(['/', '?', '#']).next().unwrap_or_default());
        let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '[' | ']');
        match scheme {
            Some(at) if !authority.is_empty() && authority.chars().all(is_host) => Ok(&url[..at + 3 + authority.len()]),
            _ => Err(format!("{url} is no URL of a server")),
        }
    }

    /// All files below the directory that a browser asks for. They are read once: no path of a request is opened.
    fn read_all(
        directory: &Path,
        prefix: &str,
        files: &mut BTreeMap<String, (&'static str, Bytes)>,
    ) -> std::io::Result<()> {
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            let path = format!("{prefix}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                read_all(&entry.path(), &path, files)?;
                continue;
            }
            let media_type = match path.rsplit('.').next() {
                Some("html") => "text/html; charset=utf-8",
                Some("css") => "text/css; charset=utf-8",
                Some("js") => "text/javascript; charset=utf-8",
                Some("svg") => "image/svg+xml",
                Some("wasm") => "application/wasm",
                _ => continue,
            };
            files.insert(path, (media_type, std::fs::read(entry.path())?.into()));
        }
        Ok(())
    }
}
