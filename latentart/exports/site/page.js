// The page of an exported model: the picture, a panel made from the parameters that the model has, keys, saving.

import { kept } from "./lib/latent.offline.js";
import { loadLatent } from "./lib/latent.page.js";
import { control, make } from "./controls.js";
import { Stage } from "./stage.js";

const [$, query] = [(id) => document.getElementById(id), new URLSearchParams(location.search)];
const FILM = { side: 512, fps: 30, longest: 120, bits: 12e6 };
const SHARED = ["seed", "psi", "walk/mode", "walk/speed", "walk/radius", "class/a", "class/b", "class/mix"];
const TABS = {
  Walk: ["walk/mode", "seed", "psi", "walk/speed", "walk/radius", "walk/count", "walk/turns", "walk/petals", "walk/depth", "walk/glide"],
  Colour: [],
  Class: ["class/a", "class/mix", "class/b"],
  Then: [],
  Style: ["style/coarse/seed", "style/coarse/amount", "style/middle/seed", "style/middle/amount", "style/fine/seed", "style/fine/amount", "noise/amount", "cutoff"],
};
const LABELS = {
  "walk/mode": "Walk", seed: "Seed", psi: "Truncation (psi)", "walk/speed": "Speed", "walk/radius": "Radius", "walk/count": "Pictures in the loop",
  "walk/turns": "Waves", "walk/petals": "Petals", "walk/depth": "Depth", "walk/glide": "Glide", "class/a": "Class", "class/mix": "Between", "class/b": "Class to mix with",
  "noise/amount": "Grain", cutoff: "Rows that psi acts on",
};
/** Which walks an option belongs to. */
const ONLY = { "walk/radius": ["orbit", "drift", "flower"], "walk/count": ["keyframes", "orbit", "drift", "flower"], "walk/turns": ["drift"],
               "walk/petals": ["flower"], "walk/depth": ["flower"] };

if (!query.has("nocache")) await kept("sw.js");
const live = (globalThis.live = loadLatent("./", { device: query.get("device") ?? undefined, threads: Number(query.get("threads")) || undefined }));
const stage = new Stage(live, { place: $("stage"), picture: $("picture"), glow: $("glow") });
const controls = new Map();

live.on("progress", ({ bytes, of }) => {
  $("bar").style.width = `${(100 * bytes) / of}%`;
  $("word").textContent = bytes < of ? `${(bytes / 1e6).toFixed(1)} of ${(of / 1e6).toFixed(1)} MB` : "Waking it up";
});
live.on("error", ({ message }) => tell(message, !live.connected));
live.on("ready", begin);
live.on("frame", () => document.body.classList.add("playing"));
live.on("param", show);
live.on("stats", ({ fps, engine, reason }) => {
  $("hud").textContent = `${fps.toFixed(fps < 10 ? 1 : 0)} fps`;
  $("hud").title = [engine, reason].filter(Boolean).join(". ");
  $("engine")?.replaceChildren([engine, reason].filter(Boolean).join(" · "));
});

function begin() {
  const { model, schema } = live;
  document.title = model.model;
  $("name").textContent = named(model.model);
  const params = new Map(schema.params.map((param) => [param.name, param]));
  const directions = [...params.keys()].filter((name) => name.startsWith("dir/"));
  TABS.Colour = directions;
  TABS.Then = live.translators.flatMap(({ styles }, i) => ["on", "strength", ...(styles.length > 1 ? ["style/a", "style/mix", "style/b"] : [])].map((name) => `then/${i + 1}/${name}`));
  for (const [tab, names] of Object.entries(TABS)) section(tab, names.filter((name) => params.has(name)), params);
  $("card").append(...card(model));
  $("panel").hidden = false;
  choose("Walk");
  fromLink();
  show(live.values);
  stage.fit();
  if (query.has("bare")) document.body.classList.add("bare");
  else tell("Tap the picture for another; drag it in the walk “plane”");
}

const named = (name) => name.replace(/[-_](\d+)$/, "").replaceAll("-", " ");

function section(tab, names, params) {
  if (!names.length) return;
  const sheet = make("section", { "data-tab": tab });
  for (const name of names) {
    const param = { ...params.get(name) };
    if (name.startsWith("dir/")) [param.min, param.max] = [-3, 3];
    // A vector has no control here.
    if (name === "walk/mode") param.choices = param.choices.filter((choice) => choice !== "latent");
    const made = control(live, param, label(name), { names: /^class\/[ab]$/.test(name) ? live.model.classes : [] });
    controls.set(name, made);
    sheet.append(made.element);
  }
  $("sheet").append(sheet);
  $("tabs").append(make("button", { role: "tab", "data-tab": tab, onclick: () => choose(tab) }, tab === "Colour" ? "Directions" : tab));
}

function label(name) {
  if (name.startsWith("dir/")) return live.model.direction_names[Number(name.split("/")[1]) - 1];
  if (name.startsWith("then/")) return thenLabel(...name.split("/").slice(1));
  const [, band, what] = name.match(/^style\/(\w+)\/(\w+)$/) ?? [];
  return band ? `${band[0].toUpperCase()}${band.slice(1)} ${what === "seed" ? "from seed" : "amount"}` : LABELS[name] ?? name;
}

function thenLabel(slot, ...rest) {
  const names = { on: live.translators[slot - 1].name, strength: "Strength", "style/a": "Style", "style/mix": "Between", "style/b": "Style to mix with" };
  return names[rest.join("/")];
}

function choose(tab) {
  for (const one of document.querySelectorAll("[data-tab]")) {
    const on = one.dataset.tab === tab;
    if (one.tagName === "SECTION") one.hidden = !on;
    else one.setAttribute("aria-selected", on);
  }
}

function card({ license, notes, family }) {
  const about = [license && `Weights: ${license}.`, notes, `${family}, played in this page.`].filter(Boolean).join(" ");
  return [make("details", {}, make("summary", {}, "About this model"), make("p", {}, about), make("p", { id: "engine" }))];
}

function show(values) {
  for (const [name, value] of Object.entries(values)) controls.get(name)?.show(value);
  const mode = live.get("walk/mode");
  for (const [name, modes] of Object.entries(ONLY)) if (controls.has(name)) controls.get(name).element.hidden = !modes.includes(mode);
  document.body.dataset.walk = mode;
  $("play").classList.toggle("off", live.get("walk/play") === false);
}

// One line at the bottom of the picture.

let quiet;
function tell(message, stays = false) {
  $("notice").textContent = message;
  document.body.classList.toggle("failed", stays);
  clearTimeout(quiet);
  if (!stays) quiet = setTimeout(() => $("notice").replaceChildren(), 5000);
}

// Save, record, share.

const title = () => `${live.model.model}-seed${live.get("seed")}`;

function keep(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  tell(`${name} saved`);
}

function save() {
  live.canvas.toBlob((blob) => keep(blob, `${title()}.png`), "image/png");
}

let recorder;

/** One loop, or what plays until the button is pressed again: a film of at least 512 pixels. */
function record() {
  if (recorder) return void recorder.stop();
  const kind = ["video/mp4;codecs=avc1", "video/webm;codecs=vp9", "video/webm"].find((type) => globalThis.MediaRecorder?.isTypeSupported(type));
  if (!kind) return tell("this browser records no films");
  const scale = Math.max(1, Math.ceil(FILM.side / Math.max(...live.size)));
  const canvas = make("canvas", { width: live.size[0] * scale, height: live.size[1] * scale });
  const context = canvas.getContext("2d");
  const draw = () => live.drawOn(context, 0, 0, canvas.width, canvas.height, "fill");
  draw();
  live.on("frame", draw);
  const chunks = [];
  recorder = new MediaRecorder(canvas.captureStream(FILM.fps), { mimeType: kind, videoBitsPerSecond: FILM.bits });
  recorder.ondataavailable = ({ data }) => chunks.push(data);
  const seconds = loopSeconds();
  const end = setTimeout(() => recorder?.stop(), 1000 * seconds);
  recorder.onstop = () => {
    live.off("frame", draw);
    clearTimeout(end);
    recorder = undefined;
    $("record").classList.remove("on");
    keep(new Blob(chunks, { type: kind }), `${title()}.${kind.includes("mp4") ? "mp4" : "webm"}`);
  };
  recorder.start();
  $("record").classList.add("on");
  tell(`recording one loop, ${seconds.toFixed(0)} s`);
}

function loopSeconds() {
  const speed = Math.abs(live.get("walk/speed"));
  return Math.min(speed > 0.01 ? live.get("walk/count") / speed : 10, FILM.longest);
}

function share() {
  const values = SHARED.filter((name) => name in live.values && (!name.startsWith("class") || live.model.c_dim));
  const moved = Object.keys(live.values).filter((name) => /^(dir|style)\//.test(name) && live.values[name]);
  const hash = new URLSearchParams([...values, ...moved].map((name) => [name, live.values[name]]));
  history.replaceState(null, "", `#${hash}`);
  const done = () => tell("a link to this place is in the address bar");
  (navigator.clipboard?.writeText(location.href) ?? Promise.reject()).then(() => tell("link copied"), done);
}

/** Values in the address, such as #seed=7&walk/mode=orbit. */
function fromLink() {
  const wanted = {};
  for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
    const param = live.schema.params.find((one) => one.name === name);
    if (param) wanted[name] = param.type === "choice" ? text : param.type === "bool" ? text === "true" : Number(text);
  }
  if (Object.keys(wanted).length) live.set(wanted);
}

// Hands: buttons, keys, touch.

const pause = () => live.set("walk/play", live.get("walk/play") === false);
const seed = (step) => live.set("seed", (live.get("seed") + step + 2 ** 32) % 2 ** 32);
const psi = (step) => live.set("psi", Math.round((live.get("psi") + step) * 100) / 100);
const walks = () => live.schema.params.find(({ name }) => name === "walk/mode").choices;

function full() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.().catch(() => tell("this browser has no full screen here"));
}

document.addEventListener("fullscreenchange", () => document.body.classList.toggle("bare", Boolean(document.fullscreenElement)));

const KEYS = { " ": pause, s: save, r: record, l: share, f: full, h: () => document.body.classList.toggle("bare"), ArrowRight: () => seed(1), ArrowLeft: () => seed(-1),
               ArrowUp: () => psi(0.05), ArrowDown: () => psi(-0.05) };
addEventListener("keydown", (event) => {
  if (!live.connected || event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT|BUTTON/.test(event.target.tagName)) return;
  const walk = walks()[Number(event.key) - 1];
  if (walk) live.walk(walk);
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
});
for (const [id, act] of Object.entries({ play: pause, save, record, link: share, full })) $(id).addEventListener("click", () => live.connected && act());

// A tap on the picture goes to the next seed; a second finger is for the browser.
let touched;
$("picture").addEventListener("pointerdown", (event) => { touched = [event.clientX, event.clientY, event.timeStamp]; });
$("picture").addEventListener("pointerup", (event) => {
  const [x, y, time] = touched ?? [0, 0, 0];
  const still = Math.hypot(event.clientX - x, event.clientY - y) < 8 && event.timeStamp - time < 400;
  if (still && live.connected && live.get("walk/mode") !== "plane") seed(1);
});
