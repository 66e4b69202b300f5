// Made from the parameter table by `python -m latentart.live.completions sketches/lib`.

type LatentBeat = "none" | "beat" | "bar" | "2bar" | "4bar";
type LatentHow = { fade?: number; at?: LatentBeat };
type LatentFit = "cover" | "contain" | "fill";
type LatentEvent = "ready" | "progress" | "frame" | "param" | "stats" | "news" | "lists" | "error" | "open" | "close";

interface LatentParams {
  /** The picture the walk starts from. 0 to 4294967295 */
  "seed": number;
  /** keyframes: seed, seed+1, ... in a loop; orbit: a circle around seed; drift: wandering around seed; plane: latent/x, latent/y; hold: seed itself; latent: latent/w or latent/z; the others: figures around seed. */
  "walk/mode": "keyframes" | "orbit" | "drift" | "plane" | "hold" | "latent" | "flower";
  /** Whether the walk moves. */
  "walk/play": boolean;
  /** How fast the walk moves. -4 to 4 pictures/s */
  "walk/speed": number;
  /** Pictures in the loop of keyframes; the length of orbit and drift. 2 to 64 */
  "walk/count": number;
  /** How far orbit and drift go from seed. 0 to 4 */
  "walk/radius": number;
  /** Waves in one loop, in mode drift. 1 to 16 */
  "walk/turns": number;
  /** Petals of the flower, in mode flower. 2 to 12 */
  "walk/petals": number;
  /** How near the seed comes between two petals, 0 to below 1, in mode flower. 0 to 0.95 */
  "walk/depth": number;
  /** Sets the place in the loop. 0 to 1 */
  "walk/phase": number;
  /** How long a change of seed, class or mode takes. 0 to 60 s */
  "walk/glide": number;
  /** Place on the plane of seeds x + 100 y. 0 to 99 */
  "latent/x": number;
  /** Place on the plane of seeds x + 100 y. 0 to 99 */
  "latent/y": number;
  /** z to play in mode latent: z_dim numbers. Takes the place of latent/w. */
  "latent/z": number[];
  /** w or ws to play in mode latent: w_dim or num_ws x w_dim numbers. Takes the place of latent/z. */
  "latent/w": number[];
  /** Truncation: 0 the average picture, 1 the model's full range. -2 to 2 */
  "psi": number;
  /** Rows of ws, from the coarsest, that psi acts on; 0 is all. 0 to 32 */
  "cutoff": number;
  /** const: as trained; none; boil: slowly moving; random: new in every frame. */
  "noise/mode": "const" | "none" | "boil" | "random";
  /** Strength of the noise. 0 to 4 */
  "noise/amount": number;
  /** Which noise boil and random show. 0 to 4294967295 */
  "noise/seed": number;
  /** How fast boil moves. 0 to 4 turns/s */
  "noise/speed": number;
  /** Picture whose coarse style is mixed in. 0 to 4294967295 */
  "style/coarse/seed": number;
  /** Picture whose middle style is mixed in. 0 to 4294967295 */
  "style/middle/seed": number;
  /** Picture whose fine style is mixed in. 0 to 4294967295 */
  "style/fine/seed": number;
  /** How much of it, in the coarse rows. 0 to 1 */
  "style/coarse/amount": number;
  /** How much of it, in the middle rows. 0 to 1 */
  "style/middle/amount": number;
  /** How much of it, in the fine rows. 0 to 1 */
  "style/fine/amount": number;
  /** How much of all three styles. 0 to 1 */
  "mix/amount": number;
  /** Class shown by a model that has classes. 0 to 1023 */
  "class/a": number;
  /** Class to mix with. 0 to 1023 */
  "class/b": number;
  /** From class a to class b. 0 to 1 */
  "class/mix": number;
  /** Strength of direction 1, where the model has it. -10 to 10 */
  "dir/1/amount": number;
  /** Strength of direction 2, where the model has it. -10 to 10 */
  "dir/2/amount": number;
  /** Strength of direction 3, where the model has it. -10 to 10 */
  "dir/3/amount": number;
  /** Strength of direction 4, where the model has it. -10 to 10 */
  "dir/4/amount": number;
  /** Strength of direction 5, where the model has it. -10 to 10 */
  "dir/5/amount": number;
  /** Strength of direction 6, where the model has it. -10 to 10 */
  "dir/6/amount": number;
  /** Strength of direction 7, where the model has it. -10 to 10 */
  "dir/7/amount": number;
  /** Strength of direction 8, where the model has it. -10 to 10 */
  "dir/8/amount": number;
  /** Strength of direction 9, where the model has it. -10 to 10 */
  "dir/9/amount": number;
  /** Strength of direction 10, where the model has it. -10 to 10 */
  "dir/10/amount": number;
  /** Strength of direction 11, where the model has it. -10 to 10 */
  "dir/11/amount": number;
  /** Strength of direction 12, where the model has it. -10 to 10 */
  "dir/12/amount": number;
  /** Strength of direction 13, where the model has it. -10 to 10 */
  "dir/13/amount": number;
  /** Strength of direction 14, where the model has it. -10 to 10 */
  "dir/14/amount": number;
  /** Strength of direction 15, where the model has it. -10 to 10 */
  "dir/15/amount": number;
  /** Strength of direction 16, where the model has it. -10 to 10 */
  "dir/16/amount": number;
  /** What is done to the feature maps of a layer. */
  "bend/1/op": "rotate" | "scale" | "translate-x" | "translate-y" | "flip-x" | "flip-y" | "invert" | "threshold" | "ablate" | "gain" | "blur" | "erode" | "dilate";
  /** In which layer, from the coarsest; beyond the finest is the finest. 1 to 18 */
  "bend/1/layer": number;
  /** To what part of its maps, chosen at random. 0 to 1 */
  "bend/1/share": number;
  /** How much; at 0 the picture is as it was, bit for bit. -1 to 1 */
  "bend/1/amount": number;
  /** What is done to the feature maps of a layer. */
  "bend/2/op": "rotate" | "scale" | "translate-x" | "translate-y" | "flip-x" | "flip-y" | "invert" | "threshold" | "ablate" | "gain" | "blur" | "erode" | "dilate";
  /** In which layer, from the coarsest; beyond the finest is the finest. 1 to 18 */
  "bend/2/layer": number;
  /** To what part of its maps, chosen at random. 0 to 1 */
  "bend/2/share": number;
  /** How much; at 0 the picture is as it was, bit for bit. -1 to 1 */
  "bend/2/amount": number;
  /** What is done to the feature maps of a layer. */
  "bend/3/op": "rotate" | "scale" | "translate-x" | "translate-y" | "flip-x" | "flip-y" | "invert" | "threshold" | "ablate" | "gain" | "blur" | "erode" | "dilate";
  /** In which layer, from the coarsest; beyond the finest is the finest. 1 to 18 */
  "bend/3/layer": number;
  /** To what part of its maps, chosen at random. 0 to 1 */
  "bend/3/share": number;
  /** How much; at 0 the picture is as it was, bit for bit. -1 to 1 */
  "bend/3/amount": number;
  /** What is done to the feature maps of a layer. */
  "bend/4/op": "rotate" | "scale" | "translate-x" | "translate-y" | "flip-x" | "flip-y" | "invert" | "threshold" | "ablate" | "gain" | "blur" | "erode" | "dilate";
  /** In which layer, from the coarsest; beyond the finest is the finest. 1 to 18 */
  "bend/4/layer": number;
  /** To what part of its maps, chosen at random. 0 to 1 */
  "bend/4/share": number;
  /** How much; at 0 the picture is as it was, bit for bit. -1 to 1 */
  "bend/4/amount": number;
  /** StyleGAN3: the picture moved right. -1 to 1 widths */
  "place/x": number;
  /** StyleGAN3: the picture moved down. -1 to 1 widths */
  "place/y": number;
  /** StyleGAN3: the picture turned, counter-clockwise. -360 to 360 degrees */
  "place/rotate": number;
  /** What is shown: the model, or pictures that a browser sends. */
  "source": "generator" | "input";
  /** Shorter side, in pixels, at which pictures that come in are drawn. 64 to 1024 */
  "input/size": number;
  /** Left and right exchanged, as in a mirror. */
  "input/mirror": boolean;
  /** Whether the picture goes through it. */
  "then/1/on": boolean;
  /** Name of the translator that the picture goes through; '' for none. */
  "then/1/network": string;
  /** How much of it: 0 is the picture as it was. 0 to 1 */
  "then/1/strength": number;
  /** Its style, where it has several; a change glides in walk/glide. 0 to 255 */
  "then/1/style/a": number;
  /** Style to mix with. 0 to 255 */
  "then/1/style/b": number;
  /** From style a to style b. 0 to 1 */
  "then/1/style/mix": number;
  /** Whether the picture goes through it. */
  "then/2/on": boolean;
  /** Name of the translator that the picture goes through; '' for none. */
  "then/2/network": string;
  /** How much of it: 0 is the picture as it was. 0 to 1 */
  "then/2/strength": number;
  /** Its style, where it has several; a change glides in walk/glide. 0 to 255 */
  "then/2/style/a": number;
  /** Style to mix with. 0 to 255 */
  "then/2/style/b": number;
  /** From style a to style b. 0 to 1 */
  "then/2/style/mix": number;
  /** Whether the picture goes through it. */
  "then/3/on": boolean;
  /** Name of the translator that the picture goes through; '' for none. */
  "then/3/network": string;
  /** How much of it: 0 is the picture as it was. 0 to 1 */
  "then/3/strength": number;
  /** Its style, where it has several; a change glides in walk/glide. 0 to 255 */
  "then/3/style/a": number;
  /** Style to mix with. 0 to 255 */
  "then/3/style/b": number;
  /** From style a to style b. 0 to 1 */
  "then/3/style/mix": number;
  /** Sound level, rms, from an analyser. 0 to 1 */
  "audio/rms": number;
  /** Sound level, low, from an analyser. 0 to 1 */
  "audio/low": number;
  /** Sound level, mid, from an analyser. 0 to 1 */
  "audio/mid": number;
  /** Sound level, high, from an analyser. 0 to 1 */
  "audio/high": number;
  /** Sound level, onset, from an analyser. 0 to 1 */
  "audio/onset": number;
  /** How much audio/rms adds to psi. -2 to 2 */
  "react/psi": number;
  /** How much audio/low adds to the speed. -8 to 8 pictures/s */
  "react/speed": number;
  /** How much audio/onset adds to the speed. -8 to 8 pictures/s */
  "react/kick": number;
  /** How much audio/mid mixes in of the middle style. -2 to 2 */
  "react/style": number;
  /** How much audio/high adds to the noise. -4 to 4 */
  "react/noise": number;
  /** Beats per minute. 20 to 300 bpm */
  "tempo/bpm": number;
  /** What presets, cues and model changes wait for. */
  "tempo/quantise": "none" | "beat" | "bar" | "2bar" | "4bar";
  /** Black picture at once; everything goes on behind it. */
  "master/blackout": boolean;
  /** The picture stands still. */
  "master/freeze": boolean;
  /** Brightness: 1 is the full picture, 0 black. 0 to 1 */
  "master/fade": number;
}

interface LatentActions {
  /** The next seed. */
  "seed/next": [];
  /** The seed before. */
  "seed/prev": [];
  /** Any other seed. */
  "seed/random": [];
  /** Tap the beat: the tempo follows the last taps, the bar starts at the first. */
  "tempo/tap": [];
  /** The bar starts now. */
  "tempo/resync": [];
  /** Keeps the parameters and the model under a name. */
  "preset/store": [string];
  /** Deletes a preset. */
  "preset/remove": [string];
  /** Goes to a preset and its model; the number is the fade in seconds. */
  "preset/recall": [string, number?];
  /** Sets the place between two presets: 0 the first, 1 the second. */
  "preset/morph": [string, string, number];
  /** The next cue. */
  "cue/go": [];
  /** A cue by its number, from 1, or its preset's name; cue/<id>/go does the same. */
  "cue/at": [string];
  /** The cue before. */
  "cue/back": [];
  /** Stops every fade where it is. */
  "cue/stop": [];
  /** Loads a model and changes to it. */
  "model/load": [string];
  /** Loads a model to be ready. */
  "model/preload": [string];
  /** Starts to record a take. */
  "rec/start": [string?];
  /** Ends the take. */
  "rec/stop": [];
  /** Leaves a mark in the take. */
  "rec/mark": [string?];
  /** The next MIDI controller that is moved plays this parameter or action. */
  "midi/learn": [string];
  /** Stops walks and fades and returns to the safe parameters and the first model. */
  "master/panic": [];
}

interface LatentFacts {
  model?: string; device?: string; family?: string; engine?: string; sha256?: string;
  classes?: string[]; c_dim?: number; z_dim?: number; w_dim?: number; num_ws?: number;
  directions?: number; direction_names?: string[];
}
interface LatentStats {
  fps?: number; render_ms?: number; frame?: number; dropped?: number; restarts?: number; alive?: boolean;
  model?: string; viewers?: number; beat?: number; phase?: number; recording?: string | null; cue?: number;
  loading?: string[]; armed?: boolean;
  counts?: Record<string, number>; viewer_dropped?: number; quality?: number; rtt?: number | null;
  z_dim?: number; w_dim?: number; num_ws?: number;
}
interface LatentCue { preset: string; fade: number; at: LatentBeat }
interface LatentParam {
  name: keyof LatentParams; group: string; type: string; default: any; doc: string;
  min: number; max: number; unit: string; choices: string[];
}
interface LatentFrame {
  bitmap: ImageBitmap; width: number; height: number;
  seq: number; rev: number; frame: number; flags: number; time: number;
}

interface Latent {
  readonly connected: boolean;
  readonly ready: Promise<Latent>;
  readonly frame: LatentFrame | null;
  readonly values: Partial<LatentParams>;
  readonly schema: { params: LatentParam[]; actions: { name: keyof LatentActions; args: string; doc: string }[] };
  readonly translators: { name: string; family: string; styles: number; size: number }[];
  readonly model: LatentFacts;
  readonly models: string[];
  readonly presets: string[];
  readonly cues: LatentCue[];
  readonly cue: number;
  readonly stats: LatentStats;
  /** Width and height of the pictures. */
  readonly size: [number, number];
  readonly latency: number | null;
  readonly age: number | null;
  readonly fps: number;
  readonly undrawn: number;
  readonly canvas: HTMLCanvasElement;
  readonly options: LatentOptions;
  set<Name extends keyof LatentParams>(name: Name, value: LatentParams[Name], how?: LatentHow): void;
  set(values: Partial<LatentParams>, how?: LatentHow): void;
  get<Name extends keyof LatentParams>(name: Name): LatentParams[Name];
  trigger<Name extends keyof LatentActions>(name: Name, ...args: LatentActions[Name]): Promise<any>;
  ask(message: { op: string; [field: string]: unknown }): Promise<any>;
  /** Chooses a walk: walk("orbit"), walk("drift", {speed: 0.5, radius: 2}). */
  walk(mode: LatentParams["walk/mode"], options?: { [option: string]: number | boolean }): void;
  /** Pushes along a direction by its name or number. */
  dir(name: string | number, amount: number, how?: LatentHow): void;
  draw(x?: number, y?: number, w?: number, h?: number, fit?: LatentFit): boolean;
  drawOn(target: unknown, x: number, y: number, w: number, h: number, fit?: LatentFit): boolean;
  drawn(): void;
  image(p?: unknown): any;
  color(u: number, v: number): [number, number, number];
  send(source: CanvasImageSource, how?: { size?: number; quality?: number }): Promise<boolean>;
  on(event: LatentEvent, callback: (value: any) => void): Latent;
  off(event: LatentEvent, callback: (value: any) => void): Latent;
  /** Puts back what this page changed and nobody changed after it. */
  restore(): void;
  close(): void;
}

interface LatentOptions {
  url?: string; token?: string; role?: "control" | "viewer"; p5?: unknown; subscribe?: string[];
  window?: number; maxFps?: number; maxSize?: number; adapt?: boolean;
  /** Whether what this page changed goes back when it is left. */
  restore?: boolean;
}

/** Plays an exported folder in this page: lib/latent.page.js. */
declare function loadLatent(
  site?: string | URL, options?: LatentOptions & { threads?: number; device?: "wasm" | "webgpu"; paused?: boolean },
): Latent & { pause(still?: boolean): void };
declare function connectLatent(options?: LatentOptions): Latent;
declare function latent(live: Latent, x?: number, y?: number, w?: number, h?: number, fit?: LatentFit): boolean;
