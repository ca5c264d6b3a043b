// One session in several windows: what one of them does, the others hear.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { ownProvider, until } from "../world.mjs";

const world = await ownProvider();
const { loggedIn, another, tab } = world;
let op, context;
beforeEach(() => { ({ op, context } = world); });

const tokenRequests = () => op.seen.filter((seen) => seen === "POST /token").length;
const token = (page) => page.evaluate(() => window.app.token());
const newer = (page) => page.evaluate(() => window.app.newer());
const access = (page) => page.evaluate(() => window.app.access());

/** Gives messages that change nothing the time to do so. */
const quiet = (page) => page.evaluate(() => window.app.sleep(200));

test("a refresh in one of twenty windows is one request, and all have its token", async () => {
  const pages = [await loggedIn()];
  while (pages.length < 20) pages.push(await another());
  const old = await token(pages[0]);
  const { value } = await newer(pages[7]);
  assert.notEqual(value, old);
  for (const page of pages) await until(async () => await token(page) === value);
  assert.equal(tokenRequests(), 2);
});

test("core: a logout in one window ends the session in all, without a request of theirs", async () => {
  const [one, two, three] = [await loggedIn(), await another(), await another()];
  assert.ifError((await one.evaluate(() => window.app.logOut())).error);
  const seen = op.seen.length;
  for (const page of [two, three]) await until(async () => (await access(page)).error?.is_over);
  assert.equal(op.seen.length, seen);
});

test("a window that missed the message reads the record when it comes back", async () => {
  const one = await loggedIn();
  for (const event of ["online", "pageshow", "resume", "visibilitychange"]) {
    const two = await another(() => { delete window.BroadcastChannel; });
    const old = await token(two);
    const { value } = await newer(one);
    await quiet(two);
    assert.equal(await token(two), old);
    const requests = op.seen.length;
    if (event === "online") {
      await context.setOffline(true);
      await context.setOffline(false);
    } else {
      await two.evaluate((event) => (event === "pageshow" ? window : document).dispatchEvent(new Event(event)), event);
    }
    await until(async () => await token(two) === value);
    assert.equal(op.seen.length, requests, event);
    await two.close();
  }
});

test("a message is a hint, whatever it says and however often it comes", async () => {
  const [one, two] = [await loggedIn(), await another()];
  const hostile = await tab();
  const [old, requests] = [await token(one), op.seen.length];
  await hostile.evaluate(() => {
    const channel = new BroadcastChannel("oidc-proto:session");
    const messages = [null, 7, "logout", { type: "logout" }, { tokens: { access_token: "evil" } }, ["erase"]];
    for (let at = 0; at < 1000; at += 1) channel.postMessage(messages[at % messages.length]);
  });
  await quiet(hostile);
  for (const page of [one, two]) assert.deepEqual(await access(page), { value: old });
  assert.equal(op.seen.length, requests);
});

test("a record that was edited by hand is not believed for a hint", async () => {
  const [one, hostile] = [await loggedIn(), await tab()];
  const old = await token(one);
  for (const edit of ["garbage", "client"]) {
    await hostile.evaluate((edit) => new Promise((resolve) => {
      indexedDB.open("oidc-proto", 1).onsuccess = ({ target: { result } }) => {
        const transaction = result.transaction("records", "readwrite");
        const records = transaction.objectStore("records");
        records.get("session").onsuccess = ({ target: { result: [text, marks] } }) => {
          window.text ??= text;
          const next = window.text.replace(/"generation":(\d+)/, (_, generation) => `"generation":${Number(generation) + 1}`);
          const edited = { garbage: "{}", client: next.replace('"client_id":"app"', '"client_id":"evil"') }[edit];
          records.put([edited, marks], "session");
        };
        transaction.oncomplete = () => {
          result.close();
          new BroadcastChannel("oidc-proto:session").postMessage(null);
          resolve();
        };
      };
    }), edit);
    await quiet(one);
    assert.deepEqual(await access(one), { value: old });
    // A refresh says what is wrong, and spends nothing.
    assert.equal((await newer(one)).error.code, "stored.malformed");
  }
  assert.equal(tokenRequests(), 1);
});

test("a window that is frozen in the middle of a refresh does not keep the others waiting", async () => {
  const [frozen, other] = [await loggedIn(), await another()];
  const devtools = await context.newCDPSession(frozen);
  const release = op.hold("/token");
  await frozen.evaluate(() => { window.refreshed = window.app.newer(); });
  await until(() => tokenRequests() === 2);
  // Chromium gives its lock to others. `sessions.mjs` has a holder that keeps its lock.
  await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
  release("cut");
  const { value } = await newer(other);
  assert.ok(value);
  assert.equal(tokenRequests(), 3);
  await devtools.send("Page.setWebLifecycleState", { state: "active" });
  await until(async () => await token(frozen) === value);
  assert.deepEqual(await access(frozen), { value });
  // It has noticed that the lock is not its own any more.
  const after = (await newer(frozen)).value;
  assert.ok(after && after !== value);
  await until(async () => await token(other) === after);
});

test("a window that runs keeps its lock, however long its refresh takes", async () => {
  const [slow, other] = [await loggedIn(), await another()];
  const release = op.hold("/token");
  await slow.evaluate(() => { window.refreshed = window.app.newer(); });
  await until(() => tokenRequests() === 2);
  const waiting = newer(other);
  await other.evaluate(() => window.app.sleep(14_000));
  assert.equal(tokenRequests(), 2);
  release();
  const { value } = await slow.evaluate(() => window.refreshed);
  await until(async () => await token(other) === value);
  assert.equal((await waiting).error.code, "store.busy");
  assert.equal(tokenRequests(), 2);
});

test("a login in one window is enough for all that need one", async () => {
  const [one, two] = [await loggedIn(), await another()];
  op.op.end_grants();
  for (const page of [one, two]) assert.equal((await newer(page)).error.is_over, true);
  const three = await loggedIn();
  const value = await token(three);
  for (const page of [one, two]) await until(async () => (await access(page)).value === value);
});

test("a record that was evicted ends the session as soon as somebody looks", async () => {
  const one = await loggedIn();
  const old = await token(one);
  await one.evaluate(() => new Promise((resolve) => { indexedDB.deleteDatabase("oidc-proto").onsuccess = resolve; }));
  await one.evaluate(() => window.dispatchEvent(new Event("online")));
  await until(async () => (await access(one)).error?.is_over);
  assert.equal(await token(one), old);
});
