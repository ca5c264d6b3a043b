//! What a login gets, compared with what it asked for: said before the browser opens where it is known then, and
//! otherwise when the tokens are there.

use oidc_proto::jose::Algorithm;
use oidc_proto::{AuthMethod, ClientAuth, Error, ErrorCode as Core, Prompt, RelyingParty, ResponseType};
use serde::Deserialize;

use crate::context::Context;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::session::Session;
use crate::wish::Wish;

/// What the metadata say of scopes.
#[derive(Deserialize)]
struct Scopes {
    scopes_supported: Vec<String>,
}

const NO_CODE: &str = "The login goes on; if the provider refuses it, ask its operator for the authorization code flow, or try oidc_cli device.";

/// What is known before anyone is asked.
pub(super) fn expect(context: &Context, party: &RelyingParty, wish: &Wish) {
    let (metadata, client) = (party.provider().metadata(), party.client());
    let known = metadata.fields.as_ref().and_then(|fields| fields.read::<Scopes>().ok());
    if let Some(Scopes { scopes_supported }) = known {
        let is_unknown = |word: &&str| !scopes_supported.iter().any(|own| own == word);
        let unknown: Vec<_> = wish.scope.iter().filter(is_unknown).collect();
        if !unknown.is_empty() {
            context.out.emit(&Event::warning(&Code::ScopeUnsupported.because(unknown.join(" "))));
        }
    }
    let unlisted = |what: &str| context.out.emit(&Event::warning(&Code::Unadvertised.because(what)));
    if !wish.by_device && !metadata.response_types.contains(ResponseType::Code) {
        let what = Code::Unadvertised.because("`code` in response_types_supported, which a login by browser needs");
        context.out.emit(&Event::warning(&what.with_hint(NO_CODE)));
    }
    if client.dpop().is_some() && metadata.dpop_signing_algorithms.is_none() {
        unlisted("DPoP, in dpop_signing_alg_values_supported");
    }
    let method = client.auth().method();
    if method == AuthMethod::PrivateKeyJwt && !metadata.token_endpoint_auth_methods.contains(method) {
        unlisted("private_key_jwt, in token_endpoint_auth_methods_supported");
    }
    let listed = metadata.token_endpoint_auth_methods;
    let by_secret = [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost];
    if by_secret.contains(&method) && !by_secret.iter().any(|method| listed.contains(*method)) {
        unlisted(&format!("{}, in token_endpoint_auth_methods_supported", method.name()));
    }
    let signs = match client.auth() {
        ClientAuth::PrivateKeyJwt(key) => Some(key.algorithm()),
        ClientAuth::SecretJwt(_) => Some(Algorithm::Hs256),
        _ => None,
    };
    if let Some((algorithm, listed)) = signs.zip(metadata.token_endpoint_auth_signing_algorithms)
        && !listed.contains(algorithm)
    {
        let what = format!("{}, in token_endpoint_auth_signing_alg_values_supported", algorithm.name());
        let names: Vec<_> = listed.iter().map(|known| known.name()).collect();
        let hint = if names.is_empty() {
            "The login goes on; the provider lists no algorithm that this program has, so if it refuses the client, log in with another --auth-method.".to_owned()
        } else {
            let others = names.join(", ");
            format!(
                "The login goes on; if the provider refuses the client, authenticate it by an algorithm that is listed: {others}."
            )
        };
        context.out.emit(&Event::warning(&Code::Unadvertised.because(what).with_hint(hint)));
    }
    if let Some(known) = metadata.prompt_values {
        let prompts = wish.prompt.iter().filter_map(|name| Prompt::from_name(name));
        for prompt in prompts.filter(|prompt| !known.contains(*prompt)) {
            unlisted(&format!("the prompt {}, in prompt_values_supported", prompt.name()));
        }
    }
}

/// What is not as it was asked for.
pub(super) fn compare(context: &Context, session: &Session) {
    let (wish, granted) = (session.wish(), session.tokens.scope());
    // Some providers do not name it in the response. Whether it was granted is seen by the refresh token.
    let lacks = |word: &&str| !granted.contains(word) && *word != "offline_access";
    let missing: Vec<_> = wish.scope.iter().filter(lacks).collect();
    if !missing.is_empty() {
        let what = format!("{} is missing, the scope is \"{granted}\"", missing.join(" "));
        context.out.emit(&Event::warning(&Code::ScopeNarrowed.because(what)));
    }
    if let Some(hint) = session.without_refresh() {
        let failure = Failure::from(Error::from(Core::TOKEN_NO_REFRESH_TOKEN)).with_hint(hint);
        context.out.emit(&Event::warning(&failure));
    }
}
