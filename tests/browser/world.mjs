// The world of the scenarios: a provider and an application on loopback, each an origin of its own, and a browser.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, afterEach, beforeEach } from "node:test";
import { chromium } from "playwright-core";

const here = import.meta.dirname;
const built = process.env.OIDC_PROTO_BOUND;

const bytes = await readFile(join(built, "oidc_proto_browser_bg.wasm"));
export const module = await import(join(built, "oidc_proto_browser.js"));
module.initSync({ module: bytes });

async function listen(handle) {
  const server = createServer((request, response) => {
    handle(request, response).catch((error) => {
      response.writeHead(500).end(String(error));
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A test that fails closes nothing: the process can end all the same.
  server.unref();
  const close = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return { origin: `http://127.0.0.1:${server.address().port}`, close };
}

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const EXPOSED = "DPoP-Nonce, Retry-After, WWW-Authenticate, Date";

/** What a server other than a provider does. */
const oddities = {
  "/x/redirect": (_, response) => response.writeHead(302, { location: "/x/echo" }).end(),
  "/x/never": (request, response, world) => {
    world.waiting += 1;
    response.on("close", () => { world.waiting -= 1; });
  },
  "/x/half": (_, response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("half");
  },
  "/x/cut": (_, response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("half", () => response.destroy());
  },
  "/x/endless": (_, response, world) => {
    world.waiting += 1;
    const more = () => response.write("x".repeat(16384)) && setImmediate(more);
    response.on("drain", more).on("close", () => { world.waiting -= 1; response.off("drain", more); });
    more();
  },
  "/x/busy": (_, response) => response.writeHead(429, { "retry-after": "7" }).end(),
  "/x/echo": async (request, response) => {
    const body = (await read(request)).toString();
    const { method, headers } = request;
    response.writeHead(200, { "content-type": "application/json", "cache-control": "max-age=60", "set-cookie": "x=1" });
    response.end(JSON.stringify({ method, headers, body }));
  },
};

/**
 * A provider. `cors` is what it sends: "all", "hidden" (no header is exposed), "none", or "simple" (it refuses
 * preflights).
 */
export async function provider(app, { cors = "all", dpopNonce = false, lifetime = 300 } = {}) {
  const world = { cors, seen: [], waiting: 0, held: {} };
  /** Lets requests to this path wait until the function that it returns is called; `cut` if nobody answers them. */
  world.hold = (path) => {
    let release;
    world.held[path] = new Promise((resolve) => { release = resolve; });
    return (how) => { delete world.held[path]; release(how); };
  };
  const server = await listen(async (request, response) => {
    const path = request.url.split("?")[0];
    world.seen.push(`${request.method} ${path}`);
    if (request.method !== "OPTIONS" && await world.held[path] === "cut") return request.socket.destroy();
    if (world.coop) response.setHeader("cross-origin-opener-policy", world.coop);
    if (world.cors !== "none") response.setHeader("access-control-allow-origin", app);
    if (world.cors === "all") response.setHeader("access-control-expose-headers", EXPOSED);
    if (request.method === "OPTIONS") {
      if (world.cors !== "simple") response.setHeader("access-control-allow-headers", "authorization, content-type, dpop, x-test");
      return response.writeHead(world.cors === "simple" ? 405 : 204).end();
    }
    if (world.busy === path) return oddities["/x/busy"](request, response);
    const odd = oddities[request.url];
    if (odd) return odd(request, response, world);
    const headers = JSON.stringify(Object.entries(request.headers));
    const answer = JSON.parse(world.op.handle(request.method, request.url, headers, await read(request), Date.now()));
    for (const [name, value] of answer.headers) response.setHeader(name, value);
    return response.writeHead(answer.status).end(answer.body);
  });
  world.op = new module.Op(server.origin, "app", `${app}/callback`, dpopNonce, lifetime);
  return Object.assign(world, server);
}

const TYPES = { html: "text/html", mjs: "text/javascript", js: "text/javascript", wasm: "application/wasm" };

/** The application's own server. `app.policy` and `app.coop` are the policies of all that it serves. */
export async function application() {
  const world = { policy: "", coop: "" };
  const server = await listen(async (request, response) => {
    const path = request.url.split("?")[0];
    const [, bound] = path.match(/^\/module\/(\w+\.(?:js|wasm))$/) ?? [];
    const own = path === "/page.mjs" || path === "/worker.mjs" ? path.slice(1) : "index.html";
    const file = bound ? join(built, bound) : join(here, "page", own);
    if (!bound && own === "index.html" && path !== "/" && path !== "/callback") return response.writeHead(404).end();
    if (world.coop) response.setHeader("cross-origin-opener-policy", world.coop);
    if (world.policy) response.setHeader("content-security-policy", world.policy);
    return response.writeHead(200, { "content-type": TYPES[file.split(".").pop()] }).end(await readFile(file));
  });
  return Object.assign(world, server);
}

/** From the page to the provider and back; what the page makes of the callback. */
export async function logIn(page, op, { key, fragment, byWebCrypto } = {}) {
  const home = new URL(page.url()).origin;
  const left = page.waitForURL(`${home}/callback`);
  const failed = page.evaluate((login) => window.app.logIn(...login), [op.origin, key, fragment, byWebCrypto]).catch(() => ({}));
  // It fails before it leaves, or the page is gone.
  const { error } = await failed;
  assert.ifError(error);
  await left;
  return page.evaluate(() => window.finished);
}

/** Waits for what happens soon. */
export async function until(condition) {
  const latest = Date.now() + 30_000;
  while (!await condition()) {
    assert.ok(Date.now() < latest, `it has not come true: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Only the module's code, and requests to the provider and to the application itself. */
export const strict = (provider) =>
  `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' ${provider}`;

export const browser = () => chromium.launch({
  executablePath: process.env.OIDC_PROTO_CHROMIUM ?? "/usr/bin/chromium-headless-shell",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

async function opened(page, app) {
  await page.goto(app.origin);
  await page.evaluate(() => window.app.ready);
  return page;
}

/** One provider and one page for all scenarios of a file: `app`, `op` and `page` of what it returns. */
export async function onePage() {
  const [chromium, app] = [await browser(), await application()];
  const op = await provider(app.origin);
  after(async () => { await chromium.close(); await app.close(); await op.close(); });
  app.policy = strict(op.origin);
  return { chromium, app, op, page: await opened(await chromium.newPage(), app) };
}

/**
 * A provider and a user of its own for each scenario: `app`, `op` and `context` of what it returns. `tab` opens a window,
 * `loggedIn` one whose user has logged in and which keeps the session, and `another` one that goes on with it. `script`
 * runs in the window before all else.
 */
export async function ownProvider(options) {
  const here = { chromium: await browser(), app: await application() };
  after(async () => { await here.chromium.close(); await here.app.close(); });
  beforeEach(async () => {
    here.op = await provider(here.app.origin, options);
    Object.assign(here.app, { policy: strict(here.op.origin), coop: "" });
    here.context = await here.chromium.newContext();
  });
  afterEach(async () => { await here.context.close(); await here.op.close(); });
  here.tab = async (script) => {
    const page = await here.context.newPage();
    if (script) await page.addInitScript(script);
    return opened(page, here.app);
  };
  here.loggedIn = async () => {
    const page = await here.tab();
    assert.deepEqual(await logIn(page, here.op), { value: "sub-alice" });
    assert.ifError((await page.evaluate(() => window.app.keep("session"))).error);
    return page;
  };
  here.another = async (script) => {
    const page = await here.tab(script);
    assert.ifError((await page.evaluate((issuer) => window.app.discover(issuer), here.op.origin)).error);
    assert.ifError((await page.evaluate(() => window.app.resume("session"))).error);
    return page;
  };
  return here;
}

/** Changes a value in the application's database by hand: `put` writes this one, `break` takes this member from the old one. */
export const edit = (page, store, name, change, value) => page.evaluate(([store, name, change, value]) => new Promise((resolve) => {
  // The policy forbids text as code: the change has a name.
  const changes = { put: () => value, break: (pair) => ({ ...pair, [value]: undefined }) };
  indexedDB.open("oidc-proto", 1).onsuccess = ({ target: { result } }) => {
    const transaction = result.transaction(store, "readwrite");
    const values = transaction.objectStore(store);
    values.get(name).onsuccess = ({ target }) => values.put(changes[change](target.result), name);
    transaction.oncomplete = () => { result.close(); resolve(); };
  };
}), [store, name, change, value]);
