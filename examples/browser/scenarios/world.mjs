// The world of the scenarios: the embedded provider and the page, each a program with a port of its own, and a browser.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const built = process.env.CARGO_TARGET_DIR;
const { chromium } = createRequire(new URL("../../../tests/browser/world.mjs", import.meta.url))("playwright-core");

/** Where the pictures are. */
export const pictures = join(built, "page-pictures");
mkdirSync(pictures, { recursive: true });

/** Starts a program and waits for its first line. */
export async function start(program, ...values) {
  const child = spawn(join(built, "debug", program), values, { stdio: ["ignore", "pipe", "ignore"] });
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise((resolve, reject) => {
    lines.once("line", resolve);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${program} ended with ${code}`)));
  });
  lines.on("line", () => {});
  return { line, end: () => child.kill() };
}

/** A provider, a homeserver beside it, and the page. */
export async function world({ lifetime = 120 } = {}) {
  const provider = await start("examples/oidc_cli", "--json", "serve", "--consent",
    "--access-token-lifetime", String(lifetime), "--claim", "name=Alice Example", "--claim", "email=alice@example.org");
  const { issuer } = JSON.parse(provider.line);
  const page = await start("serve", join(built, "page"), "0", issuer);
  return { issuer, app: page.line.trim().replace(/\/$/, ""), end: () => { provider.end(); page.end(); } };
}

export const browser = () => chromium.launch({
  executablePath: process.env.OIDC_PROTO_CHROMIUM ?? "/usr/bin/chromium-headless-shell",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

/** A window of a new user, and what it and its page said. */
export async function visitor(chromium, options = {}) {
  const context = await chromium.newContext({ viewport: { width: 900, height: 820 }, ...options });
  const said = [];
  context.on("console", (message) => said.push(message.text()));
  context.on("weberror", (error) => said.push(String(error.error())));
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  return { context, page, said };
}

/** What the page says, once it says this. */
export async function says(page, text) {
  await page.locator("#status", { hasText: text }).waitFor();
}

/** The error that the page shows. */
export async function error(page) {
  await page.locator("#error").waitFor();
  const text = (id) => page.locator(id).textContent();
  return { title: await text("#error-title"), hint: await text("#error-hint"), code: await text("#error-code") };
}

/** From the form to the provider's page. */
export async function leave(page, { app, kind = "issuer", address }) {
  await page.goto(app);
  await page.locator("#out").waitFor();
  await page.locator(`input[value="${kind}"]`).check();
  if (address !== undefined) await page.locator("#address").fill(address);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
}

/** From the form to the user's own page. */
export async function logIn(page, world, kind = "issuer", user = "alice") {
  await leave(page, { app: world.app, kind, address: world.issuer });
  await page.getByRole("button", { name: `Allow as ${user}` }).click();
  await says(page, "You are logged in.");
  assert.equal(page.url(), `${world.app}/`);
}

/** A picture of the page as it is, by daylight and by night. */
export async function picture(page, name) {
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.screenshot({ path: join(pictures, `${name}-${scheme}.png`), fullPage: true });
  }
  await page.emulateMedia({ colorScheme: "light" });
}
