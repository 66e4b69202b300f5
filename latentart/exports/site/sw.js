// Keeps the page for offline use, and adds the headers that let WebAssembly use threads on hosts that cannot set them.

const CACHE = "latentart-page-1";

const SHELL = ["./", "page.js", "page.css", "controls.js", "stage.js", "icon.svg", "lib/latent.page.js", "lib/latent.offline.js",
               "lib/p5.latentart.js", "sketch.js", "lib/sketch.css", "lib/p5.min.js"];

self.addEventListener("install", (event) => event.waitUntil(shell()));
self.addEventListener("activate", (event) => event.waitUntil(tidied()));
self.addEventListener("fetch", (event) => {
  const { method, url, headers } = event.request;
  if (method !== "GET" || new URL(url).origin !== location.origin || headers.has("range")) return;
  event.respondWith(answered(event.request));
});

/** What the page loaded before this worker was there; a sketch has no panel, a page no sketch. */
async function shell() {
  const cache = await caches.open(`${CACHE} ${self.registration.scope}`);
  const add = (name) => fetch(name).then((answer) => answer.ok && cache.put(new URL(name, location).pathname, answer), () => {});
  await Promise.all(SHELL.map(add));
  await self.skipWaiting();
}

async function tidied() {
  const scope = `${CACHE} ${self.registration.scope}`;
  const mine = (await caches.keys()).filter((name) => name.endsWith(` ${self.registration.scope}`) && name !== scope);
  await Promise.all(mine.map((name) => caches.delete(name)));
  await self.clients.claim();
}

/** From the server where it answers, so that a new export shows at once; large files by their hash from the cache. */
async function answered(request) {
  const cache = await caches.open(`${CACHE} ${self.registration.scope}`);
  const kept = async () => cache.match(request, { ignoreSearch: true });
  const large = /\.(wasm|bin)$/.test(new URL(request.url).pathname);
  const early = large ? await kept() : undefined;
  if (early && (await fresh(early, request))) return isolated(early);
  const answer = await fetch(request).catch(() => undefined);
  if (answer?.ok) {
    await cache.put(new URL(request.url).pathname, answer.clone()).catch(() => {});
    return isolated(answer);
  }
  return isolated((await kept()) ?? answer ?? Response.error());
}

/** Whether the server's file is the one that is kept, by length and date; what cannot be asked counts as kept. */
async function fresh(kept, request) {
  const now = await fetch(request.url, { method: "HEAD" }).catch(() => undefined);
  if (!now) return true;
  return ["content-length", "last-modified", "etag"].every((name) => now.headers.get(name) === kept.headers.get(name));
}

function isolated(answer) {
  if (answer.type === "error" || answer.type === "opaque") return answer;
  const headers = new Headers(answer.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  return new Response(answer.body, { status: answer.status, statusText: answer.statusText, headers });
}
