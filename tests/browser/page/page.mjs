// The page under test: what an application does around the module for a login by redirect.
import init, * as module from "/module/oidc_proto_browser.js";

const ready = init({ module_or_path: "/module/oidc_proto_browser_bg.wasm" });
const parse = (thrown) => {
  try { return JSON.parse(thrown); } catch { return { code: String(thrown) }; }
};

// A promise as a value that a test can read.
const settle = (promise) => promise.then((value) => ({ value }), (error) => ({ error: parse(error) }));

let party, session;

async function discover(issuer, timeout = 5000, key = undefined) {
  await ready;
  const redirectUri = `${location.origin}/callback`;
  party = await module.Party.discover(issuer, "app", redirectUri, timeout, key);
}

/** Keeps the login under its key, and returns where the user goes. */
async function begin(issuer, key) {
  await discover(issuer, 5000, key);
  const { url, key: name, pending } = JSON.parse(party.authorize());
  sessionStorage.setItem(name, JSON.stringify({ issuer, pending, key }));
  return url;
}

/** Takes the callback of this page's URL: forgets the login, cleans the URL, spends the code. */
async function finish() {
  await ready;
  const url = location.href;
  history.replaceState(null, "", "/");
  const name = module.callback_key(url);
  const kept = name && sessionStorage.getItem(name);
  if (!kept) throw JSON.stringify({ code: "page.no_login" });
  sessionStorage.removeItem(name);
  const { issuer, pending, key } = JSON.parse(kept);
  await discover(issuer, 5000, key);
  return party.callback(url, pending);
}

window.app = {
  ready,
  begin: (issuer, key) => settle(begin(issuer, key)),
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
  newer: () => settle(session.refresh()),
  logOut: () => settle(session.log_out(party)),
  thumbprint: (key) => settle(ready.then(() => module.thumbprint(key))),
  // The store's actions, one by one.
  stores: {},
  open: (at, name, patience) => { window.app.stores[at] = new module.Store(name, patience); },
  act: (at, action, expect, token) => window.app.stores[at].act(action, expect, token),
  environments: () => JSON.parse(module.environments()),
};
window.finished = location.pathname === "/callback" ? settle(finish()) : ready.then(() => ({}));
