"""Counts how far one has to look: modules imported, files opened, places where an architecture is inferred.

    python benchmarks/house.py

Each row is one function and is measured in a fresh process.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "latentart"
SHIPPED = "landscapes-256"

LOAD = f"""
import sys
import latentart
latentart.load({SHIPPED!r}, "cpu")
print(*sorted(m for m in sys.modules if m.startswith("latentart.")))
"""
FILM = f"""
import sys
from pathlib import Path
opened = set()
def note(event, args):
    if event == "open" and isinstance(args[0], str) and args[0].endswith((".py", ".pyc")) and "latentart" in args[0]:
        opened.add(Path(args[0]).name.partition(".")[0] + "@" + Path(args[0]).parent.as_posix())
sys.addaudithook(note)
import latentart
G = latentart.load({SHIPPED!r}, "cpu")
path = latentart.walks.keyframes(G, seeds=[3, 11], seconds=1, fps=4, psi=0.8)
with latentart.open_sink(sys.argv[1] + "/loop.mp4", fps=4) as sink:
    for frame in latentart.frames(G, path):
        sink.write(frame)
print(*sorted(opened))
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
    """Source files of latentart opened by a film of 4 frames of a shipped generator, `__init__` left out."""
    with tempfile.TemporaryDirectory() as folder:
        return len([name for name in _words(FILM, folder) if not name.startswith("__init__@")])


ROWS: dict[str, Callable[[], int]] = {
    "places where a family's architecture is inferred": inference_places,
    "modules imported by latentart.load": modules_of_load,
    "families and translators among them": families_of_load,
    "files opened by a film of 4 frames": files_of_a_film,
}


def main() -> None:
    """Prints the table."""
    for name, count in ROWS.items():
        print(f"{name:<52}{count():>6}")


if __name__ == "__main__":
    main()
