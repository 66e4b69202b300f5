// A sheet of type that is never finished: each letter that is typed grows out of the one before.
// The large letter is now. Beside it stand the forms it passed through, below it what was written.

const PAPER = [236, 231, 221], INK = [22, 20, 24], RED = [206, 62, 44];
const GRAIN = 288; // side of the bitmap that a letter is inked on
const CLOSER = 1.42;
const MORPH = 0.9, SHORTEST = 0.22; // seconds from one letter to the next
const KEPT_EVERY = 5; // pictures between two kept forms
const COLUMNS = 4, ROWS = 5;
const POEM = "LETTERS remember Every HAND that wrote them ";
const IDLE = 5; // seconds
const SETTLES = 12; // pictures of the model before that are still on their way

let live, letter, forms = [], line = [], queue = [], busy = 0, typed = -1e9, verse = 0, now = "", before = "", count = 0;
let lettersFrom = Infinity; // the first picture that is a letter

function setup() {
  createCanvas(windowWidth, windowHeight);
  live = connectLatent({ restore: true });
  live.on("open", begin).on("news", begin).on("frame", ink);
  letter = sheet();
}

/** Whether the model that plays draws letters. */
const lettered = () => Boolean(live.model.classes?.length);

function begin() {
  if (!lettered()) return live.trigger("model/load", "glyphs-64");
  live.set({ "walk/mode": "orbit", "walk/radius": 0.45, "walk/speed": 0.35, "class/mix": 0, psi: 0.75, "noise/mode": "none",
    "source": "generator", "then/1/network": "", "then/2/network": "", "then/3/network": "" });
  forms = [];
  lettersFrom = live.frame ? live.frame.frame + SETTLES : 0;
}

/** A square to ink on. */
function sheet() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = GRAIN;
  return canvas;
}

/** White on black and 64 pixels small comes in; ink with a sharp edge goes on the sheet. */
function ink() {
  if (!lettered() || live.frame.frame < lettersFrom) return;
  const context = letter.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.globalCompositeOperation = "copy";
  // Letters stand small in their picture.
  const over = (GRAIN * (CLOSER - 1)) / 2;
  live.drawOn(context, -over, -over, GRAIN + 2 * over, GRAIN + 2 * over, "contain");
  const inked = context.getImageData(0, 0, GRAIN, GRAIN);
  const { data } = inked;
  for (let i = 0; i < data.length; i += 4) {
    const light = data[i + 1] / 255;
    const edge = Math.min(Math.max((light - 0.36) / 0.16, 0), 1);
    [data[i], data[i + 1], data[i + 2]] = INK;
    data[i + 3] = 255 * edge * edge * (3 - 2 * edge);
  }
  context.putImageData(inked, 0, 0);
  if (count++ % KEPT_EVERY === 0) keep();
}

function keep() {
  const form = forms.length >= COLUMNS * ROWS ? forms.pop() : sheet();
  const context = form.getContext("2d");
  context.globalCompositeOperation = "copy";
  context.drawImage(letter, 0, 0);
  forms.unshift(form);
}

function draw() {
  background(...PAPER);
  write();
  const unit = Math.min(width, height * 1.5) / 100;
  const wide = width > height;
  const large = wide ? { x: 7 * unit, y: 6 * unit, side: 47 * unit } : { x: width * 0.09, y: unit * 6, side: width * 0.82 };
  const left = wide ? large.x + large.side + 3 * unit : width * 0.09;
  drawingContext.drawImage(letter, large.x, large.y, large.side, large.side);
  past(left, wide ? large.y + 2.2 * unit : large.y + large.side + 2 * unit, (wide ? width - left - 5 * unit : width * 0.82) / COLUMNS);
  written(large.x, height - 11.5 * unit, unit);
}

/** The forms on the way, newest first, each a little lighter than the one after. */
function past(x, y, side) {
  const context = drawingContext;
  const rows = Math.min(ROWS, Math.floor((height * 0.82 - y) / side));
  forms.slice(0, COLUMNS * Math.max(rows, 1)).forEach((form, i) => {
    context.globalAlpha = 1 - (0.86 * i) / (COLUMNS * ROWS);
    context.drawImage(form, x + (i % COLUMNS) * side, y + Math.floor(i / COLUMNS) * side, side * 0.94, side * 0.94);
  });
  context.globalAlpha = 1;
}

/** What was written, on its line, and the two letters that are on their way from one to the other. */
function written(x, y, unit) {
  const step = 5.1 * unit;
  const room = Math.floor((width - 2 * x) / step);
  line.slice(-room).forEach((form, i) => form && drawingContext.drawImage(form, x + i * step - unit, y, 6.2 * unit, 6.2 * unit));
  const end = y + 6.6 * unit;
  noStroke();
  fill(...INK);
  rect(x, end, width - 2 * x, Math.max(1, unit / 9));
  fill(...RED);
  rect(x + Math.min(line.length, room) * step, end - 5.4 * unit, unit / 3, 5.0 * unit);
  fill(...INK);
  textFont("Georgia, 'DejaVu Serif', serif");
  textSize(1.5 * unit);
  text(before ? `${before} becomes ${now}` : "", x, end + 2.6 * unit);
}

/** Takes the next letter when the last one has arrived; recites when nobody types. */
function write() {
  const t = millis() / 1000;
  if (t < busy || !lettered() || !forms.length) return;
  if (now && !line.settled) settle();
  if (!queue.length && t - typed > IDLE) queue.push(POEM[verse++ % POEM.length]);
  const next = queue.shift();
  if (next === undefined) return;
  line.settled = next === " ";
  if (next === " ") return void line.push(null) || (busy = t + 0.4);
  const seconds = Math.max(SHORTEST, MORPH / (1 + queue.length / 2));
  [before, now] = [now, next];
  live.set("class/a", live.model.classes.indexOf(next), { fade: seconds });
  busy = t + seconds + 0.25;
}

/** The finished letter goes to the line. */
function settle() {
  const form = sheet();
  form.getContext("2d").drawImage(letter, 0, 0);
  line.push(form);
  line.settled = true;
  if (line.length > 64) line.shift();
}

function keyTyped() {
  typed = millis() / 1000;
  if (key === " " || live.model.classes?.includes(key)) queue.push(key);
  return false;
}

function keyPressed() {
  if (keyCode === BACKSPACE) line.pop();
  if (keyCode === UP_ARROW) live.trigger("seed/next");
  if (keyCode === DOWN_ARROW) live.trigger("seed/prev");
}

function windowResized() {
  resizeCanvas(windowWidth, windowHeight);
}
