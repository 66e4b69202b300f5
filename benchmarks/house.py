"""The shape of the code in one table: folders, cycles, names without words, functions, the quick tests.

    python -m benchmarks.house [--root FOLDER] [--no-tests]

root: a checkout to count instead of this one, for the column "before". Nothing of the package is imported.
"""

from __future__ import annotations

import argparse
import ast
import glob
import os
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.helpers.imports import circles
from benchmarks.helpers.reach import COUNTS

ROOT = Path(__file__).parents[1]
Row = tuple[str, str, str]
"""What is counted, the count, the target."""

GLOSSARY = set(
    """
    z w ws w+ psi c u t seed latent truncation mapping synthesis generator discriminator translator network model layer
    layers block blocks weight weights tensor tensors channel channels pixel pixels frame frames image images picture
    pictures film films video sound audio soundtrack style styles class classes noise direction directions walk path
    keyframe keyframes easing loop fps rate gradient loss lpips checkpoint card config file files folder path name names
    key keys shape size width height resolution batch device cpu gpu cuda mps dtype float32 float16 bfloat16 uint8 half
    osc websocket http json toml message messages packet address addresses client clients viewer viewers server socket
    port session renderer supervisor parameter parameters preset presets take takes cue tempo beat midi link sketch
    browser page worker workers chunk chunks segment job jobs manifest sink sinks encoder decoder codec route engine
    graph kernel kernels triton onnx openvino pickle safetensors opcode opcodes archive zip header bytes kernel padding
    convolution convolutions normalisation normalization statistics mean variance filter bias demodulation modulation
    optimizer schedule step steps epoch dataset pair pairs photograph painting texture gram mask tile tiles canvas
    screen score section sections voice voices transition envelope projection target prior pca sefa component layer
    exact error errors raises command commands option options settings token timeout second seconds milliseconds memory
    thread threads process processes queue mailbox hash sha256 licence license version cache random state colour colours
    luma chroma yuv rgb grey alpha black
    """.split()
)  # fmt: skip
"""Terms of the field and of this project's documentation: a docstring with one of them names something."""
SHORT = 9


def files(root: Path) -> list[Path]:
    """Every module of the package."""
    return sorted((root / "latentart").rglob("*.py"))


def words(text: str) -> list[str]:
    """The words of a text in lower case; an identifier counts as its parts."""
    split = re.sub(r"([a-z])([A-Z])", r"\1 \2", text)
    return re.findall(r"[a-z0-9+]+", split.lower().replace("_", " "))


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def definitions(tree: ast.AST) -> Iterator[Definition]:
    """The public functions, classes and methods of public classes."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from definitions(node)


def signature(node: Definition) -> str:
    """The text by which a definition is called."""
    if isinstance(node, ast.ClassDef):
        return f"{node.name} {' '.join(ast.unparse(base) for base in node.bases)}"
    returns = ast.unparse(node.returns) if node.returns else ""
    return f"{node.name} {ast.unparse(node.args)} {returns}"


def nameless(root: Path) -> list[str]:
    """Places of the public docstrings of at most nine words that name no term and nothing of their signature."""
    found = []
    for file in files(root):
        for node in definitions(ast.parse(file.read_text())):
            said = words(ast.get_docstring(node) or "")
            if said and len(said) <= SHORT and not set(said) & (GLOSSARY | set(words(signature(node)))):
                found.append(f"{file.relative_to(root)}:{node.lineno} {node.name}: {ast.get_docstring(node)}")
    return found


def lengths(root: Path) -> list[int]:
    """Lines of every function's body, its docstring apart."""
    found = []
    for file in files(root):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
                found.append((body[-1].end_lineno or 0) - body[0].lineno + 1)
    return sorted(found)


def top_level(root: Path) -> Row:
    """Modules directly in the package."""
    found = [file for file in (root / "latentart").glob("*.py") if not file.name.startswith("__")]
    return "top-level modules", str(len(found)), "<= 14"


def fullest(root: Path) -> Row:
    """The folder with most files."""
    folder, count = Counter(file.parent for file in files(root) if file.name != "__init__.py").most_common(1)[0]
    return "files in one folder, at most", f"{count} ({folder.relative_to(root)})", "<= 15"


def package_cycles(root: Path) -> Row:
    """Packages whose parts import each other in a circle; then those with imports for type checking counted."""
    real, typed = circles(root / "latentart"), circles(root / "latentart", types=True)
    return "package cycles; with imports of types", f"{len(real)}; {len(typed)}", "0"


def reach() -> Iterator[Row]:
    """What a load and a film of this checkout import and open."""
    for name, (count, wanted) in COUNTS.items():
        yield name, str(count()), wanted or "-"


def docstrings(root: Path) -> Row:
    """Docstrings that name nothing."""
    return "docstrings that name nothing", str(len(nameless(root))), "0"


def functions(root: Path) -> Row:
    """Lengths of functions."""
    found = lengths(root)
    p90 = statistics.quantiles(found, n=10)[-1]
    return (
        "functions: median / p90 / longest",
        f"{statistics.median(found):.0f} / {p90:.0f} / {found[-1]}",
        "5 / 13 / 48",
    )


def quick(root: Path) -> Row:
    """Seconds of the quick tests, and of the processors they took."""
    makefile = (root / "Makefile").read_text()
    if not re.search(r"^quick:", makefile, re.M):
        return "quick tests", "none", "<= 60 s"
    environment = {**os.environ, "PYTHONPATH": str(root), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "not audience", *quick_arguments(makefile, root)],
        cwd=root,
        env=environment,
        check=True,
    )
    return "quick tests", f"{time.perf_counter() - began:.0f} s", "<= 60 s"


def quick_arguments(makefile: str, root: Path) -> list[str]:
    """The paths that `make quick` gives to pytest."""
    found = re.search(r"^QUICK := (.*(?:\\\n.*)*)", makefile, re.M)
    patterns = found[1].replace("\\\n", " ").split() if found else []
    return [name for pattern in patterns for name in sorted(glob.glob(pattern, root_dir=root))]


ROWS = [top_level, fullest, package_cycles, docstrings, functions]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=ROOT)
    parser.add_argument("--no-tests", action="store_true", help="leave out the quick tests")
    parser.add_argument("--list", action="store_true", help="print the docstrings that name nothing")
    chosen = parser.parse_args()
    if chosen.list:
        print("\n".join(nameless(chosen.root)))
        return
    for counted in reach() if chosen.root == ROOT else ():
        print("{:40} {:28} wanted {}".format(*counted), flush=True)
    for row in ROWS if chosen.no_tests else [*ROWS, quick]:
        print("{:40} {:28} wanted {}".format(*row(chosen.root)), flush=True)


if __name__ == "__main__":
    main()
