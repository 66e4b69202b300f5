/// <reference path="lib/p5.latentart.d.ts" />
// A generator in a p5 sketch, with no server: rings of the picture, each turned a little further.
// On stage, with `latentart live` running, the same sketch begins with live = connectLatent().

let live, spin = 0;

function setup() {
  createCanvas(windowWidth, windowHeight);
  imageMode(CENTER);
  live = loadLatent("./");
  live.on("ready", () => live.walk("orbit", { speed: 0.3, radius: 1.5 }));
}

function draw() {
  background(6);
  translate(width / 2, height / 2);
  const side = max(width, height) * 1.5;
  for (let ring = 0; ring < 7; ring++) {
    rotate(spin);
    drawingContext.save();
    drawingContext.beginPath();
    drawingContext.arc(0, 0, (side / 2) * (1 - ring / 7), 0, TWO_PI);
    drawingContext.clip();
    live.draw(-side / 2, -side / 2, side, side);
    drawingContext.restore();
  }
  spin = lerp(spin, (mouseX / width - 0.5) * 0.5, 0.03);
}

function mouseMoved() { live.set("psi", map(mouseY, 0, height, 1.2, 0.2)); }
function mousePressed() { live.trigger("seed/random"); }
function keyPressed() { live.walk(["keyframes", "orbit", "drift", "flower", "hold"][Number(key) - 1] ?? live.get("walk/mode")); }
function windowResized() { resizeCanvas(windowWidth, windowHeight); }
