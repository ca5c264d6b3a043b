// The module in a worker or a service worker: it runs what a message names.
import init, * as module from "/module/oidc_proto_browser.js";

const ready = init({ module_or_path: "/module/oidc_proto_browser_bg.wasm" });

const work = {
  exchange: (...request) => module.exchange(...request),
  environments: () => module.environments(),
  sleep: (millis) => module.sleep(millis).then(() => "null"),
  discover: (...party) => module.Party.discover(...party).then(() => "\"discovered\""),
};

self.addEventListener("message", async ({ data: { name, values }, ports: [port] }) => {
  await ready;
  try {
    port.postMessage({ value: JSON.parse(await work[name](...values)) });
  } catch (error) {
    port.postMessage({ error: String(error) });
  }
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
