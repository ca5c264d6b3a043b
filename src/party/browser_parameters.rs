//! The parameters that this crate sets in the URLs that a browser is sent to.

/// In authorization requests: callers cannot set them by `with_parameter`.
pub(crate) const OF_AUTHORIZATION: [&str; 19] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "response_mode",
    "nonce",
    "dpop_jkt",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "login_hint",
    "display",
    "max_age",
    "ui_locales",
    "acr_values",
    "id_token_hint",
    "request",
    "request_uri",
];

/// In logout requests.
pub(crate) const OF_END_SESSION: [&str; 6] =
    ["id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"];
