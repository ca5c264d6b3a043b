// What an application writes: it is compiled, not run.
import { OidcClient, OidcError, type User } from "../pkg/index.js";

async function main(): Promise<User | null> {
  const client = await OidcClient.open({
    issuer: "https://op.example.org",
    clientId: "app",
    redirectUri: `${location.origin}/callback`,
    resources: ["https://api.example.org"],
  });
  client.addEventListener("needs_login", ({ detail: { error } }) => console.warn(error?.code));
  const login = await client.handleCallback();
  const user: User | null = login?.user ?? (await client.resume());
  if (user === null) {
    await client.login({ loginHint: "alice", state: { from: location.pathname } });
    return null;
  }
  try {
    const response = await client.fetch("https://api.example.org/notes", { method: "POST", body: "a note" });
    console.log(response.status, user.subject, (await client.userinfo())["email"]);
  } catch (error) {
    if (!(error instanceof OidcError)) throw error;
    if (error.recovery === "log_in_again") await client.login();
  }
  const { revocationError } = await client.logout({ atProvider: true });
  console.log(revocationError?.hint, client.issuer, client.homeserver);
  // @ts-expect-error: the client is made by `open`.
  new OidcClient();
  return client.refresh();
}

void main();
