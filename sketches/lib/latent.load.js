// Reads an exported folder: facts, then weights, checked before anything runs. Every failure is an Error of one line.

const LIMITS = { z_dim: 4096, c_dim: 4096, w_dim: 4096, num_ws: 64, width: 4096, height: 4096 };
const MOST_BYTES = 1 << 30;
const MOST_JSON = 8 << 20;

/** A page without WebAssembly plays nothing. */
export function checkBrowser() {
  if (typeof WebAssembly === "undefined") throw new Error("this browser has no WebAssembly, which plays the model: use a newer one");
  if (typeof OffscreenCanvas === "undefined") throw new Error("this browser has no OffscreenCanvas: use a newer one");
}

/** model.json of a folder. */
export async function readFacts(site) {
  const answer = await get(new URL("model.json", site));
  const text = await answer.text();
  if (text.length > MOST_JSON) throw new Error("model.json is too large: export the model again");
  let facts;
  try {
    facts = JSON.parse(text);
  } catch {
    throw new Error("model.json is not JSON: export the model again");
  }
  return check(facts);
}

function check(facts) {
  if (facts?.latentart !== "page" || facts.version !== 1) throw new Error("model.json is not of this player's version: export the model again");
  for (const [name, most] of Object.entries(LIMITS)) {
    const least = name === "c_dim" ? 0 : 1;
    if (!Number.isInteger(facts[name]) || facts[name] < least || facts[name] > most) wrong(name, facts[name]);
  }
  if (![1, 3].includes(facts.channels)) wrong("channels", facts.channels);
  const { file, bytes, sha256, parts } = facts.weights ?? {};
  if (typeof file !== "string" || !/^[\w.-]{1,80}$/.test(file)) wrong("weights.file", file);
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > MOST_BYTES) wrong("weights.bytes", bytes);
  if (!/^[0-9a-f]{64}$/.test(sha256)) wrong("weights.sha256", sha256);
  for (const name of ["mapping", "synthesis", "directions", "centre"]) span(parts?.[name], name, bytes);
  if (parts.centre[1] !== 4 * facts.w_dim) wrong("weights.parts.centre", parts.centre);
  if (!texts(facts.class_names) || !texts(facts.inputs)) wrong("class_names or inputs", "");
  directions(facts);
  chain(facts);
  if (facts.take !== undefined) take(facts.take);
  return facts;
}

function span(part, name, bytes) {
  const good = Array.isArray(part) && part.length === 2 && part.every((n) => Number.isInteger(n) && n >= 0);
  if (!good || part[0] + part[1] > bytes || part[0] % 4) wrong(`weights.parts.${name}`, part);
}

function directions({ directions: found, weights, num_ws, w_dim }) {
  const curve = (c) => Array.isArray(c) && [0, 7].includes(c.length) && c.every(Number.isFinite);
  const good = Array.isArray(found) && found.length <= 16 && found.every((d) => typeof d?.name === "string" && curve(d.curve));
  if (!good || weights.parts.directions[1] !== 4 * found.length * num_ws * w_dim) wrong("directions", found);
}

function chain({ then = [], weights }) {
  const good = Array.isArray(then) && then.length <= 3 && then.every((link) => typeof link?.name === "string" && texts(link.styles));
  if (!good) wrong("then", then);
  then.forEach((_, i) => span(weights.parts[`then${i + 1}`], `then${i + 1}`, weights.bytes));
}

function take(found) {
  const whole = ["frame", "end"].every((name) => Number.isInteger(found?.[name])) && found.end > found.frame;
  if (!whole || !(found.fps >= 1 && found.fps <= 240) || typeof found.snapshot !== "object" || typeof found.events !== "object") wrong("take", found);
}

const texts = (list) => Array.isArray(list) && list.length <= 4096 && list.every((item) => typeof item === "string" && item.length < 200);

function wrong(name, value) {
  throw new Error(`model.json has ${name} ${String(JSON.stringify(value)).slice(0, 40)}, which makes no sense: export the model again`);
}

async function get(url) {
  const answer = await fetch(url).catch(() => null);
  const name = url.pathname.split("/").pop();
  if (!answer) throw new Error(`cannot fetch ${name}: is the server running, or the page online?`);
  if (!answer.ok) throw new Error(`cannot fetch ${name}: the server answers ${answer.status}`);
  return answer;
}

/** The file of weights, its length and hash checked. progress: called with bytes that are here and bytes in all. */
export async function readWeights(site, { weights }, progress) {
  const answer = await get(new URL(weights.file, site));
  const bytes = await gathered(answer, weights, progress);
  const found = await sha256(bytes);
  if (found !== weights.sha256) throw new Error(`${weights.file} is damaged: its SHA-256 begins with ${found.slice(0, 8)}, not ${weights.sha256.slice(0, 8)}`);
  return bytes;
}

async function gathered(answer, { file, bytes: length }, progress) {
  const bytes = new Uint8Array(length);
  const reader = answer.body.getReader();
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => ({ done: true }));
    if (done) break;
    if (at + value.length > length) throw new Error(`${file} is longer than the ${length} bytes that model.json states`);
    bytes.set(value, at);
    at += value.length;
    progress(at, length);
  }
  if (at < length) throw new Error(`${file} is cut off: ${at} of ${length} bytes came`);
  return bytes;
}

/** SHA-256 in hex. Browsers have it in secure contexts only; a kiosk on plain http computes it here. */
export async function sha256(bytes) {
  const digest = globalThis.crypto?.subtle ? new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)) : computed(bytes);
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** FIPS 180-4. */
export function computed(bytes) {
  const [roots, initial] = constants();
  const padded = new Uint8Array((((bytes.length + 8) >> 6) + 1) << 6);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(padded.length - 4, (bytes.length << 3) >>> 0);
  const [h, w] = [Int32Array.from(initial), new Int32Array(64)];
  for (let at = 0; at < padded.length; at += 64) block(h, w, view, at, roots);
  const digest = new DataView(new ArrayBuffer(32));
  h.forEach((word, i) => digest.setInt32(4 * i, word));
  return new Uint8Array(digest.buffer);
}

function block(h, w, view, at, roots) {
  const rotated = (x, n) => (x >>> n) | (x << (32 - n));
  for (let i = 0; i < 16; i++) w[i] = view.getInt32(at + 4 * i);
  for (let i = 16; i < 64; i++) {
    const [x, y] = [w[i - 15], w[i - 2]];
    w[i] = w[i - 16] + (rotated(x, 7) ^ rotated(x, 18) ^ (x >>> 3)) + w[i - 7] + (rotated(y, 17) ^ rotated(y, 19) ^ (y >>> 10));
  }
  let [a, b, c, d, e, f, g, k] = h;
  for (let i = 0; i < 64; i++) {
    const one = (k + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & f) ^ (~e & g)) + roots[i] + w[i]) | 0;
    const two = ((rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [k, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
  }
  [a, b, c, d, e, f, g, k].forEach((word, i) => { h[i] += word; });
}

/** Fractional parts of the cube roots of the first 64 primes and of the square roots of the first eight. */
function constants() {
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  const part = (x) => ((x - Math.floor(x)) * 2 ** 32) | 0;
  return [Int32Array.from(primes, (p) => part(Math.cbrt(p))), primes.slice(0, 8).map((p) => part(Math.sqrt(p)))];
}
