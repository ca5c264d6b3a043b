// Requests by `fetch` in a page: what is sent, what is refused, what can be known of a failure.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { onePage, provider, strict, until } from "../world.mjs";

const { chromium, app, op, page } = await onePage();
beforeEach(() => { op.cors = "all"; op.seen.length = 0; });

const exchange = (url, { method = "GET", header, body = "", limit = 4096, timeout = 5000 } = {}) =>
  page.evaluate((request) => window.app.exchange(...request), [method, url, header, body, limit, timeout]);

const HIDDEN = { kind: "other", sent: "Maybe", reason: "HiddenByBrowser", text: null };

test("a request has its method, header and body, and no cookie or referrer", async () => {
  const echo = `${op.origin}/x/echo`;
  await page.context().addCookies([{ name: "session", value: "1", url: op.origin }]);
  const response = await exchange(echo, { method: "POST", header: "a value", body: "a=1" });
  assert.equal(response.status, 200);
  const { method, headers, body } = JSON.parse(response.body);
  assert.deepEqual([method, headers["x-test"], body], ["POST", "a value", "a=1"]);
  assert.equal(headers["content-type"], "application/x-www-form-urlencoded");
  assert.deepEqual([headers.cookie, headers.referer], [undefined, undefined]);
  assert.ok(response.headers.some(([name, value]) => name === "content-type" && value === "application/json"));
});

test("a second request is not answered by a cache", async () => {
  for (const _ of [1, 2]) await exchange(`${op.origin}/x/echo`);
  assert.equal(op.seen.length, 2);
});

test("a redirect is refused and not followed", async () => {
  assert.deepEqual(await exchange(`${op.origin}/x/redirect`), HIDDEN);
  assert.deepEqual(op.seen, ["GET /x/redirect"]);
});

test("core: a server without CORS headers may have received the request", async () => {
  op.cors = "none";
  assert.deepEqual(await exchange(`${op.origin}/x/echo`, { method: "POST", body: "a=1" }), HIDDEN);
  assert.deepEqual(op.seen, ["POST /x/echo"]);
});

test("core: a request that the page's policy stops was not sent", async () => {
  const other = await provider(app.origin);
  const stopped = { kind: "refused", sent: "No", reason: "ContentSecurityPolicy", text: null };
  assert.deepEqual(await exchange(`${other.origin}/x/echo`), stopped);
  assert.deepEqual(other.seen, []);
  // Two at once, of which the policy stops one.
  const both = await page.evaluate(
    (urls) => Promise.all(urls.map((url) => window.app.exchange("GET", url, undefined, "", 4096, 5000))),
    [`${other.origin}/x/echo`, `${op.origin}/x/redirect`],
  );
  assert.deepEqual(both, [stopped, HIDDEN]);
  await other.close();
});

test("nothing listens: the browser does not say so", async () => {
  const gone = await provider(app.origin);
  await gone.close();
  const page = await chromium.newPage();
  app.policy = strict(gone.origin);
  await page.goto(app.origin);
  const failure = await page.evaluate((url) => window.app.ready.then(() => window.app.exchange("GET", url, undefined, "", 9, 5000)), `${gone.origin}/`);
  assert.deepEqual(failure, HIDDEN);
  app.policy = strict(op.origin);
  await page.close();
});

test("a URL or method that fetch refuses was not sent", async () => {
  for (const [method, url] of [["GET", "http://user:password@127.0.0.1/"], ["TRACE", `${op.origin}/x/echo`]]) {
    const failure = await exchange(url, { method });
    assert.deepEqual([failure.kind, failure.sent], ["other", "No"], method);
    assert.equal(failure.text, "fetch does not accept the method, the URL or a header of the request");
  }
  assert.deepEqual(op.seen, []);
});

test("a body beyond the limit is not read further", async () => {
  const failure = await exchange(`${op.origin}/x/endless`);
  assert.deepEqual([failure.kind, failure.sent], ["body_too_large", "Maybe"]);
  await until(() => op.waiting === 0);
});

test("a body of exactly the limit is taken", async () => {
  const response = await exchange(`${op.origin}/x/echo`);
  const { length } = response.body;
  assert.equal((await exchange(`${op.origin}/x/echo`, { limit: length })).status, 200);
  assert.equal((await exchange(`${op.origin}/x/echo`, { limit: length - 1 })).kind, "body_too_large");
});

test("a response that never comes, or not to its end, is given up at the deadline", async () => {
  for (const path of ["/x/never", "/x/half"]) {
    const failure = await exchange(`${op.origin}${path}`, { timeout: 300 });
    assert.deepEqual([failure.kind, failure.sent], ["timeout", "Maybe"], path);
  }
  await until(() => op.waiting === 0);
});

test("a body that is cut off is an interruption", async () => {
  assert.deepEqual((await exchange(`${op.origin}/x/cut`)).kind, "interrupted");
});

test("an abandoned request is aborted", async () => {
  await page.evaluate((url) => window.app.abandon(url, 100), `${op.origin}/x/never`);
  assert.deepEqual(op.seen, ["GET /x/never"]);
  await until(() => op.waiting === 0);
});

test("a header is seen only where the server exposes it", async () => {
  const shown = async () => (await exchange(`${op.origin}/x/busy`)).headers.some(([name]) => name === "retry-after");
  assert.equal(await shown(), true);
  op.cors = "hidden";
  assert.equal(await shown(), false);
});

test("a flow that the policy stops says what to change", async () => {
  const other = await provider(app.origin);
  const { error } = await page.evaluate((issuer) => window.app.discover(issuer), other.origin);
  assert.deepEqual([error.code, error.sent], ["transport.refused", "No"]);
  assert.match(error.text, /content security policy \(connect-src\)/);
  await other.close();
});

test("a provider without CORS is an error that names CORS", async () => {
  op.cors = "none";
  const { error } = await page.evaluate((issuer) => window.app.discover(issuer), op.origin);
  assert.deepEqual([error.code, error.sent], ["transport.other", "Maybe"]);
  assert.match(error.text, /CORS/);
});
