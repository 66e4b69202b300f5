// A network of one's own inside the page: `latentart export my-style.pth --to onnx -o my-style.onnx`, and drop it here.
// The network runs in this page alone. What it paints over is the live stream, a camera, or a picture dropped here; a
// generator (z, psi) paints by itself, on a loop through its first seeds.

const LONGER = 256; // pixels of the longer side that the network sees
const MODEL = new URLSearchParams(location.search).get("model") || "mosaic26.onnx";
const GLIDE = 0.12;

let live, source, painter, feed, session, model, shown, busy = false, styles = 0, multiple = 4;
let wanted = 4, style = 4, rate = 0, trouble = "", latents;

function setup() {
  pixelDensity(1);
  createCanvas(windowWidth, windowHeight);
  [source, feed, shown] = [0, 1, 2].map(() => document.createElement("canvas"));
  painter = source.getContext("2d");
  size(LONGER, Math.round((LONGER * 2) / 3));
  live = connectLatent({ restore: true });
  live.on("open", () => live.set({ "walk/mode": "drift", "walk/radius": 1, "walk/speed": 0.1, psi: 0.8 }));
  select("#fetch").mousePressed(fetchPlayer);
  select("#style").input(() => { wanted = Number(select("#style").value()); });
  start(MODEL, () => fetch(MODEL).then((found) => (found.ok ? found.arrayBuffer() : Promise.reject(new Error(`no ${MODEL} here`)))));
  select("canvas").drop(dropped);
}

/** Loads a network; its inputs say what it takes: img [n, 3, 4*height, 4*width] and perhaps style [26]. */
async function start(name, bytes) {
  try {
    if (!window.ort) return void (select("#fetch").elt.hidden = false);
    ort.env.wasm.wasmPaths = "/browser/";
    ort.env.wasm.numThreads = 1;
    const made = await ort.InferenceSession.create(new Uint8Array(await bytes()), { executionProviders: ["wasm"] });
    const inputs = Object.fromEntries(made.inputMetadata.map((input) => [input.name, input.shape]));
    if (!inputs.img && !inputs.z) throw new Error(`${name} takes ${made.inputNames.join(", ")}: export a translator or a generator`);
    latents = inputs.img ? undefined : await loopOf(inputs);
    multiple = Number(/^(\d+)\*/.exec(inputs.img?.[2])?.[1] ?? 1);
    styles = inputs.style ? inputs.style[0] : 0;
    [session, model, trouble] = [made, name, ""];
    select("#style").attribute("max", String(Math.max(styles - 1, 0)));
    select("#style").elt.parentElement.hidden = !styles;
  } catch (error) {
    trouble = error.message;
  }
}

/** Feeds of a generator at a moment: z on a great circle from seed to seed, as in Python; strength is psi. */
async function loopOf({ z: [, length], c }) {
  const { zOf, loop } = await import("../lib/latent.numbers.js");
  const curve = loop(Array.from({ length: 8 }, (_, seed) => zOf(seed, length)), "slerp");
  return () => {
    const z = new ort.Tensor("float32", Float32Array.from(curve(millis() / 32_000)), [1, length]);
    const psi = new ort.Tensor("float32", Float32Array.of(select("#strength").value()), []);
    const first = c && new ort.Tensor("float32", Float32Array.from({ length: c[1] }, (_, i) => Number(i === 0)), c);
    return c ? { z, psi, c: first } : { z, psi };
  };
}

/** Has the server fetch the player of networks (onnxruntime-web, by npm), and begins again with it. */
async function fetchPlayer() {
  const button = select("#fetch").elt;
  [button.disabled, button.textContent, trouble] = [true, "Fetching the player ...", ""];
  const { token } = live.options;
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch("/api/player", { method: "POST", headers }).then((found) => found.json(), (error) => ({ error: error.message }));
  if (!answer.error) return location.reload();
  [button.disabled, button.textContent, trouble] = [false, "Try again", answer.error];
}

function draw() {
  background(6);
  paint();
  style += (wanted - style) * GLIDE;
  if (session && !busy) paintOver();
  const strength = Number(select("#strength").value());
  lay(source, 1);
  if (session && shown.width > 1) lay(shown, latents ? 1 : strength);
  if (!latents) inset();
  select("#name").html(trouble || `${model ?? (window.ort ? "loading" : "this page paints with a network of its own, once its player is here")}${styles ? `, style ${style.toFixed(1)}` : ""}`);
  select("#rate").html(rate ? `${rate.toFixed(1)} pictures a second in this page` : "");
}

/** One picture through the network; the next begins when this one is there. */
async function paintOver() {
  busy = true;
  const began = performance.now();
  try {
    const made = await session.run(latents ? latents() : inputs());
    show(made[session.outputNames[0]]);
    const now = 1000 / (performance.now() - began);
    rate = rate ? rate * 0.9 + now * 0.1 : now;
  } catch (error) {
    [trouble, session] = [error.message.split("\n")[0], undefined];
  }
  busy = false;
}

/** The source, padded to sides that the network takes, as numbers from -1 to 1. */
function inputs() {
  const [w, h] = [source.width, source.height].map((side) => Math.ceil(side / multiple) * multiple);
  [feed.width, feed.height] = [w, h];
  const context = feed.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, w, h);
  const { data } = context.getImageData(0, 0, w, h);
  const numbers = new Float32Array(3 * w * h);
  for (let i = 0; i < w * h; i++) for (let c = 0; c < 3; c++) numbers[c * w * h + i] = data[4 * i + c] / 127.5 - 1;
  const img = new ort.Tensor("float32", numbers, [1, 3, h, w]);
  return styles ? { img, style: new ort.Tensor("float32", shares(), [styles]) } : { img };
}

/** Between two styles, a share of each. */
function shares() {
  const found = new Float32Array(styles);
  const low = Math.min(Math.floor(style), styles - 1);
  found[low] = 1 - (style - low);
  if (low + 1 < styles) found[low + 1] = style - low;
  return found;
}

function show({ dims: [, channels, h, w], data }) {
  const made = new ImageData(w, h);
  for (let i = 0; i < w * h; i++) {
    for (let c = 0; c < 3; c++) made.data[4 * i + c] = data[(c % channels) * w * h + i] * 127.5 + 128;
    made.data[4 * i + 3] = 255;
  }
  [shown.width, shown.height] = [w, h];
  shown.getContext("2d").putImageData(made, 0, 0);
  window.lastPicture = { w, h, data };
}

/** Over the whole window, cut where the shapes differ. */
function lay(canvas, alpha) {
  const scale = Math.max(width / canvas.width, height / canvas.height);
  const [w, h] = [canvas.width * scale, canvas.height * scale];
  drawingContext.globalAlpha = alpha;
  drawingContext.drawImage(canvas, (width - w) / 2, (height - h) / 2, w, h);
  drawingContext.globalAlpha = 1;
}

/** What the network sees, small, in a corner. */
function inset() {
  const w = Math.min(width, height) * 0.3;
  const h = (w * source.height) / source.width;
  drawingContext.drawImage(source, width - w - 24, 24, w, h);
}

// Where pictures come from.

let camera, still;

function paint() {
  if (camera?.videoWidth) {
    size(camera.videoWidth, camera.videoHeight);
    painter.drawImage(camera, 0, 0, source.width, source.height);
  } else if (still) {
    size(still.width, still.height);
    painter.drawImage(still, 0, 0, source.width, source.height);
  } else if (live.frame) {
    size(live.frame.width, live.frame.height);
    painter.drawImage(live.frame.bitmap, 0, 0, source.width, source.height);
    live.drawn();
  }
}

function size(w, h) {
  const scale = LONGER / Math.max(w, h);
  const [wide, high] = [Math.round(w * scale), Math.round(h * scale)];
  if (source.width !== wide || source.height !== high) [source.width, source.height] = [wide, high];
}

async function mousePressed(event) {
  if (event?.target?.tagName !== "CANVAS") return;
  if (camera) {
    for (const track of camera.srcObject.getTracks()) track.stop();
    camera = undefined;
    return;
  }
  try {
    const video = document.createElement("video");
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640 } });
    await video.play();
    [camera, still] = [video, undefined];
  } catch (error) {
    trouble = `no camera: ${error.message}`;
  }
}

function dropped(file) {
  if (/\.onnx$/i.test(file.name)) start(file.name, () => file.file.arrayBuffer());
  else createImageBitmap(file.file).then((found) => { still = found; }, () => { trouble = `${file.name} is no picture`; });
}

function keyPressed() {
  if (!styles) return;
  if (key >= "0" && key <= "9") wanted = Number(key);
  if (keyCode === RIGHT_ARROW) wanted = Math.min(Math.round(wanted) + 1, styles - 1);
  if (keyCode === LEFT_ARROW) wanted = Math.max(Math.round(wanted) - 1, 0);
  select("#style").value(wanted);
}

function windowResized() {
  resizeCanvas(windowWidth, windowHeight);
}
