// better-auth on loopback with its data in memory, the user alice, and a key that is replaced by a request to
// /rotate. A request to /allow-logout lets the clients that there are end the session in the browser.
//
//     node app.mjs PORT

import { createServer } from "node:http";

import { oauthProvider } from "@better-auth/oauth-provider";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins";

const port = Number(process.argv[2]);
const origin = `http://127.0.0.1:${port}`;
const tables = [
  "user", "session", "account", "verification", "jwks", "oauthClient", "oauthRefreshToken", "oauthAccessToken",
  "oauthConsent", "oauthResource", "oauthClientResource", "oauthClientAssertion", "rateLimit",
];
const database = Object.fromEntries(tables.map((table) => [table, []]));

const auth = betterAuth({
  baseURL: origin,
  secret: "for-tests-only-and-long-enough-for-its-check",
  database: memoryAdapter(database),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  disabledPaths: ["/token"],
  telemetry: { enabled: false },
  plugins: [
    jwt(),
    oauthProvider({
      loginPage: "/login",
      consentPage: "/consent",
      allowDynamicClientRegistration: true,
      allowUnauthenticatedClientRegistration: true,
      rateLimit: { token: false, authorize: false, register: false, userinfo: false, revoke: false },
      silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
    }),
  ],
});

// Redirects where the API says, with its cookies.
async function follow(response, answer) {
  const body = await answer.json();
  const url = body.url ?? body.redirect_uri ?? body.redirectURI;
  response.writeHead(url ? 302 : 500, { "set-cookie": answer.headers.getSetCookie(), ...(url && { location: url }) });
  response.end(url ? "" : JSON.stringify(body));
}

async function form(request) {
  let body = "";
  for await (const chunk of request) body += chunk;
  return new URLSearchParams(body);
}

const pages = {
  "/login": '<form method="post"><input name="email"><input type="password" name="password"><button>Log in</button></form>',
  "/consent": '<form method="post"><button name="consent" value="accept">Yes</button><button name="consent" value="deny">No</button></form>',
};
// What a page of the application would send.
const actions = {
  "/login": (fields) => ["/sign-in/email", { email: fields.get("email"), password: fields.get("password") }],
  "/consent": (fields) => ["/oauth2/consent", { accept: fields.get("consent") === "accept" }],
};

function send(request, query, [path, body]) {
  const headers = { cookie: request.headers.cookie ?? "", origin, "content-type": "application/json" };
  const sent = { method: "POST", headers, body: JSON.stringify({ ...body, oauth_query: query }) };
  return auth.handler(new Request(`${origin}/api/auth${path}`, sent));
}

const handler = toNodeHandler(auth);
createServer(async (request, response) => {
  const url = new URL(request.url, origin);
  try {
    if (url.pathname === "/rotate") {
      database.jwks.length = 0;
      response.end();
    } else if (url.pathname === "/allow-logout") {
      // What an administrator may do for a client.
      for (const client of database.oauthClient) client.enableEndSession = true;
      response.end();
    } else if (!pages[url.pathname]) {
      await handler(request, response);
    } else if (request.method === "POST") {
      await follow(response, await send(request, url.search.slice(1), actions[url.pathname](await form(request))));
    } else {
      response.setHeader("content-type", "text/html").end(pages[url.pathname]);
    }
  } catch (error) {
    console.error(error);
    response.writeHead(500).end();
  }
}).listen(port, "127.0.0.1");
await auth.api.signUpEmail({ body: { name: "Alice Test", email: "alice@example.org", password: "correct horse battery" } });
