// The two graphs of an exported model on onnxruntime-web: z -> ws, and ws -> picture.

const TOLERANCE = 2; // of 255: first pictures of WebGPU against those of WASM
const MOST_THREADS = 8;

/** A model that draws: `map` and `draw`. */
export class Network {
  /** bytes: the file of weights; threads: at most; device: "wasm", "webgpu" or undefined for the better. */
  static async open(facts, bytes, { threads, device, isolated, site }) {
    const found = new Network(facts, bytes);
    found.threads = isolated ? Math.min(threads ?? navigator.hardwareConcurrency ?? 1, MOST_THREADS) : 1;
    const gpu = device === "wasm" ? "" : await found._gpuReason();
    await found._load(site, device !== "wasm" && !gpu);
    found.mapping = await found._session("mapping", "wasm");
    found.synthesis = await found._session("synthesis", "wasm");
    found.then = [];
    for (let i = 1; i <= (facts.then ?? []).length; i++) found.then.push(await found._session(`then${i}`, "wasm"));
    found.reason = gpu || (isolated ? "" : "one thread: this page is not cross-origin isolated");
    if (found.hasGpu) await found._tryGpu();
    return found;
  }

  constructor(facts, bytes) {
    [this.facts, this.bytes, this.device, this.reason] = [facts, bytes, "wasm", ""];
    const { parts } = facts.weights;
    this.centre = Float64Array.from(this._floats(parts.centre));
    const [size, all] = [facts.num_ws * facts.w_dim, this._floats(parts.directions)];
    this.directions = facts.directions.map(({ name, curve }, i) => ({ name, curve, vector: all.slice(i * size, (i + 1) * size) }));
    this.canvas = new OffscreenCanvas(facts.width, facts.height);
    this.context = this.canvas.getContext("2d");
    this.image = new ImageData(facts.width, facts.height);
    this.image.data.fill(255);
  }

  get engine() {
    return this.device === "webgpu" ? "WebGPU" : `WASM, ${this.threads} thread${this.threads > 1 ? "s" : ""}`;
  }

  _floats([at, length]) {
    return new Float32Array(this.bytes.slice(at, at + length).buffer);
  }

  /** Why WebGPU is not used; "" where it can be tried. */
  async _gpuReason() {
    if (!navigator.gpu) return "no WebGPU in this browser";
    const adapter = await navigator.gpu.requestAdapter().catch(() => null);
    if (!adapter) return "no WebGPU adapter";
    return "";
  }

  async _load(site, gpu) {
    const place = new URL("lib/ort/", site);
    // The larger player is there where the export was asked for it.
    this.hasGpu = gpu && this.facts.webgpu === true;
    const name = this.hasGpu ? "ort.webgpu.min.mjs" : "ort.wasm.min.mjs";
    this.ort = await import(new URL(name, place).href).catch(() => {
      throw new Error(`cannot load ${name}: the folder lib/ort is not complete`);
    });
    Object.assign(this.ort.env.wasm, { wasmPaths: place.href, numThreads: this.threads });
    this.ort.env.logLevel = "error";
  }

  async _session(part, device) {
    const [at, length] = this.facts.weights.parts[part];
    const options = { executionProviders: [device], graphOptimizationLevel: "all", logSeverityLevel: 3,
                      // Threads that wait must not spin: on a busy machine, or a phone, that costs more than it gains.
                      extra: { session: { intra_op: { allow_spinning: "0" } } } };
    const made = await this.ort.InferenceSession.create(this.bytes.subarray(at, at + length), options);
    const inputs = this._inputs(part);
    if (made.inputNames.join() !== inputs.join()) throw new Error(`the ${part} network takes ${made.inputNames.join(", ")}: export the model again`);
    return made;
  }

  _inputs(part) {
    if (part === "mapping") return ["z", ...(this.facts.c_dim ? ["c"] : [])];
    if (part === "synthesis") return this.facts.inputs;
    return ["img", ...(this.facts.then[Number(part.slice(4)) - 1].styles.length ? ["style"] : [])];
  }

  /** z [z_dim], c [c_dim] or null -> ws [num_ws * w_dim] at psi 1. */
  async map(z, c) {
    return this._turn(async () => {
      const feeds = { z: this._tensor(z, [1, z.length]) };
      if (c) feeds.c = this._tensor(c, [1, c.length]);
      const { out } = await this.mapping.run(feeds);
      return out.data;
    });
  }

  /** {ws, noise, light} -> ImageData; the next call overwrites it. */
  async draw(shot) {
    const { out } = await this._turn(() => this._run(this.synthesis, shot));
    let [planes, channels] = [out.data, this.facts.channels];
    for (const [i, session] of this.then.entries()) {
      const { strength = 0, style } = shot.then?.[i] ?? {};
      if (!strength) continue;
      planes = await this._translated(session, channels === 3 ? planes : grey(planes), strength, style);
      channels = 3;
    }
    this._fill(planes, channels, shot.light);
    return this.image;
  }

  /** A picture [3, H, W] through a translator, laid over it. style: shares of the styles. */
  async _translated(session, planes, strength, style) {
    const clamped = planes.map((x) => Math.min(Math.max(x, -1), 1));
    const feeds = { img: this._tensor(clamped, [1, 3, this.facts.height, this.facts.width]) };
    if (session.inputNames.includes("style")) feeds.style = this._tensor(style, [style.length]);
    const { data } = (await this._turn(() => session.run(feeds))).out;
    return strength === 1 ? data : clamped.map((x, i) => x + (data[i] - x) * strength);
  }

  /** One run at a time: sessions share the threads. */
  _turn(work) {
    const next = (this.busy ?? Promise.resolve()).then(work);
    this.busy = next.catch(() => {});
    return next;
  }

  _run(session, { ws, noise }) {
    const { num_ws, w_dim, inputs } = this.facts;
    const feeds = { ws: this._tensor(ws, [1, num_ws, w_dim]) };
    if (inputs.includes("noise")) feeds.noise = this._tensor(Float32Array.of(noise), []);
    return session.run(feeds);
  }

  _tensor(values, dims) {
    return new this.ort.Tensor("float32", values, dims);
  }

  /** [C, H, W] in -1 .. 1 -> RGBA, rounded as pixels.py does; light 0 is black. */
  _fill(planes, channels, light) {
    const { data } = this.image;
    const size = data.length / 4;
    const [green, blue] = channels === 3 ? [size, 2 * size] : [0, 0];
    const [scale, zero] = [127.5 * light, 127.5 * light];
    for (let i = 0, at = 0; i < size; i++, at += 4) {
      data[at] = planes[i] * scale + zero;
      data[at + 1] = planes[i + green] * scale + zero;
      data[at + 2] = planes[i + blue] * scale + zero;
    }
  }

  /** The picture as a bitmap that goes to the page without a copy. */
  bitmap(image) {
    this.context.putImageData(image, 0, 0);
    return this.canvas.transferToImageBitmap();
  }

  /** Takes WebGPU where its first pictures are right and it is quicker; else says why not. */
  async _tryGpu() {
    try {
      const session = await this._session("synthesis", "webgpu");
      const shots = [0, 1].map((n) => ({ ws: this._probe(n), noise: 1 }));
      const [right, slow] = await timed(() => this._all(this.synthesis, shots));
      await this._all(session, shots.slice(0, 1));
      const [made, quick] = await timed(() => this._all(session, shots));
      const worst = Math.max(...right.map((picture, i) => difference(picture, made[i])));
      if (!(worst <= TOLERANCE)) this.reason = `WebGPU draws other pictures here (${worst.toFixed(1)} of 255): WASM plays`;
      else if (quick >= slow) this.reason = `WebGPU is slower here (${quick.toFixed(0)} ms against ${slow.toFixed(0)}): WASM plays`;
      else [this.synthesis, this.device, this.reason] = [session, "webgpu", ""];
    } catch (error) {
      this.reason = `WebGPU failed (${String(error?.message ?? error).split("\n")[0].slice(0, 80)}): WASM plays`;
    }
  }

  async _all(session, shots) {
    const found = [];
    for (const shot of shots) found.push(Float32Array.from((await this._run(session, shot)).out.data));
    return found;
  }

  /** Latents near the average, the same in every browser. */
  _probe(n) {
    const { num_ws, w_dim } = this.facts;
    return Float32Array.from({ length: num_ws * w_dim }, (_, i) => this.centre[i % w_dim] + 0.3 * Math.sin(i * 12.9898 + n));
  }
}

/** One plane three times. */
function grey(plane) {
  const found = new Float32Array(3 * plane.length);
  for (let i = 0; i < 3; i++) found.set(plane, i * plane.length);
  return found;
}

async function timed(work) {
  const began = performance.now();
  return [await work(), performance.now() - began];
}

/** Largest difference of two pictures in -1 .. 1, on the scale of 255. */
function difference(one, two) {
  const clamped = (x) => Math.min(Math.max(x, -1), 1);
  return one.reduce((worst, x, i) => Math.max(worst, Math.abs(clamped(x) - clamped(two[i])) * 127.5), 0);
}
