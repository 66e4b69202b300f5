// The picture, as large as its place allows, drawn once for each that comes; and the plane played by dragging it.

const GLOW_EVERY = 4; // pictures: light on the wall moves slowly
const PLANE_PER_SIDE = 3; // seeds that a drag across the picture passes

export class Stage {
  constructor(live, { place, picture, glow }) {
    Object.assign(this, { live, place, picture, glow });
    this.context = picture.getContext("2d", { alpha: false, desynchronized: true });
    this.light = glow.getContext("2d", { alpha: false });
    this.count = 0;
    live.on("frame", () => (this.due ??= requestAnimationFrame(() => this.draw())));
    new ResizeObserver(() => this.fit()).observe(place);
    if (live.options.role === "control") this.listen();
  }

  draw() {
    this.due = undefined;
    const { frame } = this.live;
    if (!frame) return;
    if (this.picture.width !== frame.width || this.picture.height !== frame.height) {
      [this.picture.width, this.picture.height] = [frame.width, frame.height];
      this.fit();
    }
    this.context.drawImage(frame.bitmap, 0, 0);
    if (this.count++ % GLOW_EVERY === 0) this.light.drawImage(frame.bitmap, 0, 0, this.glow.width, this.glow.height);
    this.live.drawn();
  }

  fit() {
    const { width, height } = this.picture;
    const scale = Math.min(this.place.clientWidth / width, this.place.clientHeight / height);
    this.picture.style.width = `${Math.round(width * scale)}px`;
    this.picture.style.height = `${Math.round(height * scale)}px`;
  }

  /** Dragging moves on the plane of seeds, when that is what plays. */
  listen() {
    const { picture, live } = this;
    const plays = () => live.get("walk/mode") === "plane";
    live.on("param", () => picture.classList.toggle("plays", plays()));
    picture.addEventListener("pointerdown", (event) => plays() && picture.setPointerCapture(event.pointerId));
    picture.addEventListener("pointermove", (event) => {
      if (!picture.hasPointerCapture(event.pointerId)) return;
      const step = PLANE_PER_SIDE / picture.clientWidth;
      live.set({
        "latent/x": clamp(live.get("latent/x") - event.movementX * step, 0, 99),
        "latent/y": clamp(live.get("latent/y") - event.movementY * step, 0, 99),
      });
    });
  }
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
