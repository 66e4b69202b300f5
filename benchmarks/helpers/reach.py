"""How far a load and a film have to look: modules imported, files opened, places where an architecture is inferred.

Each count is measured in a fresh process.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "latentart"
SHIPPED = "landscapes-256"

LOAD = f"""
import sys
import latentart
latentart.load({SHIPPED!r}, "cpu")
print(*sorted(m for m in sys.modules if m.startswith("latentart.")))
"""
FILM = f"""
import sys
import threading
ran, importing = set(), 0
def note(frame, event, arg):
    global importing
    code = frame.f_code
    if "/latentart/" not in code.co_filename:
        return
    if code.co_name == "<module>":
        importing += (event == "call") - (event == "return")
    elif event == "call" and not importing and not code.co_name.startswith("<"):
        ran.add(code.co_filename)
threading.setprofile(note)
sys.setprofile(note)
import latentart
G = latentart.load({SHIPPED!r}, "cpu")
path = latentart.walks.keyframes(G, seeds=[3, 11], seconds=1, fps=4, psi=0.8)
with latentart.open_sink(sys.argv[1] + "/loop.mp4", fps=4) as sink:
    for frame in latentart.frames(G, path):
        sink.write(frame)
sys.setprofile(None)
print(*sorted(ran))
"""


def _words(program: str, *arguments: str) -> list[str]:
    """What a program prints, in a process of its own that starts from this checkout."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    return done.stdout.split()


def inference_places() -> int:
    """Functions that fill a family's `Config` from its tensors, for the family with most of them."""
    counts: dict[str, int] = {}
    for file in [*PACKAGE.glob("models/**/*.py"), *PACKAGE.glob("weights/**/*.py")]:
        family = file.parent.name if file.parent.name.startswith("stylegan") else file.stem
        names = [n.name for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.FunctionDef)]
        counts[family] = counts.get(family, 0) + len({"complete", "read_config"} & set(names))
    return max(counts[f] for f in ("stylegan2", "stylegan3", "progan", "dcgan", "lucidrains"))


def modules_of_load() -> int:
    """Modules of latentart that `latentart.load` of a shipped generator imports."""
    return len(_words(LOAD))


def families_of_load() -> int:
    """Those of them that belong to a family or to the translators."""
    own = [name.split(".")[1:] for name in _words(LOAD)]
    families = ("dcgan", "lucidrains", "progan", "stylegan2", "stylegan3")
    return len({p[1] for p in own if p[0] == "models" and len(p) > 1 and p[1] in families}) + sum(
        p[0] == "translators" for p in own
    )


def files_of_a_film() -> int:
    """Source files of latentart of which a function runs, imports apart, in a film of 4 frames of a shipped model."""
    with tempfile.TemporaryDirectory() as folder:
        return len(_words(FILM, folder))


COUNTS: dict[str, tuple[Callable[[], int], str]] = {
    "places of a family's architecture": (inference_places, "1"),
    "modules imported by latentart.load": (modules_of_load, ""),
    "families and translators among them": (families_of_load, "1"),
    "files that a film of 4 frames runs through": (files_of_a_film, "<= 35"),
}
