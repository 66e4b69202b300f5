"""What hostile files do to latentart, and to the loaders that most tools use.

Each file is opened in a process of its own. Printed for each: whether a payload ran, the peak memory beyond the
file's size, and what was said. Beside it, what `pickle.load` or `torch.load(weights_only=False)` made of the same
file (4 GB of memory, 5 seconds at most). Run: python -m benchmarks.attacks
"""

from __future__ import annotations

import io
import multiprocessing
import os
import pickle
import resource
import sys
import tempfile
import time
import types
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from latentart.errors import LatentartError
from latentart.weights.cards import FOLDER_VARIABLE
from latentart.weights.open import open_checkpoint
from tests.attacks import ATTACKS, SENTINEL

ROOT = Path(__file__).parents[1]

SECONDS, REFERENCE_BYTES, ALLOWED_MB = 5, 4 << 30, 200
Target = Path | str


def peak() -> int:
    """Peak resident bytes since `reset_peak`."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def reset_peak() -> None:
    """Lets the kernel count the peak anew (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def ours(target: Target) -> str:
    """What open_checkpoint says."""
    try:
        open_checkpoint(target)
    except LatentartError as error:
        return str(error)
    return "read, code ignored"


def theirs(target: Target) -> str:
    """What the usual loader says; NVIDIA's class rebuilding runs the source it finds, as the real one does."""
    resource.setrlimit(resource.RLIMIT_AS, (REFERENCE_BYTES, REFERENCE_BYTES))
    module = types.ModuleType("torch_utils.persistence")
    module.__dict__["_reconstruct_persistent_obj"] = lambda meta: exec(meta["module_src"], {})
    dnnlib = types.ModuleType("dnnlib.util")
    dnnlib.__dict__["EasyDict"] = dict
    sys.modules |= {"torch_utils": module, "torch_utils.persistence": module, "dnnlib": dnnlib, "dnnlib.util": dnnlib}
    try:
        if str(target).endswith(".pt"):
            torch.load(target, weights_only=False)
        else:
            pickle.load(io.BytesIO(Path(target).read_bytes()))
    except BaseException as error:  # whatever it raises is the measurement
        return f"{type(error).__name__}"
    return "read"


def measured(load: Callable[[Target], str], target: Target, answer: Connection) -> None:
    """In the child: loads and reports (words, bytes of memory beyond what the process had)."""
    torch.set_num_threads(1)
    sys.stderr = sys.stdout = io.StringIO()
    open_checkpoint("glyphs-64")  # what any load costs once
    reset_peak()
    before = peak()
    words = load(target)
    answer.send((words, peak() - before))


def run(load: Callable[[Target], str], target: Target, folder: Path) -> tuple[str, int, bool]:
    """(words, memory, whether a payload ran) of one load in a fresh process."""
    sentinel = folder / "executed"
    os.environ[SENTINEL] = str(sentinel)
    os.environ.pop(FOLDER_VARIABLE, None)
    if list(folder.glob("*.toml")):
        os.environ[FOLDER_VARIABLE] = str(folder)
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=measured, args=(load, target, there))
    process.start()
    there.close()
    end = time.monotonic() + SECONDS
    words, memory = "did not end" if here.poll(SECONDS) is False else "", 0
    if not words:
        try:
            words, memory = here.recv()
        except EOFError:
            words = "crashed"
    process.join(max(0.1, end - time.monotonic()))
    process.kill()
    ran = sentinel.exists()
    sentinel.unlink(missing_ok=True)
    return words, memory, ran


def main() -> None:
    """Prints the table and its sums."""
    torch.set_num_threads(1)
    rows = []
    print(f"{'attack':<46}{'ran':>5}{'MB over file':>14}  {'usual loader':<24}what was said")
    for name, attack in ATTACKS.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            target = attack.write(folder)
            words, memory, ran = run(ours, target, folder)
            path = Path(str(target).replace("\0", ""))
            size = path.stat().st_size if len(str(target)) < 4000 and not path.is_symlink() and path.is_file() else 0
            usual, usual_ran = "-", False
            if path.suffix in (".pkl", ".pt") and path.is_file():
                usual, _, usual_ran = run(theirs, target, folder)
            over = (memory - size) / 2**20
            rows.append((ran, over, usual_ran, words))
            usual = f"{'RAN IT, ' if usual_ran else ''}{usual}"
            said = words.replace(place, "").partition(": ")[2] or words
            print(f"{name[:45]:<46}{'YES' if ran else 'no':>5}{over:>14.1f}  {usual:<24}{said[:110]}", flush=True)
    print(
        f"\n{len(rows)} files: {sum(r[0] for r in rows)} executed (usual loaders: {sum(r[2] for r in rows)}); "
        f"peak memory at most {max(r[1] for r in rows):.0f} MB over the file's size ({ALLOWED_MB} allowed)"
    )
    if any(r[0] or r[1] > ALLOWED_MB or r[3] in ("crashed", "did not end") for r in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
