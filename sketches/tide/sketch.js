// A landscape on a string. The middle is now; the past runs out to both sides, and sound makes it tremble.
// It listens to the microphone, to a file dropped on it, or to a sea of its own where there is neither.

const PAST = 96; // pictures kept
const STRIP = 4; // pixels of one slice
const BANDS = { low: [30, 220], mid: [220, 1800], high: [1800, 9000] }; // Hz
const TELL_EVERY = 33; // ms

let live, past, side, count = 0, ear, levels = { rms: 0, low: 0, mid: 0, high: 0, onset: 0 }, wave, told = 0;

function setup() {
  pixelDensity(1);
  createCanvas(windowWidth, windowHeight);
  noCursor();
  wave = new Float32Array(512);
  live = connectLatent({ restore: true });
  live.on("open", () =>
    live.set({ "walk/mode": "drift", "walk/radius": 1.2, "walk/speed": 0.2, psi: 0.8, "react/psi": 0.4, "react/speed": 1, "react/kick": 2,
      "react/style": 0.6, "style/middle/seed": 7, "react/noise": 0.8 }),
  );
  live.on("frame", remember);
}

/** Pictures go around in a ring of one tall canvas. */
function remember({ width: w, height: h }) {
  if (!past || side !== w) {
    side = w;
    past = document.createElement("canvas");
    [past.width, past.height] = [w, PAST * w];
    past.fresh = past.getContext("2d", { alpha: false });
  }
  const place = count++ % PAST;
  past.fresh.drawImage(live.frame.bitmap, 0, place * side, side, side * (w / h));
  live.drawn();
}

function draw() {
  listen();
  background(4, 4, 7);
  if (!past) return;
  const rows = Math.ceil(height / STRIP);
  for (let i = 0; i < rows; i++) slice((i + 0.5) / rows, i * STRIP);
  dusk();
}

/** One slice: from how far back, and how far pushed aside. */
function slice(v, y) {
  const away = Math.abs(v - 0.5) * 2;
  const back = Math.min(away ** 1.3 * (PAST - 3), Math.max(count - 2, 0));
  // Sound travels outwards with the pictures, and tires.
  const sample = wave[Math.floor(away * (wave.length - 1))];
  const swing = sample * width * 0.15 * (1 - away) ** 0.7 * (v < 0.5 ? -1 : 1);
  const w = width * (1.04 + 0.1 * levels.low * (1 - away)) + 2 * Math.abs(swing);
  const [whole, part] = [Math.floor(back), back % 1];
  lay(whole, 1, v, (width - w) / 2 + swing, y, w);
  if (part > 0.05 && back > 0) lay(whole + 1, part, v, (width - w) / 2 + swing, y, w);
}

function lay(back, alpha, v, x, y, w) {
  const place = (((count - 1 - back) % PAST) + PAST) % PAST;
  drawingContext.globalAlpha = alpha;
  drawingContext.drawImage(past, 0, place * side + Math.min(v * side, side - 2), side, 1, x, y, w, STRIP);
  drawingContext.globalAlpha = 1;
}

/** The past is darker. */
function dusk() {
  const dark = drawingContext.createLinearGradient(0, 0, 0, height);
  for (const [stop, alpha] of [[0, 0.9], [0.3, 0.2], [0.5, 0], [0.7, 0.2], [1, 0.9]]) {
    dark.addColorStop(stop, `rgba(4, 4, 8, ${alpha})`);
  }
  drawingContext.fillStyle = dark;
  drawingContext.fillRect(0, 0, width, height);
}

// Sound.

function listen() {
  if (ear) measure();
  else breathe();
  if (millis() - told < TELL_EVERY) return;
  told = millis();
  live.set(Object.fromEntries(Object.entries(levels).map(([band, level]) => [`audio/${band}`, Math.min(1, level)])));
}

/** Silence breathes: slow waves that never quite repeat. */
function breathe() {
  const t = millis() / 1000;
  const swell = (0.5 + 0.5 * sin(t * 0.61)) * (0.6 + 0.4 * sin(t * 0.23 + 2));
  levels = { rms: 0.5 * swell, low: 0.45 * swell, mid: 0.2 * swell, high: 0.25 * swell * swell, onset: 0 };
  for (let i = 0; i < wave.length; i++) {
    const x = i / wave.length;
    wave[i] = swell * (0.34 * Math.sin(9 * x - 2.1 * t) + 0.16 * Math.sin(23 * x - 3.7 * t) + 0.06 * Math.sin(61 * x - 6 * t));
  }
}

function measure() {
  const { analyser, spectrum, samples } = ear;
  analyser.getFloatTimeDomainData(samples);
  analyser.getByteFrequencyData(spectrum);
  const rms = Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
  // A quiet room and a loud one both fill the range: the loudest of the last half minute is 1.
  ear.loudest = Math.max(ear.loudest * 0.9995, rms, 0.02);
  const before = levels.rms;
  levels = { rms: rms / ear.loudest, onset: 0 };
  for (const [band, range] of Object.entries(BANDS)) levels[band] = energy(spectrum, ...range);
  levels.onset = Math.max(0, levels.rms - before);
  for (let i = 0; i < wave.length; i++) wave[i] = 0.8 * wave[i] + (0.2 * samples[i * 2]) / ear.loudest;
}

function energy(spectrum, low, high) {
  const hertz = ear.context.sampleRate / 2 / spectrum.length;
  const [from, to] = [Math.floor(low / hertz), Math.ceil(high / hertz)];
  let sum = 0;
  for (let i = from; i < to; i++) sum += spectrum[i];
  return sum / (255 * (to - from));
}

/** An ear on a source; heard: whether it also goes to the loudspeakers. */
function attach(context, source, heard) {
  const analyser = new AnalyserNode(context, { fftSize: 1024, smoothingTimeConstant: 0.6 });
  source.connect(analyser);
  if (heard) analyser.connect(context.destination);
  ear = { context, analyser, loudest: 0.02, spectrum: new Uint8Array(512), samples: new Float32Array(1024) };
}

async function hear() {
  const context = new AudioContext();
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false } });
    attach(context, context.createMediaStreamSource(stream), false);
  } catch {
    // No microphone, or not allowed: a sea of its own.
    attach(context, sea(context), true);
  }
}

/** Surf: noise that swells, over two low tones a little apart. */
function sea(context) {
  const out = new GainNode(context, { gain: 0.25 });
  const noise = context.createBuffer(1, context.sampleRate * 4, context.sampleRate);
  const data = noise.getChannelData(0);
  for (let i = 1; i < data.length; i++) data[i] = 0.98 * data[i - 1] + 0.06 * (Math.random() * 2 - 1);
  const surf = new AudioBufferSourceNode(context, { buffer: noise, loop: true });
  const swell = new GainNode(context, { gain: 0.6 });
  const slow = new OscillatorNode(context, { frequency: 0.11 });
  slow.connect(new GainNode(context, { gain: 0.5 })).connect(swell.gain);
  surf.connect(swell).connect(out);
  for (const frequency of [55, 55.4, 82.5]) {
    const tone = new OscillatorNode(context, { type: "triangle", frequency });
    tone.connect(new GainNode(context, { gain: 0.35 })).connect(out);
    tone.start();
  }
  surf.start();
  slow.start();
  return out;
}

async function play(file) {
  const context = ear?.context ?? new AudioContext();
  const buffer = await context.decodeAudioData(await file.arrayBuffer());
  const source = new AudioBufferSourceNode(context, { buffer, loop: true });
  attach(context, source, true);
  source.start();
}

function mousePressed() {
  if (!ear) hear();
}

function windowResized() {
  resizeCanvas(windowWidth, windowHeight);
}

addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files[0]) play(event.dataTransfer.files[0]);
});
