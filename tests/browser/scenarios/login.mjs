// A login by redirect in a page with a strict content security policy, and what follows it.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, before, beforeEach, afterEach, test } from "node:test";
import { application, browser, provider, strict } from "../world.mjs";

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

/** From the page to the provider and back; what the page makes of the callback. */
async function logIn(op, key) {
  await open(op);
  const begun = await page.evaluate(([issuer, key]) => window.app.begin(issuer, key), [op.origin, key]);
  assert.ifError(begun.error);
  await page.goto(begun.value);
  return page.evaluate(() => window.finished);
}

test("a user logs in, and the page refreshes, reads userinfo and revokes", async () => {
  const op = await provider(app.origin);
  assert.deepEqual(await logIn(op), { value: "sub-alice" });
  assert.equal(page.url(), `${app.origin}/`);
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

test("reload and the back button spend no code twice", async () => {
  const op = await provider(app.origin);
  assert.deepEqual(await logIn(op), { value: "sub-alice" });
  await page.reload();
  assert.deepEqual(await page.evaluate(() => window.finished), {});
  await page.goBack();
  await page.goForward();
  assert.equal(op.seen.filter((seen) => seen === "POST /token").length, 1);
  await op.close();
});

test("a callback of another login is refused and nothing is sent", async () => {
  const op = await provider(app.origin);
  await open(op);
  const begun = await page.evaluate((issuer) => window.app.begin(issuer), op.origin);
  assert.ifError(begun.error);
  await page.goto(`${app.origin}/callback?code=stolen&state=another&iss=${encodeURIComponent(op.origin)}`);
  assert.equal((await page.evaluate(() => window.finished)).error.code, "page.no_login");
  assert.equal(page.url(), `${app.origin}/`);
  assert.ok(!op.seen.includes("POST /token"));
  await op.close();
});

test("two logins in two tabs end each in its own tab", async () => {
  const op = await provider(app.origin);
  app.policy = strict(op.origin);
  const tabs = [page, await page.context().newPage()];
  const urls = [];
  for (const tab of tabs) {
    await tab.goto(app.origin);
    urls.push((await tab.evaluate((issuer) => window.app.begin(issuer), op.origin)).value);
  }
  for (const [at, tab] of tabs.entries()) {
    await tab.goto(urls[at]);
    assert.deepEqual(await tab.evaluate(() => window.finished), { value: "sub-alice" });
  }
  await op.close();
});

test("a provider that lies is caught in the browser too", async () => {
  for (const [lie, code] of [["NonceWrong", "id_token.nonce_mismatch"], ["MetadataIssuerOther", "metadata.issuer_mismatch"]]) {
    const op = await provider(app.origin);
    await open(op);
    const begun = await page.evaluate((issuer) => window.app.begin(issuer), op.origin);
    op.op.lie(lie);
    await page.goto(begun.value);
    assert.equal((await page.evaluate(() => window.finished)).error.code, code, lie);
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

test("an error names no token, code or verifier", async () => {
  const op = await provider(app.origin);
  await open(op);
  const begun = await page.evaluate((issuer) => window.app.begin(issuer), op.origin);
  const kept = await page.evaluate(() => Object.values(sessionStorage).join());
  op.op.lie("NonceWrong");
  const [callback] = await Promise.all([page.waitForRequest(/\/callback/), page.goto(begun.value)]);
  const { error } = await page.evaluate(() => window.finished);
  const code = new URL(callback.url()).searchParams.get("code");
  const verifier = JSON.parse(JSON.parse(kept).pending).code_verifier;
  assert.ok(code && verifier);
  for (const secret of [code, verifier]) assert.ok(![JSON.stringify(error), ...said].some((text) => text.includes(secret)));
  await op.close();
});
