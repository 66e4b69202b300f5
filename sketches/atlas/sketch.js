// The plane of seeds as a country. Where the mouse goes, land appears; where nobody goes, it sinks back.
// Four neighbours meet in every spot, so the land is one, and it is the same when you come back.

const UNIT = 230; // pixels from one seed to the next
const BRUSH = 470; // pixels of land that one picture paints
const BRUSHES = 9; // of different shapes, or their edge would draw a line
const SINKS = { every: 40, share: 0.016 }; // frames, and share of the light that goes then
const DARK = [6, 6, 9];
const IDLE = 4; // seconds without a hand, then it wanders by itself

let live, land, brush, masks, stamp = 0, origin, hand, moved = -1e9;

function setup() {
  pixelDensity(1);
  createCanvas(windowWidth, windowHeight);
  live = connectLatent({ restore: true });
  live.on("open", () => live.set({ "walk/mode": "plane", psi: 0.9 }));
  live.on("frame", paint);
  brush = createGraphics(BRUSH, BRUSH);
  brush.pixelDensity(1);
  land = createGraphics(width, height);
  land.pixelDensity(1);
  land.background(...DARK);
  hand = { x: width / 2, y: height / 2 };
  masks = Array.from({ length: BRUSHES }, cloud);
  travel();
}

function travel() {
  origin = { x: random(0, 99 - width / UNIT), y: random(0, 99 - height / UNIT) };
}

/** A brush like a cloud: full in the middle, ragged where it ends. */
function cloud(_, number) {
  const small = 96;
  const canvas = createGraphics(small, small);
  canvas.pixelDensity(1);
  const pixels = canvas.drawingContext.createImageData(small, small);
  for (let i = 0; i < small * small; i++) {
    const [x, y] = [(i % small) / small - 0.5, Math.floor(i / small) / small - 0.5];
    const away = 2 * Math.hypot(x, y) + 0.9 * (noise(6 * x + 40 * number + 9, 6 * y + 9) - 0.5);
    const full = smooth01((0.86 - away) / 0.62) * smooth01((0.98 - 2 * Math.hypot(x, y)) / 0.3);
    pixels.data[4 * i + 3] = 150 * full;
  }
  canvas.drawingContext.putImageData(pixels, 0, 0);
  return canvas.elt;
}

function smooth01(x) {
  const inside = Math.min(Math.max(x, 0), 1);
  return inside * inside * (3 - 2 * inside);
}

/** Every picture that comes is laid down where it belongs. */
function paint() {
  const context = brush.drawingContext;
  context.globalCompositeOperation = "copy";
  live.drawOn(brush, 0, 0, BRUSH, BRUSH);
  context.globalCompositeOperation = "destination-in";
  context.drawImage(masks[stamp++ % BRUSHES], 0, 0, BRUSH, BRUSH);
  land.drawingContext.drawImage(brush.elt, hand.x - BRUSH / 2, hand.y - BRUSH / 2);
}

function draw() {
  wander();
  live.set({ "latent/x": origin.x + hand.x / UNIT, "latent/y": origin.y + hand.y / UNIT });
  if (frameCount % SINKS.every === 0) land.background(...DARK, 255 * SINKS.share);
  drawingContext.drawImage(land.elt, 0, 0);
  lantern();
}

/** The hand follows the mouse like something on water; left alone it goes its own way. */
function wander() {
  const t = millis() / 1000;
  const alone = t - moved > IDLE;
  const goal = alone
    ? { x: width * (0.5 + 0.4 * sin(t * 0.31) * cos(t * 0.083)), y: height * (0.5 + 0.38 * sin(t * 0.47 + 1) * cos(t * 0.11)) }
    : { x: mouseX, y: mouseY };
  const ease = alone ? 0.02 : 0.09;
  hand.x = lerp(hand.x, goal.x, ease);
  hand.y = lerp(hand.y, goal.y, ease);
}

/** A ring where the light comes from. */
function lantern() {
  noFill();
  stroke(255, 244, 224, 150);
  strokeWeight(1.5);
  circle(hand.x, hand.y, 26 + 4 * sin(millis() / 400));
}

function mouseMoved() {
  moved = millis() / 1000;
}

function mouseDragged() {
  moved = millis() / 1000;
}

function mousePressed() {
  travel();
  land.background(...DARK, 130);
}

function windowResized() {
  const before = land;
  resizeCanvas(windowWidth, windowHeight);
  land = createGraphics(width, height);
  land.pixelDensity(1);
  land.background(...DARK);
  land.image(before, 0, 0);
  before.remove();
}
