// The panel: everything in it is made from the table of parameters that the server sends.
import { control, make } from "./controls.js";
import { scenes } from "./scenes.js";
import { Stage } from "./stage.js";

const $ = (id) => document.getElementById(id);

const TABS = { walk: "Walk", latent: "Walk", seed: "Look", psi: "Look", cutoff: "Look", noise: "Look", style: "Style",
  mix: "Style", class: "Class", dir: "Edit", place: "Edit", bend: "Bend", source: "Image", input: "Image", then: "Image", audio: "Sound",
  react: "Sound", tempo: "Tempo" };
const SLOTTED = { bend: "Bend", then: "Then" };
const TRANSPORT = ["master/blackout", "master/freeze", "master/fade"];
const AUDIO = "audio/";
const REMOTE = matchMedia("(max-width: 820px), (max-height: 480px)"); // a phone: it plays what is on a larger screen

const page = new URLSearchParams(location.search);
const projector = page.has("stage"); // the picture alone, for an audience: it shows and it cannot play
const live = connectLatent(projector ? { role: "viewer", subscribe: ["frames"] } : {});
const shown = new Map(); // name of a parameter -> its controls
const tabs = new Map(); // title -> {button, section}
let scene = null;
let clock = { beat: 0, at: 0 };
let fadeNotice;
let loading = ""; // the model that was asked for and is not shown yet

function notice(text, seconds = 4) {
  if (projector) return;
  $("notice").textContent = text;
  clearTimeout(fadeNotice);
  if (seconds) fadeNotice = setTimeout(() => ($("notice").textContent = ""), 1000 * seconds);
}

// Parameters.

function titleOf(param) {
  return TABS[param.group] ?? param.group[0].toUpperCase() + param.group.slice(1);
}

function labelOf(param) {
  const direction = param.group === "dir" && live.model.direction_names?.[Number(param.name.split("/")[1]) - 1];
  if (direction) return direction;
  const parts = param.name.split("/").slice(param.group in SLOTTED ? 2 : 1);
  const rest = parts.join(" ") || param.name;
  const inLook = titleOf(param) === "Look" && param.group === "noise" ? `noise ${rest}` : rest;
  const kinds = { latent: `plane ${rest}`, mix: "all styles", react: `sound into ${rest}`, place: `place ${rest}`, class: `class ${rest}`,
    bend: rest === "op" ? "operation" : rest, input: param.name === "input/size" ? "side of the picture" : rest };
  const text = kinds[param.group] ?? inLook;
  return text[0].toUpperCase() + text.slice(1);
}

function belongs(param) {
  if (param.type === "vector" || TRANSPORT.includes(param.name) || param.name.startsWith(AUDIO)) return false;
  if (param.group === "class") return Boolean(live.model.classes?.length);
  if (param.group === "place") return live.model.family === "stylegan3";
  if (param.group !== "dir") return true;
  return Number(param.name.split("/")[1]) <= (live.model.directions ?? 0);
}

function addControl(param, place, label = labelOf(param)) {
  const names = param.name.startsWith("class/") ? live.model.classes : undefined;
  const offered = param.type === "name" ? live.translators.map((translator) => translator.name) : undefined;
  const made = control(live, param, label, { names, offered });
  if (param.group in SLOTTED) head(param, place);
  place.append(made.element);
  shown.set(param.name, made);
  if (param.name in live.values) made.show(live.values[param.name]);
}

/** A line above the first control of each slot. */
function head(param, place) {
  const slot = param.name.split("/").slice(0, 2).join("/");
  if (place.querySelector(`[data-slot="${slot}"]`)) return;
  place.append(make("h2", { "data-slot": slot }, slot.replace("/", " ").replace(param.group, SLOTTED[param.group])));
}

/** A slot without a translator shows its name only; one without styles, no styles. */
function fold() {
  for (const [name, made] of shown) {
    const [group, slot, ...rest] = name.split("/");
    if (group !== "then" || rest[0] === "network") continue;
    const network = live.values[`then/${slot}/network`];
    const styles = live.translators.find((translator) => translator.name === network)?.styles ?? 0;
    made.element.hidden = !network || (rest[0] === "style" && styles < 2);
    const slider = rest[0] === "style" && rest[1] !== "mix" && made.element.querySelector("input");
    if (slider) slider.max = Math.max(styles - 1, 1);
  }
}

function section(title) {
  if (!tabs.has(title)) {
    const element = make("section", { role: "tabpanel", "aria-label": title });
    addTab(title, element);
  }
  return tabs.get(title).section;
}

function addTab(title, element) {
  const button = make("button", { role: "tab", onclick: () => select(title) }, title);
  tabs.set(title, { button, section: element });
  $("tabs").append(button);
  $("sheet").append(element);
}

function select(title) {
  tabs.forEach((tab, name) => {
    tab.button.setAttribute("aria-selected", name === title);
    tab.section.hidden = name !== title;
  });
  sessionStorage.setItem("tab", title);
}

function build() {
  [$("tabs"), $("sheet"), $("transport")].forEach((place) => place.replaceChildren());
  [shown, tabs].forEach((map) => map.clear());
  for (const param of live.schema.params.filter(belongs)) addControl(param, section(titleOf(param)));
  addMeters();
  scene = scenes(live, notice);
  addTab("Scenes", scene.element);
  $("tabs").classList.toggle("many", tabs.size > 7);
  const kept = sessionStorage.getItem("tab");
  select(tabs.has(kept) ? kept : REMOTE.matches && live.presets.length ? "Scenes" : tabs.keys().next().value);
  buildTransport();
  buildModels();
  show(live.values);
}

function addMeters() {
  const bands = live.schema.params.filter((param) => param.name.startsWith(AUDIO));
  if (!bands.length) return;
  const meter = make("div", { class: "meter" });
  for (const param of bands) {
    const bar = make("span", { title: param.doc }, make("i"), make("em", {}, param.name.slice(AUDIO.length)));
    shown.set(param.name, { show: (value) => bar.style.setProperty("--level", value) });
    meter.append(bar);
  }
  section("Sound").prepend(meter);
}

function show(values) {
  if (Object.keys(values).some((name) => name.endsWith("/network"))) fold();
  for (const [name, value] of Object.entries(values)) shown.get(name)?.show(value);
}

function buildModels() {
  const names = live.models.length ? live.models : [live.model.model];
  $("model").replaceChildren(...names.map((name) => make("option", { value: name }, name)));
  $("model").value = live.model.model ?? live.stats.model;
}

// The bar at the bottom.

function press(id, text, hint, onclick, pressed) {
  const button = make("button", { id, onclick, "aria-pressed": pressed }, text, make("small", {}, hint));
  $("transport").append(button);
  return button;
}

function flip(name) {
  const value = !live.get(name);
  live.set(name, value);
  show({ [name]: value });
}

function buildTransport() {
  const pressed = (name, button) =>
    shown.set(name, both(shown.get(name), (value) => button.setAttribute("aria-pressed", value)));
  pressed("master/blackout", press("blackout", "Blackout", "B", () => flip("master/blackout"), false));
  pressed("master/freeze", press("freeze", "Freeze", "F", () => flip("master/freeze"), false));
  press("panic", "Panic", "P", () => live.trigger("master/panic"));
  press("back", "Back", "⌫", () => live.trigger("cue/back"));
  press("go", "Go", "space", () => live.trigger("cue/go"));
  pressed("walk/play", press("walk", "Walk", "W", () => flip("walk/play"), true));
  press("tap", "Tap", "T", () => live.trigger("tempo/tap"));
  press("record", "Record", "R", record, false);
  const place = make("div", { id: "fade" });
  $("transport").append(place);
  addControl(live.schema.params.find((param) => param.name === "master/fade"), place, "Light");
}

function both(first, second) {
  return {
    element: first?.element,
    show: (value) => {
      first?.show(value);
      second(value);
    },
  };
}

function record() {
  if (live.stats.recording) return live.trigger("rec/stop");
  return live.trigger("rec/start");
}

// Figures.

let dropped = [];
function figures() {
  $("fps").textContent = live.connected ? live.fps : "–";
  $("latency").textContent = live.latency === null ? "–" : Math.round(live.latency);
  // Frames that the renderer skipped, that the line had no room for, that came and were not drawn.
  const all = (live.stats.dropped ?? 0) + (live.stats.viewer_dropped ?? 0) + live.undrawn;
  dropped.push(all);
  dropped = dropped.slice(-40);
  $("drops").textContent = Math.max(0, all - dropped[0]);
  $("fps").parentElement.classList.toggle("bad", live.fps < 0.5 * (live.stats.fps || 1));
}

function counted(stats) {
  clock = { beat: stats.beat, at: performance.now() };
  $("record").setAttribute("aria-pressed", Boolean(stats.recording));
  $("record").lastChild.textContent = stats.recording ? String(stats.recording) : "R";
  const next = live.cues[stats.cue + 1];
  $("go").lastChild.textContent = next ? `space · ${next.preset}` : live.cues.length ? "last cue" : "space";
  $("go").classList.toggle("armed", Boolean(stats.armed));
  $("state").textContent = doing(stats);
  $("tap").lastChild.textContent = `T · ${Math.round(live.get("tempo/bpm"))}`;
  if (stats.cue !== scene.cue) scene.refresh();
  scene.cue = stats.cue;
}

/** What the audience does not see yet. */
function doing({ alive, loading, armed }) {
  if (alive === false) return "Starting the renderer";
  if (loading?.length) return `Getting ${loading.join(", ")} ready`;
  return armed ? "Armed: waits for the beat" : "";
}

function beat() {
  const now = clock.beat + ((performance.now() - clock.at) / 60_000) * (live.get("tempo/bpm") ?? 0);
  $("tap")?.classList.toggle("beat", live.connected && now % 1 < 0.18);
}

// The keyboard.

const KEYS = {
  b: ["Blackout", () => flip("master/blackout")],
  f: ["Freeze", () => flip("master/freeze")],
  p: ["Panic", () => live.trigger("master/panic")],
  " ": ["Go: next cue", () => live.trigger("cue/go")],
  Backspace: ["Back: cue before", () => live.trigger("cue/back")],
  w: ["Walk, stand", () => flip("walk/play")],
  n: ["Next seed", () => live.trigger("seed/next")],
  m: ["Any seed", () => live.trigger("seed/random")],
  t: ["Tap the beat", () => live.trigger("tempo/tap")],
  r: ["Record a take", record],
  h: ["Picture only", () => document.body.classList.toggle("bare")],
  Enter: ["Full screen", fullscreen],
  "?": ["These keys", () => $("keys").showModal()],
};

function fullscreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.();
}

function typed(event) {
  const writing = event.target.matches("input:not([type=range]), select, textarea");
  if (writing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const key = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
  if (!key || $("door").open || (projector && event.key !== "Enter")) return;
  // The space bar would press the button that was touched last.
  event.preventDefault();
  key[1]();
}

function buildKeys() {
  const rows = Object.entries(KEYS).map(([key, [text]]) =>
    make("tr", {}, make("td", {}, make("kbd", {}, key === " " ? "space" : key)), make("td", {}, text)));
  $("keys").append(make("table", {}, ...rows));
  $("keys").addEventListener("click", () => $("keys").close());
}

// The rest.

function foldPicture(folded) {
  $("fold").setAttribute("aria-pressed", !folded);
  localStorage.setItem("folded", folded);
}

async function buildSketches() {
  const answer = await fetch("/sketches/").then((found) => (found.ok ? found.json() : { sketches: [] }));
  const link = (href, name) => make("a", { href: `${href}${location.search}`, target: "_blank" }, name);
  $("sketches").append(link("/map", "map"), ...answer.sketches.map((name) => link(`/sketches/${name}/`, name)));
}

function lost({ code, reason }) {
  // An audience sees the last picture, and no dialogs.
  if (projector && live.frame) return;
  if (code === 1008 && reason.includes("token")) return askToken();
  notice(reason || "The server does not answer. Trying again.", 0);
}

/** Asks for the token; a second time it says that the first was wrong. */
function askToken() {
  $("wrong").textContent = live.options.token ? "That token was refused." : "";
  $("token").value = "";
  $("door").showModal();
}

function news(told) {
  if (told.refused) notice(`${told.refused}: ${told.why}`, 8);
  if (told.died) notice("The renderer died; another one is starting.", 0);
  if (told.ready || told.model) {
    loading = "";
    notice("");
    build();
  }
}

function load(name) {
  loading = name;
  notice(`Loading ${name} ...`, 0);
  live.trigger("model/load", name);
}

if (!projector) {
  live.on("open", () => (notice(""), build()));
  live.on("param", show);
  live.on("stats", counted);
  live.on("news", news);
  live.on("error", (error) => notice(error.message, 6));
}
live.on("close", lost);
new Stage(live, { place: $("stage"), picture: $("picture"), glow: $("glow") });
$("model").addEventListener("change", () => (load($("model").value), $("model").blur()));
$("picture").addEventListener("dblclick", fullscreen);
$("fold").addEventListener("click", () => foldPicture(document.body.classList.toggle("folded")));
foldPicture(document.body.classList.toggle("folded", localStorage.getItem("folded") === "true"));
$("door").addEventListener("close", () => (live.options.token = $("token").value));
document.addEventListener("keydown", typed);
document.body.classList.toggle("bare", projector);
document.body.classList.toggle("projector", projector);
if (!projector) {
  buildKeys();
  buildSketches();
  setInterval(figures, 250);
  setInterval(beat, 50);
}
globalThis.live = live;
