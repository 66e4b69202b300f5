/* p5.latentart.js: the pictures of a `latentart live` server in a p5 sketch, or in any page.
 *
 *   let live;
 *   function setup() { createCanvas(windowWidth, windowHeight); live = connectLatent(); }
 *   function draw() { live.draw(); }
 *   function mouseMoved() { live.set("psi", mouseX / width); }
 *
 * Works with p5 1.x, p5 2.x and without p5. No dependencies. MIT, part of latentart. See docs/sketches.md.
 */
(() => {
  "use strict";

  const PROTOCOL = "latentart.v1";
  const MAGIC = 0x5452414c; // "LART", little-endian
  const HEADER_BYTES = 40;
  const LOCAL = ["localhost", "127.0.0.1", "[::1]"];
  const SET_EVERY = 10; // ms: the server takes 200 messages a second
  const REMEMBERED = 64; // values of a parameter that this page sent, of which the server may still echo one
  const PING_EVERY = 2000; // ms
  const RECONNECT = { first: 250, last: 3000 }; // ms
  const [SENT_WINDOW, SENT_LATE] = [2, 2000]; // pictures on their way to the server; ms after which they are lost
  const SAMPLES = 96; // side of the copy that `color` reads from

  const here = new URL(document.currentScript?.src || location.href, location.href);

  /** Time of an event, ms, on the clock that all figures here use. */
  const now = () => performance.now();

  /** Runs in a worker: socket and decoding, so that a sketch that takes its time delays neither, and the server sees
   * how good the line is and not how busy the page. Pictures wait here, the newest only, until the page has taken two. */
  function receiver() {
    const TYPES = { 1: "image/jpeg", 2: "image/webp", 3: "image/png" };
    const MAGIC = 0x5452414c; // "LART", little-endian
    const HEADER_BYTES = 40;
    let socket, waiting = null, free = 2, skipped = 0;

    onmessage = ({ data }) => {
      if (data.open) open(data.open, data.protocol);
      else if (data.took) handOver(++free);
      else if (data.close) socket?.close();
      else if (socket?.readyState === WebSocket.OPEN) socket.send(data.send);
    };

    function open(url, protocol) {
      socket = new WebSocket(url, protocol);
      socket.binaryType = "arraybuffer";
      socket.onopen = () => postMessage({ opened: true });
      socket.onclose = ({ code, reason }) => postMessage({ closed: { code, reason } });
      socket.onmessage = ({ data }) => (typeof data === "string" ? postMessage({ text: data }) : decode(socket, data));
    }

    async function decode(from, message) {
      const view = new DataView(message);
      if (message.byteLength < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) return;
      const picture = {
        flags: view.getUint8(6),
        seq: view.getUint32(8, true),
        rev: view.getUint32(12, true),
        time: Number(view.getBigUint64(16, true)),
        width: view.getUint16(24, true),
        height: view.getUint16(26, true),
        frame: view.getUint32(36, true),
      };
      const payload = new Uint8Array(message, view.getUint8(7), view.getUint32(32, true));
      try {
        picture.bitmap = await createImageBitmap(new Blob([payload], { type: TYPES[view.getUint8(5)] }));
      } catch (error) {
        postMessage({ fault: `a picture could not be read: ${error.message}` });
      }
      // Without this no further picture comes.
      if (from.readyState === WebSocket.OPEN) from.send(JSON.stringify({ op: "ack", seq: picture.seq }));
      if (!picture.bitmap) return;
      if (waiting) skipped++;
      waiting?.bitmap.close();
      waiting = picture;
      handOver();
    }

    function handOver() {
      if (!waiting || free < 1) return;
      free--;
      postMessage({ picture: waiting, skipped }, [waiting.bitmap]);
      waiting = null;
    }
  }

  /** A connection to a live server: the newest picture, all parameters, and ways to change them. */
  class Latent {
    /** options: url, token, role ("control" or "viewer"), subscribe, window, maxFps, maxSize, p5, and restore: whether
     * what this page changed, parameters and model, goes back to what it was when the page is left. */
    constructor(options = {}) {
      const page = new URLSearchParams(location.search);
      this.options = {
        url: here.origin,
        token: page.get("token") || here.searchParams.get("token") || undefined,
        role: "control",
        restore: false,
        subscribe: ["frames", "params", "stats", "cues"],
        window: 2,
        // A picture that goes over no line is late because this machine is busy, and no smaller picture helps that.
        adapt: !LOCAL.includes(new URL(options.url || here.origin).hostname),
        ...options,
      };
      /** The newest picture: {bitmap, width, height, seq, rev, frame, flags, time}, or null before the first. */
      this.frame = null;
      /** Targets of all parameters by name; what they are is in `schema`. */
      this.values = {};
      this.schema = { params: [], actions: [] };
      this.model = {};
      this.models = [];
      /** [{name, family, styles, size}]: translators that a slot may be given. */
      this.translators = [];
      this.presets = [];
      this.cues = [];
      this.cue = -1;
      this.stats = {};
      this.size = [0, 0];
      this.connected = false;
      /** ms from the last `set` of this page to the first drawn picture that shows it; null before. */
      this.latency = null;
      /** ms from rendering to drawing of the newest picture, on the server's clock; null before the first ping. */
      this.age = null;
      this._replaced = this._skipped = this._sent = this._sentAt = 0;
      this.ready = new Promise((resolve) => (this._isReady = resolve));
      this._listeners = {};
      this._asked = new Map();
      this._id = 0;
      this._pending = null;
      this._flushed = 0;
      this._controls = [];
      this._drawnSeq = null;
      this._drawn = [];
      this._offset = null;
      this._wait = RECONNECT.first;
      // A page that plays by itself brings its own worker, which answers as the server does: latent.page.js.
      this._worker = this.options.worker ?? new Worker(URL.createObjectURL(new Blob([`(${receiver})()`], { type: "text/javascript" })));
      this._worker.onmessage = ({ data }) => this._told(data);
      this._found = new Map(); // name -> [value before this page changed it, value that it set last]
      if (this.options.restore) addEventListener("pagehide", () => this.restore());
      this._connect();
      this._pinging = setInterval(() => this._ping(), PING_EVERY);
    }

    // What sketches use.

    /** Sets one parameter, or several together: set("psi", 0.8), set({psi: 0.8, seed: 7}, {fade: 2, at: "bar"}). */
    set(name, value, how) {
      const values = typeof name === "string" ? { [name]: value } : name;
      const { fade = 0, at } = (typeof name === "string" ? how : value) || {};
      this._remember(values);
      Object.assign(this.values, values);
      if (fade || at) {
        this._flush();
        return this._sendSet({ values, fade, at });
      }
      this._pending = Object.assign(this._pending || {}, values);
      const due = this._flushed + SET_EVERY - now();
      if (due <= 0) this._flush();
      else this._timer ??= setTimeout(() => this._flush(), due);
    }

    /** Puts back what this page changed and nobody changed after it. Sent so that it arrives while the page closes. */
    restore() {
      // The server may still be echoing one of the values before the last.
      const mine = ([name, [, sent]]) => sent.includes(String(this.values[name]));
      const values = Object.fromEntries([...this._found].filter(mine).map(([name, [before]]) => [name, before]));
      this._found.clear();
      this._pending = null;
      if (Object.keys(values).length) this._post("/api/set", values);
      if (this._model && this._model !== this.model.model) this._post("/api/trigger", { name: "model/load", args: [this._model] });
      this._model = undefined;
    }

    _remember(values) {
      if (!this.options.restore || !this.connected) return;
      for (const [name, value] of Object.entries(values)) {
        if (name.startsWith("audio/") || !(name in this.values)) continue;
        const [before, sent] = this._found.get(name) ?? [this.values[name], []];
        this._found.set(name, [before, [...sent.slice(1 - REMEMBERED), String(value)]]);
      }
    }

    _post(path, message) {
      const headers = { "Content-Type": "application/json" };
      if (this.options.token) headers.Authorization = `Bearer ${this.options.token}`;
      const request = { method: "POST", headers, body: JSON.stringify(message), keepalive: true };
      fetch(new URL(path, this.options.url), request).catch(() => {});
    }

    /** The last known target of a parameter. */
    get(name) {
      return this.values[name];
    }

    /** Does an action: trigger("seed/next"), trigger("preset/recall", "calm", 4). Resolves with the server's answer. */
    trigger(name, ...args) {
      if (this.options.restore && name === "model/load") this._model ??= this.model.model;
      return this.ask({ op: "trigger", name, args }).catch((error) => this._emit("error", error));
    }

    /** Chooses a walk: walk("orbit"), walk("drift", {speed: 0.5, radius: 2}). */
    walk(mode, options = {}) {
      const own = Object.entries(options).map(([name, value]) => [`walk/${name}`, value]);
      return this.set({ "walk/mode": mode, ...Object.fromEntries(own) });
    }

    /** Pushes along a direction by its name or number: dir("ember", 2), dir(1, -0.5). */
    dir(name, amount, how) {
      const names = this.model.direction_names ?? [];
      const number = typeof name === "number" ? name : names.indexOf(name) + 1;
      if (number) return this.set({ [`dir/${number}/amount`]: amount }, how);
      this._emit("error", new Error(`unknown direction '${name}': this model has ${names.join(", ") || "none"}`));
    }

    /** Draws the newest picture. Without arguments it fills the canvas. fit: "cover", "contain" or "fill". */
    draw(x = 0, y = 0, w, h, fit = "cover") {
      const p = this.options.p5 || globalThis;
      return this.drawOn(p, x, y, w ?? p.width, h ?? p.height, fit);
    }

    /** Like `draw`, on a p5 instance, a p5.Graphics or a 2D context. Returns whether there was a picture. */
    drawOn(target, x, y, w, h, fit = "cover") {
      if (!this.frame) return false;
      const context = target.drawingContext || target;
      this.drawn();
      if (typeof context.drawImage !== "function") {
        target.image(this.image(target), x, y, w, h);
        return true;
      }
      const [sx, sy, sw, sh, dx, dy, dw, dh] = placed(this.frame, x, y, w, h, fit);
      context.drawImage(this.frame.bitmap, sx, sy, sw, sh, dx, dy, dw, dh);
      return true;
    }

    /** The newest picture as a p5.Image, for WEBGL, textures and filters; one object, always the same. */
    image(p = this.options.p5 || globalThis) {
      const { width, height, bitmap, seq } = this.frame || { width: 1, height: 1 };
      if (!this._image || this._image.width !== width || this._image.height !== height) {
        this._image = p.createImage(width, height);
        this._imageSeq = null;
      }
      if (bitmap && this._imageSeq !== seq) {
        this._image.drawingContext.drawImage(bitmap, 0, 0);
        this._image.setModified?.(true);
        this._imageSeq = seq;
        this.drawn();
      }
      return this._image;
    }

    /** A canvas that always holds the newest picture, for hydra, three.js and the like. */
    get canvas() {
      if (!this._canvas) {
        this._canvas = document.createElement("canvas");
        this._copy();
      }
      return this._canvas;
    }

    /** The colour at (u, v), 0..1 from the left and the top, as [red, green, blue], 0..255. */
    color(u, v) {
      if (!this.frame) return [0, 0, 0];
      this.drawn();
      if (this._sampledSeq !== this.frame.seq) this._sample();
      const column = Math.min(Math.max(Math.floor(u * SAMPLES), 0), SAMPLES - 1);
      const row = Math.min(Math.max(Math.floor(v * SAMPLES), 0), SAMPLES - 1);
      const at = 4 * (column + SAMPLES * row);
      return [this._samples[at], this._samples[at + 1], this._samples[at + 2]];
    }

    /** Sends a picture (canvas, video, image) to the server, as input for models that take one. Resolves with whether it
     * went: not while two are on their way, so that the newest is never behind a queue. */
    async send(source, { size = 512, quality = 0.8 } = {}) {
      const [width, height] = [source.videoWidth || source.width, source.videoHeight || source.height];
      const late = now() - this._sentAt > SENT_LATE;
      if (!this.connected || !width || (this._sent >= SENT_WINDOW && !late)) return false;
      const scale = Math.min(1, size / Math.max(width, height));
      const canvas = (this._outgoing ??= document.createElement("canvas"));
      [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
      canvas.getContext("2d").drawImage(source, 0, 0, canvas.width, canvas.height);
      const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
      if (!this.connected) return false;
      this._sent = late ? 1 : this._sent + 1;
      this._sentAt = now();
      this._worker.postMessage({ send: await packed(blob, canvas.width, canvas.height) });
      return true;
    }

    /** Calls back on "ready", "progress", "frame", "param", "stats", "news", "lists", "error", "open", "close". Returns this. */
    on(event, callback) {
      (this._listeners[event] ??= new Set()).add(callback);
      return this;
    }

    /** Ends a subscription made by `on`. */
    off(event, callback) {
      this._listeners[event]?.delete(callback);
      return this;
    }

    /** Sends a request and resolves with its answer; see docs/live.md. */
    ask(message) {
      if (!this._opened) return Promise.reject(new Error("not connected"));
      const id = ++this._id;
      return new Promise((resolve, reject) => {
        this._asked.set(id, { resolve, reject });
        this._worker.postMessage({ send: JSON.stringify({ ...message, id }) });
      });
    }

    /** Ends the connection for good. */
    close() {
      this._closed = true;
      clearInterval(this._pinging);
      clearTimeout(this._retry);
      this._worker.postMessage({ close: true });
      this._forgetFrame();
    }

    /** Says that the newest picture was drawn; `draw` and `image` do it by themselves. */
    drawn() {
      const frame = this.frame;
      if (!frame || frame.seq === this._drawnSeq) return;
      const time = now();
      this._drawnSeq = frame.seq;
      this._undrawnNow = false;
      this._drawn.push(time);
      if (this._drawn.length > 240) this._drawn.shift();
      if (this._offset !== null) this.age = time - (frame.time / 1000 - this._offset);
      while (this._controls.length && this._controls[0].rev <= frame.rev) {
        this.latency = time - this._controls.shift().time;
      }
    }

    /** Pictures drawn in the last second. */
    get fps() {
      const since = now() - 1000;
      return this._drawn.filter((time) => time > since).length;
    }

    /** Pictures that came and were never drawn. */
    get undrawn() {
      return this._replaced + this._skipped;
    }

    // The connection.

    _connect() {
      const url = new URL("/ws", this.options.url);
      url.protocol = url.protocol.replace("http", "ws");
      this._worker.postMessage({ open: url.href, protocol: PROTOCOL });
    }

    _told(told) {
      if (told.text) this._heard(JSON.parse(told.text));
      else if (told.picture) this._took(told.picture, told.skipped);
      else if (told.opened) this._opened = true;
      else if (told.closed) this._lost(told.closed);
      else if (told.progress) this._emit("progress", told.progress);
      else this._emit("error", new Error(told.fault));
    }

    _lost({ code, reason }) {
      const was = this.connected;
      this.connected = this._opened = false;
      for (const { reject } of this._asked.values()) reject(new Error("the connection was lost"));
      this._asked.clear();
      this._controls = [];
      this._sent = 0;
      if (was || reason) this._emit("close", { code, reason });
      else this._unreachable();
      if (this._closed) return this._worker.terminate();
      this._retry = setTimeout(() => this._connect(), this._wait);
      this._wait = Math.min(this._wait * 2, RECONNECT.last);
    }

    /** One line on the console: browsers do not say why a connection was refused. */
    _unreachable() {
      if (this._warned) return;
      this._warned = true;
      const other = new URL(this.options.url).origin !== location.origin;
      const remedy = other ? `, and was it started with --allow-origin ${location.origin}` : "";
      console.warn(`latentart: no connection to ${this.options.url}. Is latentart live running there${remedy}? Trying again.`);
    }

    _heard(message) {
      if (message.event === "hello") this._identify();
      else if (message.event === "param") this._changed(message.values);
      else if (message.event === "stats") this._counted(message);
      else if (message.event === "news") this._news(message);
      else if (message.event === "lists") this._listed(message);
      else if (message.event === "input") this._sent = Math.max(0, this._sent - 1);
      else if (message.event === "error") this._refused(message);
      else if (message.op) this._answered(message);
    }

    async _identify() {
      const { token, role, subscribe, window, adapt, maxFps, maxSize } = this.options;
      const identify = { op: "identify", token, role, subscribe, window, adapt, max_fps: maxFps, max_size: maxSize };
      const welcome = await this.ask(identify).catch(() => null);
      if (!welcome) return;
      for (const name of ["schema", "model", "models", "translators", "presets", "cues", "cue", "stats", "size"]) {
        this[name] = welcome[name] ?? this[name];
      }
      Object.assign(this.values, welcome.values);
      this.connected = true;
      if (this._pending) this._remember(this._pending);
      // Another server counts from the beginning.
      this._newest = null;
      this._wait = RECONNECT.first;
      this._ping();
      this._emit("open", welcome);
      this._emit("ready", this);
      this._isReady(this);
      if (this._pending) this._flush();
    }

    _answered(message) {
      const asked = this._asked.get(message.id);
      this._asked.delete(message.id);
      asked?.resolve(message);
    }

    _refused(message) {
      const error = Object.assign(new Error(message.msg), message);
      const asked = this._asked.get(message.ref);
      this._asked.delete(message.ref);
      if (asked) asked.reject(error);
      else this._emit("error", error);
    }

    _changed(values) {
      // What is on its way there is newer than what comes from there.
      Object.assign(this.values, values, this._pending);
      this._emit("param", values);
    }

    _counted(stats) {
      this.stats = stats;
      this.cue = stats.cue ?? this.cue;
      this._emit("stats", stats);
    }

    _listed({ event, ...lists }) {
      Object.assign(this, lists);
      this._emit("lists", lists);
    }

    _news(news) {
      if (news.ready) this.model = news.ready;
      if (news.model) this.model = news.model;
      this._emit("news", news);
    }

    async _ping() {
      if (!this.connected) return;
      const begun = now();
      const answer = await this.ask({ op: "ping", t0: begun }).catch(() => null);
      if (!answer) return;
      const trip = now() - begun;
      // The quickest answer knows the server's clock best; slowly forget it, clocks drift.
      if (this._offset === null || trip <= this._trip) {
        this._trip = trip;
        this._offset = answer.t / 1000 - (begun + trip / 2);
      }
      this._trip += 0.05;
    }

    _flush() {
      clearTimeout(this._timer);
      this._timer = undefined;
      const values = this._pending;
      if (!values || !this.connected) return;
      this._pending = null;
      this._flushed = now();
      this._sendSet({ values });
    }

    async _sendSet(set) {
      const time = now();
      try {
        const answer = await this.ask({ op: "set", ...set });
        if (!set.fade && !set.at) this._controls.push({ rev: answer.rev, time });
        if (this._controls.length > 64) this._controls.shift();
        return answer;
      } catch (error) {
        this._emit("error", error);
      }
    }

    // Pictures.

    _took(picture, skipped) {
      this._worker.postMessage({ took: true });
      this._skipped = skipped;
      const newer = this._newest === null || ((picture.seq - this._newest) | 0) > 0;
      if (!newer || this._closed) return picture.bitmap.close();
      this._newest = picture.seq;
      this._forgetFrame();
      this.frame = picture;
      this._undrawnNow = true;
      if (this._canvas) this._copy();
      this._emit("frame", picture);
    }

    _forgetFrame() {
      if (this._undrawnNow) this._replaced++;
      this.frame?.bitmap.close();
      this.frame = null;
    }

    _copy() {
      if (!this.frame) return;
      const { width, height, bitmap } = this.frame;
      if (this._canvas.width !== width || this._canvas.height !== height) {
        [this._canvas.width, this._canvas.height] = [width, height];
      }
      this._canvas.getContext("2d").drawImage(bitmap, 0, 0);
      this.drawn();
    }

    _sample() {
      if (!this._sampler) {
        const canvas = document.createElement("canvas");
        canvas.width = canvas.height = SAMPLES;
        this._sampler = canvas.getContext("2d", { willReadFrequently: true });
      }
      this._sampler.drawImage(this.frame.bitmap, 0, 0, SAMPLES, SAMPLES);
      this._samples = this._sampler.getImageData(0, 0, SAMPLES, SAMPLES).data;
      this._sampledSeq = this.frame.seq;
    }

    _emit(event, value) {
      const listeners = this._listeners[event];
      if (event === "error" && !listeners?.size) console.warn("latentart:", value.message || value);
      listeners?.forEach((callback) => callback(value));
    }
  }

  /** Where to take a picture from and where to put it: [sx, sy, sw, sh, dx, dy, dw, dh]. */
  function placed({ width, height }, x, y, w, h, fit) {
    if (fit === "fill") return [0, 0, width, height, x, y, w, h];
    const scale = fit === "contain" ? Math.min(w / width, h / height) : Math.max(w / width, h / height);
    if (fit === "contain") {
      const [dw, dh] = [width * scale, height * scale];
      return [0, 0, width, height, x + (w - dw) / 2, y + (h - dh) / 2, dw, dh];
    }
    const [sw, sh] = [w / scale, h / scale];
    return [(width - sw) / 2, (height - sh) / 2, sw, sh, x, y, w, h];
  }

  /** A header and a JPEG as one message. */
  async function packed(blob, width, height) {
    const message = new Uint8Array(HEADER_BYTES + blob.size);
    const view = new DataView(message.buffer);
    view.setUint32(0, MAGIC, true);
    [1, 1, 1, HEADER_BYTES].forEach((value, i) => view.setUint8(4 + i, value));
    view.setUint16(24, width, true);
    view.setUint16(26, height, true);
    view.setUint32(32, blob.size, true);
    message.set(new Uint8Array(await blob.arrayBuffer()), HEADER_BYTES);
    return message;
  }

  /** latent(live, x, y, w, h) in a sketch, like image(). */
  function latent(live, x = 0, y = 0, w = this.width, h = this.height, fit = "cover") {
    return live.drawOn(this, x, y, w, h, fit);
  }

  globalThis.Latent = Latent;
  globalThis.connectLatent = (options) => new Latent(options);
  if (typeof p5 !== "undefined") {
    if (p5.registerAddon) p5.registerAddon((_, fn) => (fn.latent = latent));
    else p5.prototype.latent = latent;
  }
})();
