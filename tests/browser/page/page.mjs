// The page under test: what an application does around the module for a login by redirect.
import init, * as module from "/module/oidc_proto_browser.js";

const ready = init({ module_or_path: "/module/oidc_proto_browser_bg.wasm" });
const parse = (thrown) => {
  try { return JSON.parse(thrown); } catch { return { code: String(thrown) }; }
};

// A promise as a value that a test can read.
const settle = (promise) => promise.then((value) => ({ value }), (error) => ({ error: parse(error) }));

let party, session;

async function discover(issuer, timeout = 30_000, key = undefined, byWebCrypto = undefined) {
  await ready;
  const redirectUri = `${location.origin}/callback`;
  party = await module.Party.discover(issuer, "app", redirectUri, timeout, key, byWebCrypto);
}

/** Sends the page to the provider. What the application needs after that, it keeps itself. */
async function logIn(issuer, key, fragment = false, byWebCrypto = false) {
  await discover(issuer, undefined, key, byWebCrypto);
  sessionStorage.setItem("app", JSON.stringify({ key, byWebCrypto }));
  party.log_in_by_redirect(fragment);
}

/** In the user's gesture, before anything is awaited. */
function logInByPopup(issuer, fragment = false) {
  const popup = new module.LoginWindow();
  return discover(issuer).then(() => party.log_in_by_popup(popup, fragment));
}

/** Takes the callback of this page's URL, if it is one: for this tab, or for the window that opened it. */
async function finish() {
  await ready;
  const callback = module.Returned.take();
  if (!callback) return undefined;
  if (!callback.is_of_this_tab()) return callback.hand_over().then(() => "handed over");
  const arrived = callback.into_login();
  const { key, byWebCrypto } = JSON.parse(sessionStorage.getItem("app"));
  await discover(arrived.issuer(), undefined, key, byWebCrypto);
  return party.redeem(arrived);
}

window.app = {
  ready,
  logIn: (...login) => settle(logIn(...login)),
  logInWithoutRoom: (issuer) => settle(discover(issuer).then(() => party.log_in_by_redirect(false))),
  discover: (issuer, timeout) => settle(discover(issuer, timeout)),
  refresh: () => settle(party.refresh()),
  userinfo: () => settle(party.userinfo().then(JSON.parse)),
  revoke: () => settle(party.revoke()),
  exchange: async (...request) => JSON.parse(await module.exchange(...request)),
  abandon: module.abandon,
  sleep: module.sleep,
  // A session whose record all windows share.
  keep: (name) => settle(module.Keeper.keep(party, name).then((kept) => { session = kept; })),
  resume: (name) => settle(module.Keeper.resume(party, name).then((kept) => { session = kept; })),
  access: () => settle(session.access()),
  token: () => session.token(),
  newer: () => settle(session.refresh()),
  logOut: () => settle(session.log_out(party)),
  verify: (...signed) => settle(ready.then(() => module.verify(...signed))),
  renewKey: (key) => settle(ready.then(() => module.renew_key(key))),
  thumbprint: (key) => settle(ready.then(() => module.thumbprint(key))),
  // The store's actions, one by one.
  stores: {},
  open: (at, name, patience, lease = 60_000) => { window.app.stores[at] = new module.Store(name, patience, lease); },
  act: (at, action, expect, token) => window.app.stores[at].act(action, expect, token),
  conforms: (name) => module.conforms(name),
  environments: () => JSON.parse(module.environments()),
};
window.finished = settle(finish());

// A login in a window of its own begins with a click.
document.querySelector("button").addEventListener("click", ({ target: { dataset: { issuer, fragment } } }) => {
  try {
    window.popup = settle(logInByPopup(issuer, fragment === "true"));
  } catch (error) {
    window.popup = Promise.resolve({ error: parse(error) });
  }
});
