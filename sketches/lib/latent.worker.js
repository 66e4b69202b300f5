// Plays a model in a worker. To the page it is what the live server's connection is (p5.latentart.js): it answers
// identify, set, trigger, get and ping, and sends the newest picture; two may wait to be taken, more are never drawn.

import { Instrument } from "./latent.instrument.js";
import { checkBrowser, readFacts, readWeights } from "./latent.load.js";
import { LARGEST } from "./latent.numbers.js";
import { ACTIONS, PARAMS, QUANTISE } from "./latent.params.js";
import { Network } from "./latent.network.js";
import { checked, defaults } from "./latent.state.js";

const FPS = 60; // ticks a second of the instrument; pictures are drawn as fast as the machine can
const LONGEST_STEP = 0.5; // seconds that one picture may catch up with
const STATS_EVERY = 500; // ms
const LONGEST_FADE = 600;

let network, instrument, take = null;
let rev = 0, seq = 0, free = 2, paused = false, running = false, wake = () => {};
let targets = defaults(), pending = [], lastKey = "", lastWs = [], drawn = [], renderTime = 0, announced = 0;

onmessage = ({ data }) => {
  if (data.load) load(data);
  else if (data.open) say({ opened: true }) || text({ event: "hello" });
  else if (data.took) [free] = [free + 1], wake();
  else if ("pause" in data) [paused] = [data.pause], wake();
  else if (data.close) self.close();
  else if (typeof data.send === "string") answer(JSON.parse(data.send));
};

const say = (message, transfer = []) => void postMessage(message, transfer);
const text = (message) => say({ text: JSON.stringify(message) });
const line = (error) => String(error?.message ?? error).split("\n")[0].slice(0, 300);

let ready;
const loaded = new Promise((resolve) => { ready = resolve; });

async function load({ load: site, threads, device, isolated }) {
  try {
    checkBrowser();
    const facts = await readFacts(site);
    let last = 0;
    const bytes = await readWeights(site, facts, (now, all) => {
      if (now < all && now - last < all / 100) return;
      last = now;
      say({ progress: { bytes: now, of: all } });
    });
    network = await Network.open(facts, bytes, { threads, device, isolated, site });
    if (facts.take) take = facts.take;
    begin();
    ready();
    run();
  } catch (error) {
    say({ fault: line(error) });
  }
}

function begin() {
  instrument = new Instrument(network, take ? take.fps : FPS);
  if (take) rewind();
  else instrument.apply({ set: network.facts.start ?? {} });
  targets = { ...instrument.state.targets };
}

// The protocol.

async function answer(message) {
  try {
    await loaded;
    const handlers = { identify, set, trigger, get: () => ({ values: targets, rev }), ping: ({ t0 }) => ({ t0, t: clock() }),
                       ack: () => null, render };
    if (!Object.hasOwn(handlers, message.op)) throw new Error(`a page has no op '${String(message.op).slice(0, 40)}': use ${Object.keys(handlers).join(", ")}`);
    const reply = await handlers[message.op](message);
    if (reply) text({ op: `${message.op}.ok`, id: message.id, ...reply });
  } catch (error) {
    text({ event: "error", code: "SettingsError", msg: line(error), ref: message.id });
  }
}

const clock = () => Math.round(performance.now() * 1000);

function identify() {
  const { facts } = network;
  const model = { ...facts.shown, model: facts.name, family: facts.family, sha256: facts.sha256, classes: facts.class_names,
                  c_dim: facts.c_dim, z_dim: facts.z_dim, w_dim: facts.w_dim, num_ws: facts.num_ws,
                  directions: facts.directions.length, direction_names: facts.directions.map(({ name }) => name),
                  device: network.device, engine: network.engine, reason: network.reason };
  return { values: targets, schema: { params: played(facts), actions: ACTIONS }, model, models: [facts.name], translators: facts.then ?? [],
           presets: [], cues: [], cue: -1, stats: stats(), size: [facts.width, facts.height] };
}

/** Parameters that this model has. */
function played({ directions, c_dim, then = [] }) {
  const most = { dir: directions.length, then: then.length };
  const has = ({ name, group }) => (group !== "class" || c_dim) && !(group in most && Number(name.split("/")[1]) > most[group]);
  return PARAMS.filter(has).map((param) => ({ ...param, ...styled(param, then) }));
}

/** A style is one of those that its translator has. */
function styled({ name }, then) {
  const [, slot] = name.match(/^then\/(\d)\/style\/[ab]$/) ?? [];
  return slot ? { max: Math.max(then[slot - 1].styles.length - 1, 0) } : {};
}

function set({ values, fade = 0, at }) {
  if (!values || typeof values !== "object" || Array.isArray(values)) throw new Error("set needs values: {psi: 0.8}");
  if (at !== undefined && !(at in QUANTISE)) throw new Error(`unknown beat '${String(at).slice(0, 20)}': ${Object.keys(QUANTISE).join(", ")}`);
  const found = Object.fromEntries(Object.entries(values).map(([name, raw]) => [name, checked(name, raw)]));
  push({ set: found, fade: Math.min(Math.max(Number(fade) || 0, 0), LONGEST_FADE), at });
  Object.assign(targets, found);
  text({ event: "param", values: found, rev });
  return { values: found, rev };
}

/** A hand on the page ends a take. */
function push(operation) {
  take = null;
  pending.push({ ...operation, rev: ++rev });
  wake();
}

function trigger({ name, args = [] }) {
  const seed = (step) => () => set({ values: { seed: (targets.seed + step + LARGEST + 1) % (LARGEST + 1) } });
  const table = {
    "seed/next": seed(1), "seed/prev": seed(-1), "tempo/resync": () => push({ resync: true }), "cue/stop": () => push({ stop: true }),
    "seed/random": () => set({ values: { seed: Math.floor(Math.random() * 2 ** 31) } }),
    "master/panic": () => push({ stop: true }) || set({ values: { ...defaults(), ...network.facts.start } }),
  };
  if (!Object.hasOwn(table, name)) throw new Error(`a page has no action '${String(name).slice(0, 40)}': use ${Object.keys(table).join(", ")}`);
  if (args.length) throw new Error(`${name} takes no arguments`);
  table[name]();
  return { rev };
}

/** One picture that is not part of the show: {ws or seed, class, psi} -> base64 of its RGB bytes, and the ws drawn. */
async function render({ seed = 0, label = 0, psi = 0.8 }) {
  const still = new Instrument(network, FPS);
  still.apply({ set: { seed, psi, "walk/mode": "hold", "class/a": label } });
  still.state.values.psi = psi;
  await still.tick();
  const { ws } = await still.shot();
  const { data } = await network.draw({ ws, noise: 1, light: 1 });
  let letters = "";
  for (let i = 0; i < data.length; i += 4) letters += String.fromCharCode(data[i], data[i + 1], data[i + 2]);
  return { ws: Array.from(ws), rgb: btoa(letters) };
}

// The show.

async function run() {
  if (running) return;
  running = true;
  let time = performance.now(), owed = 0;
  for (;;) {
    try {
      while (paused || free < 1) {
        await sleep(paused ? 1e9 : 100);
        if (paused) time = performance.now();
      }
      const now = performance.now();
      owed = Math.min(owed + ((now - time) / 1000) * instrument.state.fps, LONGEST_STEP * instrument.state.fps);
      time = now;
      const ticks = instrument.rows ? Math.floor(owed) : Math.max(1, Math.floor(owed));
      owed = Math.max(0, owed - ticks);
      for (let i = 0; i < ticks; i++) await tick();
      if (!ticks || !(await paint())) await sleep(4);
      report(now);
    } catch (error) {
      say({ fault: line(error) });
      await sleep(1000);
    }
  }
}

async function tick() {
  if (take) perform();
  for (const operation of pending.splice(0)) instrument.apply(operation);
  await instrument.tick();
}

/** What the take did before this frame; after its last frame it begins again. */
function perform() {
  if (instrument.state.frame + 1 >= take.end) rewind();
  for (const operation of take.events[instrument.state.frame + 1] ?? []) instrument.apply(operation);
}

function rewind() {
  instrument.restore(take.snapshot);
  instrument.state.frame = take.frame - 1;
}

async function paint() {
  const shot = await instrument.shot();
  const then = shot.then.map(({ strength, style }) => `${strength} ${style.join()}`);
  const key = `${shot.noise} ${shot.light} ${then}`;
  if (key === lastKey && shot.ws.every((x, i) => x === lastWs[i])) return false;
  const began = performance.now();
  const revision = instrument.state.rev;
  const image = await network.draw(shot);
  [lastKey, lastWs, renderTime] = [key, shot.ws, performance.now() - began];
  const bitmap = network.bitmap(image);
  free--;
  drawn.push(performance.now());
  const picture = { bitmap, width: image.width, height: image.height, flags: shot.light === 0 ? 2 : 0, seq: seq++, rev: revision,
                    time: clock(), frame: instrument.state.frame };
  say({ picture, skipped: 0 }, [bitmap]);
  return true;
}

function report(now) {
  if (now - announced < STATS_EVERY) return;
  announced = now;
  drawn = drawn.filter((time) => time > now - 2000);
  text({ event: "stats", ...stats() });
}

function stats() {
  const span = drawn.length > 1 ? (drawn.at(-1) - drawn[0]) / 1000 : 0;
  const { frame = 0, phase = 0, beat = 0 } = instrument?.state ?? {};
  return { fps: span ? (drawn.length - 1) / span : 0, render_ms: renderTime, frame, phase, beat, model: network.facts.name,
           playing: Boolean(take), device: network.device, engine: network.engine, reason: network.reason };
}

const sleep = (ms) => new Promise((resolve) => {
  const timer = ms < 1e9 ? setTimeout(resolve, ms) : 0;
  wake = () => { clearTimeout(timer); resolve(); };
});
