//! Which choices a provider seems to need, by its metadata and by what is known of it.

use oidc_proto::{AuthMethod, CodeChallengeMethod, Deviation, ErrorCode as Core, Issuer, Provider, ResponseType};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::context::Context;
use crate::failure::Failure;
use crate::known::{self, Known};

/// What the metadata themselves can need.
const OF_METADATA: [Deviation; 2] = [Deviation::TenantIssuer, Deviation::StringBooleans];

const METADATA_URL: &str = "--metadata-url URL";
const NO_NONCE: &str = "--accept no_nonce";

const ELSEWHERE: &str = "This provider's metadata are not at the issuer's own address: its documentation says where.";

const LIBRARY_ONLY: &str =
    "This provider is for the library only: its metadata are written by hand (Provider::from_json, docs/providers.md).";

/// Whether nothing on the command line makes a login there work.
fn is_library_only(issuer: &str, has_pkce: bool) -> bool {
    !has_pkce && known::at(issuer).is_some_and(|known| known.is_by_hand)
}

/// The provider, and the options that a login there seems to need. What its metadata need is accepted for this look.
pub(super) fn discover(
    context: &mut Context,
    issuer: Issuer,
    metadata_url: Option<&str>,
) -> Result<(Provider, Vec<String>), Failure> {
    let schemes = context.options.schemes();
    let refused = match context.discover(issuer.clone(), metadata_url, schemes) {
        Ok(provider) => {
            let needs = of(&provider);
            return Ok((provider, needs));
        }
        Err(failure) => failure,
    };
    // Nothing was learned of it.
    if refused.fault == "transport" {
        return Err(refused);
    }
    if is_library_only(issuer.as_str(), false) {
        return Err(refused.with_hint(LIBRARY_ONLY));
    }
    let elsewhere = |known: &&Known| known.options.contains(&METADATA_URL) && metadata_url.is_none();
    if let Some(known) = known::at(issuer.as_str()).filter(elsewhere) {
        let options = known.options.join(" ");
        return Err(refused.with_hint(format_args!("{ELSEWHERE} A login there seems to need: {options}")));
    }
    if !refused.is(Core::METADATA_ISSUER_MISMATCH) && !refused.is(Core::JSON_TYPE) {
        return Err(refused);
    }
    for accepted in [&OF_METADATA[..1], &OF_METADATA[1..], &OF_METADATA] {
        if let Ok(provider) = context.look(issuer.clone(), metadata_url, schemes, accepted) {
            let named = accepted.iter().map(|deviation| format!("--accept {}", deviation.name()));
            let needs = named.chain(of(&provider)).collect();
            return Ok((provider, needs));
        }
    }
    // The usual advice is this command.
    if refused.is(Core::METADATA_ISSUER_MISMATCH) && refused.hint.contains("oidc_cli discover") {
        return Err(refused.with_hint("If that is the provider you mean, give --issuer exactly as found."));
    }
    Err(refused)
}

fn of(provider: &Provider) -> Vec<String> {
    let (metadata, mut needs) = (provider.metadata(), Vec::new());
    if metadata.registration_endpoint.is_none() {
        needs.push("--client-id".to_owned());
        if !metadata.token_endpoint_auth_methods.contains(AuthMethod::None) {
            let takes_keys = metadata.token_endpoint_auth_methods.contains(AuthMethod::PrivateKeyJwt);
            let secret = if takes_keys { "--client-secret or --key" } else { "--client-secret" };
            needs.push(format!("{secret}, unless the client is registered without one"));
        }
    }
    // Metadata that came are where they were looked for. Without `nonce` and without PKCE nothing binds the code to the
    // login: that is never advised.
    let is_needed = |option: &&str| *option != METADATA_URL && (has_pkce(provider) || *option != NO_NONCE);
    let known = known::at(provider.issuer().as_str()).map_or(&[][..], |known| known.options);
    needs.extend(known.iter().filter(|option| is_needed(option)).map(|option| (*option).to_owned()));
    needs
}

fn has_pkce(provider: &Provider) -> bool {
    provider.metadata().code_challenge_methods.contains(CodeChallengeMethod::S256)
}

/// What the document says of response types.
#[derive(Deserialize)]
struct ResponseTypes {
    response_types_supported: Option<IgnoredAny>,
}

/// What else there is to know before a login.
pub(super) fn notes(provider: &Provider) -> Vec<String> {
    let (metadata, mut notes) = (provider.metadata(), Vec::new());
    let listed = metadata.fields.as_ref().and_then(|fields| fields.read::<ResponseTypes>().ok());
    if listed.is_some_and(|listed| listed.response_types_supported.is_none()) {
        notes.push("response_types_supported is missing: code is assumed".to_owned());
    }
    if !metadata.response_types.contains(ResponseType::Code) {
        notes.push("response_types_supported lacks code: a login by browser is likely to be refused".to_owned());
    }
    if is_library_only(provider.issuer().as_str(), has_pkce(provider)) {
        notes.push(LIBRARY_ONLY.to_owned());
    }
    notes
}
