// Presets, cues, takes, and the camera: what is chosen by name rather than turned.
import { make } from "./controls.js";

const CAMERA_EVERY = 66; // ms

/** The sheet of scenes. `refresh` shows new lists. */
export function scenes(live, notice) {
  const presets = make("div", { class: "list" });
  const cues = make("div", { class: "list cues" });
  const fade = make("input", { type: "range", min: 0, max: 20, step: 0.5, value: 2, "aria-label": "fade of presets" });
  const seconds = make("output");
  const showFade = () => {
    seconds.replaceChildren(Number(fade.value).toFixed(1), make("small", {}, "s"));
    fade.style.setProperty("--to", `${(100 * fade.value) / 20}%`);
  };
  fade.addEventListener("input", showFade);
  showFade();

  const name = make("input", { placeholder: "name", maxlength: 64, "aria-label": "name of a preset" });
  const keep = make("button", {}, "Keep");
  const settle = () => (keep.textContent = "Keep");
  name.addEventListener("input", settle);
  const store = async (event) => {
    event.preventDefault();
    const title = name.value.trim();
    if (!title) return name.focus();
    if (live.presets.includes(title) && keep.textContent === "Keep") {
      keep.textContent = "Replace";
      return notice(`There is a preset "${title}" already. Press Replace to keep this picture in its place.`, 6);
    }
    if (!(await done(live, "preset/store", title))) return;
    notice(`Kept as "${title}".`);
    name.value = "";
    settle();
    name.blur();
  };

  let editing = false;
  const edit = make("button", { class: "edit", "aria-pressed": false, onclick: () => ((editing = !editing), refresh()) }, "Edit");
  const recall = (preset) => () => live.trigger("preset/recall", preset, Number(fade.value));
  const shown = (preset) =>
    make("span", { class: "scene" }, make("button", { onclick: recall(preset) }, preset),
      ...(editing ? [make("button", { class: "less", "aria-label": `delete preset ${preset}`, onclick: () => done(live, "preset/remove", preset) }, "×")] : []));

  const refresh = () => {
    // A number that is being typed is not taken away by news of other changes.
    if (cues.contains(document.activeElement) && document.activeElement.matches("input")) {
      return cues.addEventListener("focusout", refresh, { once: true });
    }
    edit.setAttribute("aria-pressed", editing);
    edit.hidden = !live.presets.length;
    presets.replaceChildren(...live.presets.map(shown));
    if (!live.presets.length) presets.append(make("span", { class: "empty" }, "Play until it looks right, then keep it here."));
    cues.replaceChildren(...(editing ? cueRows(live) : live.cues.map((cue, i) => cueButton(live, cue, i))));
    if (!live.cues.length) cues.append(make("span", { class: "empty" }, "Presets become cues in order of name."));
  };

  const element = make("section", {},
    make("h2", {}, "Presets"), presets,
    make("form", { class: "store", onsubmit: store }, name, keep),
    make("div", { class: "control" }, make("div", { class: "top" }, make("span", { class: "name" }, "Fade"), seconds), fade),
    make("div", { class: "heading" }, make("h2", {}, "Cues"), edit), cues,
    make("h2", {}, "Camera"), camera(live, notice));
  live.on("lists", refresh);
  refresh();
  return { element, refresh };
}

/** Whether the server did the action; a refusal is shown by whoever listens to errors. */
const done = async (live, name, ...args) => Boolean(await live.trigger(name, ...args));

const cueButton = (live, cue, i) =>
  make("button", { class: i === live.cue ? "on" : "", title: `${cue.fade} s${cue.at === "none" ? "" : `, on the next ${cue.at}`}`,
    onclick: () => live.trigger("cue/at", String(i + 1)) }, cue.preset);

/** One row for each cue: where it goes, how long the fade takes, what beat it waits for; and one to add another. */
function cueRows(live) {
  const write = (cues) => live.ask({ op: "cues", cues }).catch((error) => live._emit("error", error));
  const changed = (i, change) => write(live.cues.map((cue, at) => (at === i ? { ...cue, ...change } : cue)));
  const moved = (i, by) => {
    const cues = [...live.cues];
    cues.splice(i + by, 0, ...cues.splice(i, 1));
    write(cues);
  };
  const beats = live.schema.params.find((param) => param.name === "tempo/quantise").choices;
  const row = (cue, i) =>
    make("div", { class: "cue" }, make("span", { class: "name" }, `${i + 1}  ${cue.preset}`),
      make("input", { type: "number", min: 0, max: 600, step: 0.5, value: cue.fade, "aria-label": `fade of cue ${i + 1}, seconds`,
        onchange: (event) => changed(i, { fade: Number(event.target.value) }) }),
      choice(beats, cue.at, `beat of cue ${i + 1}`, (at) => changed(i, { at })),
      make("button", { "aria-label": `cue ${i + 1} earlier`, disabled: i === 0 || undefined, onclick: () => moved(i, -1) }, "↑"),
      make("button", { "aria-label": `cue ${i + 1} later`, disabled: i === live.cues.length - 1 || undefined, onclick: () => moved(i, 1) }, "↓"),
      make("button", { class: "less", "aria-label": `remove cue ${i + 1}`, onclick: () => write(live.cues.filter((_, at) => at !== i)) }, "×"));
  const add = choice(["", ...live.presets], "", "add a cue", (preset) => preset && write([...live.cues, { preset, fade: 2, at: "none" }]),
    "Add a cue ...");
  return [...live.cues.map(row), add];
}

function choice(values, value, label, onchange, blank = "") {
  const options = values.map((each) => make("option", { value: each }, each || blank));
  const select = make("select", { "aria-label": label, onchange: () => onchange(select.value) }, ...options);
  select.value = value;
  return select;
}

/** Sends the camera's pictures to models that take one. */
function camera(live, notice) {
  let timer = null;
  const video = document.createElement("video");
  const button = make("button", { class: "switch", role: "switch", "aria-checked": false, onclick: () => toggle() },
    make("span", { class: "name" }, "Send the camera's picture"), make("i"));
  const hint = make("p", { class: "note" });
  const tell = () => {
    const unseen = timer !== null && live.get("source") !== "input";
    hint.replaceChildren(...(unseen ? ["Sent, but not shown: the source is the generator. ", use] : []));
  };
  const use = make("button", { class: "edit", onclick: () => (live.set("source", "input"), tell()) }, "Show the camera");
  live.on("param", tell);
  const stop = () => {
    clearInterval(timer);
    timer = null;
    video.srcObject?.getTracks().forEach((track) => track.stop());
    button.setAttribute("aria-checked", false);
    tell();
  };
  const toggle = async () => {
    if (timer !== null) return stop();
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
      await video.play();
      timer = setInterval(() => live.send(video), CAMERA_EVERY);
      button.setAttribute("aria-checked", true);
      tell();
    } catch (error) {
      notice(`no camera: ${error.message}`);
    }
  };
  return make("div", {}, button, hint);
}
