// A login by redirect in a page with a strict content security policy, and what follows it.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, before, beforeEach, afterEach, test } from "node:test";
import { application, browser, logIn as viaProvider, provider, strict, until } from "../world.mjs";

const KEY = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" });

let chromium, app, page, said;
before(async () => { chromium = await browser(); app = await application(); });
after(async () => { await chromium.close(); await app.close(); });
beforeEach(async () => {
  const context = await chromium.newContext();
  page = await context.newPage();
  said = [];
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(String(error)));
});
afterEach(() => page.context().close());

async function open(op) {
  app.policy = strict(op.origin);
  await page.goto(app.origin);
  await page.evaluate(() => window.app.ready);
}

async function logIn(op, key, fragment) {
  await open(op);
  return viaProvider(page, op, { key, fragment });
}

/** A login whose user is at the provider until the function that this returns is called. */
async function heldLogin(op, tab = page) {
  const release = op.hold("/authorize");
  const at = op.seen.length;
  await tab.evaluate((issuer) => { window.app.logIn(issuer); }, op.origin);
  await until(() => op.seen.indexOf("GET /authorize", at) >= 0);
  return async () => {
    const left = tab.waitForURL(`${app.origin}/callback`);
    release();
    await left;
    return tab.evaluate(() => window.finished);
  };
}

const tokenRequests = (op) => op.seen.filter((seen) => seen === "POST /token").length;
const kept = (tab = page) => tab.evaluate(() => Object.keys(sessionStorage).filter((name) => name.startsWith("oidc-proto")));

test("core: a user logs in, and the page refreshes, reads userinfo and revokes", async () => {
  const op = await provider(app.origin);
  assert.deepEqual(await logIn(op), { value: "sub-alice" });
  assert.equal(page.url(), `${app.origin}/callback`);
  assert.deepEqual(await kept(), []);
  assert.deepEqual(await page.evaluate(() => window.app.refresh()), { value: true });
  assert.equal((await page.evaluate(() => window.app.userinfo())).value.sub, "sub-alice");
  assert.deepEqual(await page.evaluate(() => window.app.revoke()), { value: undefined });
  assert.deepEqual(said, []);
  // What a public client without DPoP sends to the token endpoint needs no preflight.
  assert.ok(!op.seen.includes("OPTIONS /token"), op.seen.join(", "));
  assert.ok(op.seen.includes("OPTIONS /userinfo"));
  await op.close();
});

test("a provider that refuses preflights lets a public client log in", async () => {
  const op = await provider(app.origin, { cors: "simple" });
  assert.deepEqual(await logIn(op), { value: "sub-alice" });
  const { error } = await page.evaluate(() => window.app.userinfo());
  assert.equal(error.code, "transport.other");
  assert.ok(!op.seen.includes("GET /userinfo"));
  await op.close();
});

test("a response in the fragment", async () => {
  const op = await provider(app.origin);
  assert.deepEqual(await logIn(op, undefined, true), { value: "sub-alice" });
  assert.equal(page.url(), `${app.origin}/callback`);
  await op.close();
});

test("reload and the back button spend no code twice", async () => {
  for (const fragment of [false, true]) {
    const op = await provider(app.origin);
    assert.deepEqual(await logIn(op, undefined, fragment), { value: "sub-alice" });
    await page.reload();
    assert.deepEqual(await page.evaluate(() => window.finished), { value: undefined });
    await page.goBack();
    await page.goForward();
    assert.deepEqual(await page.evaluate(() => window.finished), { value: undefined });
    assert.equal(tokenRequests(op), 1);
    await op.close();
  }
});

test("a user who goes back in the middle of a login begins another", async () => {
  const op = await provider(app.origin);
  await open(op);
  await heldLogin(op);
  op.hold("/authorize")();
  await page.goto(app.origin);
  await page.evaluate(() => window.app.ready);
  assert.equal((await kept()).length, 1);
  assert.deepEqual(await logIn(op), { value: "sub-alice" });
  // The one that was given up waits, and goes with the next login after a day.
  assert.equal((await kept()).length, 1);
  await page.evaluate(() => {
    for (const [name, value] of Object.entries(sessionStorage)) {
      if (name.startsWith("oidc-proto")) sessionStorage.setItem(name, value.replace(/^\d+/, Date.now() - 25 * 3600 * 1000));
    }
  });
  assert.deepEqual(await logIn(op), { value: "sub-alice" });
  assert.deepEqual(await kept(), []);
  await op.close();
});

test("a callback of another login is refused and nothing is sent", async () => {
  const op = await provider(app.origin);
  await open(op);
  await heldLogin(op);
  const iss = encodeURIComponent(op.origin);
  for (const [query, code] of [
    [`?code=stolen&state=another&iss=${iss}`, "callback.no_login"],
    [`#code=stolen&state=another&iss=${iss}`, "callback.no_login"],
    [`?code=stolen&iss=${iss}`, "callback.state_missing"],
    ["?error=access_denied", "callback.state_missing"],
    ["?code=stolen&code=twice&state=another", "callback.duplicate_parameter"],
  ]) {
    await page.goto(`${app.origin}/`);
    await page.goto(`${app.origin}/callback${query}`);
    const { error } = await page.evaluate(() => window.finished);
    assert.equal(error.code, code, query);
    assert.ok(!JSON.stringify(error).includes("stolen"));
    assert.equal(page.url(), `${app.origin}/callback`);
  }
  assert.deepEqual([tokenRequests(op), said], [0, []]);
  // The login that was begun is still there.
  assert.equal((await kept()).length, 1);
  await op.close();
});

/** Edits what is stored for a login, as soon as it is stored; returns it as it was. */
const edited = async (pattern, replacement) => {
  const values = [];
  const name = `stored${Math.random().toString(36).slice(2)}`;
  await page.exposeFunction(name, (value) => { values.push(value); });
  await page.evaluate(([name, pattern, replacement]) => {
    const { setItem } = Storage.prototype;
    Storage.prototype.setItem = function set(key, value) {
      if (!key.startsWith("oidc-proto")) return setItem.call(this, key, value);
      window[name](value);
      return setItem.call(this, key, value.replace(new RegExp(pattern, "s"), replacement));
    };
  }, [name, pattern, replacement]);
  return values;
};

test("a stored login that was edited by hand is used for nothing", async () => {
  for (const [pattern, replacement, code] of [
    [".*", "", "stored.malformed"],
    [".*", "text", "stored.malformed"],
    [".{9}$", "", "stored.malformed"],
    ['"version":\\d+', '"version":99', "stored.version"],
    ['"nonce":"[^"]*"', '"nonce":"another-nonce-of-the-same-length-as-before"', "id_token.nonce_mismatch"],
    ['"code_verifier":"[^"]*"', `"code_verifier":"${"v".repeat(43)}"`, "token.invalid_grant"],
  ]) {
    const op = await provider(app.origin);
    await open(op);
    await edited(pattern, replacement);
    const { error } = await viaProvider(page, op);
    assert.equal(error.code, code, pattern);
    assert.deepEqual([await kept(), tokenRequests(op) > 0], [[], !code.startsWith("stored")]);
    await op.close();
  }
  // The browser itself reports a status of 400.
  assert.deepEqual(said.filter((text) => !text.includes("400")), []);
});

test("without room in the session storage nobody is sent away", async () => {
  const op = await provider(app.origin);
  await open(op);
  await page.evaluate(() => { Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); }; });
  const { error } = await page.evaluate((issuer) => window.app.logInWithoutRoom(issuer), op.origin);
  assert.equal(error.code, "store.io");
  assert.ok(!op.seen.includes("GET /authorize"));
  await op.close();
});

test("two logins in two tabs end each in its own tab", async () => {
  const op = await provider(app.origin);
  app.policy = strict(op.origin);
  const tabs = [page, await page.context().newPage()];
  const finish = [];
  for (const tab of tabs) {
    await tab.goto(app.origin);
    await tab.evaluate(() => window.app.ready);
    finish.push(await heldLogin(op, tab));
  }
  for (const end of finish.reverse()) assert.deepEqual(await end(), { value: "sub-alice" });
  await op.close();
});

test("a provider that lies is caught in the browser too", async () => {
  for (const [lie, code] of [["NonceWrong", "id_token.nonce_mismatch"], ["MetadataIssuerOther", "metadata.issuer_mismatch"]]) {
    const op = await provider(app.origin);
    await open(op);
    const finish = await heldLogin(op);
    op.op.lie(lie);
    assert.equal((await finish()).error.code, code, lie);
    await op.close();
  }
});

test("a refresh after the provider ended the grant says so", async () => {
  const op = await provider(app.origin);
  await logIn(op);
  op.op.end_grants();
  const { error } = await page.evaluate(() => window.app.refresh());
  assert.equal(error.code, "token.invalid_grant");
  await op.close();
});

test("DPoP with a nonce works where the nonce is exposed", async () => {
  const op = await provider(app.origin, { dpopNonce: true });
  assert.deepEqual(await logIn(op, KEY), { value: "sub-alice" });
  assert.deepEqual(await page.evaluate(() => window.app.refresh()), { value: true });
  assert.ok(op.seen.includes("OPTIONS /token"));
  await op.close();
});

test("a nonce that CORS hides has a hint of its own", async () => {
  const op = await provider(app.origin, { cors: "hidden", dpopNonce: true });
  const { error } = await logIn(op, KEY);
  assert.equal(error.code, "dpop.nonce");
  assert.match(error.hint, /Access-Control-Expose-Headers/);
  await op.close();
});

test("a Retry-After that CORS hides has a hint of its own", async () => {
  for (const cors of ["all", "hidden"]) {
    const op = await provider(app.origin, { cors });
    op.busy = "/token";
    const { error } = await logIn(op);
    assert.equal(error.code, "http.too_many_requests");
    assert.equal(/Retry-After.*Access-Control-Expose-Headers/.test(error.hint), cors === "hidden");
    await op.close();
  }
});

test("an error names no token, code or verifier", async () => {
  const op = await provider(app.origin);
  await open(op);
  const stored = await edited("", "");
  op.op.lie("NonceWrong");
  const [callback, { error }] = await Promise.all([page.waitForRequest(/\/callback/), viaProvider(page, op)]);
  const code = new URL(callback.url()).searchParams.get("code");
  const verifier = JSON.parse(stored[0].slice(stored[0].indexOf("{"))).code_verifier;
  assert.ok(error && code && verifier);
  for (const secret of [code, verifier]) assert.ok(![JSON.stringify(error), ...said].some((text) => text.includes(secret)));
  await op.close();
});
