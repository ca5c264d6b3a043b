//! What every command has at hand: the options, the store, the clock, an HTTP client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use oidc_proto::FailureKind;
use oidc_proto::adapter::{BlockingDriver, BlockingHttpClient, HttpOptions, SystemEnv, ureq};
use oidc_proto::flow::ServerMetadataFetch;
use oidc_proto::matrix::{AuthMetadataFetch, AuthServer, Homeserver, Party};
use oidc_proto::{
    Body, Client, ClientAuth, Deviation, Env, ErrorCode, Failure as NoResponse, Family, Flow, Freshness, IdTokenTrust,
    Issuer, Policy, Provider, ProviderOptions, Registered, RelyingParty, Schemes, Step, Timestamp, UnknownFields,
    Word as _,
};

use crate::args::{self, ChoiceArgs, Global, IdTokenChoice};
use crate::beside::{self, Metadata};
use crate::clients;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::output::Output;
use crate::session::Session;
use crate::store::Store;

/// Shorter than a request's time, because what fails here surely was not sent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Of the time for a request that is longer than the default.
const PART_TO_CONNECT: u32 = 3;

pub(crate) struct Context {
    pub(crate) options: Global,
    /// The session that the command line names, beside its ID.
    pub(crate) choice: ChoiceArgs,
    pub(crate) out: Output,
    pub(crate) store: Store,
    pub(crate) env: SystemEnv,
    /// A client that cannot be made stops only what needs one.
    http: Result<Narrated, Failure>,
    /// What was discovered before: a command that has several things to do asks once, and fetches the keys once.
    provider: Option<Provider>,
    server: Option<Arc<AuthServer>>,
    freshness: Option<Freshness>,
    /// The session whose metadata were used without asking the provider.
    unasked: Option<String>,
}

impl Context {
    pub(crate) fn new(options: Global, out: Output) -> Result<Self, Failure> {
        let http = client(&options).map(|http| Narrated { http, out });
        Ok(Self {
            out,
            store: Store::open(options.store.as_deref(), options.timeout)?,
            env: SystemEnv::new()?,
            http,
            options,
            choice: ChoiceArgs::default(),
            provider: None,
            server: None,
            freshness: None,
            unasked: None,
        })
    }

    /// The HTTP client, for what is not a flow.
    pub(crate) fn http(&self) -> Result<&Narrated, Failure> {
        self.http.as_ref().map_err(Clone::clone)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.env.now()
    }

    /// Carries a flow out.
    pub(crate) fn run<F: Flow>(&mut self, what: &str, step: Step<F>) -> Result<F::Output, Failure> {
        let _waiting = self.out.waiting(what);
        let http = self.http.as_ref().map_err(Clone::clone)?;
        Ok(BlockingDriver::new(http).run(step, &mut self.env)?)
    }

    /// The same for a flow that waits for the user, which it does until the deadline at most.
    pub(crate) fn run_until_deadline<F: Flow>(&mut self, what: &str, mut step: Step<F>) -> Result<F::Output, Failure> {
        let _waiting = self.out.waiting(what);
        let deadline = self.env.monotonic().saturating_add(self.options.deadline);
        loop {
            step = match step {
                Step::Wait(wait) => {
                    let now = self.env.monotonic();
                    let (pause, left) = (wait.duration(now), deadline.saturating_since(now));
                    std::thread::sleep(pause.min(left));
                    if pause > left {
                        return Err(self.too_late());
                    }
                    wait.wake(&mut self.env)?
                }
                Step::Call(call) => {
                    let (request, policy, awaiting) = call.into_parts();
                    let uri = request.uri().clone();
                    match self.http()?.call(request, policy) {
                        Ok(response) => awaiting.receive(response.map(Body::from), &mut self.env)?,
                        Err(failure) => awaiting.fail(failure.with_server(&uri), &mut self.env)?,
                    }
                }
                // Every key of this program is at hand.
                Step::UseKey(use_key) => use_key.into_parts().1.fail(FailureKind::Unsupported, &mut self.env)?,
                Step::Done(output) => return Ok(output),
            }
        }
    }

    pub(crate) fn too_late(&self) -> Failure {
        Code::Deadline.because(format_args!("{} s", self.options.deadline.as_secs()))
    }

    /// The provider of this issuer, whose metadata may be elsewhere.
    pub(crate) fn discover(
        &mut self,
        issuer: Issuer,
        metadata_url: Option<&str>,
        schemes: Schemes,
    ) -> Result<Provider, Failure> {
        let options = self.provider_options(schemes, &[]);
        self.discover_with(issuer.clone(), metadata_url, options).map_err(|failure| match metadata_url {
            Some(_) if failure.is(ErrorCode::METADATA_NOT_FOUND) => {
                failure.with_hint("There is no metadata document at this URL: check --metadata-url, or leave it out.")
            }
            _ => meant_otherwise(failure, &issuer),
        })
    }

    fn discover_with(
        &mut self,
        issuer: Issuer,
        metadata_url: Option<&str>,
        options: ProviderOptions,
    ) -> Result<Provider, Failure> {
        let schemes = options.schemes();
        let accepts_same =
            |own: &ProviderOptions| Deviation::ALL.iter().all(|&known| own.accepts(known) == options.accepts(known));
        let same = |known: &&Provider| {
            let own = known.options();
            *known.issuer() == issuer && own.schemes() == schemes && accepts_same(own)
        };
        if let Some(known) = self.provider.as_ref().filter(same) {
            return Ok(known.clone());
        }
        self.out.step("Discovery");
        let step = match metadata_url {
            Some(url) => ServerMetadataFetch::start_at(&args::metadata_url(url, schemes)?, issuer, options),
            None => ServerMetadataFetch::start(issuer, options)?,
        };
        let fetched = self.run("asking for the metadata", step)?;
        self.freshness = Some(fetched.freshness);
        let provider = fetched.provider;
        self.out.checked("the document's issuer is the one asked for, to the letter");
        self.out.checked(match schemes {
            Schemes::HttpsOnly => "every endpoint is https",
            Schemes::DangerousHttpOnPrivateNetwork => {
                "every endpoint is https, or http on a private network, as was allowed"
            }
            _ => "every endpoint is https, or http on this machine, as was allowed",
        });
        if !provider.metadata().code_challenge_methods.is_empty() {
            self.out.checked("PKCE with S256 is advertised");
        }
        self.provider = Some(provider.clone());
        Ok(provider)
    }

    /// The same failure with the URL of the endpoint that it is about, if its hint is to check that.
    pub(crate) fn located(&self, failure: Failure) -> Failure {
        let endpoint = failure.error.as_ref().and_then(oidc_proto::Error::endpoint);
        let Some((name, provider)) = endpoint.zip(self.provider.as_ref()) else { return failure };
        let metadata = provider.metadata();
        let endpoint = match name {
            "token_endpoint" => Some(&metadata.token_endpoint),
            "jwks_uri" => metadata.jwks_uri.as_ref(),
            "registration_endpoint" => metadata.registration_endpoint.as_ref(),
            "userinfo_endpoint" => metadata.userinfo_endpoint.as_ref(),
            "revocation_endpoint" => metadata.revocation_endpoint.as_ref(),
            "pushed_authorization_request_endpoint" => metadata.pushed_authorization_request_endpoint.as_ref(),
            "device_authorization_endpoint" => metadata.device_authorization_endpoint.as_ref(),
            _ => None,
        };
        let is_to_check = failure.hint.contains("the URL");
        match endpoint.filter(|_| is_to_check) {
            Some(endpoint) => {
                let hint = failure.hint.replacen("the URL", &format!("the URL {}", endpoint.uri()), 1);
                failure.with_hint(hint)
            }
            None => failure,
        }
    }

    /// What a Matrix homeserver says of its provider.
    pub(crate) fn server(&mut self, homeserver: &Homeserver, schemes: Schemes) -> Result<Arc<AuthServer>, Failure> {
        let same =
            |known: &&Arc<AuthServer>| known.homeserver == *homeserver && known.provider.options().schemes() == schemes;
        if let Some(known) = self.server.as_ref().filter(same) {
            return Ok(Arc::clone(known));
        }
        self.out.step("Server metadata");
        let options = ProviderOptions::new().with_schemes(schemes);
        let step = AuthMetadataFetch::start(homeserver.clone(), options)?;
        let server = self.run("asking for the server metadata", step)?.supported()?;
        self.out.checked("the provider has all that Matrix demands of one, PKCE with S256 among it");
        self.server = Some(Arc::clone(&server));
        Ok(server)
    }

    /// The client of a session at its provider.
    pub(crate) fn connect(&mut self, session: &Session) -> Result<RelyingParty, Failure> {
        if session.homeserver().is_some() {
            return Ok(self.connect_home(session)?.relying_party().clone());
        }
        let client = self.client(session)?;
        Ok(RelyingParty::new(self.provider_of(session)?, client))
    }

    /// The provider by the metadata that the session keeps, as long as they are fresh. Older ones are fetched anew, and
    /// serve where they cannot be.
    pub(crate) fn provider_of(&mut self, session: &Session) -> Result<Provider, Failure> {
        let (issuer, schemes) = (session.tokens.issuer(), session.schemes());
        let is_known = self.provider.as_ref().is_some_and(|known| known.issuer() == issuer);
        let kept = Metadata::read(&self.store, session.id()).filter(|_| !is_known);
        let wish = session.wish();
        let options = self.provider_options(schemes, &wish.deviations());
        let kept = kept.and_then(|kept| Some((kept.freshness, kept.provider(issuer, options)?)));
        if let Some((freshness, provider)) = &kept
            && !freshness.is_stale(self.now(), Duration::ZERO)
        {
            self.unasked = Some(session.id().to_owned());
            self.provider = Some(provider.clone());
            return Ok(provider.clone());
        }
        match (self.discover_with(issuer.clone(), wish.metadata_url.as_deref(), options), kept) {
            (Ok(provider), _) => {
                self.keep_metadata(session);
                Ok(provider)
            }
            (Err(failure), Some((_, provider))) if failure.fault != "local" => {
                self.out.emit(&Event::warning(&failure));
                self.provider = Some(provider.clone());
                Ok(provider)
            }
            (Err(failure), _) => Err(failure),
        }
    }

    /// Keeps the metadata of the session's provider, if they were fetched now. Commands work without.
    pub(crate) fn keep_metadata(&self, session: &Session) {
        if !session.is_stored(&self.store) {
            return;
        }
        let fetched = self.provider.as_ref().zip(self.freshness);
        let metadata = fetched.and_then(|(provider, freshness)| Metadata::of(provider, freshness));
        if let Some(Err(failure)) = metadata.map(|metadata| metadata.keep(&self.store, session.id())) {
            self.out.emit(&Event::warning(&failure));
        }
    }

    /// After a command. If it failed with metadata that may be out of date, the next one asks for them.
    pub(crate) fn doubt_metadata(&self, has_failed: bool) {
        if let Some(id) = self.unasked.as_deref().filter(|_| has_failed)
            && let Err(failure) = beside::expire_metadata(&self.store, id)
        {
            self.out.emit(&Event::warning(&failure));
        }
    }

    /// The client of a session at its homeserver.
    pub(crate) fn connect_home(&mut self, session: &Session) -> Result<Party, Failure> {
        let homeserver = session.homeserver().ok_or_else(|| Code::NotMatrix.because(session.id()))?;
        let client = self.client(session)?;
        Ok(Party::new(self.server(homeserver, session.schemes())?, client))
    }

    /// With what the command line accepts, and these deviations more. What only this program reads is among the unknown
    /// fields.
    fn provider_options(&self, schemes: Schemes, more: &[Deviation]) -> ProviderOptions {
        let options = ProviderOptions::new().with_schemes(schemes).with_unknown_fields(UnknownFields::Keep);
        let options = match self.options.clock_skew {
            Some(skew) => options.with_clock_skew(skew),
            None => options,
        };
        self.options.accept.iter().chain(more).fold(options, |options, deviation| options.with_deviation(*deviation))
    }

    /// The same provider by options that accept these deviations, too; for a look at it.
    pub(crate) fn look(
        &mut self,
        issuer: Issuer,
        metadata_url: Option<&str>,
        schemes: Schemes,
        more: &[Deviation],
    ) -> Result<Provider, Failure> {
        let options = self.provider_options(schemes, more);
        self.discover_with(issuer, metadata_url, options)
    }

    /// The client that a session was made with, as it is in the store.
    fn client(&self, session: &Session) -> Result<Client, Failure> {
        let (issuer, client_id) = (session.tokens.issuer(), session.tokens.client_id());
        let registrations = self.store.registrations()?;
        // A client of its own is public, and all of it is in the session.
        let registered = match registrations.by_client_id(issuer, client_id) {
            Some(registered) => registered.clone(),
            None if session.has_own_client() && session.key_file().is_none() => {
                Registered::preregistered(client_id, ClientAuth::None)?
            }
            None => {
                let failure = Code::ClientUnknown.because(client_id.escape_debug());
                return Err(failure.with_hint(format_args!(
                    "{}; or, if the client was registered by hand: {} --client-id {}",
                    session.again(),
                    session.login_anew(),
                    shell_words::quote(client_id)
                )));
            }
        };
        let client = clients::with_key_from(registered.client(&[]), session.key_file())
            .map_err(|failure| session.explain_key(failure))?;
        let client = client.with_id_token_trust(trust(session.id_token()));
        let client = session.wish().client(client);
        Ok(match session.dpop_key() {
            Some(key) => client.with_dpop(Arc::clone(key.dpop())),
            None => client,
        })
    }
}

/// What else the caller may have meant by an issuer that has no metadata.
fn meant_otherwise(failure: Failure, issuer: &Issuer) -> Failure {
    let Some(error) = &failure.error else { return failure };
    let has_none = error.code() == ErrorCode::METADATA_NOT_FOUND
        || error.family() == Family::Response
            && !matches!(error.code(), ErrorCode::JSON_TYPE | ErrorCode::JSON_DUPLICATE_NAME);
    let hint = match issuer.as_str().split_once("://") {
        _ if has_none => format!("{} A Matrix homeserver is named by --homeserver.", failure.hint),
        // A status comes only from a server that speaks http.
        Some(("http", rest)) if error.code() == ErrorCode::TRANSPORT_INTERRUPTED && error.status().is_none() => {
            format!("The port may be one of https: try https://{rest}. {}", failure.hint)
        }
        _ => return failure,
    };
    failure.with_hint(hint)
}

pub(crate) fn trust(choice: IdTokenChoice) -> IdTokenTrust {
    match choice {
        IdTokenChoice::Verify => IdTokenTrust::Verify,
        IdTokenChoice::TrustTls => IdTokenTrust::DangerousTrustTls,
    }
}

/// An HTTP client with this time for each request.
pub(crate) fn http(timeout: Duration) -> Result<ureq::Client, Failure> {
    made(timed(timeout))
}

fn timed(timeout: Duration) -> HttpOptions {
    let connect = timeout.min(CONNECT_TIMEOUT.max(timeout / PART_TO_CONNECT));
    HttpOptions::new().with_timeout(timeout).with_connect_timeout(connect)
}

fn made(options: HttpOptions) -> Result<ureq::Client, Failure> {
    ureq::Client::with(options).map_err(|error| Code::Setup.because(error))
}

/// The HTTP client that was asked for. An option that cannot be used is named.
fn client(global: &Global) -> Result<ureq::Client, Failure> {
    let mut options = timed(global.timeout);
    if let Some(path) = &global.ca_certificate {
        const HINT: &str = "Name a file of PEM certificates with --ca-certificate.";
        let named = format!("the file of --ca-certificate cannot be used: {}", path.display());
        let unusable = |error: &dyn fmt::Display| Code::Setup.because(format_args!("{named}: {error}")).with_hint(HINT);
        options = options.with_root_certificates_pem(std::fs::read(path).map_err(|error| unusable(&error))?);
        ureq::Client::with(options.clone()).map_err(|error| unusable(&error))?;
    }
    options = match &global.proxy {
        Some(url) => options.with_proxy(url),
        // A proxy does not reach this machine, nor its private network.
        None if global.schemes() != Schemes::HttpsOnly => options,
        None => options.with_proxy_from_environment(),
    };
    if let Some(text) = &global.user_agent {
        options = options.with_user_agent(text);
    }
    let made = made(options);
    // Nothing else is left that the caller chose.
    if made.is_err() && global.proxy.is_none() && self::made(timed(global.timeout)).is_ok() {
        const HINT: &str = "Write http://HOST:PORT or socks5h://HOST:PORT into the variable, or unset it, or name the proxy with --proxy.";
        return made.map_err(|failure| failure.with_hint(HINT));
    }
    made
}

/// Tells of each request and its response; of neither more than anyone may see.
pub(crate) struct Narrated {
    http: ureq::Client,
    out: Output,
}

impl BlockingHttpClient for Narrated {
    fn call(&self, request: Request<Body>, policy: Policy) -> Result<Response<Vec<u8>>, NoResponse> {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let result = self.http.call(request, policy);
        let url = format!(
            "{}://{}{}",
            uri.scheme_str().unwrap_or_default(),
            uri.authority().map(http::uri::Authority::as_str).unwrap_or_default(),
            uri.path()
        );
        let status = result.as_ref().ok().map(|response| response.status().as_u16());
        self.out.narrate(&Event::Exchange { method: method.as_str(), url: &url, status });
        result
    }
}
