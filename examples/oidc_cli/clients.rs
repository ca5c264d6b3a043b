//! Who we are at a provider: a client of the command line, one in the store, or one to be registered.

use oidc_proto::flow::Registration;
use oidc_proto::message::metadata::AuthMethod;
use oidc_proto::message::registration::{ApplicationType, ClientMetadata};
use oidc_proto::{ClientAuth, Issuer, Provider, RedirectUri, Registered, Registrations};

use crate::args::LoginArgs;
use crate::context::Context;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::listener::PATH;

/// What we say about ourselves: a native public client, with any port on loopback or with this one.
pub(crate) fn metadata(redirect_port: Option<u16>) -> Result<ClientMetadata, Failure> {
    let port = redirect_port.map(|port| format!(":{port}")).unwrap_or_default();
    let redirect_uri = RedirectUri::new(&format!("http://127.0.0.1{port}{PATH}"))?;
    let mut metadata = ClientMetadata::new(ApplicationType::Native, vec![redirect_uri]);
    metadata.client_name = Some("oidc_cli".into());
    Ok(metadata)
}

/// The client of the command line, if it names one.
pub(crate) fn named(args: &LoginArgs) -> Result<Option<Registered>, Failure> {
    let Some(client_id) = &args.client_id else { return Ok(None) };
    let method = args.auth_method.unwrap_or(match args.client_secret {
        Some(_) => AuthMethod::ClientSecretBasic,
        None => AuthMethod::None,
    });
    let secret = args.client_secret.as_deref().map(Into::into);
    let auth = ClientAuth::new(method, secret)
        .map_err(|_| Code::Usage.because(format_args!("--auth-method {} needs --client-secret", method.name())))?;
    Ok(Some(Registered::fixed(client_id.as_str(), auth)))
}

/// Keeps the client of the command line: later logins at this provider use it, too.
pub(crate) fn keep_named(context: &Context, issuer: &Issuer, client: &Registered) -> Result<(), Failure> {
    context.store.change_registrations(|registrations| {
        if registrations.fixed(issuer).is_some_and(|old| old.client_id() != client.client_id()) {
            set_aside(registrations, issuer);
        }
        registrations.fix(issuer, client.clone());
    })
}

/// The client in the store, or a new one, which is in the store before anything else can fail.
pub(crate) fn find_or_register(
    context: &mut Context,
    provider: &Provider,
    metadata: &ClientMetadata,
) -> Result<Registered, Failure> {
    let registrations = context.store.registrations()?;
    if let Some(known) = registrations.find(provider.issuer(), metadata, context.now()) {
        return Ok(known.clone());
    }
    ask(context, provider, metadata)
}

/// The command: afterwards logins use a registered client, also where a fixed one was used before.
pub(crate) fn register(
    context: &mut Context,
    provider: &Provider,
    metadata: &ClientMetadata,
    anew: bool,
) -> Result<(), Failure> {
    let issuer = provider.issuer();
    let mut registrations = context.store.registrations()?;
    if registrations.fixed(issuer).is_some() {
        set_aside(&mut registrations, issuer);
    }
    match registrations.find(issuer, metadata, context.now()).filter(|_| !anew).cloned() {
        Some(known) => {
            context.store.change_registrations(|registrations| set_aside(registrations, issuer))?;
            announce(context, issuer, &known, true);
        }
        None => drop(ask(context, provider, metadata)?),
    }
    Ok(())
}

fn ask(context: &mut Context, provider: &Provider, metadata: &ClientMetadata) -> Result<Registered, Failure> {
    context.out.step("Registration");
    // What cannot be kept is better not registered.
    drop(context.store.draft()?);
    let issuer = provider.issuer();
    let registered = context.run("registering", Registration::start(provider, metadata.clone())?)?;
    context.store.change_registrations(|registrations| {
        set_aside(registrations, issuer);
        registrations.insert(issuer, metadata, registered.clone());
    })?;
    announce(context, issuer, &registered, false);
    context.out.checked("the client is in the store, whatever becomes of the login");
    Ok(registered)
}

fn announce(context: &Context, issuer: &Issuer, client: &Registered, known: bool) {
    context.out.emit(&Event::Registered {
        issuer: issuer.as_str(),
        client_id: client.client_id(),
        auth_method: client.auth().method().name(),
        known,
    });
}

/// Takes a fixed client out of the way of others, and keeps it for the sessions that live on it.
fn set_aside(registrations: &mut Registrations, issuer: &Issuer) {
    let Some(client) = registrations.fixed(issuer).cloned() else { return };
    registrations.remove(issuer, client.client_id());
    // Metadata that no login asks for: it is found by its client ID only.
    let mut metadata = ClientMetadata::new(ApplicationType::Native, Vec::new());
    metadata.software_id = Some(format!("set aside: {}", client.client_id()));
    registrations.insert(issuer, &metadata, client);
}
