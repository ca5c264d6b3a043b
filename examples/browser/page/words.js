// What a person reads of an error: what happened, and what to do. What a developer reads is the error's own text.

const UNTRUSTED = ["The provider's answer cannot be trusted.", "Nobody was logged in. If it happens again, tell the provider."];
const OVER = ["Your session has ended.", "Log in again to go on."];
const CLOCKS = ["The clocks of this device and of the provider differ.", "Set the clock of this device, then log in again."];
const BUSY = ["The provider has a problem.", "Try again in a few minutes."];
const NO_PROVIDER = ["There is no OpenID provider at this address.", "Check the address. It has no /.well-known/ in it."];
const OTHER_SITE = ["The response is not that of a provider.", "Check the address: there may be another website."];
const NOT_FOR_PAGES = [
  "The provider is not set up as this page needs it.",
  "Check the address letter by letter. If it is right, tell the provider's administrator the code below.",
];
const NO_HOMESERVER = ["There is no Matrix homeserver at this address.", "Write the server's name, as in your user ID, or its URL."];
const REFUSED = ["The homeserver refused the request.", "Ask its administrator."];
const OTHER_TAB = ["Another tab is changing the session.", "Reload the page."];
const UNKNOWN = ["That did not work.", "Tell the operator of this page the code below."];

const BY_CODE = {
  "authorization.access_denied": ["You did not allow the login.", "Nothing was shared. You can try again."],
  "authorization.server_error": BUSY,
  "authorization.temporarily_unavailable": BUSY,
  "callback.expired": ["The login took too long.", "Log in again."],
  "callback.no_login": [
    "This login does not belong to this tab.",
    "It was begun in another tab or another browser, or it has ended already. Log in again.",
  ],
  "homeserver.denied": REFUSED,
  "homeserver.missing_token": REFUSED,
  "homeserver.unknown_token": OVER,
  "homeserver.user_locked": ["Your account is locked.", "Ask the administrator of your homeserver."],
  "http.server_error": BUSY,
  "http.too_many_requests": BUSY,
  "id_token.expired": CLOCKS,
  "id_token.issued_in_future": CLOCKS,
  "id_token.not_yet_valid": CLOCKS,
  "id_token.too_old": CLOCKS,
  "id_token.trust_tls_over_http": UNKNOWN,
  "jws.no_backend": UNKNOWN,
  "matrix.device_id": UNKNOWN,
  "matrix.homeserver_mismatch": ["This session belongs to another homeserver.", "Log in at the homeserver that you want to use."],
  "matrix.scope": UNKNOWN,
  "matrix.unsupported": ["You cannot log in at this homeserver.", "It has only the older login, which this page does not offer."],
  "metadata.issuer_mismatch": NOT_FOR_PAGES,
  "metadata.pkce_without_s256": NOT_FOR_PAGES,
  "metadata.unsupported": NOT_FOR_PAGES,
  "metadata.url": NOT_FOR_PAGES,
  "private_key.unusable": ["This browser's key is damaged.", "Make a new key, and log in again."],
  "session.ended": OVER,
  "session.no_token": OVER,
  "store.busy": OTHER_TAB,
  "store.conflict": OTHER_TAB,
  "stored.version": ["A newer version of this page stored the session.", "Reload the page."],
  "token.invalid_grant": ["This login is not valid any more.", "Log in again to go on."],
  "token.no_refresh_token": OVER,
  "transport.refused": [
    "This page may not talk to that address.",
    "It was served for one provider only. Start it with another one to log in there.",
  ],
  "transport.timeout": ["The provider does not answer.", "Try again in a moment."],
};

const BY_FAMILY = {
  transport: [
    "The provider cannot be reached.",
    "Check your connection and the address. The provider may also not allow this page (CORS): a browser does not say which.",
  ],
  url: ["This is not an address.", "Write it as https://op.example.org."],
  metadata: NO_PROVIDER,
  http: OTHER_SITE,
  json: OTHER_SITE,
  registration: ["The provider does not accept this page as a client.", "Its operator has to register the page first."],
  id_token: UNTRUSTED,
  jws: UNTRUSTED,
  homeserver: NO_HOMESERVER,
  matrix: NO_HOMESERVER,
  whoami: ["The homeserver does not confirm who you are.", "Nobody was logged in. Log in again; if it happens again, tell its administrator."],
  store: ["The browser does not let this page keep the session.", "Leave the private mode, or allow this page to store data."],
  stored: ["What the browser kept of the session is damaged.", "Log in again."],
};

const BY_RECOVERY = {
  retry: ["That did not work.", "Try again in a moment."],
  log_in_again: ["You have to log in again.", "Log in again to go on."],
  denied: ["The provider refused.", "Ask the provider's administrator, and name the code below."],
  provider_broken: ["The provider made a mistake.", "If it happens again, tell the provider."],
};

/** What happened, and what to do. */
export const words = ({ code = "", recovery }) =>
  BY_CODE[code] ?? BY_FAMILY[code.split(".")[0]] ?? BY_RECOVERY[recovery] ?? UNKNOWN;

/** A time that is left: `4:05`. */
export function span(millis) {
  const seconds = Math.max(0, Math.ceil(millis / 1000));
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
