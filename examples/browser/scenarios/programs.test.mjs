// What starts and serves the page.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { start } from "./world.mjs";

let built;
before(async () => { built = await mkdtemp(join(tmpdir(), "page-")); });
after(() => rm(built, { recursive: true }));

/** A target directory with these programs in place of the real ones. */
async function programs(scripts) {
  for (const [path, script] of Object.entries({ "page/pkg/module/oidc_proto_page_bg.wasm": "", ...scripts })) {
    const file = join(built, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `#!/bin/bash\n${script}\n`);
    await chmod(file, 0o755);
  }
}

/** Starts `run`. Resolves to its exit code and what it said. */
function run(...options) {
  const child = spawn(join(import.meta.dirname, "../run"), ["--serve-only", ...options], { env: { ...process.env, CARGO_TARGET_DIR: built } });
  const outcome = { said: "", child };
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => { outcome.said += text; });
  outcome.ended = new Promise((resolve) => child.once("close", (code) => resolve(code)));
  return outcome;
}

const until = async (condition) => {
  const latest = Date.now() + 10_000;
  while (!condition()) {
    assert.ok(Date.now() < latest, String(condition));
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
};
const runs = (pid) => {
  try { return process.kill(pid, 0); } catch { return false; }
};

test("the policy names the origin of the provider, whatever its path is", async () => {
  const site = join(process.env.CARGO_TARGET_DIR, "page");
  const page = await start("serve", site, "0", "https://op.example.org/realms/one", "https://api.example.org/v1/");
  const { headers } = await fetch(page.line.trim());
  page.end();
  const [, allowed] = headers.get("content-security-policy").match(/connect-src ([^;]*);/);
  assert.deepEqual(allowed.trim().split(/ +/), ["'self'", "https://op.example.org", "https://api.example.org"]);
});

test("what is no URL is not served", async () => {
  const site = join(process.env.CARGO_TARGET_DIR, "page");
  for (const issuer of ["op.example.org", "https://", "https://op.example.org; script-src *", "https://a b"]) {
    await assert.rejects(start("serve", site, "0", issuer).then((page) => page.end()), /ended with 1/, issuer);
  }
});

test("a provider that does not start is a failure that says why", async () => {
  await programs({ "debug/serve": "sleep 60", "debug/examples/oidc_cli": "echo it is broken >&2; exit 3" });
  const it = run();
  assert.notEqual(await it.ended, 0);
  assert.match(it.said, /it is broken/);
});

test("when it ends, the programs that it has started end", async () => {
  const waits = (first) => `echo $$ >${built}/${first}; echo '{"issuer":"http://127.0.0.1:1"}'; exec sleep 60`;
  await programs({ "debug/serve": waits("serve"), "debug/examples/oidc_cli": waits("provider") });
  const it = run();
  await until(() => it.said.split("issuer").length > 1);
  const pids = ["serve", "provider"].map((name) => Number(readFileSync(join(built, name), "utf8")));
  assert.deepEqual(pids.map(runs), [true, true]);
  it.child.kill("SIGTERM");
  await until(() => !pids.some(runs));
  await it.ended;
});
