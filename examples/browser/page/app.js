// The page: who is logged in, and what can be done about it. It knows the package and nothing of what is below.

import { OidcClient } from "/pkg/index.js";
import { span, words } from "/words.js";

const at = (id) => document.getElementById(id);
const SETTINGS = "settings";
const MODULE = "/pkg/module/oidc_proto_page_bg.wasm";
/** What the button beside an error does, by the error's recovery or code; otherwise it is tried again. */
const WAYS_OUT = { log_in_again: ["Log in again", () => logIn()], "private_key.unusable": ["Make a new key", () => renewKey()] };

let client = null;
let claims = null;
// The provider gives this session no more tokens.
let isOver = false;
let retry = null;
let suggested = { issuer: "", homeserver: "" };

const say = (text) => { at("status").textContent = text; };

function show() {
  const user = client?.user ?? null;
  at("in").hidden = user === null;
  at("out").hidden = user !== null;
  if (user === null) return;
  const known = { ...user.claims, ...claims };
  const name = String(known.name ?? known.preferred_username ?? user.subject ?? "Somebody");
  at("in-title").textContent = name;
  at("initial").textContent = (name.replace(/^@|^sub-/, "")[0] ?? "?").toUpperCase();
  at("where").textContent = `logged in at ${client.homeserver ?? client.issuer}`;
  fill(at("facts"), {
    [client.homeserver === null ? "Subject" : "User ID"]: user.subject,
    Device: user.deviceId,
    Scope: user.scope,
    Token: user.tokenType === "DPoP" ? "bound to a key of this browser" : "not bound to a key",
    Until: user.expiresAt && new Date(user.expiresAt).toLocaleTimeString(),
  });
  at("userinfo").textContent = client.homeserver === null ? "Show my profile" : "Ask the homeserver";
  at("logout-provider").hidden = client.homeserver !== null;
  at("refresh").disabled = !user.canRefresh || isOver;
  tick();
}

function fill(list, rows) {
  const entries = Object.entries(rows).filter(([, value]) => value !== null && value !== undefined && value !== "");
  list.replaceChildren(...entries.flatMap(([name, value]) => {
    const [term, data] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    data.textContent = typeof value === "string" ? value : JSON.stringify(value);
    return [term, data];
  }));
}

/** The time until the session refreshes by itself, at the latest: a tenth of the lifetime before the end, or a minute. */
function tick() {
  const user = client?.user;
  if (!user) return;
  const { expiresAt, obtainedAt } = user;
  document.querySelector(".life").hidden = expiresAt === null || !user.canRefresh || isOver;
  if (expiresAt === null) return;
  const due = expiresAt - Math.min((expiresAt - obtainedAt) / 10, 60_000);
  at("left").textContent = span(due - Date.now());
  at("life").value = Math.max(0, (due - Date.now()) / (due - obtainedAt));
}

function fail(error, again = null) {
  if (typeof error?.code !== "string") console.error(error);
  [at("error-title").textContent, at("error-hint").textContent] = words(error);
  at("error-code").textContent = error.code ?? error.name;
  at("error-text").textContent = error.message;
  const [name, action] = WAYS_OUT[error.code] ?? WAYS_OUT[error.recovery] ?? [again === null ? "Close" : "Try again", again];
  at("error-action").textContent = name;
  retry = action;
  at("error").hidden = false;
  at("error").focus();
  say("");
}

function forgive() {
  at("error").hidden = true;
}

/** Does one thing at a time, and says so. */
async function busy(text, work, again = null) {
  forgive();
  say(text);
  const buttons = [...document.querySelectorAll("button")].filter((button) => !button.disabled);
  for (const button of buttons) button.disabled = true;
  try {
    say((await work()) ?? "");
  } catch (error) {
    fail(error, again);
  } finally {
    for (const button of buttons) button.disabled = false;
    show();
  }
}

/** The user's name is mostly known to the userinfo endpoint alone. A user without one is shown by the subject. */
async function introduce() {
  claims = null;
  if (client.user === null || client.homeserver !== null) return;
  claims = await client.userinfo().catch(() => null);
  show();
}

async function open(settings) {
  const opened = await OidcClient.open({
    ...settings,
    redirectUri: `${location.origin}/callback`,
    postLogoutRedirectUri: settings.issuer && `${location.origin}/`,
    clientName: "The page of oidc-proto",
    // A homeserver wants to know a page about the application.
    clientUri: settings.homeserver && "https://github.com/",
    scope: settings.homeserver ? "" : "openid profile email",
    // The provider of `run` is on loopback. No page of anybody else needs it.
    insecureLoopback: true,
    module: MODULE,
  });
  isOver = false;
  opened.addEventListener("change", show);
  opened.addEventListener("needs_login", () => { isOver = true; });
  opened.addEventListener("tokens_refreshed", () => say("The tokens are new."));
  opened.addEventListener("logged_out_elsewhere", () => say("You logged out in another window."));
  opened.addEventListener("not_revoked", () => say("Tokens of an earlier login were not revoked. You can end it at the provider."));
  for (const name of ["needs_login", "replaced", "client_rejected", "refused", "stalled", "not_saved", "not_erased"]) {
    opened.addEventListener(name, ({ detail: { error } }) => error && fail(error));
  }
  client = opened;
}

/** Where the user has logged in, or is about to. What was damaged is none. */
function kept() {
  for (const storage of [sessionStorage, localStorage]) {
    try {
      const settings = JSON.parse(storage.getItem(SETTINGS));
      if (typeof settings === "object" && settings !== null) return settings;
    } catch {
      storage.removeItem(SETTINGS);
    }
  }
  return null;
}

async function logIn() {
  const form = new FormData(at("login"));
  const settings = { [form.get("kind")]: String(form.get("address")).trim().replace(/\/$/, "") };
  await busy("Looking for the provider …", async () => {
    await open(settings);
    say("Going to the provider …");
    sessionStorage.setItem(SETTINGS, JSON.stringify(settings));
    await client.login();
    return "Going to the provider …";
  }, logIn);
}

function suggest() {
  const isHome = new FormData(at("login")).get("kind") === "homeserver";
  at("address-label").textContent = isHome ? "Homeserver or server name" : "Address of the provider";
  at("address-hint").textContent = isHome ? "Such as matrix.example.org" : "Such as https://op.example.org";
  at("address").value = suggested[isHome ? "homeserver" : "issuer"];
}

/** Tries again what the page did when it began: a login that has come back goes on, unless its end has failed. */
const startAgain = async () => (await OidcClient.takeCallback(MODULE).catch(() => true) ? start() : logIn());

async function start() {
  const settings = kept();
  let isCallback = false;
  await busy("Looking for your session …", async () => {
    // First of all: whatever fails after that, no code stays in the URL.
    isCallback = await OidcClient.takeCallback(MODULE);
    if (isCallback) say("Checking the login …");
    if (location.pathname !== "/") history.replaceState(null, "", "/");
    const { issuer } = await (await fetch("/settings.json")).json();
    suggested = { issuer, homeserver: issuer, ...settings };
    if (settings?.homeserver) at("login").elements.kind.value = "homeserver";
    suggest();
    if (settings === null && !isCallback) return "";
    // Without settings the callback is another tab's. The client says so.
    await open(settings ?? { issuer });
    if (isCallback) {
      await client.handleCallback();
      localStorage.setItem(SETTINGS, JSON.stringify(settings));
      return "You are logged in.";
    }
    return (await client.resume()) === null ? "" : "Welcome back.";
  }, () => (isCallback ? startAgain() : start()));
  if (!client?.user) return;
  at("in-title").focus();
  await introduce();
}

const renewKey = () => busy("Making a key …", async () => {
  await OidcClient.renewKey({ module: MODULE });
  logIn();
}, renewKey);

async function userinfo() {
  at("result").hidden = true;
  await busy("Asking …", async () => {
    const isHome = client.homeserver !== null;
    const found = isHome ? await whoami() : await client.userinfo();
    at("result-title").textContent = isHome ? "What the homeserver says" : "What the provider knows";
    fill(at("result-list"), found);
    at("result").hidden = false;
    return "";
  }, userinfo);
}

async function whoami() {
  const response = await client.fetch(new URL("/_matrix/client/v3/account/whoami", client.homeserver));
  return response.json();
}

const refresh = () => busy("Refreshing …", async () => {
  await client.refresh();
  return "The tokens are new.";
}, refresh);

const logOut = (atProvider) => busy("Logging out …", async () => {
  const { revocationError, providerError } = await client.logout({ atProvider });
  at("result").hidden = true;
  const error = revocationError ?? providerError;
  if (error !== null) fail(error);
  return error === null ? "You are logged out." : "";
});

at("login").addEventListener("submit", (event) => { event.preventDefault(); logIn(); });
at("login").addEventListener("change", (event) => { if (event.target.name === "kind") suggest(); });
at("userinfo").addEventListener("click", userinfo);
at("refresh").addEventListener("click", refresh);
at("logout").addEventListener("click", () => logOut(false));
at("logout-provider").addEventListener("click", () => logOut(true));
at("error-action").addEventListener("click", () => { forgive(); if (retry !== null) retry(); });
// The back button shows this page as it was left, in the middle of going away.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
setInterval(tick, 1000);
start();
