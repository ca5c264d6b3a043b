// A client in a page: login by redirect, a session for all windows, requests with its token. `index.d.ts` documents it.

import init, * as module from "./module/oidc_proto_page.js";
import { OidcError, translated } from "./error.js";

export { OidcError };

const SESSION = "session";
/** What a session says to its owner, which is not for an application. */
const INTERNAL = ["ended", "orphaned"];

let loading;
/** Loads the module once. What could not be loaded is loaded again. */
const load = (source) => (loading ??= init(source === undefined ? undefined : { module_or_path: source }).catch((error) => {
  loading = undefined;
  throw error;
}));

/** The callback that the page's URL was, until a client has ended its login. */
let returned;

/** Runs something of the module. */
async function run(action) {
  try {
    return await action();
  } catch (thrown) {
    throw translated(thrown);
  }
}

/** What the application gave along. A login does not fail because it was edited. */
function parsed(state) {
  try {
    return state === undefined ? undefined : JSON.parse(state);
  } catch {
    return undefined;
  }
}

/** The module knows hosts in ASCII only; the browser knows the others. */
function ascii(address) {
  if (/^[\x00-\x7f]*$/.test(address)) return address;
  const [, scheme = "", host, path] = address.match(/^([a-z]+:\/\/)?([^/]*)(.*)$/i);
  try {
    return scheme + new URL(`https://${host}`).host + path;
  } catch {
    return address;
  }
}

export class OidcClient extends EventTarget {
  #options;
  #place;
  #live = null;
  #leaving = null;

  constructor(options, place) {
    super();
    this.#options = options;
    this.#place = place;
  }

  static async takeCallback(source) {
    await load(source);
    try {
      returned ??= module.Returned.take();
    } catch (thrown) {
      throw translated(thrown);
    }
    return returned !== undefined;
  }

  static async renewKey({ name = SESSION, module: source } = {}) {
    await load(source);
    await run(() => module.renew_key(name));
  }

  static async open(options) {
    const { issuer, homeserver, redirectUri, name = SESSION, dpop = true, insecureLoopback = false, module: source } = options;
    if ((issuer === undefined) === (homeserver === undefined)) throw new TypeError("name an issuer or a homeserver");
    // Whatever fails after that, no code stays in the URL.
    await OidcClient.takeCallback(source);
    const place = await run(() => (homeserver === undefined
      ? module.Place.provider(ascii(issuer), redirectUri, dpop ? name : "", insecureLoopback)
      : module.Place.homeserver(ascii(homeserver), redirectUri, insecureLoopback)));
    return new OidcClient({ scope: homeserver === undefined ? "openid" : "", clientName: document.title, ...options, name }, place);
  }

  get issuer() {
    return this.#place.issuer;
  }

  get homeserver() {
    return this.#place.home ?? null;
  }

  get user() {
    return this.#live && JSON.parse(this.#live.user());
  }

  async login({ loginHint, state } = {}) {
    const { clientId, clientName, clientUri, postLogoutRedirectUri, scope } = this.#options;
    const id = clientId ?? await run(() => this.#place.register(clientName, clientUri, postLogoutRedirectUri));
    await run(() => this.#place.log_in(id, scope, loginHint, state === undefined ? undefined : JSON.stringify(state)));
  }

  async handleCallback() {
    if (!await OidcClient.takeCallback(this.#options.module)) return null;
    const callback = returned;
    returned = undefined;
    const login = await run(() => this.#place.finish(callback, this.#options.name));
    const { client_id: clientId, state } = login;
    this.#remember({ clientId });
    this.#begin(login.into_live());
    return { user: this.user, state: parsed(state) };
  }

  async resume() {
    const known = this.#known();
    if (known === null) return null;
    const live = await run(() => this.#place.resume(known.clientId, this.#options.name));
    if (live === undefined) return null;
    this.#begin(live);
    return this.user;
  }

  async userinfo() {
    return JSON.parse(await run(() => this.#session().userinfo()));
  }

  async refresh() {
    await run(() => this.#session().refresh());
    return this.user;
  }

  async fetch(input, init) {
    const request = new Request(input, init);
    const { signal } = request;
    const stopped = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    const live = this.#session();
    this.#check(request.url);
    const body = new Uint8Array(await request.arrayBuffer());
    signal.throwIfAborted();
    const called = await run(() => live.call(request.method, request.url, [...request.headers].flat(), body, stopped));
    if (called === undefined) throw signal.reason;
    const [status, headers, bytes] = called;
    const pairs = headers.flatMap((name, at) => (at % 2 === 0 ? [[name, headers[at + 1]]] : []));
    return new Response([204, 205, 304].includes(status) ? null : bytes, { status, headers: pairs });
  }

  /** One logout at a time: whoever asks for another waits for the end of the first. */
  logout(options) {
    this.#leaving ??= this.#leave(options).finally(() => { this.#leaving = null; });
    return this.#leaving;
  }

  async #leave({ atProvider = false } = {}) {
    const live = this.#session();
    let away, refused = null;
    try {
      if (atProvider) away = live.end_session(this.#options.postLogoutRedirectUri);
    } catch (thrown) {
      refused = translated(thrown);
    }
    const failed = await run(() => live.log_out());
    this.#live = null;
    localStorage.removeItem(this.#record());
    this.#tell("change");
    if (away !== undefined) location.assign(away);
    return { revocationError: failed === undefined ? null : translated(failed), providerError: refused };
  }

  #session() {
    if (this.#live !== null) return this.#live;
    throw new OidcError({ code: "page.not_logged_in", message: "nobody is logged in", hint: "Log in.", recovery: "log_in_again" });
  }

  /** A token goes only where it belongs. */
  #check(url) {
    const { resources = [] } = this.#options;
    const known = [this.issuer, this.homeserver, ...resources].filter((known) => known !== null);
    if (known.some((known) => new URL(known).origin === new URL(url).origin)) return;
    throw new OidcError({
      code: "page.foreign_resource",
      message: `tokens are not for ${new URL(url).origin}`,
      hint: "Name the origin in `resources` if it is one of your own.",
    });
  }

  #begin(live) {
    this.#live = live;
    this.#tell("change");
    this.#listen(live);
  }

  async #listen(live) {
    for (;;) {
      const event = JSON.parse(await live.next_event());
      if (event === null || event.name === "logged_out") return;
      if (event.name === "orphaned" && this.#leaving === null) this.#giveBack(live);
      // A session that has ended can still give tokens back.
      if (this.#live !== live || INTERNAL.includes(event.name)) continue;
      if (["logged_out_elsewhere", "replaced"].includes(event.name)) {
        this.#live = null;
        if (event.name === "logged_out_elsewhere") localStorage.removeItem(this.#record());
      }
      this.#tell(event.name, event.error && new OidcError(event.error));
      this.#tell("change");
    }
  }

  /** Revokes tokens that nobody uses any more. */
  async #giveBack(live) {
    const failed = await run(() => live.revoke_given_back()).catch((error) => error);
    if (failed !== undefined) this.#tell("not_revoked", translated(failed));
  }

  #tell(name, error = null) {
    this.dispatchEvent(new CustomEvent(name, { detail: { error } }));
  }

  #record() {
    return `oidc-proto:user:${this.#options.name}`;
  }

  /** What a later page needs beside the stored record. No secret is in it. */
  #remember(known) {
    localStorage.setItem(this.#record(), JSON.stringify({ ...known, issuer: this.issuer, homeserver: this.homeserver }));
  }

  #known() {
    try {
      const known = JSON.parse(localStorage.getItem(this.#record()));
      return known?.issuer === this.issuer && known.homeserver === this.homeserver ? known : null;
    } catch {
      return null;
    }
  }
}
