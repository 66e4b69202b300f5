// A mirror that paints. Whoever stands before it is a picture; a hand wipes the paint away and sees itself,
// until the paint grows back. Flick, arrows or numbers change the painter, the line on the right says how much.
// ?network=NAME&size=256. Without a camera there is a night with a moon.

const SEND_EVERY = 45; // ms
const FLICK = { time: 260, way: 90 }; // ms, pixels: faster than that is no wiping
const FOG = { side: 200, back: 0.028, finger: 0.085 }; // the mask: pixels, share that grows back, width of a finger
const IDLE = 5; // seconds without a hand, then one wanders by itself
const MOMENTS = 1500; // ms
const TESSERAE = { across: 56, appear: 900 }; // stones in a row; ms until paint covers them
const INK = "244, 238, 228";

let live, video, night, glass, fog, stones, moments = [], styles = 1, style = 0, strength = 1;
let network, ready = Infinity, asked = Infinity, sent = 0, sending = false, touched = -1e9, press = null, changed = -1e9;

function setup() {
  pixelDensity(1);
  createCanvas(windowWidth, windowHeight);
  [night, glass, fog, stones] = [sheet(320, 240), sheet(8, 8), sheet(FOG.side, FOG.side), sheet(8, 8)];
  live = connectLatent({ restore: true });
  live.on("open", begin);
  live.on("stats", ({ loading }) => waits(loading?.includes(network)));
  look();
}

function sheet(w, h) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [w, h];
  return canvas;
}

/** reads: whether the painter's network is being read. One that was there before is there within moments. */
function waits(reads) {
  if (reads) ready = Infinity;
  else if (millis() - asked > MOMENTS) ready = Math.min(ready, millis());
}

async function look() {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480, facingMode: "user" } });
    video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true, playsInline: true });
    await video.play();
  } catch {
    // No camera, or not allowed: the night.
    video = null;
  }
}

function begin() {
  const page = new URLSearchParams(location.search);
  const many = live.translators.filter((each) => each.styles > 1);
  const found = live.translators.find((each) => each.name === page.get("network")) ?? many[0] ?? live.translators[0];
  network = found?.name ?? "";
  styles = Math.max(found?.styles ?? 1, 1);
  asked = millis();
  live.set({
    source: "input", "input/mirror": true, "input/size": Number(page.get("size")) || 256, "walk/glide": 1.2,
    "then/1/network": network, "then/1/on": true, "then/1/style/mix": 0,
  });
  paint(styles > 1 ? Math.floor(random(styles)) : 0);
  much(1);
}

function paint(number) {
  style = ((number % styles) + styles) % styles;
  changed = millis();
  live.set("then/1/style/a", style);
}

function much(amount) {
  strength = constrain(amount, 0, 1);
  live.set("then/1/strength", strength);
}

/** What stands before the mirror. */
const before = () => (video?.videoWidth ? video : night);

async function send() {
  if (sending || millis() - sent < SEND_EVERY) return;
  [sending, sent] = [true, millis()];
  await live.send(before(), { size: 400, quality: 0.82 });
  sending = false;
}

function draw() {
  if (!video) moonlight();
  send();
  room();
  const { x, y, w, h } = frame();
  const covered = constrain((millis() - ready) / TESSERAE.appear, 0, 1);
  if (covered < 1) mosaic(x, y, w, h);
  drawingContext.globalAlpha = covered;
  if (covered) live.drawOn(drawingContext, x, y, w, h);
  drawingContext.globalAlpha = 1;
  wipe();
  unpainted();
  edge();
  painters();
  amount();
}

// The room: dark, but for the light of the mirror.

/** Where the mirror hangs, in the proportions of the stage. */
function frame() {
  const [sw, sh] = live.size[0] ? live.size : [1, 1];
  const [room_w, room_h] = [width * 0.82, height - 150];
  const scale = Math.min(room_w / sw, room_h / sh);
  const [w, h] = [sw * scale, sh * scale];
  return { x: (width - w) / 2, y: Math.max((height - 104 - h) / 2, 14), w, h };
}

function room() {
  background(7, 7, 9);
  if (!live.frame) return;
  const { x, y, w, h } = frame();
  const pen = drawingContext;
  // A few spots of the picture, as large as walls.
  for (const [u, v] of [[0.1, 0.3], [0.9, 0.3], [0.1, 0.8], [0.9, 0.8], [0.5, 0.95]]) {
    const [r, g, b] = live.color(u, v);
    const [cx, cy, reach] = [x + u * w, y + v * h, Math.max(w, h) * 0.75];
    const light = pen.createRadialGradient(cx, cy, 0, cx, cy, reach);
    light.addColorStop(0, `rgba(${r}, ${g}, ${b}, .2)`);
    light.addColorStop(1, `rgba(${r}, ${g}, ${b}, 0)`);
    pen.fillStyle = light;
    pen.fillRect(0, 0, width, height);
  }
}

/** Until the painter is there: whoever stands before the mirror, laid of stones. */
function mosaic(x, y, w, h) {
  const [across, down] = [TESSERAE.across, Math.round((TESSERAE.across * h) / w)];
  const pen = stones.getContext("2d", { willReadFrequently: true });
  if (stones.width !== across || stones.height !== down) [stones.width, stones.height] = [across, down];
  const source = before();
  const [sw, sh] = [source.videoWidth || source.width, source.videoHeight || source.height];
  const scale = Math.max(across / sw, down / sh);
  pen.setTransform(-scale, 0, 0, scale, across / 2, down / 2);
  pen.drawImage(source, -sw / 2, -sh / 2);
  const { data } = pen.getImageData(0, 0, across, down);
  const side = w / across;
  drawingContext.fillStyle = "#131118";
  drawingContext.fillRect(x, y, w, h);
  for (let i = 0; i < across * down; i++) {
    // A stone has one of few colours, is never quite even, and lies a little askew.
    const chance = Math.abs(Math.sin(i * 12.9898) * 43758.5453) % 1;
    const [r, g, b] = [0, 1, 2].map((c) => Math.round(data[4 * i + c] / 36) * 36 * (0.88 + 0.24 * chance));
    drawingContext.fillStyle = `rgb(${r}, ${g}, ${b})`;
    const [u, v] = [x + (i % across) * side, y + Math.floor(i / across) * (h / down)];
    drawingContext.fillRect(u + side * 0.08 * chance, v + side * 0.08 * (1 - chance), side * 0.88, side * 0.88);
  }
}

// The glass.

/** The paint grows back, and a hand takes it away: this one, or one that wanders. */
function wipe() {
  const pen = fog.getContext("2d");
  pen.globalCompositeOperation = "destination-out";
  pen.fillStyle = `rgba(0, 0, 0, ${FOG.back})`;
  pen.fillRect(0, 0, FOG.side, FOG.side);
  const t = millis() / 1000;
  if (press?.wipes) return finger(...within(press.x, press.y), 1);
  if (t - touched < IDLE) return;
  finger(0.5 + 0.33 * sin(t * 0.43) * cos(t * 0.11), 0.46 + 0.3 * sin(t * 0.61 + 1), 0.4);
}

/** A place of the window as a place of the mirror, 0..1. */
function within(px, py) {
  const { x, y, w, h } = frame();
  return [(px - x) / w, (py - y) / h];
}

function finger(u, v, force) {
  const [pen, x, y] = [fog.getContext("2d"), u * FOG.side, v * FOG.side];
  // The mask is square and the mirror need not be: a finger is round.
  const ratio = glass.width / glass.height;
  const reach = FOG.side * FOG.finger * (ratio > 1 ? 1 : ratio);
  pen.save();
  pen.globalCompositeOperation = "source-over";
  pen.translate(x, y);
  pen.scale(1 / Math.max(ratio, 1), 1 / Math.max(1 / ratio, 1));
  const soft = pen.createRadialGradient(0, 0, 0, 0, 0, reach * 1.7);
  soft.addColorStop(0, `rgba(0, 0, 0, ${0.55 * force})`);
  soft.addColorStop(0.5, `rgba(0, 0, 0, ${0.3 * force})`);
  soft.addColorStop(1, "rgba(0, 0, 0, 0)");
  pen.fillStyle = soft;
  pen.fillRect(-2 * reach, -2 * reach, 4 * reach, 4 * reach);
  pen.restore();
}

/** Where it was wiped, the mirror is a mirror. */
function unpainted() {
  const { x, y, w, h } = frame();
  if (glass.width !== Math.round(w) || glass.height !== Math.round(h)) [glass.width, glass.height] = [Math.round(w), Math.round(h)];
  const [source, pen] = [before(), glass.getContext("2d")];
  const [sw, sh] = [source.videoWidth || source.width, source.videoHeight || source.height];
  const scale = Math.max(w / sw, h / sh);
  pen.globalCompositeOperation = "copy";
  pen.imageSmoothingQuality = "high";
  pen.drawImage(fog, 0, 0, w, h);
  pen.globalCompositeOperation = "source-in";
  pen.save();
  pen.translate(w / 2, h / 2);
  pen.scale(-scale, scale);
  pen.drawImage(source, -sw / 2, -sh / 2);
  pen.restore();
  drawingContext.drawImage(glass, x, y, w, h);
}

/** Old mirrors are dark at the rim. */
function edge() {
  const { x, y, w, h } = frame();
  const reach = Math.hypot(w, h) / 2;
  const dark = drawingContext.createRadialGradient(x + w / 2, y + h / 2, reach * 0.6, x + w / 2, y + h / 2, reach * 1.04);
  dark.addColorStop(0, "rgba(4, 4, 8, 0)");
  dark.addColorStop(1, "rgba(4, 4, 8, 0.6)");
  drawingContext.fillStyle = dark;
  drawingContext.fillRect(x, y, w, h);
  drawingContext.strokeStyle = "rgba(244, 238, 228, .22)";
  drawingContext.lineWidth = 1.5;
  drawingContext.strokeRect(x, y, w, h);
}

// The painters: one tile each, with the last moment that each has painted.

const row = () => {
  const side = Math.min(64, (width * 0.9) / Math.max(styles, 6) - 4);
  return { side, gap: side + 4, x: width / 2 - (styles * (side + 4) - 4) / 2, y: height - side - 22 };
};

function painters() {
  if (styles < 2) return;
  const { side, gap, x, y } = row();
  if (millis() - Math.max(changed, ready) > 2600 && frameCount % 30 === 0) keep();
  const quiet = millis() / 1000 - touched > IDLE;
  const pen = drawingContext;
  pen.save();
  for (let i = 0; i < styles; i++) {
    const lift = i === style ? 10 : 0;
    pen.globalAlpha = i === style ? 1 : quiet ? 0.34 : 0.85;
    pen.fillStyle = "#17161a";
    pen.beginPath();
    pen.roundRect(x + i * gap, y - lift, side, side, 5);
    pen.fill();
    if (moments[i]) {
      pen.save();
      pen.clip();
      pen.drawImage(moments[i], x + i * gap, y - lift, side, side);
      pen.restore();
    } else {
      pen.fillStyle = `rgba(${INK}, .7)`;
      pen.font = `600 ${Math.max(11, side * 0.34)}px Inter, system-ui, sans-serif`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillText(i + 1, x + i * gap + side / 2, y - lift + side / 2 + 1);
    }
    if (i !== style) continue;
    pen.strokeStyle = `rgba(${INK}, .95)`;
    pen.lineWidth = 2;
    pen.stroke();
  }
  pen.restore();
}

/** The moment that the painter of now is remembered by. */
function keep() {
  moments[style] ??= sheet(96, 96);
  live.drawOn(moments[style].getContext("2d"), 0, 0, 96, 96);
}

// How much paint.

const line = () => {
  const { x, y, w, h } = frame();
  return { x: Math.min(x + w + 46, width - 22), top: y + h * 0.12, bottom: y + h * 0.88 };
};

function amount() {
  const { x, top, bottom } = line();
  const pen = drawingContext;
  const y = bottom + (top - bottom) * strength;
  pen.save();
  pen.globalAlpha = millis() / 1000 - touched > IDLE ? 0.4 : 1;
  pen.lineCap = "round";
  pen.lineWidth = 5;
  pen.strokeStyle = "rgba(10, 10, 14, .6)";
  stretch(pen, x, top, bottom);
  pen.strokeStyle = `rgb(${INK})`;
  stretch(pen, x, y, bottom);
  pen.fillStyle = `rgb(${INK})`;
  pen.beginPath();
  pen.arc(x, y, 13, 0, TWO_PI);
  pen.fill();
  pen.restore();
}

function stretch(pen, x, from, to) {
  pen.beginPath();
  pen.moveTo(x, from);
  pen.lineTo(x, to);
  pen.stroke();
}

// Hands and keys.

addEventListener("pointerdown", ({ clientX: x, clientY: y }) => {
  touched = millis() / 1000;
  const { side, gap, x: left, y: above } = row();
  const tile = Math.floor((x - left) / gap);
  if (styles > 1 && y > above - 14 && y < above + side + 14 && tile >= 0 && tile < styles) return paint(tile);
  if (Math.abs(x - line().x) < 40) {
    press = { slides: true };
    return slide(y);
  }
  press = { wipes: true, x, y, from: x, at: millis() };
});

addEventListener("pointermove", ({ clientX: x, clientY: y }) => {
  if (!press) return;
  touched = millis() / 1000;
  if (press.slides) return slide(y);
  // A quick hand leaves no gaps.
  for (let i = 1; i <= 4; i++) finger(...within(lerp(press.x, x, i / 4), lerp(press.y, y, i / 4)), 0.5);
  Object.assign(press, { x, y });
});

addEventListener("pointerup", () => {
  const way = press?.wipes ? press.x - press.from : 0;
  if (Math.abs(way) > FLICK.way && millis() - press.at < FLICK.time) paint(style - Math.sign(way));
  press = null;
});
addEventListener("pointercancel", () => (press = null));

function slide(y) {
  const { top, bottom } = line();
  much((bottom - y) / (bottom - top));
}

function keyPressed() {
  touched = millis() / 1000;
  if (/^[0-9]$/.test(key)) paint((Number(key) + 9) % 10);
  if (keyCode === RIGHT_ARROW || key === "ArrowRight") paint(style + 1);
  if (keyCode === LEFT_ARROW || key === "ArrowLeft") paint(style - 1);
  if (keyCode === UP_ARROW || key === "ArrowUp") much(strength + 0.1);
  if (keyCode === DOWN_ARROW || key === "ArrowDown") much(strength - 0.1);
  if (key === " ") paint(Math.floor(random(styles)));
}

/** What it shows where there is no camera: a moon over hills, its light on the water. */
function moonlight() {
  const [pen, t, w, h] = [night.getContext("2d"), millis() / 1000, night.width, night.height];
  const sky = pen.createLinearGradient(0, 0, 0, h);
  for (const [stop, colour] of [[0, "#16264f"], [0.45, "#8a5a7c"], [0.66, "#f0b27a"], [0.67, "#3b5d7d"], [1, "#0c1830"]]) {
    sky.addColorStop(stop, colour);
  }
  pen.fillStyle = sky;
  pen.fillRect(0, 0, w, h);
  const [mx, my] = [w * (0.5 + 0.3 * sin(t * 0.21)), h * (0.3 + 0.1 * cos(t * 0.17))];
  pen.fillStyle = "#fff3d6";
  pen.beginPath();
  pen.arc(mx, my, 26, 0, TWO_PI);
  pen.fill();
  for (let i = 0; i < 40; i++) {
    pen.fillStyle = `rgba(255, 244, 220, ${0.35 + 0.3 * sin(t * 1.7 + i * 2.3)})`;
    pen.fillRect((i * 83.7) % w, (i * 37.3) % (h * 0.4), 1.6, 1.6);
  }
  for (let i = 0; i < 5; i++) cloud(pen, ((i * 97 + t * (4 + i)) % (w + 140)) - 70, h * (0.16 + 0.075 * i), 1.3 - 0.14 * i);
  ["#54466b", "#2f3d5c", "#1c2942"].forEach((colour, i) => hill(pen, colour, i, t, w, h));
  for (let i = 0; i < 26; i++) {
    const y = h * 0.69 + i * 3.1;
    const reach = (5 + i * 1.1) * (0.6 + 0.4 * sin(t * 2.1 + i * 1.7));
    pen.fillStyle = `rgba(255, 236, 200, ${0.55 - i * 0.018})`;
    pen.fillRect(mx - reach + 5 * sin(t * 1.3 + i), y, 2 * reach, 1.6);
  }
}

function cloud(pen, x, y, scale) {
  pen.fillStyle = "rgba(250, 206, 178, .5)";
  for (const [dx, dy, r] of [[-34, 3, 12], [-16, -3, 17], [6, -6, 20], [26, 0, 15], [42, 4, 9]]) {
    pen.beginPath();
    pen.ellipse(x + dx * scale, y + dy * scale, r * scale, r * scale * 0.55, 0, 0, TWO_PI);
    pen.fill();
  }
}

function hill(pen, colour, i, t, w, h) {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.moveTo(0, h * 0.67);
  for (let x = 0; x <= w; x += 8) {
    pen.lineTo(x, h * (0.66 - (0.2 - 0.05 * i) * noise(x * 0.009 + i * 20 + t * 0.05 * (i + 1), i)));
  }
  pen.lineTo(w, h * 0.67);
  pen.fill();
}

function windowResized() {
  resizeCanvas(windowWidth, windowHeight);
}

addEventListener("pagehide", () => {
  video?.srcObject?.getTracks().forEach((track) => track.stop());
});
