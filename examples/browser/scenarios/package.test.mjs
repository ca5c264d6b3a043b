// The package as an application calls it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { browser, logIn, visitor, world } from "./world.mjs";

let chromium, here, context, page;
before(async () => { chromium = await browser(); here = await world(); });
after(async () => { await chromium.close(); here.end(); });
beforeEach(async () => { ({ context, page } = await visitor(chromium)); });
afterEach(() => context.close());

/** Runs a function of the page with a client that has resumed the session. */
const withClient = (work, value) => page.evaluate(async ([issuer, work, value]) => {
  const { OidcClient } = await import("/pkg/index.js");
  const client = await OidcClient.open({
    issuer, redirectUri: `${location.origin}/callback`, module: "/pkg/module/oidc_proto_page_bg.wasm",
  });
  await client.resume();
  // The content security policy forbids text as code: the work has a name.
  const works = {
    async userinfo(value) {
      const response = await client.fetch(value);
      return [response.status, await response.json()];
    },
    async fails(value) {
      try { await client.fetch(value); } catch (error) { return [error.name, error.code, error.hint]; }
      return null;
    },
    async aborts(value) {
      try { await client.fetch(value, { signal: AbortSignal.abort() }); } catch (error) { return error.name; }
      return null;
    },
  };
  return works[work](value);
}, [here.issuer, work, value]);

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

test("an abort is an abort", async () => {
  await logIn(page, here);
  assert.equal(await withClient("aborts", `${here.issuer}/userinfo`), "AbortError");
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
