// The module in a window, a worker, a service worker and Node.js: clocks, entropy, timers, requests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { module, onePage, provider } from "../world.mjs";

const { app, op, page } = await onePage();

/** Runs a function of the module in a worker of this kind. */
const inWorker = (kind, name, values) => page.evaluate(async ([kind, name, values]) => {
  let worker;
  if (kind === "worker") {
    worker = new Worker("/worker.mjs", { type: "module" });
  } else {
    await navigator.serviceWorker.register("/worker.mjs", { type: "module" });
    worker = (await navigator.serviceWorker.ready).active;
  }
  const { port1, port2 } = new MessageChannel();
  const answered = new Promise((resolve) => { port1.onmessage = ({ data }) => resolve(data); });
  worker.postMessage({ name, values }, [port2]);
  const answer = await answered;
  if (kind === "worker") worker.terminate();
  return answer;
}, [kind, name, values]);

const places = {
  window: (name, values) => page.evaluate(async ([name, values]) => ({ value: await window.app[name](...values) }), [name, values]),
  worker: (name, values) => inWorker("worker", name, values),
  "service worker": (name, values) => inWorker("service", name, values),
  "Node.js": async (name, values) => ({ value: JSON.parse(await module[name](...values) ?? "null") }),
};

for (const [place, run] of Object.entries(places)) {
  test(`${place}: clocks tell the time, and two generators differ`, async () => {
    const earlier = Date.now();
    const { value: [first, second] } = await run("environments", []);
    assert.ok(earlier - 1000 <= first.now && first.now <= Date.now() + 1000);
    assert.ok(first.monotonic <= second.monotonic && second.monotonic - first.monotonic < 1000);
    assert.notDeepEqual(first.random, second.random);
    assert.ok(first.random.some((byte) => byte !== 0));
  });

  test(`${place}: a pause lasts`, async () => {
    const began = performance.now();
    const { error } = await run("sleep", [50]);
    assert.ifError(error);
    assert.ok(performance.now() - began >= 49);
  });

  test(`${place}: a request is answered`, async () => {
    const { value } = await run("exchange", ["POST", `${op.origin}/x/echo`, undefined, "a=1", 4096, 5000]);
    assert.equal(JSON.parse(value.body).body, "a=1");
  });

  test(`${place}: a deadline is kept`, async () => {
    const { value } = await run("exchange", ["GET", `${op.origin}/x/never`, undefined, "", 4096, 200]);
    assert.equal(value.kind, "timeout");
  });

  if (place === "Node.js") continue;
  test(`${place}: the policy's verdict is noticed`, async () => {
    const other = await provider(app.origin);
    const { value } = await run("exchange", ["GET", `${other.origin}/x/echo`, undefined, "", 4096, 5000]);
    assert.deepEqual([value.sent, value.reason], ["No", "ContentSecurityPolicy"]);
    assert.deepEqual(other.seen, []);
    await other.close();
  });
}

test("a pause beyond the longest timer does not end at once", async () => {
  const month = 31 * 24 * 3600 * 1000;
  const ended = await page.evaluate((month) => Promise.race([
    window.app.sleep(month).then(() => "the month"),
    new Promise((resolve) => setTimeout(resolve, 100, "a tenth of a second")),
  ]), month);
  assert.equal(ended, "a tenth of a second");
});

test("a dropped pause leaves no timer", () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const old = timers();
  module.start_and_drop_a_pause(3_600_000);
  assert.equal(timers(), old);
});

test("core: Node.js: a login, a refresh and userinfo", async () => {
  const party = await module.Party.discover(op.origin, "app", `${app.origin}/callback`, 5000);
  const { url, pending } = JSON.parse(party.authorize());
  const { headers } = await fetch(url, { redirect: "manual" });
  assert.equal(await party.callback(headers.get("location"), pending), "sub-alice");
  assert.equal(await party.refresh(), true);
  assert.equal(JSON.parse(await party.userinfo()).sub, "sub-alice");
});

test("Node.js: failures say whether something was sent", async () => {
  const gone = await provider(app.origin);
  await gone.close();
  const fail = async (url) => {
    const { kind, sent, reason } = JSON.parse(await module.exchange("GET", url, undefined, "", 4096, 5000));
    return [kind, sent, reason];
  };
  assert.deepEqual(await fail(`${gone.origin}/`), ["unreachable", "No", "ConnectionRefused"]);
  assert.deepEqual(await fail("http://name.invalid/"), ["unreachable", "No", "HostNotFound"]);
  assert.deepEqual(await fail(`${op.origin}/x/redirect`), ["other", "Maybe", "HiddenByBrowser"]);
  assert.deepEqual(await fail(`${op.origin}/x/cut`), ["interrupted", "Maybe", null]);
});
