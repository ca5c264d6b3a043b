//! What known providers need that their metadata do not tell.

/// A provider, or the providers of one company.
pub(crate) struct Known {
    /// Issuers. `*` stands for any text.
    pub(crate) issuers: &'static [&'static str],
    /// Only the library can be used there, since its metadata have to be written by hand.
    pub(crate) is_by_hand: bool,
    /// The options of a login there.
    pub(crate) options: &'static [&'static str],
}

/// The one for this issuer. One that is named to the letter comes before a pattern.
pub(crate) fn at(issuer: &str) -> Option<&'static Known> {
    let named = KNOWN.iter().find(|known| known.issuers.contains(&issuer));
    named.or_else(|| KNOWN.iter().find(|known| known.issuers.iter().any(|pattern| is_at(pattern, issuer))))
}

/// Whether the issuer is one of the pattern. A slash at its end makes no difference.
pub(crate) fn is_at(pattern: &str, issuer: &str) -> bool {
    let (pattern, issuer) = (pattern.trim_end_matches('/'), issuer.trim_end_matches('/'));
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| issuer.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.strip_suffix(last).is_some_and(|between| !between.is_empty())
}

// A test writes the rows from `tests/providers/table.rs`, and `docs/providers.md` with them:
// `OIDC_PROTO_BLESS=1 cargo test --all-features --test proto providers::`.
#[rustfmt::skip]
pub(crate) const KNOWN: &[Known] = &[
    // <table>
    Known { issuers: &["https://accounts.google.com"], is_by_hand: false, options: &["--parameter access_type=offline"] },
    Known { issuers: &["https://login.microsoftonline.com/*/v2.0"], is_by_hand: false, options: &["--scope \"openid offline_access\""] },
    Known { issuers: &["https://login.microsoftonline.com/common/v2.0", "https://login.microsoftonline.com/organizations/v2.0"], is_by_hand: false, options: &["--scope \"openid offline_access\""] },
    Known { issuers: &["https://*.b2clogin.com/*"], is_by_hand: false, options: &["--metadata-url URL", "--scope \"openid offline_access CLIENT_ID\""] },
    Known { issuers: &["https://*.ciamlogin.com/*"], is_by_hand: false, options: &["--metadata-url URL", "--scope \"openid offline_access\""] },
    Known { issuers: &["https://*.okta.com", "https://*.okta.com/oauth2/*"], is_by_hand: false, options: &["--scope \"openid offline_access\""] },
    Known { issuers: &["https://*.auth0.com/"], is_by_hand: false, options: &["--scope \"openid offline_access\""] },
    Known { issuers: &["https://*.zitadel.cloud"], is_by_hand: false, options: &["--trust-audience AUDIENCE", "--scope \"openid offline_access\""] },
    Known { issuers: &["https://github.com/login/oauth", "https://github.com"], is_by_hand: true, options: &["--accept refresh_errors"] },
    Known { issuers: &["https://login.salesforce.com", "https://*.my.salesforce.com"], is_by_hand: false, options: &["--scope \"openid refresh_token\""] },
    Known { issuers: &["https://slack.com"], is_by_hand: false, options: &["--accept missing_token_type"] },
    Known { issuers: &["https://www.linkedin.com/oauth"], is_by_hand: true, options: &["--accept no_nonce", "--auth-method client_secret_post"] },
    Known { issuers: &["https://id.twitch.tv/oauth2"], is_by_hand: false, options: &["--accept scope_array"] },
    Known { issuers: &["https://access.line.me"], is_by_hand: false, options: &["--auth-method client_secret_post", "--id-token-algorithm HS256"] },
    Known { issuers: &["https://www.facebook.com"], is_by_hand: true, options: &[] },
    // </table>
];
