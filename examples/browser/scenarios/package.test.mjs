// The package as an application calls it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { browser, leave, logIn, says, visitor, world } from "./world.mjs";

let chromium, here, context, page;
before(async () => { chromium = await browser(); here = await world(); });
after(async () => { await chromium.close(); here.end(); });
beforeEach(async () => { ({ context, page } = await visitor(chromium)); });
afterEach(() => context.close());

/** Runs a function of the page with a client that has resumed the session. */
const withClient = (work, value, options = {}) => page.evaluate(async ([issuer, work, value, options]) => {
  const { OidcClient } = await import("/pkg/index.js");
  const client = await OidcClient.open({
    issuer, redirectUri: `${location.origin}/callback`, module: "/pkg/module/oidc_proto_page_bg.wasm", insecureLoopback: true,
    ...options,
  });
  await client.resume();
  const caught = (promise) => promise.then(() => null, (error) => [error.name, error.code ?? null, error.hint ?? null]);
  // The content security policy forbids text as code: the work has a name.
  const works = {
    async userinfo(value) {
      const response = await client.fetch(value);
      return [response.status, await response.json()];
    },
    fails: (value) => caught(client.fetch(value)),
    aborted: (value) => caught(client.fetch(value, { signal: AbortSignal.abort() })),
    async aborts(value) {
      const abort = new AbortController();
      const failed = caught(client.fetch(value, { signal: abort.signal }));
      await new Promise((resolve) => { window.abort = resolve; });
      abort.abort();
      return failed;
    },
    async logOut(value) {
      const { revocationError, providerError } = await client.logout(value);
      return [client.user, revocationError?.code ?? null, providerError?.code ?? null];
    },
    // The second one begins when the first one has ended the session, and still revokes its tokens.
    async logOutTwice() {
      const first = client.logout();
      await new Promise((resolve) => { window.again = resolve; });
      const logouts = await Promise.all([first, client.logout()]);
      return logouts.map(({ revocationError }) => revocationError);
    },
  };
  return works[work](value);
}, [here.issuer, work, value, options]);

test("fetch sends the token and a proof of its key", async () => {
  await logIn(page, here);
  const asked = page.waitForRequest((request) => request.url().endsWith("/userinfo") && request.method() === "GET");
  const [status, { sub }] = await withClient("userinfo", `${here.issuer}/userinfo`);
  assert.deepEqual([status, sub], [200, "sub-alice"]);
  const headers = await (await asked).allHeaders();
  assert.match(headers.authorization, /^DPoP /);
  const [head, claims] = headers.dpop.split(".").slice(0, 2).map((part) => JSON.parse(Buffer.from(part, "base64url")));
  assert.deepEqual([head.typ, head.alg, claims.htm, claims.htu], ["dpop+jwt", "ES256", "GET", `${here.issuer}/userinfo`]);
  assert.equal(headers.cookie, undefined);
});

test("fetch replaces a token that was refused", async () => {
  await logIn(page, here);
  let refused = 0;
  await page.route(`${here.issuer}/userinfo`, (route) => {
    refused += 1;
    if (refused > 1) return route.continue();
    const headers = { "access-control-allow-origin": "*", "access-control-expose-headers": "www-authenticate", "www-authenticate": "DPoP error=\"invalid_token\"" };
    return route.fulfill({ status: 401, headers });
  });
  const renewed = page.waitForRequest((request) => request.url().endsWith("/token"));
  const [status] = await withClient("userinfo", `${here.issuer}/userinfo`);
  assert.equal(status, 200);
  await renewed;
});

test("a token goes nowhere else", async () => {
  await logIn(page, here);
  const [name, code, hint] = await withClient("fails", "https://elsewhere.example.org/");
  assert.deepEqual([name, code], ["OidcError", "page.foreign_resource"]);
  assert.match(hint, /resources/);
});

test("what was aborted before is not sent", async () => {
  await logIn(page, here);
  const sent = [];
  page.on("request", (request) => sent.push(new URL(request.url()).pathname));
  assert.equal((await withClient("aborted", `${here.issuer}/userinfo`))[0], "AbortError");
  await page.waitForTimeout(500);
  assert.ok(!sent.includes("/userinfo"), sent.join());
});

test("an abort ends the request", async () => {
  await logIn(page, here);
  await page.route(`${here.issuer}/userinfo`, (route) => route.request().method() === "OPTIONS" && route.continue());
  const asked = page.waitForRequest((request) => request.url().endsWith("/userinfo") && request.method() === "GET");
  const failed = page.waitForEvent("requestfailed", { timeout: 5000 });
  const outcome = withClient("aborts", `${here.issuer}/userinfo`);
  await asked;
  // The page asks, too.
  await page.waitForFunction(() => "abort" in window);
  await page.evaluate(() => window.abort());
  assert.equal((await outcome)[0], "AbortError");
  assert.match((await failed).url(), /userinfo$/);
});

test("a logout ends the session, also where the page to return to is no URL", async () => {
  await logIn(page, here);
  const revoked = page.waitForRequest((request) => request.url().endsWith("/revoke") && request.method() === "POST");
  const options = { postLogoutRedirectUri: "no URL" };
  assert.deepEqual(await withClient("logOut", { atProvider: true }, options), [null, null, "url.syntax"]);
  await revoked;
  await page.reload();
  await page.locator("#out").waitFor();
});

test("a second logout ends with the first", async () => {
  await logIn(page, here);
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  const asked = new Promise((resolve) => {
    page.route(`${here.issuer}/revoke`, async (route) => { resolve(); await held; await route.continue(); });
  });
  const outcome = withClient("logOutTwice");
  await asked;
  await page.evaluate(() => window.again());
  release();
  const late = new Promise((resolve) => { setTimeout(resolve, 10_000, "late"); });
  assert.deepEqual(await Promise.race([outcome, late]), [null, null]);
});

/** Logs in as a client that is registered already. */
async function logInWith(page, clientId) {
  await page.goto(here.app);
  await page.evaluate(async ([issuer, clientId]) => {
    const { OidcClient } = await import("/pkg/index.js");
    const client = await OidcClient.open({
      issuer, clientId, redirectUri: `${location.origin}/callback`, module: "/pkg/module/oidc_proto_page_bg.wasm", insecureLoopback: true,
    });
    sessionStorage.setItem("settings", JSON.stringify({ issuer }));
    await client.login();
  }, [here.issuer, clientId]).catch(() => {});
  await page.getByRole("button", { name: "Allow as alice" }).click();
  await says(page, "You are logged in.");
}

test("tokens that a later login replaces are revoked at once", async () => {
  const data = { redirect_uris: [`${here.app}/callback`], grant_types: ["authorization_code", "refresh_token"], token_endpoint_auth_method: "none", application_type: "native" };
  const { client_id } = await (await page.request.post(`${here.issuer}/register`, { data })).json();
  await logInWith(page, client_id);
  const other = await context.newPage();
  const revoked = other.waitForResponse((response) => response.url().endsWith("/revoke"), { timeout: 10_000 });
  await logInWith(other, client_id);
  assert.equal((await revoked).status(), 200);
});

test("a callback is taken once, whoever asks and however often the module cannot be loaded", async () => {
  await page.route(`${here.app}/app.js`, (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
  await page.route("**/*.wasm", (route) => route.abort());
  await page.goto(`${here.app}/callback?code=a-code&state=another&iss=${encodeURIComponent(here.issuer)}`);
  const take = () => page.evaluate(async () => {
    const { OidcClient } = await import("/pkg/index.js");
    const takes = [1, 2].map(() => OidcClient.takeCallback("/pkg/module/oidc_proto_page_bg.wasm"));
    return (await Promise.allSettled(takes)).map(({ value }) => value ?? null);
  });
  assert.deepEqual(await take(), [null, null]);
  await page.unroute("**/*.wasm");
  assert.deepEqual(await take(), [true, true]);
  assert.equal(page.url(), `${here.app}/callback`);
  assert.deepEqual(await take(), [true, true]);
});

test("http is only for those who name it", async () => {
  await leave(page, { app: here.app, address: here.issuer });
  await page.goto(here.app);
  const refused = await page.evaluate(async (issuer) => {
    const { OidcClient } = await import("/pkg/index.js");
    const options = { redirectUri: `${location.origin}/callback`, module: "/pkg/module/oidc_proto_page_bg.wasm" };
    const open = (where) => OidcClient.open({ ...options, ...where }).then(() => "opened", ({ code }) => code);
    return [await open({ issuer }), await open({ homeserver: issuer })];
  }, here.issuer);
  assert.deepEqual(refused, ["url.scheme", "url.scheme"]);
});

test("the types name what there is, and nothing else", async () => {
  const types = await readFile(new URL("../pkg/index.d.ts", import.meta.url), "utf8");
  const declared = types.slice(types.indexOf("export class OidcClient"));
  const named = [...declared.matchAll(/^ {2}(?:static |readonly )?(\w+)[(:<]/gm)].map(([, name]) => name);
  const inherited = ["addEventListener", "removeEventListener", "constructor", "private"];
  const wanted = new Set(named.filter((name) => !inherited.includes(name)));
  await page.goto(here.app);
  const found = await page.evaluate(async () => {
    const { OidcClient } = await import("/pkg/index.js");
    const own = (object) => Object.getOwnPropertyNames(object);
    return [...own(OidcClient), ...own(OidcClient.prototype)].filter((name) => !["length", "name", "prototype", "constructor"].includes(name));
  });
  assert.deepEqual(new Set(found), wanted);
});
