//! Who we are at a provider: a client of the command line, one in the store, or one to be registered.

use oidc_proto::Words;
use oidc_proto::flow::Registration;
use oidc_proto::jose::{Algorithm, PublicKey};
use oidc_proto::{ApplicationType, ClientMetadata};
use oidc_proto::{AuthMethod, GrantType};
use oidc_proto::{
    Client, ClientAuth, ErrorCode as Core, Issuer, Provider, RedirectUri, Registered, RelyingParty, Secret,
};

use serde::Deserialize;

use crate::args::{ClientArgs, RegisterArgs};
use crate::context::Context;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::keys::KeyFile;
use crate::session::{self, Session};

/// Where the browser may come back to: the URI that was named, else loopback with each of these ports, or with any.
pub(crate) fn redirect_uris(named: Option<&RedirectUri>, ports: &[u16]) -> Result<Vec<RedirectUri>, Failure> {
    if let Some(named) = named {
        return Ok(vec![named.clone()]);
    }
    let usual = |port: &str| Ok(RedirectUri::new(&format!("http://127.0.0.1{port}/callback"))?);
    match ports {
        [] => Ok(vec![usual("")?]),
        ports => {
            let is_first = |(at, port): &(usize, &u16)| !ports.iter().take(*at).any(|other| other == *port);
            ports.iter().enumerate().filter(is_first).map(|(_, port)| usual(&format!(":{port}"))).collect()
        }
    }
}

/// What we say about ourselves: a native public client with these redirect URIs.
pub(crate) fn metadata(redirect_uris: Vec<RedirectUri>) -> ClientMetadata {
    ClientMetadata::new(ApplicationType::Native, redirect_uris).with_client_name("oidc_cli")
}

/// The same for a device that asks its user to go elsewhere.
pub(crate) fn device_metadata() -> ClientMetadata {
    ClientMetadata::new(ApplicationType::Native, Vec::new())
        .with_client_name("oidc_cli on a device")
        .with_grant_types(Words::of(&[GrantType::DeviceCode, GrantType::RefreshToken]))
}

/// The same for a Matrix homeserver, by browser or on a device. Any port on loopback will do.
pub(crate) fn matrix_metadata(named: Option<&RedirectUri>) -> Result<ClientMetadata, Failure> {
    let metadata = metadata(redirect_uris(named, &[])?);
    Ok(metadata.with_client_uri("https://oidc-cli.example.org/").with_grant_type(GrantType::DeviceCode))
}

/// What the command line says of who we are.
#[derive(Debug)]
pub(crate) struct Identity {
    client_id: Option<String>,
    secret: Option<Secret>,
    method: Option<AuthMethod>,
    key: Option<KeyFile>,
}

/// The client of a login.
pub(crate) struct Found {
    pub(crate) client: Client,
    pub(crate) key_file: Option<KeyFile>,
    /// The same, if the command line names it: to be kept after the login.
    pub(crate) named: Option<Registered>,
    /// The provider has just said that the client gets tokens only with DPoP.
    pub(crate) is_for_dpop: bool,
    /// It was registered just now.
    pub(crate) is_new: bool,
    /// It was registered by hand, and not by this program: what it is registered for, the command line says.
    pub(crate) is_by_hand: bool,
}

/// What a registration response says of DPoP (RFC 9449 section 5.2).
#[derive(Deserialize)]
struct Bound {
    dpop_bound_access_tokens: bool,
}

fn is_for_dpop(registered: &Registered) -> bool {
    let said = registered.fields().and_then(|fields| fields.read::<Bound>().ok());
    said.is_some_and(|said| said.dpop_bound_access_tokens)
}

/// Said before anybody is asked to log in, since the token request would be refused.
pub(crate) fn warn_of_dpop(context: &Context) {
    context.out.emit(&Event::warning(&Code::DpopRequired.because("its registration says so")));
}

/// Which client a login uses that names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The one that was registered before, if there is one.
    Reuse,
    /// One of its own, as Matrix demands.
    Anew,
}

impl Identity {
    /// Checks what can be checked without the provider.
    pub(crate) fn read(args: &ClientArgs) -> Result<Self, Failure> {
        let usage =
            |method: AuthMethod, needs| Code::Usage.because(format_args!("--auth-method {} {needs}", method.name()));
        let secret = args.client_secret.as_deref().map(Secret::from);
        if secret.as_ref().is_some_and(|secret| secret.expose().is_empty()) {
            return Err(Code::Usage.because("the value of --client-secret is empty"));
        }
        // RFC 7518 section 3.2.
        let is_short = secret.as_ref().is_some_and(|secret| secret.expose().len() < 32);
        match args.auth_method {
            Some(AuthMethod::PrivateKeyJwt) if args.key.is_none() => {
                return Err(usage(AuthMethod::PrivateKeyJwt, "needs --key"));
            }
            Some(AuthMethod::PrivateKeyJwt) | None => {}
            Some(method) if args.key.is_some() => return Err(usage(method, "does not go with --key")),
            Some(AuthMethod::ClientSecretJwt) if is_short => {
                return Err(usage(AuthMethod::ClientSecretJwt, "needs a secret of at least 32 bytes"));
            }
            Some(method) => {
                ClientAuth::new(method, secret.clone()).map_err(|_| usage(method, "needs --client-secret"))?;
            }
        }
        let key = args.key.as_deref().map(|path| KeyFile::find(path, args.key_algorithm)).transpose()?;
        let key = key.map(|key| key.known_as(args.key_id.as_deref()));
        Ok(Self { client_id: args.client_id.clone(), secret, method: args.auth_method, key })
    }

    /// Of a session whose client authenticates by this key, or by none.
    pub(crate) fn of(key: Option<&KeyFile>) -> Self {
        Self { client_id: None, secret: None, method: None, key: key.cloned() }
    }

    /// The client of the command line, if it names one.
    pub(crate) fn named(&self, provider: &Provider) -> Result<Option<Registered>, Failure> {
        let Some(client_id) = &self.client_id else { return Ok(None) };
        let auth = match (&self.key, &self.secret, self.method) {
            (Some(key), ..) => ClientAuth::PrivateKeyJwt(key.load()?),
            (None, Some(secret), None) => ClientAuth::for_secret(secret.clone(), provider),
            (None, secret, method) => ClientAuth::new(method.unwrap_or(AuthMethod::None), secret.clone())?,
        };
        Ok(Some(Registered::preregistered(client_id.as_str(), auth)?))
    }

    /// The client of the command line, the one in the store, or a new one; and where its key is. All but the first are
    /// for these metadata.
    pub(crate) fn client(
        &self,
        context: &mut Context,
        provider: &Provider,
        metadata: ClientMetadata,
        choice: Choice,
    ) -> Result<Found, Failure> {
        let uris = metadata.redirect_uris().to_vec();
        let named = self.named(provider)?;
        let (registered, is_new) = match &named {
            Some(client) => (client.clone(), false),
            None => find_or_register(context, provider, &self.with_key(metadata)?, choice)?,
        };
        let key_file = match (registered.auth(), &self.key) {
            (ClientAuth::PrivateKeyJwt(known), key) => key.as_ref().map(|key| key.known_as(known.key_id())),
            (_, None) => None,
            (auth, Some(_)) => {
                let (id, method) = (registered.client_id().escape_debug(), auth.method().name());
                return Err(Code::Usage.because(format_args!(
                    "the client {id} authenticates by {method}, not by --key; name another one with --client-id"
                )));
            }
        };
        let client = with_key_from(registered.client(&uris), key_file.as_ref())?;
        let (issuer, id) = (provider.issuer(), registered.client_id());
        let fixed = context.store.registrations()?.static_client(issuer).is_some_and(|fixed| fixed.client_id() == id);
        let is_by_hand = named.is_some() || fixed;
        Ok(Found { client, key_file, named, is_for_dpop: is_for_dpop(&registered), is_new, is_by_hand })
    }

    /// The metadata with the public half of the key, under a name that no other key has.
    pub(crate) fn with_key(&self, metadata: ClientMetadata) -> Result<ClientMetadata, Failure> {
        let Some(file) = &self.key else { return Ok(metadata) };
        let name = file.load()?.public_key().map(PublicKey::thumbprint_text);
        Ok(metadata.with_private_key(file.known_as(name.as_deref()).load()?)?)
    }

    /// The same failure with what may be behind it.
    pub(crate) fn explain(&self, failure: Failure) -> Failure {
        if failure.is(Core::TOKEN_INVALID_CLIENT) && self.secret.is_some() && self.method.is_none() {
            let hint = format!("{} The provider may know this client by one method only.", failure.hint);
            return failure.with_hint(hint);
        }
        failure
    }
}

/// Forgets a client that the provider does not know any more, if it is one that registered itself. Returns whether it
/// was.
pub(crate) fn forget(context: &Context, party: &RelyingParty) -> Result<bool, Failure> {
    let (issuer, id) = (party.provider().issuer(), party.client().id());
    let registrations = context.store.registrations()?;
    let is_fixed = registrations.static_client(issuer).is_some_and(|fixed| fixed.client_id() == id);
    if is_fixed || registrations.by_client_id(issuer, id).is_none() {
        return Ok(false);
    }
    let (issuer, id) = (issuer.clone(), id.to_owned());
    context.store.change_registrations(|registrations| _ = registrations.retire(&issuer, &id))?;
    Ok(true)
}

/// Forgets a client that was registered for one session alone, which goes on without the registration. Returns whether
/// there was one.
pub(crate) fn remove(context: &Context, party: &RelyingParty) -> Result<bool, Failure> {
    let (issuer, id) = (party.provider().issuer(), party.client().id());
    let mut was_there = false;
    context.store.change_registrations(|registrations| was_there = registrations.remove(issuer, id))?;
    Ok(was_there)
}

/// Says that a login again is the session's client's, where the user registered or named another one since.
pub(crate) fn warn_of_other(context: &Context, session: &Session, metadata: &ClientMetadata) -> Result<(), Failure> {
    let (issuer, client_id) = (session.tokens.issuer(), session.tokens.client_id());
    let registrations = context.store.registrations()?;
    let Some(other) = registrations.find(issuer, metadata, context.now()) else { return Ok(()) };
    let is_named = registrations.static_client(issuer).is_some();
    // Each login at a homeserver registers a client: nobody asked for those by themselves.
    let is_of_a_login = || -> Result<bool, Failure> {
        let (sessions, _) = session::all(&context.store)?;
        Ok(sessions.iter().any(|session| session.tokens.client_id() == other.client_id()))
    };
    if other.client_id() != client_id && (is_named || !is_of_a_login()?) {
        let (own, other) = (client_id.escape_debug(), other.client_id().escape_debug());
        context.out.emit(&Event::warning(&Code::OtherClient.because(format_args!("{own}, not {other}"))));
    }
    Ok(())
}

/// Forgets a client that no session has any more, unless somebody configured it.
pub(crate) fn let_go(context: &Context, issuer: &Issuer, client_id: &str) -> Result<(), Failure> {
    let (sessions, damaged) = session::all(&context.store)?;
    let has_it = |session: &Session| session.tokens.issuer() == issuer && session.tokens.client_id() == client_id;
    // One that cannot be read may have it, too.
    if !damaged.is_empty() || sessions.iter().any(has_it) {
        return Ok(());
    }
    context.store.change_registrations(|registrations| {
        let is_fixed = registrations.static_client(issuer).is_some_and(|fixed| fixed.client_id() == client_id);
        if !is_fixed {
            registrations.remove(issuer, client_id);
        }
    })
}

/// The client with its key in hand, if it authenticates by one.
pub(crate) fn with_key_from(client: Client, file: Option<&KeyFile>) -> Result<Client, Failure> {
    match (client.auth(), file) {
        (ClientAuth::PrivateKeyJwt(_), Some(file)) => Ok(client.with_auth(ClientAuth::PrivateKeyJwt(file.load()?))),
        (ClientAuth::PrivateKeyJwt(_), None) => {
            let id = client.id().escape_debug();
            Err(Code::KeyFile.because(format_args!(
                "the client {id} authenticates by a private key, and none was given: log in with --key"
            )))
        }
        _ => Ok(client),
    }
}

/// Keeps the client of the command line: later logins at this provider use it, too. Not before it has logged somebody in:
/// a mistyped one would be used by every login after it.
pub(crate) fn keep_named(context: &Context, issuer: &Issuer, client: Registered) -> Result<(), Failure> {
    context.store.change_registrations(|registrations| registrations.set_static(issuer, client))
}

/// The client in the store, or a new one, which is in the store before anything else can fail; and whether it is new.
fn find_or_register(
    context: &mut Context,
    provider: &Provider,
    metadata: &ClientMetadata,
    choice: Choice,
) -> Result<(Registered, bool), Failure> {
    let (registrations, issuer) = (context.store.registrations()?, provider.issuer());
    let known = match choice {
        Choice::Reuse => registrations.find(issuer, metadata, context.now()),
        Choice::Anew => registrations.static_client(issuer),
    };
    match known {
        Some(known) => Ok((known.clone(), false)),
        // It would be registered without a secret.
        None if metadata.id_token_signed_response_alg() == Some(Algorithm::Hs256) => {
            const HINT: &str = "Name the client that has one with --client-id and --client-secret, or name another algorithm with --id-token-algorithm.";
            Err(Code::Usage.because("HS256 needs a client with a secret").with_hint(HINT))
        }
        None => Ok((ask(context, provider, metadata, metadata.clone(), None)?, true)),
    }
}

/// The command: afterwards logins use a registered client, also where a fixed one was used before.
pub(crate) fn register(
    context: &mut Context,
    provider: &Provider,
    metadata: &ClientMetadata,
    args: &RegisterArgs,
    token: Option<Secret>,
) -> Result<(), Failure> {
    let issuer = provider.issuer();
    let mut registrations = context.store.registrations()?;
    registrations.unset_static(issuer);
    let wanted =
        |known: &&Registered| !args.anew && args.auth_method.is_none_or(|method| known.auth().method() == method);
    match registrations.find(issuer, metadata, context.now()).filter(wanted).cloned() {
        Some(known) => {
            context.store.change_registrations(|registrations| registrations.unset_static(issuer))?;
            announce(context, issuer, &known, true);
        }
        None => {
            let method = args.auth_method.unwrap_or(metadata.token_endpoint_auth_method());
            let requested = metadata.clone().with_token_endpoint_auth_method(method);
            if is_for_dpop(&ask(context, provider, metadata, requested, token)?) {
                warn_of_dpop(context);
            }
        }
    }
    Ok(())
}

/// Registers, and keeps the client for logins with these metadata.
fn ask(
    context: &mut Context,
    provider: &Provider,
    metadata: &ClientMetadata,
    requested: ClientMetadata,
    token: Option<Secret>,
) -> Result<Registered, Failure> {
    context.out.step("Registration");
    // What cannot be kept is better not registered.
    let room = context.store.room()?;
    let issuer = provider.issuer();
    let step = match token {
        Some(token) => Registration::start_with_token(provider, requested, token).map_err(|error| {
            // Nothing was sent: it is the option's value.
            if error.code() == Core::TOKEN_MALFORMED { Failure::of_option(error) } else { error.into() }
        })?,
        None => Registration::start(provider, requested)?,
    };
    let registered = context.run("registering", step)?;
    drop(room);
    context.store.change_registrations(|registrations| {
        registrations.unset_static(issuer);
        registrations.insert(issuer, metadata, registered.clone());
    })?;
    announce(context, issuer, &registered, false);
    context.out.checked("the client is in the store");
    Ok(registered)
}

fn announce(context: &Context, issuer: &Issuer, client: &Registered, known: bool) {
    context.out.emit(&Event::Registered {
        issuer: issuer.as_str(),
        client_id: client.client_id(),
        auth_method: client.auth().method().name(),
        known,
    });
    for flaw in client.flaws() {
        let failure = Failure::from(flaw.clone());
        context.out.emit(&Event::warning(&failure.with_hint(
            "The client is registered all the same, and this value is not used. If logins fail, change the registration at the provider.",
        )));
    }
}
