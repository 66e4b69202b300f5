"""Runs one py5 sketch and looks at its window: python watch_py5.py [--for SECONDS] SKETCH.py PICTURE.png [ARGUMENT ...]

Prints one line of JSON: how many pictures it drew, how bright the window is, and how much of it moved.
Needs a display; a program of its own because one process starts one Java machine.
"""

import json
import os
import runpy
import sys
import threading
import time

import numpy as np
import py5
from PIL import Image

FUNCTIONS = ("settings", "setup", "mouse_clicked", "mouse_pressed", "mouse_dragged", "mouse_released", "key_pressed")
WARM = 12
"""Pictures received before the first look."""
MOVED = 0.004
"""Share of the window that has to change; looks are repeated until it does, or patience ends."""
PATIENCE = 25.0


def main() -> int:
    seconds, (file, target, *arguments) = wanted(sys.argv[1:])
    sys.argv = [file, *arguments]
    sketch = runpy.run_path(file, run_name="sketch")
    looks: list[np.ndarray] = []
    begun = time.monotonic()
    ended = threading.Event()

    def draw() -> None:
        if ended.is_set():
            # Asked twice to end, it interrupts its own ending.
            return
        sketch["draw"]()
        played = time.monotonic() - begun
        if sketch["live"].received >= WARM and played > seconds and py5.frame_count % 6 == 0:
            looks.append(look())
        if played > seconds + PATIENCE or (len(looks) > 1 and moved(looks) > MOVED):
            ended.set()
            py5.exit_sketch()

    functions = {name: sketch[name] for name in FUNCTIONS if name in sketch}
    try:
        py5.run_sketch(sketch_functions={**functions, "draw": draw}, block=True)
    finally:
        sketch["live"].close()
    found = {"received": sketch["live"].received, "fault": sketch["live"].fault, "looks": len(looks)}
    if looks:
        Image.fromarray(looks[-1]).save(target)
        found |= {"bright": looks[-1].mean(), "moved": moved(looks)}
    print(json.dumps(found))
    return 0


def wanted(arguments: list[str]) -> tuple[float, list[str]]:
    """Seconds to play before the first look, and the rest of the arguments."""
    return (float(arguments[1]), arguments[2:]) if arguments[0] == "--for" else (0.0, arguments)


def moved(looks: list[np.ndarray]) -> float:
    """Share of the window that differs between the first look and the last."""
    return float((np.abs(looks[0].astype(np.int16) - looks[-1]).max(axis=-1) > 4).mean())


def look() -> np.ndarray:
    """The window, [H, W, 3] uint8."""
    py5.load_np_pixels()
    return np.array(py5.np_pixels[..., 1:])


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Java sometimes waits for a window that is gone, and the interpreter for Java.
    os._exit(code)
