// The state of an instrument on its frame clock: targets, smoothing, fades, the beat. The same steps in the same order
// as latentart/live/control/state.py, so that a take of the stage plays in the page.

import { PARAMS, QUANTISE } from "./latent.params.js";

const HEARD = 0.25; // seconds that a level of sound counts for
const SETTLED = 1e-5; // part of the range within which a smoothed value takes its target's

export const TABLE = new Map(PARAMS.map((param) => [param.name, param]));

/** Every parameter's default. */
export const defaults = () => Object.fromEntries(PARAMS.map(({ name, default: value }) => [name, value]));

/** A value as the parameter's type, inside its range. Throws an Error with one line. */
export function checked(name, raw) {
  const param = TABLE.get(name);
  if (!param) throw new Error(`unknown parameter '${String(name).slice(0, 64)}'${hint(name)}`);
  if (param.type === "vector") return vector(name, raw);
  if (param.type === "choice") return choice(param, raw);
  if (param.type === "name") return String(raw);
  const found = typeof raw === "boolean" ? Number(raw) : raw;
  if (typeof found !== "number" || !Number.isFinite(found)) throw new Error(`${name} takes a finite number, not '${String(raw).slice(0, 40)}'`);
  if (param.type === "bool") return found !== 0;
  const inside = Math.min(Math.max(found, param.min), param.max);
  return param.type === "int" ? Math.round(inside) : inside;
}

function hint(name) {
  const near = [...TABLE.keys()].find((known) => known.endsWith(`/${name}`) || (known.startsWith(String(name).slice(0, 3)) && known.length < 6));
  return near ? `: did you mean ${near}?` : "";
}

function choice(param, raw) {
  if (typeof raw === "number" && Number.isFinite(raw)) return param.choices[Math.min(Math.max(Math.round(raw), 0), param.choices.length - 1)];
  if (!param.choices.includes(raw)) throw new Error(`unknown ${param.name} '${String(raw).slice(0, 40)}': ${param.choices.join(", ")}`);
  return raw;
}

function vector(name, raw) {
  const list = raw && typeof raw !== "string" && Number.isInteger(raw.length) && raw.length <= 16384 ? Array.from(raw) : null;
  if (!list || !list.every(Number.isFinite)) throw new Error(`${name} takes a list of at most 16384 finite numbers`);
  return list;
}

/** What every parameter is at the current frame: `values` are smoothed, `targets` are what was asked for. */
export class State {
  constructor(fps) {
    this.fps = fps;
    this.frame = -1;
    this.rev = this.beat = this.phase = this.boil = this.held = this.glide = 0;
    this.targets = defaults();
    this.values = defaults();
    this.fades = new Map();
    this.waiting = [];
    this.moving = new Set();
    this.heard = new Map();
  }

  get frozen() {
    return Boolean(this.values["master/freeze"]);
  }

  /** Takes an operation in: {set, rev, fade, at}, {resync}, {stop}. */
  apply(operation) {
    this.rev = Math.max(this.rev, operation.rev ?? 0);
    this._replace(operation);
    const beats = QUANTISE[operation.at] ?? 0;
    if (beats) this.waiting.push([due(this.beat, beats), operation]);
    else this._do(operation);
  }

  _replace({ set = {}, scene }) {
    const kept = [];
    for (const [beat, operation] of this.waiting) {
      const rest = Object.entries(operation.set ?? {}).filter(([name]) => !(name in set));
      if (rest.length && !(scene && operation.scene)) kept.push([beat, { ...operation, set: Object.fromEntries(rest) }]);
    }
    this.waiting = kept;
  }

  /** Goes on by one frame. */
  tick() {
    this.frame++;
    this.beat += this.values["tempo/bpm"] / 60 / this.fps;
    const ready = this.waiting.filter(([beat]) => beat <= this.beat);
    this.waiting = this.waiting.filter(([beat]) => beat > this.beat);
    for (const [, operation] of ready) this._do(operation);
    this._fallSilent();
    for (const name of [...this.moving].sort()) if (name.startsWith("master/") || !this.frozen) this._step(name);
    if (!this.frozen) this._move();
  }

  _fallSilent() {
    for (const [name, frame] of [...this.heard]) {
      if (this.frame - frame <= HEARD * this.fps) continue;
      this._aim(name, 0, 0);
      this.heard.delete(name);
    }
  }

  _move() {
    const v = this.values;
    this.held = this.frame;
    if (v["walk/play"]) {
      const speed = v["walk/speed"] + v["react/speed"] * v["audio/low"] + v["react/kick"] * v["audio/onset"];
      this.phase = wrapped(this.phase + speed / v["walk/count"] / this.fps);
    }
  }

  _do(operation) {
    if (operation.stop) this._stop();
    if (operation.resync) this._countFrom(operation.beat ?? 0);
    const fade = operation.fade ?? 0;
    const entries = Object.entries(operation.set ?? {});
    for (const [name, value] of entries) this._aim(name, value, fade);
    if (entries.length) this.glide = fade || this.values["walk/glide"];
  }

  _countFrom(beat) {
    this.beat = beat;
    this.waiting = this.waiting.map(([at, operation]) => [Math.min(at, due(beat, QUANTISE[operation.at] ?? 0)), operation]);
  }

  _aim(name, value, fade) {
    const param = TABLE.get(name);
    if (!param) return; // Takes of other versions.
    this.targets[name] = value;
    this.fades.delete(name);
    if (name.startsWith("audio/") && value) this.heard.set(name, this.frame);
    if (name === "walk/phase") this.phase = wrapped(value);
    if (param.type !== "float" || (fade <= 0 && param.smooth <= 0)) {
      this.values[name] = value;
      this.moving.delete(name);
      return;
    }
    if (fade > 0) this.fades.set(name, [this.values[name], 0, Math.max(1, Math.round(fade * this.fps))]);
    this.moving.add(name);
  }

  _step(name) {
    if (this.fades.has(name)) this._fade(name);
    else this._follow(name);
    if (this.values[name] === this.targets[name] && !this.fades.has(name)) this.moving.delete(name);
  }

  _fade(name) {
    const fade = this.fades.get(name);
    const share = ++fade[1] / fade[2];
    if (share >= 1) this.fades.delete(name);
    this.values[name] = share >= 1 ? this.targets[name] : fade[0] + (this.targets[name] - fade[0]) * share;
  }

  _follow(name) {
    const { min, max, smooth, follow } = TABLE.get(name);
    const [span, target] = [max - min, this.targets[name]];
    let value = this.values[name];
    const reach = span / smooth / this.fps;
    if (follow === "slew") value += Math.min(Math.max(target - value, -reach), reach);
    else value += (target - value) * -Math.expm1(-1 / (smooth * this.fps));
    this.values[name] = Math.abs(target - value) < SETTLED * span ? target : value;
  }

  _stop() {
    for (const name of [...this.fades.keys(), ...this.moving]) this.targets[name] = this.values[name];
    [this.fades, this.waiting, this.moving] = [new Map(), [], new Set()];
  }

  /** Takes the place of a snapshot of the stage, as a take has it. */
  restore(kept) {
    const known = (found) => Object.fromEntries(Object.entries(found ?? {}).filter(([name]) => TABLE.has(name)));
    for (const name of ["frame", "rev", "beat", "glide", "phase", "boil", "held"]) this[name] = Number(kept[name]) || 0;
    this.targets = { ...defaults(), ...known(kept.targets) };
    this.values = { ...defaults(), ...known(kept.values) };
    this.fades = new Map(Object.entries(known(kept.fades)).map(([name, fade]) => [name, [...fade]]));
    this.waiting = (kept.waiting ?? []).map(([beat, operation]) => [beat, operation]);
    this.moving = new Set((kept.moving ?? []).filter((name) => TABLE.has(name)));
    this.heard = new Map(Object.entries(known(kept.heard)));
  }
}

const due = (beat, beats) => (beats ? Math.ceil(beat / beats) * beats : beat);
const wrapped = (x) => x - Math.floor(x);
