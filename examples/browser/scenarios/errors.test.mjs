// What goes wrong, and what a person reads of it.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { browser, error, leave, logIn, picture, says, visitor, world } from "./world.mjs";

let chromium, here, context, page, said;
before(async () => { chromium = await browser(); here = await world(); });
after(async () => { await chromium.close(); here.end(); });
beforeEach(async () => { ({ context, page, said } = await visitor(chromium)); });
afterEach(() => context.close());

/** Changes the responses to requests for this path. */
const change = (path, edit) => page.route(`${here.issuer}${path}`, async (route) => {
  const response = await route.fetch();
  await route.fulfill({ response, ...await edit(response) });
});

async function shows(name, code, title) {
  const shown = await error(page);
  assert.deepEqual([shown.code, shown.title], [code, title], shown.hint);
  assert.equal(await page.evaluate(() => document.activeElement.id), "error");
  await picture(page, `error-${name}`);
  return shown;
}

test("the user says no", async () => {
  await leave(page, { app: here.app, address: here.issuer });
  await page.getByRole("button", { name: "Deny" }).first().click();
  await shows("denied", "authorization.access_denied", "You did not allow the login.");
  assert.equal(page.url(), `${here.app}/`);
});

test("an address that the page may not talk to", async () => {
  await leave(page, { app: here.app, address: "https://op.example.org" });
  await shows("policy", "transport.refused", "This page may not talk to that address.");
});

test("what is no address", async () => {
  await leave(page, { app: here.app, address: "not an address" });
  const { code, title } = await error(page);
  assert.equal(title, "This is not an address.", code);
  await picture(page, "error-address");
});

test("no provider at the address", async () => {
  await leave(page, { app: here.app, address: `${here.issuer}/nobody` });
  const { title } = await error(page);
  assert.equal(title, "There is no OpenID provider at this address.");
  await picture(page, "error-no-provider");
});

test("no homeserver at the address", async () => {
  await leave(page, { app: here.app, kind: "homeserver", address: `${here.app}/nobody` });
  const { title } = await error(page);
  assert.equal(title, "There is no Matrix homeserver at this address.");
  await picture(page, "error-no-homeserver");
});

test("a provider that cannot be reached, and a second try", async () => {
  await page.route(`${here.issuer}/.well-known/**`, (route) => route.abort());
  await leave(page, { app: here.app, address: here.issuer });
  await shows("unreachable", "transport.other", "The provider cannot be reached.");
  await page.unrouteAll();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("button", { name: "Allow as alice" }).waitFor();
});

test("a provider that registers nobody", async () => {
  await change("/register", () => ({ status: 403, body: "{\"error\":\"access_denied\"}" }));
  await leave(page, { app: here.app, address: here.issuer });
  const { title } = await error(page);
  assert.equal(title, "The provider does not accept this page as a client.");
  await picture(page, "error-registration");
});

test("a callback of another login", async () => {
  await page.goto(`${here.app}/callback?code=stolen&state=another&iss=${encodeURIComponent(here.issuer)}`);
  await shows("no-login", "callback.no_login", "This login does not belong to this tab.");
  assert.equal(new URL(page.url()).search, "");
});

for (const [what, url] of [["the page's settings", () => `${here.app}/settings.json`], ["the provider", () => `${here.issuer}/.well-known/**`]]) {
  test(`no code stays in the URL where ${what} cannot be had, and the login goes on later`, async () => {
    await leave(page, { app: here.app, address: here.issuer });
    await page.getByRole("button", { name: "Allow as alice" }).waitFor();
    await page.route(url(), (route) => route.abort());
    await page.getByRole("button", { name: "Allow as alice" }).click();
    await error(page);
    assert.equal(page.url(), `${here.app}/`);
    await page.unrouteAll();
    await page.getByRole("button", { name: "Try again" }).click();
    await says(page, "You are logged in.");
  });
}

test("settings that were damaged are none", async () => {
  await page.goto(here.app);
  await page.evaluate(() => { sessionStorage.setItem("settings", "{"); localStorage.setItem("settings", "{"); });
  await page.goto(`${here.app}/callback?code=stolen&state=another&iss=${encodeURIComponent(here.issuer)}`);
  assert.equal((await error(page)).code, "callback.no_login");
  assert.equal(page.url(), `${here.app}/`);
  await page.reload();
  await page.locator("#out").waitFor();
});

test("a key that is damaged, and another in its place", async () => {
  await logIn(page, here);
  await page.evaluate(() => new Promise((resolve) => {
    indexedDB.open("oidc-proto", 1).onsuccess = ({ target: { result } }) => {
      const transaction = result.transaction("keys", "readwrite");
      transaction.objectStore("keys").put("text", "session");
      transaction.oncomplete = () => { result.close(); resolve(); };
    };
  }));
  await page.reload();
  await shows("key", "private_key.unusable", "This browser's key is damaged.");
  await page.getByRole("button", { name: "Make a new key" }).click();
  await page.getByRole("button", { name: "Allow as alice" }).click();
  // Nobody can revoke what is bound to the key that was damaged.
  await says(page, "Tokens of an earlier login were not revoked.");
  await page.locator("#in").waitFor();
});

test("an ID token that was changed on its way", async () => {
  await change("/token", async (response) => {
    const body = await response.json();
    const [head, claimed, signature] = body.id_token.split(".");
    const changed = { ...JSON.parse(Buffer.from(claimed, "base64url")), sub: "mallory" };
    const claims = Buffer.from(JSON.stringify(changed)).toString("base64url");
    return { json: { ...body, id_token: [head, claims, signature].join(".") } };
  });
  await leave(page, { app: here.app, address: here.issuer });
  const revoked = page.waitForRequest((request) => request.url().endsWith("/revoke") && request.method() === "POST");
  await page.getByRole("button", { name: "Allow as alice" }).click();
  await shows("forged", "jws.signature", "The provider's answer cannot be trusted.");
  await revoked;
});

test("a session that the provider has ended", async () => {
  await logIn(page, here);
  await change("/token", () => ({ status: 400, json: { error: "invalid_grant" } }));
  await page.getByRole("button", { name: "Refresh now" }).click();
  await shows("ended", "token.invalid_grant", "This login is not valid any more.");
  await page.unrouteAll();
  await page.getByRole("button", { name: "Log in again" }).click();
  await page.getByRole("button", { name: "Allow as alice" }).waitFor();
});

test("a browser that keeps nothing", async () => {
  await context.addInitScript(() => {
    Object.defineProperty(globalThis, "indexedDB", { value: { open: () => { throw new DOMException("no", "SecurityError"); } } });
  });
  await leave(page, { app: here.app, address: here.issuer });
  const { title } = await error(page);
  assert.equal(title, "The browser does not let this page keep the session.");
  await picture(page, "error-store");
});

test("nothing secret is in the console, in the URL, in the page or in the stores of the window", async () => {
  const secrets = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/token")) secrets.push(...["code", "code_verifier"].map((name) => new URLSearchParams(request.postData()).get(name)));
  });
  // The body is not to be had any more once the page has been left.
  await page.route(`${here.issuer}/token`, async (route) => {
    const response = await route.fetch();
    const { access_token, refresh_token, id_token } = await response.json();
    if (response.ok()) secrets.push(access_token, refresh_token, id_token);
    await route.fulfill({ response });
  });
  await logIn(page, here);
  const text = await page.evaluate(() => [document.documentElement.outerHTML, location.href,
    JSON.stringify(localStorage), JSON.stringify(sessionStorage)].join("\n"));
  for (const secret of secrets.filter((secret) => secret !== null)) {
    assert.ok(secret.length > 8);
    assert.ok(![text, ...said].some((text) => text.includes(secret)));
  }
  assert.ok(secrets.length >= 5);
});
