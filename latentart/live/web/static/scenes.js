// Presets, cues, takes, and the camera: what is chosen by name rather than turned.
import { make } from "./controls.js";

const CAMERA_EVERY = 66; // ms

/** The sheet of scenes. `refresh` shows new lists. */
export function scenes(live, notice) {
  const presets = make("div", { class: "list" });
  const cues = make("div", { class: "list" });
  const fade = make("input", { type: "range", min: 0, max: 20, step: 0.5, value: 2, "aria-label": "fade of presets" });
  const seconds = make("output");
  const showFade = () => {
    seconds.replaceChildren(Number(fade.value).toFixed(1), make("small", {}, "s"));
    fade.style.setProperty("--to", `${(100 * fade.value) / 20}%`);
  };
  fade.addEventListener("input", showFade);
  showFade();

  const name = make("input", { placeholder: "name", maxlength: 64, "aria-label": "name of a preset" });
  const store = async (event) => {
    event.preventDefault();
    if (!name.value.trim()) return name.focus();
    await live.trigger("preset/store", name.value.trim());
    Object.assign(live, pickLists(await live.ask({ op: "list" })));
    notice(`kept as ${name.value.trim()}`);
    name.value = "";
    name.blur();
    refresh();
  };

  const refresh = () => {
    const recall = (preset) => () => live.trigger("preset/recall", preset, Number(fade.value));
    presets.replaceChildren(...live.presets.map((preset) => make("button", { onclick: recall(preset) }, preset)));
    if (!live.presets.length) presets.append(make("span", { class: "empty" }, "Play until it looks right, then keep it here."));
    cues.replaceChildren(...live.cues.map((cue, i) => make("button", { class: i === live.cue ? "on" : "" }, cue.preset)));
    if (!live.cues.length) cues.append(make("span", { class: "empty" }, "Presets become cues in order of name."));
  };

  const element = make("section", {},
    make("h2", {}, "Presets"), presets,
    make("form", { class: "store", onsubmit: store }, name, make("button", {}, "Keep")),
    make("div", { class: "control" }, make("div", { class: "top" }, make("span", { class: "name" }, "Fade"), seconds), fade),
    make("h2", {}, "Cues"), cues,
    make("h2", {}, "Camera"), camera(live, notice));
  refresh();
  return { element, refresh };
}

const pickLists = ({ models, presets, cues, cue }) => ({ models, presets, cues, cue });

/** Sends the camera's pictures to models that take one. */
function camera(live, notice) {
  let timer = null;
  const video = document.createElement("video");
  const button = make("button", { class: "switch", role: "switch", "aria-checked": false, onclick: () => toggle() },
    make("span", { class: "name" }, "Send the camera's picture"), make("i"));
  const stop = () => {
    clearInterval(timer);
    timer = null;
    video.srcObject?.getTracks().forEach((track) => track.stop());
    button.setAttribute("aria-checked", false);
  };
  const toggle = async () => {
    if (timer !== null) return stop();
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
      await video.play();
      timer = setInterval(() => live.send(video), CAMERA_EVERY);
      button.setAttribute("aria-checked", true);
    } catch (error) {
      notice(`no camera: ${error.message}`);
    }
  };
  return button;
}
