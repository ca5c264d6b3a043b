//! `client-credentials`: a token for the client itself (RFC 6749 section 4.4). Nothing is stored.

use oidc_proto::flow::GrantRequest;
use oidc_proto::{AuthMethod, RelyingParty};

use crate::args::{self, ClientArgs, ClientCredentialsArgs};
use crate::clients::Identity;
use crate::context::Context;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::session::expires_in;

pub(crate) fn client_credentials(context: &mut Context, args: &ClientCredentialsArgs) -> Result<(), Failure> {
    let ClientArgs { client_id, client_secret, key, auth_method, .. } = &args.client;
    let proves_itself = client_secret.is_some() || key.is_some();
    if client_id.is_none() || !proves_itself || *auth_method == Some(AuthMethod::None) {
        return Err(Code::Usage.because("client-credentials needs --client-id, and --client-secret or --key"));
    }
    let identity = Identity::read(&args.client)?;
    let result = ask(context, args, &identity);
    result.map_err(|failure| identity.explain(failure))
}

fn ask(context: &mut Context, args: &ClientCredentialsArgs, identity: &Identity) -> Result<(), Failure> {
    let schemes = context.options.schemes();
    let provider = context.discover(args::issuer(&args.issuer, schemes)?, None, schemes)?;
    let registered = identity.named(&provider)?;
    let registered = registered.ok_or_else(|| Code::Usage.because("client-credentials needs --client-id"))?;
    let party = RelyingParty::new(provider, registered.client(&[]));

    context.out.step("Client credentials");
    let scope = args.scope.clone().unwrap_or_default();
    let request = GrantRequest::client_credentials().with_scope(scope);
    let own = args.parameter.iter();
    let request = own.fold(request, |request, (name, value)| request.with_parameter(name, value.as_str()));
    let step = party.request_tokens(request, &mut context.env)?;
    let granted = context.run("asking for a token", step)?.verified()?;
    let tokens = &granted.tokens;
    context.out.emit(&Event::Token {
        session: None,
        access_token: context.out.shows_tokens().then(|| tokens.access_token().expose()),
        token_type: tokens.token_type().name(),
        scope: tokens.scope().as_str(),
        expires_in: expires_in(tokens, context.now()),
        doubtful: false,
    });
    Ok(())
}
