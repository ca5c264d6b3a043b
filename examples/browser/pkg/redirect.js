// A login that has left the page, until it comes back: in this tab's own storage, under the name that its callback has.

import { OidcError } from "./error.js";

const PREFIX = "oidc-proto:login:";

/** Whether a URL has the parameters of a callback, in its query or its fragment. */
export function isCallback(url) {
  const { search, hash } = new URL(url);
  return [search, hash].some((part) => {
    const parameters = new URLSearchParams(part.slice(1));
    return parameters.has("state") && (parameters.has("code") || parameters.has("error"));
  });
}

/** Keeps a login until its callback. */
export function keep(key, login) {
  sessionStorage.setItem(PREFIX + key, JSON.stringify(login));
}

/** Takes a callback out of the page's URL: a reload or the back button finds no code. */
export function clean() {
  history.replaceState(history.state, "", location.pathname);
}

/** The login of a callback. It is forgotten before anything is sent. */
export function take(key) {
  const kept = key === undefined ? null : sessionStorage.getItem(PREFIX + key);
  if (kept === null) {
    throw new OidcError({
      code: "page.no_login",
      message: "no login of this tab has this callback",
      hint: "The login was begun in another tab or another browser, or it has ended already. Log in again.",
      recovery: "log_in_again",
    });
  }
  sessionStorage.removeItem(PREFIX + key);
  try {
    return JSON.parse(kept);
  } catch {
    throw new OidcError({
      code: "page.no_login",
      message: "what was kept of this login cannot be read",
      hint: "Log in again.",
      recovery: "log_in_again",
    });
  }
}
