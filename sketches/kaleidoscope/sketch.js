// Four rings of mirrors around one stream, each turning against the next, sky against ground.
// Left and right turn them, up and down bring them closer, a click changes the number of mirrors.

// Radii in halves of the diagonal; mirrors for each of the stars; turns per minute.
const RINGS = [
  { from: 0.66, to: 1.02, mirrors: [32, 20, 44, 24], turn: 0.22 },
  { from: 0.38, to: 0.66, mirrors: [20, 32, 24, 12], turn: -0.34 },
  { from: 0.17, to: 0.38, mirrors: [12, 16, 10, 24], turn: 0.5 },
  { from: 0, to: 0.17, mirrors: [8, 6, 10, 12], turn: -0.8 },
];
const OVERLAP = 2.5; // pixels that neighbours share, mirrors and rings, or black shows between them

let live, wedge, hand, time = 0, star = 0;

function setup() {
  pixelDensity(1);
  createCanvas(windowWidth, windowHeight);
  wedge = createGraphics(8, 8);
  wedge.pixelDensity(1);
  live = connectLatent({ restore: true });
  hand = { x: 0.5, y: 0.5 };
}

const reach = () => Math.hypot(width, height) / 2;

function draw() {
  background(0);
  if (!live.frame) return;
  // The hand moves at once, the glass is heavy.
  hand.x = lerp(hand.x, mouseX / width || 0.5, 0.04);
  hand.y = lerp(hand.y, mouseY / height || 0.5, 0.04);
  time += (1 + 5 * (hand.x - 0.5)) * (deltaTime / 1000);
  drawingContext.save();
  drawingContext.translate(width / 2, height / 2);
  RINGS.forEach(ring);
  shade();
  drawingContext.restore();
}

/** A ring: one piece of the picture is cut, and laid around the middle as often as there are mirrors. */
function ring({ from, to, mirrors, turn }, i) {
  const [inner, outer] = [Math.max(from * reach() - OVERLAP, 0), to * reach()];
  const angle = TWO_PI / mirrors[star];
  const box = cut(inner, outer, angle, i);
  const context = drawingContext;
  if (i > 0) halo(outer);
  context.save();
  context.rotate((time * turn * TWO_PI) / 60);
  for (let n = 0; n < mirrors[star]; n++) {
    context.save();
    context.rotate((n + (n % 2)) * angle);
    if (n % 2) context.scale(1, -1);
    context.drawImage(wedge.elt, 0, 0, box.w, box.h, box.x, box.y, box.w, box.h);
    context.restore();
  }
  context.restore();
}

/** Cuts the piece between two radii and the angles 0 and `angle`. Returns where its canvas lies. */
function cut(inner, outer, angle, i) {
  const pad = (radius) => OVERLAP / Math.max(radius, 6);
  const x = Math.floor(inner * Math.cos(angle)) - 4;
  const y = -4;
  const w = Math.ceil(outer) + 2 - x;
  const h = Math.ceil(outer * Math.sin(Math.min(angle + pad(outer), HALF_PI))) + 4 - y;
  if (wedge.width < w || wedge.height < h) wedge.resizeCanvas(Math.max(w, wedge.width), Math.max(h, wedge.height));
  const context = wedge.drawingContext;
  context.save();
  // Beyond the box too: smoothing looks a pixel over its edge.
  context.clearRect(0, 0, w + 4, h + 4);
  context.translate(-x, -y);
  context.beginPath();
  context.arc(0, 0, outer, -pad(outer), angle + pad(outer));
  // The innermost pieces reach over the centre: their tips alone would leave a pinhole.
  if (inner > 0) context.arc(0, 0, inner, angle + pad(inner), -pad(inner), true);
  else context.lineTo(-OVERLAP * Math.cos(angle / 2), -OVERLAP * Math.sin(angle / 2));
  context.clip();
  look(context, inner, outer, angle, i);
  context.restore();
  return { x, y, w, h };
}

/** Lays the picture into a piece: its sky outward in one ring, inward in the next, and slowly swaying. */
function look(context, inner, outer, angle, i) {
  const side = Math.hypot(outer - inner, outer * angle) * (1.6 - 0.35 * hand.y);
  const spare = side - (outer - inner);
  context.rotate(angle / 2 + 0.2 * angle * sin(time * 0.23 + i));
  context.translate((inner + outer) / 2 + 0.3 * spare * sin(time * 0.19 + 2 * i), 0.06 * side * sin(time * 0.13 + i));
  context.rotate(i % 2 ? -HALF_PI : HALF_PI);
  live.drawOn(wedge, -side / 2, -side / 2, side, side);
}

/** Darkness under the rim of an inner ring, so that it floats above the next. */
function halo(radius) {
  const dark = drawingContext.createRadialGradient(0, 0, radius * 0.96, 0, 0, radius + 0.09 * reach());
  dark.addColorStop(0, "rgba(0, 0, 0, 0.82)");
  dark.addColorStop(1, "rgba(0, 0, 0, 0)");
  drawingContext.fillStyle = dark;
  drawingContext.beginPath();
  drawingContext.arc(0, 0, radius + 0.09 * reach(), 0, TWO_PI);
  drawingContext.fill();
}

/** Towards the corners it is night. */
function shade() {
  const dark = drawingContext.createRadialGradient(0, 0, reach() * 0.42, 0, 0, reach());
  dark.addColorStop(0, "rgba(0, 0, 0, 0)");
  dark.addColorStop(1, "rgba(0, 0, 0, 0.8)");
  drawingContext.fillStyle = dark;
  drawingContext.fillRect(-width / 2, -height / 2, width, height);
}

function mousePressed() {
  star = (star + 1) % RINGS[0].mirrors.length;
}

function keyPressed() {
  if (key === " ") live.trigger("seed/random");
}

function windowResized() {
  resizeCanvas(windowWidth, windowHeight);
}
