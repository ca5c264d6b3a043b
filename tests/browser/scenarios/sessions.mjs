// Sessions whose record is in IndexedDB, in several windows.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { edit, ownProvider } from "../world.mjs";

const world = await ownProvider();
const { tab, loggedIn, another } = world;
let op, context;
beforeEach(() => { ({ op, context } = world); });

/** A holder of the lock of the record "x" in a window of its own; or in that of another one. */
async function holder(at, page, patience = 1000, lease = 60_000) {
  const own = page ?? await tab();
  await own.evaluate(([at, patience, lease]) => window.app.open(at, "x", patience, lease), [at, patience, lease]);
  const act = (action, expect = 0, token = "") => own.evaluate((call) => window.app.act(...call), [at, action, expect, token]);
  return Object.assign(act, { page: own });
}

test("one holds the lock, and a save compares", async () => {
  const [a, b] = [await holder("a"), await holder("b")];
  assert.equal(await a("load"), "nothing");
  assert.equal(await a("save", 0, "first"), "saved");
  assert.equal(await b("load"), "1 first");
  assert.equal(await a("lock"), "locked");
  assert.equal(await a("lock"), "locked");
  assert.equal(await b("lock"), "failed store.busy");
  assert.equal(await b("unlock"), "done");
  assert.equal(await b("lock"), "failed store.busy");
  assert.equal(await a("save", 1, "second"), "saved");
  // A response that was lost is asked for again.
  assert.equal(await a("save", 1, "second"), "saved");
  assert.equal(await a("unlock"), "done");
  assert.equal(await a("unlock"), "done");
  assert.equal(await (await holder("b", b.page, 5000))("lock"), "locked");
  assert.equal(await a("lock"), "failed store.busy");
  assert.equal(await a("save", 1, "other"), "conflict 2 second");
  assert.equal(await a("erase", 1), "conflict 2 second");
  assert.equal(await b("erase", 2), "erased");
  assert.equal(await b("erase", 2), "erased");
  assert.equal(await a("save", 7, "first"), "conflict nothing");
  assert.equal(await a("load"), "nothing");
});

test("two holders in one window are two", async () => {
  const a = await holder("a");
  const b = await holder("b", a.page);
  assert.equal(await a("lock"), "locked");
  assert.equal(await b("lock"), "failed store.busy");
});

test("a refresh that was begun is marked until it has an end", async () => {
  const [a, b] = [await holder("a"), await holder("b")];
  assert.equal(await a("save", 0, "first"), "saved");
  assert.equal(await a("prepare", 2), "conflict 1 first");
  assert.equal(await a("prepare", 0), "conflict 1 first");
  for (const _ of [1, 2]) {
    assert.equal(await a("prepare", 1), "prepared");
    assert.equal(await b("load"), "1 first, begun");
  }
  assert.equal(await b("discard"), "done");
  assert.equal(await b("load"), "1 first, begun");
  assert.equal(await a("discard"), "done");
  assert.equal(await b("load"), "1 first");
  assert.equal(await b("prepare", 1), "prepared");
  assert.equal(await b("save", 1, "second"), "saved");
  assert.equal(await a("load"), "2 second");
  assert.equal(await b("prepare", 2), "prepared");
  assert.equal(await a("erase", 2), "erased, begun");
  assert.equal(await b("load"), "nothing");
});

test("core: of many saves at once one wins", async () => {
  const page = await tab();
  const results = await page.evaluate(async () => {
    const names = [...Array(20).keys()].map(String);
    for (const name of names) window.app.open(name, "x", 0);
    return Promise.all(names.map((name) => window.app.act(name, "save", 0, `token${name}`)));
  });
  assert.equal(results.filter((result) => result === "saved").length, 1);
  assert.ok(results.every((result) => result === "saved" || result.startsWith("conflict 1 token")), results.join());
});

test("a window that is closed gives its lock back", async () => {
  const [a, b] = [await holder("a"), await holder("b", undefined, 10_000)];
  assert.equal(await a("lock"), "locked");
  const waiting = b("lock");
  await a.page.close();
  assert.equal(await waiting, "locked");
});

test("a lock that was stolen is taken again before anything is spent", async () => {
  const [a, b] = [await holder("a", undefined, 10_000), await holder("b")];
  await a("save", 0, "first");
  assert.equal(await a("lock"), "locked");
  await b.page.evaluate(() => navigator.locks.request("oidc-proto:x", { steal: true }, () => undefined));
  assert.equal(await a("prepare", 1), "prepared");
  assert.equal(await b("lock"), "failed store.busy");
});

test("a holder that shows no sign of life loses the lock, and one that does keeps it", async () => {
  const frozen = await tab();
  // What others see of a window that is frozen: its lock, and a sign of life that does not change.
  await frozen.evaluate(() => {
    for (const name of ["oidc-proto:x", "oidc-proto-life:x:00.1"]) navigator.locks.request(name, () => new Promise(() => {}));
  });
  const [b, c] = [await holder("b", undefined, 200, 500), await holder("c", undefined, 200, 500)];
  const told = [];
  while (told.length < 4) told.push(await b("lock"));
  assert.deepEqual(told, ["failed store.busy", "failed store.busy", "failed store.busy", "locked"]);
  for (let times = 0; times < 8; times += 1) assert.equal(await c("lock"), "failed store.busy");
});

test("a record that was edited by hand is an error, and can be erased", async () => {
  for (const value of ["text", ["{}", ""], [7, 7], { record: 1 }]) {
    const a = await holder("a");
    await a("save", 0, "first");
    await edit(a.page, "records", "x", "put", value);
    assert.equal(await a("load"), "failed stored.malformed", JSON.stringify(value));
    assert.equal(await a("save", 1, "second"), "failed stored.malformed");
    assert.equal(await a("erase", 1), "erased");
    assert.equal(await a("load"), "nothing");
  }
});

test("twenty windows refresh once", async () => {
  const pages = [await loggedIn()];
  while (pages.length < 20) pages.push(await another());
  const refreshes = () => op.seen.filter((seen) => seen === "POST /token").length;
  assert.equal(refreshes(), 1);
  // A window that already has the new token would ask for one that is newer still: all of them ask before it is there.
  const release = op.hold("/token");
  await Promise.all(pages.map((page) => page.evaluate(() => { window.refreshed = window.app.newer(); })));
  release();
  const tokens = await Promise.all(pages.map((page) => page.evaluate(() => window.refreshed)));
  assert.equal(new Set(tokens.map(({ value }) => value)).size, 1);
  assert.ok(tokens[0].value);
  assert.equal(refreshes(), 2);
});

test("a logout in one window ends the session in all", async () => {
  const [one, two] = [await loggedIn(), await another()];
  assert.ok((await two.evaluate(() => window.app.access())).value);
  assert.ifError((await one.evaluate(() => window.app.logOut())).error);
  assert.equal((await two.evaluate(() => window.app.newer())).error.is_over, true);
  assert.equal((await one.evaluate(() => window.app.access())).error.is_over, true);
  assert.equal(op.seen.filter((seen) => seen === "POST /token").length, 1);
  assert.ok(op.seen.includes("POST /revoke"));
});

test("a session whose storage was evicted is over", async () => {
  const page = await loggedIn();
  await page.evaluate(() => new Promise((resolve) => { indexedDB.deleteDatabase("oidc-proto").onsuccess = resolve; }));
  assert.equal((await page.evaluate(() => window.app.newer())).error.is_over, true);
});

test("a session goes on after a time without network", async () => {
  const page = await loggedIn();
  await context.setOffline(true);
  const { error } = await page.evaluate(() => Promise.race([
    window.app.newer(),
    window.app.sleep(3000).then(() => ({ error: { code: "waits" } })),
  ]));
  assert.ok(["waits", "transport.other"].includes(error.code), error.code);
  await context.setOffline(false);
  assert.ok((await page.evaluate(() => window.app.newer())).value);
});

test("the store keeps the contract of all stores", async () => {
  const page = await tab();
  const said = [];
  page.on("console", (message) => said.push(message.text()));
  const outcome = await Promise.race([
    page.evaluate(() => window.app.conforms("contract")).then(() => "kept"),
    page.waitForEvent("pageerror", { timeout: 0 }).then(String),
  ]);
  assert.deepEqual([outcome, said], ["kept", []]);
});
