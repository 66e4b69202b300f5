// One control for each parameter of the table, by its type. Each returns {element, show(value)}.

/** An element: make("button", {class: "on", onclick}, "text", child). */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** The control of a parameter. label: what to call it; options.names: names of classes. */
export function control(live, param, label, options = {}) {
  const kinds = { float: slider, bool: toggle, choice: choices, name: named, int: options.names?.length ? letters : int };
  return kinds[param.type](live, param, label, options);
}

function int(live, param, label) {
  return param.max > 4096 ? seed(live, param, label) : slider(live, param, label);
}

function slider(live, param, label) {
  const input = make("input", {
    type: "range", min: param.min, max: param.max, step: param.type === "int" ? 1 : "any", "aria-label": param.name,
  });
  const output = make("output");
  const element = row(param, label, output, input);
  const show = (value) => {
    if (document.activeElement !== input || !input.matches(":active")) input.value = value;
    output.replaceChildren(written(param, Math.min(value, input.max)), make("small", {}, param.unit));
    element.classList.toggle("moved", Math.abs(value - param.default) > 1e-6);
    fill(input, { min: param.min, max: Number(input.max) }, value);
  };
  const play = (value) => {
    live.set(param.name, value);
    show(value);
  };
  input.addEventListener("input", () => play(input.valueAsNumber));
  // Twice on the name goes back to where it began.
  element.querySelector(".top").addEventListener("dblclick", () => play(param.default));
  return { element, show };
}

/** The coloured part of a track: from zero, or from the low end where zero is no place in it. */
function fill(input, param, value) {
  const share = (v) => (100 * (v - param.min)) / (param.max - param.min);
  const zero = share(Math.min(Math.max(0, param.min), param.max));
  const place = share(value);
  input.style.setProperty("--from", `${Math.min(zero, place)}%`);
  input.style.setProperty("--to", `${Math.max(zero, place)}%`);
}

function written(param, value) {
  if (param.type === "int") return String(value);
  const digits = param.max - param.min > 50 ? 1 : 2;
  return value.toFixed(digits).replace("-", "−");
}

function row(param, label, output, ...rest) {
  const top = make("div", { class: "top", title: param.doc }, make("span", { class: "name" }, label), output);
  return make("div", { class: "control", "data-param": param.name }, top, ...rest);
}

function toggle(live, param, label) {
  const element = make(
    "button",
    { class: "switch", role: "switch", title: param.doc, "data-param": param.name, onclick: () => play() },
    make("span", { class: "name" }, label),
    make("i"),
  );
  const show = (value) => element.setAttribute("aria-checked", value);
  const play = () => {
    const value = element.getAttribute("aria-checked") !== "true";
    live.set(param.name, value);
    show(value);
  };
  return { element, show };
}

const MOST_BUTTONS = 6;

function choices(live, param, label) {
  const entries = param.choices.map((choice) => [choice, choice]);
  return (entries.length > MOST_BUTTONS ? menu : pick)(live, param, label, "choices", entries);
}

/** One of a listing that the server sent, or none. */
function named(live, param, label, { offered = [] }) {
  const entries = [["", "none"], ...offered.map((name) => [name, name])];
  return (entries.length > MOST_BUTTONS ? menu : pick)(live, param, label, "choices", entries);
}

function menu(live, param, label, _, entries) {
  const list = make("select", { "aria-label": param.name }, ...entries.map(([value, text]) => make("option", { value }, text)));
  list.addEventListener("change", () => (live.set(param.name, list.value), list.blur()));
  return { element: row(param, label, "", list), show: (value) => (list.value = value) };
}

function letters(live, param, label, { names }) {
  return pick(live, param, label, "letters", names.map((name, i) => [i, name]));
}

function pick(live, param, label, kind, entries) {
  const buttons = new Map(
    entries.map(([value, text]) => [value, make("button", { role: "radio", onclick: () => play(value) }, text)]),
  );
  const columns = `--columns: ${entries.length > 5 ? 3 : entries.length}`;
  const group = make("div", { class: kind, role: "radiogroup", "aria-label": param.name, style: columns }, ...buttons.values());
  const element = row(param, label, "", group);
  const show = (value) => buttons.forEach((button, key) => button.setAttribute("aria-checked", key === value));
  const play = (value) => {
    live.set(param.name, value);
    show(value);
  };
  return { element, show };
}

/** A number too large for a slider: one before, one after, any. */
function seed(live, param, label) {
  const input = make("input", { inputmode: "numeric", "aria-label": param.name, title: param.doc });
  const play = (value) => {
    live.set(param.name, value);
    show(value);
  };
  const step = (by) => play((Number(input.value) + by + param.max + 1) % (param.max + 1));
  const show = (value) => {
    if (document.activeElement !== input) input.value = value;
  };
  input.addEventListener("change", () => {
    const value = Number.parseInt(input.value, 10);
    if (Number.isFinite(value)) live.set(param.name, Math.min(Math.max(value, param.min), param.max));
    input.blur();
  });
  const button = (text, name, onclick) => make("button", { "aria-label": `${name} ${param.name}`, onclick }, text);
  const element = row(
    param, label, "",
    make("div", { class: "seed" },
      button("‹", "previous", () => step(-1)), input, button("›", "next", () => step(1)),
      button("⤨", "random", () => play(Math.floor(Math.random() * 100_000)))),
  );
  return { element, show };
}
