// The page in Chromium, at the embedded provider: what a person does, sees and reads.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { browser, error, leave, logIn, picture, says, visitor, world } from "./world.mjs";

const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 };

let chromium, here, context, page, said;
before(async () => { chromium = await browser(); here = await world(); });
after(async () => { await chromium.close(); here.end(); });
beforeEach(async () => { ({ context, page, said } = await visitor(chromium)); });
afterEach(() => context.close());

test("core: a person logs in, sees who is there, refreshes, reads userinfo, reloads and logs out", async () => {
  await page.goto(here.app);
  await page.locator("#out").waitFor();
  await picture(page, "out");
  await logIn(page, here);
  await page.getByRole("heading", { name: "Alice Example" }).waitFor();
  assert.match(await page.locator("#left").textContent(), /^1:[0-5]\d$/);
  assert.match(await page.locator("#facts").textContent(), /bound to a key of this browser/);
  await picture(page, "in");
  const until = await page.locator("#left").textContent();
  await page.waitForFunction((until) => document.getElementById("left").textContent !== until, until);
  await page.getByRole("button", { name: "Show my profile" }).click();
  await page.locator("#result").waitFor();
  assert.match(await page.locator("#result-list").textContent(), /alice@example\.org/);
  await picture(page, "userinfo");
  const refreshed = page.waitForResponse((response) => response.url().endsWith("/token"));
  await page.getByRole("button", { name: "Refresh now" }).click();
  assert.equal((await refreshed).status(), 200);
  await says(page, "The tokens are new.");
  await page.reload();
  await says(page, "Welcome back.");
  await page.getByRole("button", { name: "Log out", exact: true }).click();
  await says(page, "You are logged out.");
  await picture(page, "logged-out");
  await page.reload();
  await page.locator("#out").waitFor();
  assert.deepEqual(said, []);
});

test("a person uses the keyboard alone", async () => {
  await page.goto(here.app);
  await page.locator("#out").waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.locator("input[value=homeserver]").isChecked(), true);
  await picture(page, "keyboard");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "address");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Allow as alice" }).press("Enter");
  await says(page, "You are logged in.");
  assert.equal(await page.evaluate(() => document.activeElement.id), "in-title");
});

test("a Matrix user logs in, asks the homeserver, refreshes and logs out", async () => {
  await logIn(page, here, "homeserver");
  assert.match(await page.locator("#facts").textContent(), /@alice:127\.0\.0\.1/);
  await page.getByRole("button", { name: "Ask the homeserver" }).click();
  await page.locator("#result").waitFor();
  assert.match(await page.locator("#result-list").textContent(), /@alice:127\.0\.0\.1/);
  await picture(page, "matrix");
  await page.reload();
  await says(page, "Welcome back.");
  await page.getByRole("button", { name: "Refresh now" }).click();
  await says(page, "The tokens are new.");
  await page.getByRole("button", { name: "Log out", exact: true }).click();
  await says(page, "You are logged out.");
  assert.deepEqual(said, []);
});

test("a person on a phone", async () => {
  const phone = await visitor(chromium, PHONE);
  await phone.page.goto(here.app);
  await phone.page.locator("#out").waitFor();
  await picture(phone.page, "phone-out");
  await logIn(phone.page, here);
  await phone.page.getByRole("button", { name: "Show my profile" }).click();
  await phone.page.locator("#result").waitFor();
  await picture(phone.page, "phone-in");
  const fits = () => document.documentElement.scrollWidth <= document.documentElement.clientWidth;
  assert.ok(await phone.page.evaluate(fits));
  await phone.context.close();
});

test("a logout at the provider comes back to the page", async () => {
  await logIn(page, here);
  const away = page.waitForRequest((request) => request.url().startsWith(`${here.issuer}/end_session`));
  await page.getByRole("button", { name: "Log out at the provider, too" }).click();
  await away;
  await page.locator("#out").waitFor();
  assert.equal(new URL(page.url()).origin, here.app);
});

test("a logout and a refresh in one window are learned in the other at once", async () => {
  await logIn(page, here);
  const other = await context.newPage();
  const asked = [];
  other.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await other.goto(here.app);
  // The settings of the last login are everybody's; what is stored is one session.
  await says(other, "Welcome back.");
  await other.getByRole("heading", { name: "Alice Example" }).waitFor();
  asked.length = 0;
  await page.getByRole("button", { name: "Refresh now" }).click();
  await says(other, "The tokens are new.");
  await page.getByRole("button", { name: "Log out", exact: true }).click();
  await says(page, "You are logged out.");
  await says(other, "You logged out in another window.");
  await other.locator("#out").waitFor();
  // It may give back what it has, and asks for nothing.
  assert.deepEqual(asked.filter((path) => path !== "/revoke"), []);
  await picture(other, "logged-out-elsewhere");
});

test("who a Matrix user is, the homeserver says", async () => {
  await logIn(page, here, "homeserver");
  await page.evaluate(() => {
    const [name, known] = Object.entries(localStorage).find(([name]) => name.startsWith("oidc-proto:user:"));
    localStorage.setItem(name, JSON.stringify({ ...JSON.parse(known), userId: "@mallory:evil.example", deviceId: "EVIL" }));
  });
  await page.reload();
  await says(page, "Welcome back.");
  const facts = await page.locator("#facts").textContent();
  assert.match(facts, /@alice:127\.0\.0\.1/);
  assert.doesNotMatch(facts, /mallory|EVIL/);
});

test("reload and the back button in the middle of a login", async () => {
  await leave(page, { app: here.app, address: here.issuer });
  await page.getByRole("button", { name: "Allow as alice" }).waitFor();
  await page.goBack();
  await page.locator("#out").waitFor();
  await page.getByRole("button", { name: "Log in", exact: true }).click();
  await page.getByRole("button", { name: "Allow as alice" }).click();
  await says(page, "You are logged in.");
  await page.goBack();
  await page.goForward();
  await page.getByRole("heading", { name: "Alice Example" }).waitFor();
});
