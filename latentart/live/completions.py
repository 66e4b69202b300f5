"""Names that an editor completes in a p5 sketch: `python -m latentart.live.completions sketches/lib` writes them.

In the sketch: /// <reference path="../lib/p5.latentart.d.ts" />
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from latentart.live.control.params import ACTIONS, TABLE, Action, Param

FILE = "p5.latentart.d.ts"

_HEAD = """\
// Made from the parameter table by `python -m latentart.live.completions sketches/lib`.

type LatentBeat = "none" | "beat" | "bar" | "2bar" | "4bar";
type LatentHow = { fade?: number; at?: LatentBeat };
type LatentFit = "cover" | "contain" | "fill";
type LatentEvent = "ready" | "progress" | "frame" | "param" | "stats" | "news" | "lists" | "error" | "open" | "close";
"""

_TAIL = """\
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
"""


def typescript() -> str:
    """The declarations of p5.latentart.js, with the name, type and doc of every parameter and action."""
    params = [f"  /** {_doc(param)} */\n  {json.dumps(param.name)}: {_type(param)};" for param in TABLE.values()]
    actions = [
        f"  /** {action.doc} */\n  {json.dumps(action.name)}: {_arguments(action)};" for action in ACTIONS.values()
    ]
    tables = [("LatentParams", params), ("LatentActions", actions)]
    shown = ["interface {} {{\n{}\n}}\n".format(name, "\n".join(lines)) for name, lines in tables]
    return "\n".join([_HEAD, *shown, _TAIL])


def _type(param: Param) -> str:
    if param.kind == "choice":
        return " | ".join(json.dumps(choice) for choice in param.choices)
    return {"bool": "boolean", "name": "string", "vector": "number[]"}.get(param.kind, "number")


def _doc(param: Param) -> str:
    limits = f" {param.low:.10g} to {param.high:.10g} {param.unit}".rstrip() if param.kind in ("float", "int") else ""
    return f"{param.doc}{limits}"


def _arguments(action: Action) -> str:
    needed, _, optional = action.args.partition("|")
    kinds = {"s": "string", "f": "number"}
    return f"[{', '.join([*(kinds[tag] for tag in needed), *(kinds[tag] + '?' for tag in optional)])}]"


def main(folder: Path) -> None:
    """Writes the file."""
    (folder / FILE).write_text(typescript())


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "sketches/lib"))
