// Signatures that WebCrypto checks in the place of a backend.
import assert from "node:assert/strict";
import { generateKeyPairSync, sign, constants } from "node:crypto";
import { test } from "node:test";
import { logIn, onePage } from "../world.mjs";

const { app, op, page } = await onePage();

const pss = (hash, saltLength) => [hash, { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }];
const ecdsa = (hash) => [hash, { dsaEncoding: "ieee-p1363" }];
const ALGORITHMS = {
  RS256: ["rsa", { modulusLength: 2048 }, ["sha256", {}]],
  RS384: ["rsa", { modulusLength: 2048 }, ["sha384", {}]],
  RS512: ["rsa", { modulusLength: 2048 }, ["sha512", {}]],
  PS256: ["rsa", { modulusLength: 2048 }, pss("sha256", 32)],
  PS384: ["rsa", { modulusLength: 2048 }, pss("sha384", 48)],
  PS512: ["rsa", { modulusLength: 2048 }, pss("sha512", 64)],
  ES256: ["ec", { namedCurve: "P-256" }, ecdsa("sha256")],
  ES384: ["ec", { namedCurve: "P-384" }, ecdsa("sha384")],
  ES512: ["ec", { namedCurve: "P-521" }, ecdsa("sha512")],
  EdDSA: ["ed25519", {}, [null, {}]],
};

const verify = (key, algorithm, bytes, signature) => page.evaluate(
  ([jwk, algorithm, bytes, signature]) => window.app.verify(jwk, algorithm, new Uint8Array(bytes), new Uint8Array(signature)),
  [JSON.stringify(key.export({ format: "jwk" })), algorithm, [...bytes], [...signature]],
);

for (const [algorithm, [type, options, [hash, how]]] of Object.entries(ALGORITHMS)) {
  test(`${algorithm}: a signature is right or wrong`, async () => {
    const [own, other] = [1, 2].map(() => generateKeyPairSync(type, options));
    const bytes = Buffer.from("header.payload");
    const signature = sign(hash, bytes, { key: own.privateKey, ...how });
    const changed = Buffer.from(signature);
    changed[9] ^= 1;
    const verdicts = [
      [own.publicKey, bytes, signature, true],
      [own.publicKey, Buffer.from("header.other"), signature, false],
      [own.publicKey, bytes, changed, false],
      [own.publicKey, bytes, signature.subarray(1), false],
      [own.publicKey, bytes, Buffer.alloc(0), false],
      [other.publicKey, bytes, signature, false],
    ];
    for (const [key, bytes, signature, value] of verdicts) {
      assert.deepEqual(await verify(key, algorithm, bytes, signature), { value });
    }
  });
}

test("a key is used only for its own kind of algorithm", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const bytes = Buffer.from("header.payload");
  const signature = sign("sha256", bytes, privateKey);
  for (const algorithm of ["RS384", "PS256", "ES256", "EdDSA"]) {
    assert.deepEqual(await verify(publicKey, algorithm, bytes, signature), { value: false });
  }
});

test("a point that is not on its curve has signed nothing", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signature = sign("sha256", Buffer.from("x"), { key: privateKey, dsaEncoding: "ieee-p1363" });
  const jwk = publicKey.export({ format: "jwk" });
  const off = { export: () => ({ ...jwk, y: jwk.x }) };
  const { value, error } = await verify(off, "ES256", Buffer.from("x"), signature);
  assert.equal(value ?? false, false, error?.code);
});

test("core: a login whose ID token WebCrypto verifies", async () => {
  assert.deepEqual(await logIn(page, op, { byWebCrypto: true }), { value: "sub-alice" });
  op.op.lie("SignatureWrong");
  await page.goto(app.origin);
  await page.evaluate(() => window.app.ready);
  const { error } = await logIn(page, op, { byWebCrypto: true });
  assert.equal(error.code, "jws.signature");
});
