// A generator inside the page: the folder that `latentart export MODEL --to page` writes, played without a server.
//
//   const live = loadLatent("site/");            // the verbs of connectLatent(), see p5.latentart.js
//   live.walk("orbit"); live.set("psi", 0.9); live.dir("ember", 2); image(live.canvas, 0, 0)
//
// A script of type module; it also defines the element <latent-art src="site/">. MIT, part of latentart.

import "./p5.latentart.js";

const here = new URL(".", import.meta.url);

/** Loads an exported folder and plays it. options: those of connectLatent, and threads (at most), device ("wasm" or
 * "webgpu"), and paused. Without a site, the folder above this script's own. */
export function loadLatent(site = new URL("..", here), options = {}) {
  const { threads, device, paused, ...rest } = options;
  const worker = new Worker(new URL("latent.worker.js", here), { type: "module" });
  const live = globalThis.connectLatent({ ...rest, worker, adapt: false, restore: false }); // nobody to restore for
  worker.onerror = (event) => {
    event.preventDefault();
    live._told({ fault: `the player did not start: ${event.message || "its script could not be loaded"}` });
  };
  const folder = new URL(site, document.baseURI);
  if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  worker.postMessage({ load: folder.href, threads, device, isolated: globalThis.crossOriginIsolated === true });
  const hide = () => worker.postMessage({ pause: document.hidden || live._paused === true });
  live.pause = (still = true) => { live._paused = still; hide(); };
  if (paused) live._paused = true;
  document.addEventListener("visibilitychange", hide);
  hide();
  return live;
}

globalThis.loadLatent = loadLatent;

/** <latent-art src="site/" seed="7" walk="orbit" psi="0.8">: a playing picture in any page. */
class LatentArt extends HTMLElement {
  connectedCallback() {
    this.style.display ||= "inline-block";
    const canvas = this.appendChild(document.createElement("canvas"));
    canvas.style.cssText = "display: block; width: 100%; height: 100%; object-fit: cover";
    this.live = loadLatent(this.getAttribute("src") ?? undefined);
    this.live.on("ready", () => this._begin());
    this.live.on("error", ({ message }) => { this.title = message; });
    this.live.on("frame", ({ width, height }) => {
      if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
      this.live.drawOn(canvas.getContext("2d"), 0, 0, width, height, "fill");
    });
  }

  _begin() {
    const wanted = {};
    for (const name of ["seed", "psi"]) if (this.hasAttribute(name)) wanted[name] = Number(this.getAttribute(name));
    if (this.hasAttribute("walk")) wanted["walk/mode"] = this.getAttribute("walk");
    this.live.set(wanted);
  }

  disconnectedCallback() {
    this.live?.close();
    this.replaceChildren();
  }
}

customElements.define("latent-art", LatentArt);
