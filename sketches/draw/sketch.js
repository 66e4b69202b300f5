// Paper on one side, on the other what the network makes of it, while the pen moves.
// ?network=NAME picks the translator. Keys: Z takes a stroke back, C or Delete clears, E rubs out, 1 2 3 the pen.

const SEND_EVERY = 50; // ms
const PENS = [0.014, 0.028, 0.06]; // widths, in sides of the paper
const PAPER = "#f6f2e8", SOFT = "#a5a2a0", GLOW = "#ffb86b";
const ANSWER = 350; // ms until the picture of the sheet before is gone
const ALONE = 6; // seconds before the ghost draws
// What the ghost draws, in tenths of the paper.
const ring = (x, y, w, h, from = 0, to = 1, steps = 14) =>
  Array.from({ length: steps + 1 }, (_, i) => {
    const turn = 2 * Math.PI * (from + ((to - from) * i) / steps);
    return [x + w * Math.cos(turn), y + h * Math.sin(turn)];
  });
const FACE = [ring(5, 5, 3.3, 3.3, 0.75, 1.76), ring(3.9, 4.3, 0.2, 0.34), ring(6.1, 4.3, 0.2, 0.34), ring(5, 5.6, 1.7, 1.3, 0.04, 0.46, 8)];
const MUSHROOM = [
  [[2, 5.4], [2.1, 3.7], [3.3, 2.2], [5, 1.7], [6.7, 2.2], [7.9, 3.7], [8, 5.4], [6.5, 5.9], [5, 6], [3.5, 5.9], [2, 5.4]],
  [[3.9, 6], [4, 7.2], [3.8, 8.2], [5, 8.5], [6.2, 8.2], [6, 7.2], [6.1, 6]],
  ring(3.9, 3.9, 0.55, 0.55), ring(6, 3.4, 0.5, 0.5), ring(5.7, 4.9, 0.35, 0.35),
];

let live, paper, strokes = [], line, pen = 1, rubs = false, network = "", dirty = true, sent = 0, sending = false;
let touched = -1e9, cleared = -1e9, ghost = 0, buttons = [], places;

function setup() {
  createCanvas(windowWidth, windowHeight);
  paper = document.createElement("canvas");
  live = connectLatent({ restore: true });
  live.on("open", begin);
  build();
  size();
}

/** The network: asked for in the address, or the first that was trained on drawings, or any. */
function begin() {
  const wanted = new URLSearchParams(location.search).get("network");
  const all = live.translators;
  const found = all.find((each) => each.name === wanted) ?? all.find((each) => each.name === "openmoji-128") ?? all.find((each) => each.family === "pix2pix") ?? all.find((each) => each.styles > 1) ?? all[0];
  const list = document.querySelector("#network");
  list.replaceChildren(...all.map(({ name }) => new Option(name, name)));
  choose(found?.name ?? "");
  size();
}

function choose(name) {
  network = name;
  document.querySelector("#network").value = name;
  // The side that it was trained at: what its card says, or what its name ends with.
  const side = live.translators.find((each) => each.name === name)?.size || Number(/-(\d+)$/.exec(name)?.[1]) || 256;
  live.set({ source: "input", "input/mirror": false, "input/size": side, "then/1/network": name, "then/1/on": true,
    "then/1/strength": 1, "then/2/network": "", "then/3/network": "" });
  dirty = true;
}

// The table: two sheets beside each other, or one above the other where the window is high.

function size() {
  const [sw, sh] = live?.size?.[0] ? live.size : [1, 1];
  const [wide, bar, gap] = [width > height, 96, Math.max(14, Math.min(width, height) * 0.03)];
  const [w, h] = [wide ? (width - 3 * gap) / 2 : width - 2 * gap, wide ? height - bar - 2 * gap : (height - bar - 3 * gap) / 2];
  const scale = Math.min(w / sw, h / sh);
  const [pw, ph] = [sw * scale, sh * scale];
  const first = wide ? { x: width / 2 - gap / 2 - pw, y: gap + (h - ph) / 2 } : { x: (width - pw) / 2, y: gap };
  const second = wide ? { x: width / 2 + gap / 2, y: first.y } : { x: first.x, y: 2 * gap + ph };
  places = { w: pw, h: ph, paper: first, answer: second, bar };
  [paper.width, paper.height] = [Math.round(Math.min(pw * 2, 1024)), Math.round((Math.min(pw * 2, 1024) * ph) / pw)];
  again();
}

function draw() {
  if (millis() / 1000 - touched > ALONE) haunt();
  send();
  background(11, 11, 13);
  const { w, h, paper: left, answer } = places;
  glow(answer, w, h);
  drawingContext.drawImage(paper, left.x, left.y, w, h);
  drawingContext.globalCompositeOperation = "multiply";
  drawingContext.fillStyle = PAPER;
  drawingContext.fillRect(left.x, left.y, w, h);
  drawingContext.globalCompositeOperation = "source-over";
  drawingContext.imageSmoothingQuality = "high";
  drawingContext.fillStyle = "#151518";
  drawingContext.fillRect(answer.x, answer.y, w, h);
  // Of an empty sheet a network makes a stain: there is nothing to colour.
  if (strokes.length && answered()) live.drawOn(drawingContext, answer.x, answer.y, w, h);
  else sheet(answer, w, h);
  nib();
}

function sheet({ x, y }, w, h) {
  drawingContext.fillStyle = PAPER;
  drawingContext.fillRect(x, y, w, h);
}

/** Whether the newest picture is of a sheet that was drawn on. */
const answered = () => millis() - cleared > ANSWER && !live.stats.loading?.includes(network);

/** Light of the answer on the table. */
function glow({ x, y }, w, h) {
  const pen = drawingContext;
  const [r, g, b] = live.color(0.5, 0.5);
  const light = pen.createRadialGradient(x + w / 2, y + h / 2, w * 0.3, x + w / 2, y + h / 2, w);
  light.addColorStop(0, `rgba(${r}, ${g}, ${b}, .22)`);
  light.addColorStop(1, `rgba(${r}, ${g}, ${b}, 0)`);
  pen.fillStyle = light;
  pen.fillRect(0, 0, width, height);
}

/** The point of the pen, as wide as its line. */
function nib() {
  const { x, y } = ghostly() ?? { x: mouseX, y: mouseY };
  if (!on({ x, y })) return;
  const context = drawingContext;
  context.beginPath();
  context.arc(x, y, Math.max(3, (PENS[pen] * places.w * (rubs ? 3 : 1)) / 2), 0, TWO_PI);
  context.strokeStyle = rubs ? "#8a8680" : "#c23b2c";
  context.lineWidth = 2;
  context.stroke();
}

// The pen.

const on = ({ x, y }) => {
  const { paper: at, w, h } = places;
  return x >= at.x && x <= at.x + w && y >= at.y && y <= at.y + h;
};
const place = ({ x, y }) => [(x - places.paper.x) / places.w, (y - places.paper.y) / places.h];

/** The last piece of a line; a curve through the middles of its points has no corners. */
function ink({ points, width: share, rubs: white }, from = 0) {
  const context = paper.getContext("2d");
  const [w, h] = [paper.width, paper.height];
  const at = ([u, v]) => [u * w, v * h];
  Object.assign(context, { lineCap: "round", lineJoin: "round", lineWidth: share * w, strokeStyle: white ? "#fff" : "#000" });
  context.beginPath();
  if (points.length === 1) context.moveTo(...at(points[0])), context.lineTo(...at(points[0]));
  for (let i = Math.max(1, from); i < points.length; i++) {
    const [a, b, c] = [points[Math.max(i - 2, 0)], points[i - 1], points[i]].map(at);
    context.moveTo((a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
    context.quadraticCurveTo(b[0], b[1], (b[0] + c[0]) / 2, (b[1] + c[1]) / 2);
    if (i === points.length - 1) context.lineTo(...c);
  }
  context.stroke();
  dirty = true;
}

function again() {
  const context = paper.getContext("2d");
  // What networks were trained on is black and white; the tone of the paper comes after.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, paper.width, paper.height);
  if (!strokes.length) cleared = millis();
  strokes.forEach((each) => ink(each));
  dirty = true;
}

function start(point) {
  line = { points: [point], width: PENS[pen] * (rubs ? 3 : 1), rubs };
  strokes.push(line);
  ink(line);
}

function go(point) {
  line.points.push(point);
  ink(line, line.points.length - 1);
}

function undo() {
  strokes.pop();
  touch();
  again();
}

function clearPaper() {
  strokes = [];
  touch();
  again();
}

/** Somebody is there: the ghost's drawing goes with the ghost. */
function touch() {
  touched = millis() / 1000;
  if (!ghost) return;
  ghost = 0;
  strokes = [];
  again();
}

async function send() {
  // Now and then although nothing changed: the server may be another one.
  const due = dirty ? SEND_EVERY : 1000;
  if (sending || !live.connected || millis() - sent < due) return;
  [sending, dirty, sent] = [true, false, millis()];
  await live.send(paper, { size: 512, quality: 0.9 });
  sending = false;
}

// The ghost: it draws when nobody does, so that whoever comes sees what this is for.

/** Points along all strokes, round and even, pauses between them, and a clean sheet at the end. */
const traced = (drawing) => [
  ...drawing.flatMap((marks) => {
    const points = marks.slice(1).flatMap((_, i) => Array.from({ length: 6 }, (_, k) => curve(marks, i, k / 6)));
    return [null, ...points, marks.at(-1).map((part) => part / 10), ...Array(8).fill("wait")];
  }),
  ...Array(150).fill("wait"),
  "clear",
];

/** Between mark i and the next, through both (Catmull and Rom 1974). */
function curve(marks, i, t) {
  const [a, b, c, d] = [-1, 0, 1, 2].map((k) => marks[Math.min(Math.max(i + k, 0), marks.length - 1)]);
  const along = (p, q, r, s) => q + 0.5 * t * (r - p + t * (2 * p - 5 * q + 4 * r - s + t * (3 * (q - r) + s - p)));
  return [along(a[0], b[0], c[0], d[0]) / 10, along(a[1], b[1], c[1], d[1]) / 10];
}

function haunt() {
  if ((ghost === 0 && strokes.length) || frameCount % 2) return;
  const step = TRACE[ghost++ % TRACE.length];
  if (step === null) line = null;
  if (Array.isArray(step)) line ? go(step) : start(step);
  if (step !== "clear") return;
  strokes = [];
  again();
}

function ghostly() {
  const step = ghost ? TRACE[(ghost - 1) % TRACE.length] : null;
  return Array.isArray(step) ? { x: places.paper.x + step[0] * places.w, y: places.paper.y + step[1] * places.h } : null;
}

const TRACE = [...traced(FACE), ...traced(MUSHROOM)];

// Tools.

function build() {
  const bar = document.createElement("nav");
  bar.innerHTML = `
    ${PENS.map((_, i) => `<button data-pen="${i}" aria-label="pen ${i + 1}"><i style="--s: ${[6, 12, 26][i]}px"></i></button>`).join("")}
    <button data-act="rub" aria-label="rubber">Rub</button><button data-act="undo">Undo</button><button data-act="clear">Clear</button>
    <select id="network" aria-label="network"></select>`;
  document.body.append(bar);
  const style = document.createElement("style");
  style.textContent = `
    nav { position: fixed; left: 0; right: 0; bottom: 14px; display: flex; gap: 10px; justify-content: center; padding: 0 12px; }
    nav button, nav select { height: 66px; min-width: 66px; padding: 0 20px; border: 0; border-radius: 14px; background: #1b1b20; color: #f4f1ec;
      font: 650 21px/1 Inter, system-ui, sans-serif; touch-action: manipulation; cursor: pointer; }
    nav select { max-width: 30vw; color: ${SOFT}; }
    nav button[aria-pressed=true] { background: ${GLOW}; color: #0b0b0d; }
    nav i { display: inline-block; width: var(--s); height: var(--s); border-radius: 50%; background: currentColor; }
    .hint { bottom: 100px !important; }
    @media (max-width: 700px) { nav { gap: 5px; } nav button, nav select { min-width: 44px; padding: 0 9px; font-size: 16px; } }`;
  document.head.append(style);
  bar.addEventListener("pointerdown", (event) => event.stopPropagation());
  bar.addEventListener("click", ({ target }) => press(target.closest("button")?.dataset ?? {}));
  bar.querySelector("select").addEventListener("change", ({ target }) => choose(target.value));
  buttons = [...bar.querySelectorAll("button")];
  mark();
}

function press({ pen: chosen, act }) {
  if (chosen !== undefined) [pen, rubs] = [Number(chosen), false];
  if (act === "rub") rubs = !rubs;
  if (act === "undo") undo();
  if (act === "clear") clearPaper();
  mark();
}

function mark() {
  for (const button of buttons) {
    const { act, pen: width } = button.dataset;
    button.setAttribute("aria-pressed", act === "rub" ? rubs : Number(width) === pen && !rubs);
  }
}

addEventListener("pointerdown", ({ clientX: x, clientY: y }) => {
  if (!places || !on({ x, y })) return;
  touch();
  start(place({ x, y }));
  line.held = true;
});
addEventListener("pointermove", (event) => {
  if (!line?.held) return;
  touched = millis() / 1000;
  for (const each of event.getCoalescedEvents?.() ?? [event]) go(place({ x: each.clientX, y: each.clientY }));
});
for (const name of ["pointerup", "pointercancel"]) addEventListener(name, () => {
  if (line) line.held = false;
});

function keyPressed() {
  const keys = { z: undo, c: clearPaper, Delete: clearPaper, e: () => press({ act: "rub" }) };
  if (/^[123]$/.test(key)) press({ pen: Number(key) - 1 });
  keys[key]?.();
}

function windowResized() {
  resizeCanvas(windowWidth, windowHeight);
  size();
}
