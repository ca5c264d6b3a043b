// Keys of WebCrypto: a login whose tokens are bound to a key that nobody can export.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { edit, logIn, ownProvider } from "../world.mjs";

const world = await ownProvider({ dpopNonce: true });
const { tab } = world;
let op;
beforeEach(() => { ({ op } = world); });

async function loggedIn(algorithm) {
  const page = await tab();
  assert.deepEqual(await logIn(page, op, { key: algorithm }), { value: "sub-alice" });
  return page;
}

for (const algorithm of ["ES256", "EdDSA"]) {
  test(`core: ${algorithm}: a login, a refresh and userinfo with proofs and nonces`, async () => {
    const page = await loggedIn(algorithm);
    assert.deepEqual(await page.evaluate(() => window.app.refresh()), { value: true });
    assert.equal((await page.evaluate(() => window.app.userinfo())).value.sub, "sub-alice");
  });

  test(`${algorithm}: nobody can export the private key`, async () => {
    const page = await loggedIn(algorithm);
    const outcomes = await page.evaluate(async () => {
      const pair = await new Promise((resolve) => {
        indexedDB.open("oidc-proto", 1).onsuccess = ({ target: { result } }) => {
          result.transaction("keys").objectStore("keys").get("dpop").onsuccess = ({ target }) => resolve(target.result);
        };
      });
      const exported = ["pkcs8", "jwk"].map((format) => crypto.subtle.exportKey(format, pair.privateKey));
      return [pair.privateKey.extractable, ...(await Promise.allSettled(exported)).map(({ status }) => status)];
    });
    assert.deepEqual(outcomes, [false, "rejected", "rejected"]);
  });
}

test("windows that make a key at once have the same one", async () => {
  const pages = await Promise.all([...Array(5)].map(tab));
  const calls = pages.flatMap((page) => [1, 2, 3].map(() => page.evaluate(() => window.app.thumbprint("ES256"))));
  const thumbprints = await Promise.all(calls);
  assert.ok(thumbprints[0].value);
  assert.equal(new Set(thumbprints.map(({ value }) => value)).size, 1);
});

test("a key of another algorithm is not used", async () => {
  const page = await tab();
  assert.ok((await page.evaluate(() => window.app.thumbprint("ES256"))).value);
  assert.equal((await page.evaluate(() => window.app.thumbprint("EdDSA"))).error.code, "private_key.unusable");
});

test("a key that was evicted is an error that says so", async () => {
  const page = await loggedIn("ES256");
  await page.evaluate(() => new Promise((resolve) => { indexedDB.deleteDatabase("oidc-proto").onsuccess = resolve; }));
  assert.equal((await page.evaluate(() => window.app.refresh())).error.code, "key.refused");
});

test("a damaged key is an error that says so, and another one takes its place", async () => {
  const page = await tab();
  const thumbprint = () => page.evaluate(() => window.app.thumbprint("ES256"));
  for (const damage of [["put", "text"], ["put", { publicKey: 7, privateKey: 7 }], ["break", "publicKey"], ["break", "privateKey"]]) {
    const { value: old } = await thumbprint();
    assert.ok(old);
    await edit(page, "keys", "dpop", ...damage);
    const { error } = await thumbprint();
    assert.equal(error?.code, "private_key.unusable", damage.join());
    assert.match(error.hint, /`WebCryptoKeys::renew`/);
    const { value } = await page.evaluate(() => window.app.renewKey("ES256"));
    assert.ok(value && value !== old);
    assert.deepEqual(await thumbprint(), { value });
  }
});

test("a login with the key that has taken the place of another", async () => {
  const page = await tab();
  const { value: old } = await page.evaluate(() => window.app.thumbprint("ES256"));
  const { value } = await page.evaluate(() => window.app.renewKey("EdDSA"));
  assert.ok(value && value !== old);
  assert.deepEqual(await logIn(page, op, { key: "EdDSA" }), { value: "sub-alice" });
});
