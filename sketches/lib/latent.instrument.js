// State and model to ws: what the picture of the current frame is made from, as latentart/live/play/instrument.py.
// A model here is {facts, map(z, c) -> Promise of ws at psi 1}; ws are Float64Arrays of num_ws * w_dim numbers.

import { EASINGS, LARGEST, axes, loop, slerp, waves, zOf } from "./latent.numbers.js";
import { State } from "./latent.state.js";

const SOURCE = { keyframes: ["seed", "walk/count"], orbit: ["seed"], drift: ["seed", "walk/turns"],
                 flower: ["seed", "walk/petals", "walk/depth"], hold: ["seed"] };
const BANDS = { coarse: [0, 4], middle: [4, 8], fine: [8, Infinity] };
const [LATENTS, LOOPS] = [256, 16]; // kept, the oldest forgotten first

/** Where a picture comes from, as ws before truncation. Cached. */
class Sources {
  constructor(model) {
    this.model = model;
    this.facts = model.facts;
    this.latents = new Map();
    this.loops = new Map();
    this.centre = spread(model.centre, this.facts.num_ws);
  }

  label(value) {
    return this.facts.c_dim ? Math.trunc(value) % this.facts.c_dim : 0;
  }

  seed(seed, label) {
    return keep(this.latents, LATENTS, `${seed} ${label}`, () => this._mapped(zOf(seed, this.facts.z_dim), label));
  }

  async place(mode, seed, label, state) {
    const v = state.values;
    const options = (SOURCE[mode] ?? []).slice(1).map((name) => v[name]);
    const key = [mode, seed, label, v["walk/count"], ...options].join(" ");
    const at = await keep(this.loops, LOOPS, key, () => this._loop(mode, seed, label, v));
    return at(state.phase);
  }

  async plane(x, y, label) {
    const [left, top] = [Math.trunc(x), Math.trunc(y)];
    const corner = (i, j) => this.seed(wrapped(left + i + 100 * (top + j)), label);
    const [a, b, c, d] = await Promise.all([corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)]);
    const [u, v] = [x - left, y - top];
    return a.map((one, i) => {
      const [upper, lower] = [one + (b[i] - one) * u, c[i] + (d[i] - c[i]) * u];
      return upper + (lower - upper) * v;
    });
  }

  given(w, z, label) {
    const { num_ws, w_dim, z_dim } = this.facts;
    if (w.length === num_ws * w_dim) return Float64Array.from(w);
    if (w.length === w_dim) return spread(w, num_ws);
    if (z.length !== z_dim) return this.centre;
    return keep(this.latents, LATENTS, `z ${z.join()} ${label}`, () => this._mapped(Float64Array.from(z), label));
  }

  async _loop(mode, seed, label, v) {
    const count = mode === "keyframes" ? v["walk/count"] : 3;
    if (mode === "drift") {
      const noise = waves(this.facts.z_dim, v["walk/turns"], seed);
      return (u) => this._mapped(noise(u), label);
    }
    const keys = await Promise.all(Array.from({ length: count }, (_, i) => this.seed(wrapped(seed + i), label)));
    if (mode === "keyframes") return this._keyframes(keys);
    return this._circle(keys, mode === "flower" ? v : null);
  }

  _keyframes(keys) {
    const { w_dim, num_ws } = this.facts;
    const curve = loop(keys.map((key) => key.subarray(0, w_dim)));
    return (u) => spread(curve(u), num_ws);
  }

  /** An orbit of diameter 2, or a flower. */
  _circle([centre, one, two], flower) {
    const from = (to) => to.map((x, i) => x - centre[i]);
    const [east, north] = axes(from(one), from(two));
    return (u) => {
      const angle = 2 * Math.PI * u;
      const radius = flower ? 1 + flower["walk/depth"] * Math.cos(flower["walk/petals"] * angle) : 1;
      const [x, y] = [radius * Math.cos(angle), radius * Math.sin(angle)];
      return centre.map((c, i) => Math.fround(c + x * east[i] + y * north[i]));
    };
  }

  async _mapped(z, label) {
    const { c_dim } = this.facts;
    const c = c_dim ? Float32Array.from({ length: c_dim }, (_, i) => Number(i === label)) : null;
    return Float64Array.from(await this.model.map(Float32Array.from(z), c));
  }
}

/** A generator being played: apply operations, tick once per frame, look at the shot. */
export class Instrument {
  constructor(model, fps) {
    this.model = model;
    this.state = new State(fps);
    this.sources = new Sources(model);
    this.source = "";
    this.rows = this.origin = null;
    this.glide = [0, 1];
  }

  apply(operation) {
    this.state.apply(operation);
  }

  async tick() {
    this.state.tick();
    if (!this.state.frozen || !this.rows) this.rows = await this._glided();
  }

  /** {ws [num_ws * w_dim] float32, noise, light, key}: what the current frame shows. Equal keys draw equal pictures. */
  async shot() {
    const v = this.state.values;
    const ws = Float32Array.from(this._pushed(this._truncated(await this._styled(this.rows))));
    const noise = v["noise/mode"] === "none" ? 0 : Math.max(0, v["noise/amount"] + v["react/noise"] * v["audio/high"]);
    return { ws, noise, light: v["master/blackout"] ? 0 : v["master/fade"], then: this._then() };
  }

  /** What each translator behind the model does: strength, and shares of its styles. A change of style glides. */
  _then() {
    const v = this.state.values;
    return (this.model.facts.then ?? []).map(({ styles }, i) => {
      const value = (name) => v[`then/${i + 1}/${name}`];
      const shares = new Float32Array(Math.max(styles.length, 1));
      const mix = value("style/mix");
      shares[Math.min(value("style/a"), shares.length - 1)] += 1 - mix;
      shares[Math.min(value("style/b"), shares.length - 1)] += mix;
      return { strength: value("on") ? value("strength") : 0, style: this._glidedStyle(i, shares) };
    });
  }

  _glidedStyle(slot, wanted) {
    this.styles ??= [];
    const [from, frame] = this.styles[slot] ?? [wanted, this.state.frame];
    const share = 1 - Math.exp(-(this.state.frame - frame) / (0.25 * Math.max(this.state.values["walk/glide"], 0.02) * this.state.fps));
    const found = from.map((x, i) => (Math.abs(wanted[i] - x) < 1e-3 ? wanted[i] : x + (wanted[i] - x) * share));
    this.styles[slot] = [found, this.state.frame];
    return found;
  }

  /** Goes on from a snapshot of the stage. */
  restore(kept) {
    this.state.restore(kept.state ?? {});
    const length = this.model.facts.num_ws * this.model.facts.w_dim;
    const [rows, origin] = [kept.rows, kept.origin].map((text) => (text ? decoded(text) : null));
    if ([rows, origin].some((found) => found && found.length !== length)) return;
    [this.rows, this.origin, this.glide] = [rows, origin, [...(kept.glide ?? [0, 1])]];
    this.source = this._sourceNow();
  }

  async _glided() {
    const source = this._sourceNow();
    if (source !== this.source && this.rows) {
      [this.origin, this.glide] = [this.rows, [0, Math.round(this.state.glide * this.state.fps)]];
    }
    this.source = source;
    const there = await this._walk();
    if (!this.origin) return there;
    this.glide[0]++;
    if (this.glide[0] >= this.glide[1]) {
      this.origin = null;
      return there;
    }
    return this._between(this.origin, there, EASINGS.smooth(this.glide[0] / this.glide[1]));
  }

  /** Row by row on the great circle around the average. */
  _between(from, to, share) {
    const { w_dim, num_ws } = this.model.facts;
    const { centre } = this.sources;
    const found = new Float64Array(from.length);
    for (let row = 0; row < num_ws; row++) {
      const part = (ws) => ws.subarray(row * w_dim, (row + 1) * w_dim).map((x, i) => x - centre[i]);
      found.set(slerp(part(from), part(to), share).map((x, i) => centre[i] + x), row * w_dim);
    }
    return found;
  }

  _sourceNow() {
    const { values } = this.state;
    const names = [...(SOURCE[values["walk/mode"]] ?? []), ...(this.model.facts.c_dim ? ["class/a", "class/b"] : [])];
    return [values["walk/mode"], ...names.map((name) => values[name])].join(" ");
  }

  async _walk() {
    const mix = this.model.facts.c_dim ? this.state.values["class/mix"] : 0;
    const one = await this._walkIn(mix < 1 ? "class/a" : "class/b");
    if (mix === 0 || mix === 1) return one;
    const other = await this._walkIn("class/b");
    return one.map((x, i) => x + (other[i] - x) * mix);
  }

  async _walkIn(which) {
    const v = this.state.values;
    const [mode, seed, label] = [v["walk/mode"], v.seed, this.sources.label(v[which])];
    if (mode === "latent") return this.sources.given(v["latent/w"], v["latent/z"], label);
    if (mode === "plane") return this.sources.plane(v["latent/x"], v["latent/y"], label);
    if (mode === "hold") return this.sources.seed(seed, label);
    const place = await this.sources.place(mode, seed, label, this.state);
    if (mode === "keyframes") return place;
    const home = await this.sources.seed(seed, label);
    return home.map((x, i) => x + (place[i] - x) * v["walk/radius"]);
  }

  async _styled(ws) {
    const { values: v } = this.state;
    const { w_dim, num_ws } = this.model.facts;
    const mixed = ws.slice();
    for (const [band, [first, last]] of Object.entries(BANDS)) {
      let amount = v[`style/${band}/amount`] * v["mix/amount"];
      if (band === "middle") amount += v["react/style"] * v["audio/mid"];
      if (!amount) continue;
      const other = await this.sources.seed(v[`style/${band}/seed`], this.sources.label(v["class/a"]));
      for (let i = first * w_dim; i < Math.min(last, num_ws) * w_dim; i++) mixed[i] += (other[i] - mixed[i]) * amount;
    }
    return mixed;
  }

  _truncated(ws) {
    const v = this.state.values;
    const psi = v.psi + v["react/psi"] * v["audio/rms"];
    const { w_dim, num_ws } = this.model.facts;
    const end = (v.cutoff || num_ws) * w_dim;
    const { centre } = this.sources;
    return ws.map((x, i) => (i < end ? centre[i] + (x - centre[i]) * psi : x));
  }

  _pushed(ws) {
    this.model.directions.forEach(({ vector, curve }, n) => {
      const amount = this.state.values[`dir/${n + 1}/amount`];
      if (!amount) return;
      const far = along(amount, curve);
      for (let i = 0; i < ws.length; i++) ws[i] += vector[i] * far;
    });
    return ws;
  }
}

/** A fader's amount as multiples of the direction: the curve's places at -3 .. 3, straight on beyond. */
function along(amount, curve) {
  if (!curve.length) return amount;
  const at = Math.min(Math.max(Math.floor(amount), -3), 2);
  return curve[at + 3] + (curve[at + 4] - curve[at + 3]) * (amount - at);
}

/** One row in every row. */
function spread(row, count) {
  const found = new Float64Array(row.length * count);
  for (let i = 0; i < count; i++) found.set(row, i * row.length);
  return found;
}

const wrapped = (seed) => seed % (LARGEST + 1);

/** Base64 of little-endian float64, as snapshots have them. */
function decoded(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Float64Array(bytes.buffer);
}

function keep(kept, most, key, make) {
  if (!kept.has(key)) {
    kept.set(key, make());
    if (kept.size > most) kept.delete(kept.keys().next().value);
  }
  return kept.get(key);
}
