"""tsc checks what an editor completes: every sketch, the panel and the page's example use only what is declared."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from audience import SKETCHES

from latentart.live.completions import FILE
from latentart.live.web.server import STATIC

TYPESCRIPT = "typescript@5.9.3"
OPTIONS = "--noEmit --allowJs --checkJs --target es2022 --lib es2022,dom,dom.iterable --module es2022".split()
WRONG = "live.set('psy', 1); live.nothing(); live.trigger('seed/nxt'); live.on('presets', () => {});"


@pytest.fixture(scope="module")
def tsc(tmp_path_factory):
    if not shutil.which("npm") and not os.environ.get("CI"):
        pytest.skip("npm is not installed, which fetches TypeScript")
    folder = tmp_path_factory.mktemp("typescript")
    subprocess.run(["npm", "install", "--silent", "--prefix", str(folder), TYPESCRIPT], check=True, timeout=110)

    def faults(files):
        """Names of files -> code; what tsc says of our types, one fault each."""
        shutil.copy(SKETCHES / "lib" / FILE, folder)
        for name, code in files.items():
            (folder / name).write_text(code)
        command = [str(folder / "node_modules" / ".bin" / "tsc"), *OPTIONS, FILE, *files]
        found = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110).stdout
        # Names of p5 are not declared here, and pages have their own loose ways with the DOM.
        return [fault for fault in re.split(r"\n(?=\S)", found) if "Latent" in fault]

    return faults


def typed(code):
    """A sketch as a module, its connection declared."""
    return re.sub(r"^let live(, |;)", lambda found: "/** @type {Latent} */\nlet live;\nlet " if found[1] == ", " else
                  "/** @type {Latent} */\nlet live;", code, count=1, flags=re.M) + "\nexport {};\n"  # fmt: skip


def test_sketches_panel_and_examples_use_what_is_declared(tsc):
    files = {f"{path.parent.name}.js": typed(path.read_text()) for path in SKETCHES.glob("*/sketch.js")}
    page = (SKETCHES.parent / "docs" / "sketches.md").read_text()
    example = re.search(r"<script>\n(.*?)</script>", page, re.S)[1]
    files["example.js"] = typed(re.sub(r"^ +", "", example, flags=re.M))
    files["panel.js"] = (STATIC / "panel.js").read_text()
    assert len(files) >= 9
    assert all("@type {Latent}" in code for name, code in files.items() if name != "panel.js")
    assert tsc(files) == []


def test_what_is_not_declared_is_found(tsc):
    assert len(tsc({"wrong.js": f"const live = connectLatent(); {WRONG} export {{}};"})) == 4


def test_everything_of_the_helper_is_declared():
    code = (STATIC / "p5.latentart.js").read_text()
    body = code[code.index("class Latent {") : code.index("/** Where to take a picture from")]
    public = set(
        re.findall(r"^ {4}(?:async |get )?([a-z]\w*)(?=\(.*\{$)|(?<=\n {6}this\.)([a-z]\w*)(?= = )", body, re.M)
    )
    names = {a or b for a, b in public} - {"constructor"}
    declared = set(re.findall(r"^  (?:readonly )?(\w+)[<(:?]", (SKETCHES / "lib" / FILE).read_text(), re.M))
    assert {"set", "presets", "cues", "schema", "stats", "models", "size", "ask"} <= names
    assert names <= declared, names - declared
