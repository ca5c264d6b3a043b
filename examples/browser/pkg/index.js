// A client in a page: login by redirect, a session for all windows, requests with its token. `index.d.ts` documents it.

import init, * as module from "./module/oidc_proto_page.js";
import { OidcError, translated } from "./error.js";
import { clean, isCallback, keep, take } from "./redirect.js";

export { OidcError };

let loading;
const load = (source) => (loading ??= init(source === undefined ? undefined : { module_or_path: source }));

/** Runs something of the module. */
async function run(action) {
  try {
    return await action();
  } catch (thrown) {
    throw translated(thrown);
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

  constructor(options, place) {
    super();
    this.#options = options;
    this.#place = place;
  }

  static isCallback(url = location.href) {
    return isCallback(url);
  }

  static async open(options) {
    const { issuer, homeserver, redirectUri, name = "session", dpop = true, module: source } = options;
    if ((issuer === undefined) === (homeserver === undefined)) throw new TypeError("name an issuer or a homeserver");
    await load(source);
    const place = await run(() => (homeserver === undefined
      ? module.Place.provider(ascii(issuer), redirectUri, dpop ? name : "")
      : module.Place.homeserver(ascii(homeserver), redirectUri)));
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
    const begun = JSON.parse(await run(() => this.#place.begin(id, scope, loginHint)));
    keep(begun.key, { clientId: id, pending: begun.pending, state });
    location.assign(begun.url);
  }

  async handleCallback(url = location.href) {
    if (!isCallback(url)) return null;
    if (url === location.href) clean();
    const { clientId, pending, state } = take(await run(() => module.callback_key(url)));
    const live = await run(() => this.#place.finish(clientId, url, pending, this.#options.name));
    const { deviceId, subject } = JSON.parse(live.user());
    this.#remember({ clientId, deviceId, userId: deviceId === null ? undefined : subject });
    this.#begin(live);
    return { user: this.user, state };
  }

  async resume() {
    const known = this.#known();
    if (known === null) return null;
    const { clientId, userId, deviceId } = known;
    const live = await run(() => this.#place.resume(clientId, this.#options.name, userId, deviceId ?? undefined));
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
    const live = this.#session();
    this.#check(request.url);
    const body = new Uint8Array(await request.arrayBuffer());
    const called = run(() => live.call(request.method, request.url, [...request.headers].flat(), body));
    const [status, headers, bytes] = await aborted(request.signal, called);
    const pairs = headers.flatMap((name, at) => (at % 2 === 0 ? [[name, headers[at + 1]]] : []));
    return new Response([204, 205, 304].includes(status) ? null : bytes, { status, headers: pairs });
  }

  async logout({ atProvider = false } = {}) {
    const live = this.#session();
    const away = atProvider ? await run(() => live.end_session(this.#options.postLogoutRedirectUri)) : undefined;
    const failed = await run(() => live.log_out());
    this.#live = null;
    localStorage.removeItem(this.#record());
    this.#tell("change");
    if (away !== undefined) location.assign(away);
    return { revocationError: failed === undefined ? null : translated(failed) };
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
      if (event === null || this.#live !== live) return;
      if (["logged_out_elsewhere", "replaced"].includes(event.name)) {
        this.#live = null;
        if (event.name === "logged_out_elsewhere") localStorage.removeItem(this.#record());
      }
      this.#tell(event.name, event.error && new OidcError(event.error));
      this.#tell("change");
    }
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

/** The outcome, or the reason of an abort that comes before it. */
function aborted(signal, outcome) {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    outcome.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
