"""What an editor completes in a p5 sketch is made from the table."""

from __future__ import annotations

from audience import SKETCHES

from latentart.live.completions import FILE, typescript
from latentart.live.control.params import ACTIONS, TABLE


def test_the_file_is_the_table():
    assert (SKETCHES / "lib" / FILE).read_text() == typescript(), "python -m latentart.live.completions sketches/lib"


def test_every_name_is_in_it():
    text = typescript()
    assert all(f'\n  "{name}": ' in text for name in [*TABLE, *ACTIONS])


def test_types():
    text = typescript()
    assert '"psi": number;' in text
    assert '"master/blackout": boolean;' in text
    assert '"latent/w": number[];' in text
    assert '"noise/mode": "const" | "none" | "boil" | "random";' in text
    assert '"preset/recall": [string, number?];' in text
