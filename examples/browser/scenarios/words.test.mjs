// What a person reads of each code, without a browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { words } from "../page/words.js";

/** The table of all codes: a code, and its recovery. */
const rows = readFileSync(new URL("../../../docs/codes.md", import.meta.url), "utf8").split("\n")
  .map((line) => line.split(" | "))
  .filter(([code]) => /^\| `[a-z_]+\.[a-z0-9_]+`$/.test(code))
  .map((columns) => ({ code: columns[0].slice(3, -1), recovery: columns[5] }));

test("each code has a title and says what to do", () => {
  assert.ok(rows.length > 200, `${rows.length} codes`);
  for (const row of rows) {
    const [title, advice] = words(row);
    assert.ok(title && advice, row.code);
    assert.ok(title.endsWith(".") && advice.endsWith("."), row.code);
  }
});

test("what is told of a family is true of each of its codes", () => {
  for (const [title, codes] of [
    ["There is no Matrix homeserver at this address.", ["homeserver.not_found", "homeserver.versions", "homeserver.well_known", "matrix.server_name", "matrix.user_id"]],
    ["There is no OpenID provider at this address.", ["metadata.missing_field", "metadata.not_found"]],
    ["The response is not that of a provider.", rows.map(({ code }) => code).filter((code) => /^json\.|^http\.(?!server_error|too_many)/.test(code))],
    ["The provider has a problem.", ["authorization.server_error", "authorization.temporarily_unavailable", "http.server_error", "http.too_many_requests"]],
    ["The clocks of this device and of the provider differ.", ["id_token.expired", "id_token.issued_in_future", "id_token.not_yet_valid", "id_token.too_old"]],
    ["The browser does not let this page keep the session.", ["store.io"]],
    ["What the browser kept of the session is damaged.", ["stored.malformed"]],
    ["Your session has ended.", ["homeserver.unknown_token", "session.ended", "token.no_refresh_token"]],
  ]) {
    const told = rows.filter((row) => words(row)[0] === title).map(({ code }) => code);
    assert.deepEqual(told.sort(), codes.sort(), title);
  }
});
