//! Which choices a provider seems to need, by its metadata and by what is known of it.

use oidc_proto::{AuthMethod, Deviation, ErrorCode as Core, Issuer, Provider};

use crate::context::Context;
use crate::failure::Failure;

/// What the metadata themselves can need.
const OF_METADATA: [Deviation; 2] = [Deviation::TenantIssuer, Deviation::StringBooleans];

/// What the metadata of these providers do not tell.
const KNOWN: [(&str, &str); 4] = [
    ("https://accounts.google.com", "--parameter access_type=offline"),
    ("https://slack.com", "--accept missing_token_type"),
    ("https://id.twitch.tv/oauth2", "--accept scope_array"),
    ("https://www.linkedin.com/oauth", "--accept no_nonce"),
];

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
    Err(refused)
}

fn of(provider: &Provider) -> Vec<String> {
    let (metadata, mut needs) = (provider.metadata(), Vec::new());
    if metadata.registration_endpoint.is_none() {
        needs.push("--client-id".to_owned());
        if !metadata.token_endpoint_auth_methods.contains(AuthMethod::None) {
            let takes_keys = metadata.token_endpoint_auth_methods.contains(AuthMethod::PrivateKeyJwt);
            let secret = if takes_keys { "--client-secret or --key" } else { "--client-secret" };
            needs.push(format!("{secret}, unless the client is public"));
        }
    }
    let known = KNOWN.iter().filter(|(issuer, _)| provider.issuer().as_str() == *issuer);
    needs.extend(known.map(|(_, option)| (*option).to_owned()));
    needs
}
