// What a person reads of an error: what happened, and what to do. What a developer reads is the error's own text.

const UNTRUSTED = ["The provider's answer cannot be trusted.", "Nobody was logged in. If it happens again, tell the provider."];
const OVER = ["Your session has ended.", "Log in again to go on."];

const BY_CODE = {
  "authorization.access_denied": ["You did not allow the login.", "Nothing was shared. You can try again."],
  "callback.expired": ["The login took too long.", "Log in again."],
  "callback.no_login": [
    "This login does not belong to this tab.",
    "It was begun in another tab or another browser, or it has ended already. Log in again.",
  ],
  "private_key.unusable": ["This browser's key is damaged.", "Make a new key, and log in again."],
  "session.no_token": OVER,
  "token.invalid_grant": OVER,
  "token.no_refresh_token": OVER,
  "transport.refused": [
    "This page may not talk to that address.",
    "It was served for one provider only. Start it with another one to log in there.",
  ],
  "transport.timeout": ["The provider does not answer.", "Try again in a moment."],
  "matrix.unsupported": ["You cannot log in at this homeserver.", "It has only the older login, which this page does not offer."],
};

const BY_FAMILY = {
  transport: [
    "The provider cannot be reached.",
    "Check your connection and the address. The provider may also not allow this page (CORS): a browser does not say which.",
  ],
  url: ["This is not an address.", "Write it as https://op.example.org."],
  metadata: ["There is no OpenID provider at this address.", "Check the address. It has no /.well-known/ in it."],
  response: ["The answer makes no sense.", "Something else than a provider may be at this address."],
  registration: ["The provider does not accept this page as a client.", "Its operator has to register the page first."],
  id_token: UNTRUSTED,
  jws: UNTRUSTED,
  homeserver: ["There is no Matrix homeserver at this address.", "Write the server's name, as in your user ID, or its URL."],
  matrix: ["There is no Matrix homeserver at this address.", "Write the server's name, as in your user ID, or its URL."],
  whoami: ["The homeserver does not confirm who you are.", "Nobody was logged in."],
  store: ["The browser does not let this page keep the session.", "Leave the private mode, or allow this page to store data."],
  stored: ["What the browser kept of the session is damaged.", "Log in again."],
};

const BY_RECOVERY = {
  retry: ["That did not work.", "Try again in a moment."],
  log_in_again: ["You have to log in again.", ""],
  denied: ["The provider refused.", ""],
  provider_broken: ["The provider made a mistake.", "If it happens again, tell the provider."],
};

/** What happened, and what to do. */
export const words = ({ code = "", recovery }) =>
  BY_CODE[code] ?? BY_FAMILY[code.split(".")[0]] ?? BY_RECOVERY[recovery] ?? ["That did not work.", ""];

/** A time that is left: `4:05`. */
export function span(millis) {
  const seconds = Math.max(0, Math.ceil(millis / 1000));
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
