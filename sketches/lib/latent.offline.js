// A page that plays by itself, kept for offline use: registers the folder's service worker (sw.js).

const WITHIN = 4000; // ms

/** Waits for the service worker, which also adds the headers that threads need: before it is there the page loads once
 * more. Without one (plain http, private windows) the page plays on one thread and needs its server. */
export async function kept(script) {
  if (!("serviceWorker" in navigator)) return;
  const registration = await navigator.serviceWorker.register(script).catch(() => null);
  if (!registration) return;
  await Promise.race([navigator.serviceWorker.ready, new Promise((resolve) => setTimeout(resolve, WITHIN))]);
  // Inside the page of another, headers of its own would change nothing.
  const asked = `isolating ${location.pathname}`;
  if (globalThis.crossOriginIsolated || globalThis.parent !== globalThis || sessionStorage.getItem(asked)) return;
  sessionStorage.setItem(asked, "1");
  location.reload();
  await new Promise(() => {});
}
