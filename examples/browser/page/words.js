// What a person reads of an error.

const BY_CODE = {
  "authorization.access_denied": "You did not allow the login.",
  "callback.expired": "The login took too long.",
  "page.no_login": "This login does not belong to this tab.",
  "token.invalid_grant": "Your session has ended.",
  "token.no_refresh_token": "Your session has ended.",
  "transport.refused": "This page may not talk to that address.",
  "transport.timeout": "The provider does not answer.",
  "matrix.unsupported": "This homeserver does not let users log in this way.",
};

const BY_FAMILY = {
  transport: "The provider cannot be reached.",
  url: "This is not an address.",
  metadata: "There is no OpenID provider at this address.",
  response: "The answer makes no sense.",
  registration: "The provider does not accept this page as a client.",
  id_token: "The provider's answer cannot be trusted. Nobody was logged in.",
  jws: "The provider's answer cannot be trusted. Nobody was logged in.",
  homeserver: "There is no Matrix homeserver at this address.",
  matrix: "There is no Matrix homeserver at this address.",
  whoami: "The homeserver does not confirm who you are.",
  store: "The browser does not let this page keep the session.",
  stored: "What the browser kept of the session is damaged.",
};

const BY_RECOVERY = {
  retry: "That did not work.",
  log_in_again: "You have to log in again.",
  denied: "The provider refused.",
  provider_broken: "The provider made a mistake.",
};

/** A title for the error. */
export const title = ({ code = "", recovery }) =>
  BY_CODE[code] ?? BY_FAMILY[code.split(".")[0]] ?? BY_RECOVERY[recovery] ?? "That did not work.";

/** What the button of the error does. */
export const action = ({ recovery }) => (recovery === "log_in_again" ? "Log in again" : "Try again");

/** A time that is left: `4:05`. */
export function span(millis) {
  const seconds = Math.max(0, Math.ceil(millis / 1000));
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
