// A login in a window of its own: what comes back, and what hostile pages send.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { beforeEach, test } from "node:test";
import { application, ownProvider, until } from "../world.mjs";

const world = await ownProvider();
const { app, tab } = world;
let op, context, page, said;
beforeEach(async () => {
  ({ op, context } = world);
  said = [];
  context.on("console", (message) => said.push(message.text()));
  context.on("weberror", (error) => said.push(String(error.error())));
  page = await tab();
});

/** The user clicks. What the page makes of the login is in `window.popup`. */
async function click(fragment = false) {
  await page.evaluate(([issuer, fragment]) => {
    Object.assign(document.querySelector("button").dataset, { issuer, fragment });
  }, [op.origin, fragment]);
  await page.click("button");
}

/** A login whose user is at the provider until `release` is called. */
async function heldLogin() {
  const release = op.hold("/authorize");
  const asked = context.waitForEvent("request", (request) => request.url().startsWith(`${op.origin}/authorize`));
  await click();
  const { searchParams } = new URL((await asked).url());
  const state = searchParams.get("state");
  await until(() => op.seen.includes("GET /authorize"));
  return { release, state, channel: channelOf(state) };
}

const channelOf = (state) => `oidc-proto:callback:${createHash("sha256").update(state).digest("base64url")}`;
const outcome = () => page.evaluate(() => window.popup);
const post = (from, channel, messages) => from.evaluate(([channel, messages]) => {
  const sender = new BroadcastChannel(channel);
  for (const message of messages) sender.postMessage(message);
}, [channel, messages]);

for (const fragment of [false, true]) {
  test(`core: a user logs in in a window of its own, and it closes${fragment ? " (fragment)" : ""}`, async () => {
    const opened = context.waitForEvent("page");
    await click(fragment);
    const popup = await opened;
    assert.deepEqual(await outcome(), { value: "sub-alice" });
    await until(() => popup.isClosed());
    assert.deepEqual([page.url(), said], [`${app.origin}/`, []]);
    assert.deepEqual(await page.evaluate(() => window.app.refresh()), { value: true });
  });
}

test("policies that cut the windows off from each other do not matter", async () => {
  app.coop = op.coop = "same-origin";
  await page.reload();
  await page.evaluate(() => window.app.ready);
  const opened = context.waitForEvent("page");
  const { release } = await heldLogin();
  const popup = await opened;
  release();
  assert.deepEqual(await outcome(), { value: "sub-alice" });
  // The page cannot close it any more. It closes itself when its callback was taken.
  await until(() => popup.isClosed());
});

test("a window that the browser does not open is an error", async () => {
  await page.evaluate(() => { window.open = () => null; });
  await click();
  assert.equal((await outcome()).error.code, "popup.blocked");
  assert.ok(!op.seen.includes("GET /authorize"));
});

test("a user who closes the window tries again", async () => {
  const opened = context.waitForEvent("page");
  const { release } = await heldLogin();
  await (await opened).close();
  release();
  await click();
  assert.deepEqual(await outcome(), { value: "sub-alice" });
});

test("messages that are no callback of the login are passed over", async () => {
  const { release, channel } = await heldLogin();
  const hostile = await tab();
  const iss = encodeURIComponent(op.origin);
  await post(hostile, channel, [
    null, 7, {}, ["x"], "", "text", "https://", `${app.origin}/callback`, "x".repeat(100_000),
    `${app.origin}/callback?code=stolen&state=another&iss=${iss}`,
    `${app.origin}/callback?code=stolen&iss=${iss}`,
    { code: "stolen", state: "another" },
  ]);
  await page.evaluate((url) => window.postMessage(url, "*"), `${app.origin}/callback?code=stolen&state=another`);
  release();
  assert.deepEqual(await outcome(), { value: "sub-alice" });
  assert.deepEqual([op.seen.filter((seen) => seen === "POST /token").length, said], [1, []]);
});

test("a message from a window of another origin is not listened to", async () => {
  const { release, state } = await heldLogin();
  const stranger = await application();
  const url = `${app.origin}/callback?code=stolen&state=${state}&iss=${encodeURIComponent(op.origin)}`;
  const [opened] = await Promise.all([
    context.waitForEvent("page"),
    page.evaluate((url) => { window.open(url); }, stranger.origin),
  ]);
  await opened.evaluate((url) => { window.opener.postMessage(url, "*"); }, url);
  await post(opened, channelOf(state), [url]);
  release();
  assert.deepEqual(await outcome(), { value: "sub-alice" });
  await stranger.close();
});

test("a forged callback with the right state is refused like any other", async () => {
  const iss = encodeURIComponent(op.origin);
  for (const [forged, code] of [
    [(state) => `${app.origin}/callback?code=stolen&state=${state}&iss=${iss}`, "token.invalid_grant"],
    [(state) => `${app.origin}/callback?code=stolen&state=${state}&iss=https%3A%2F%2Fevil.example`, "callback.iss_mismatch"],
    [(state) => `https://evil.example/callback?code=stolen&state=${state}&iss=${iss}`, "callback.redirect_uri"],
    [(state) => `${app.origin}/callback#code=stolen&state=${state}&iss=${iss}`, "callback.response_mode"],
  ]) {
    op.seen.length = 0;
    const { release, state, channel } = await heldLogin();
    await post(await tab(), channel, [forged(state)]);
    const { error } = await outcome();
    assert.equal(error.code, code);
    assert.ok(!JSON.stringify(error).includes("stolen") && !JSON.stringify(error).includes(state), code);
    release();
  }
});

test("a callback that nobody takes is an error, whatever else is said on its channel", async () => {
  const hostile = await tab();
  const url = `${app.origin}/callback?code=stolen&state=forged&iss=${encodeURIComponent(op.origin)}`;
  await hostile.evaluate(([channel, messages]) => {
    const sender = new BroadcastChannel(channel);
    sender.onmessage = () => { for (const message of messages) sender.postMessage(message); };
  }, [channelOf("forged"), [null, true, "", "taken", {}, url, createHash("sha256").update("other").digest("base64url")]]);
  const callback = await context.newPage();
  await callback.goto(url);
  const { value, error } = await callback.evaluate(() => window.finished);
  assert.deepEqual([value, error?.code], [undefined, "callback.no_login"]);
  assert.equal(callback.isClosed(), false);
});
