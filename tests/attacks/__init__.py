"""Files that want to do harm, made by the tests: each is written by a function and never stored.

`ATTACKS` maps a name to an `Attack`. A payload that runs touches the file named by LATENTART_ATTACK_SENTINEL.
"""

from . import chains, files, pickles, stylegan3, tensorflow, tensors, torch_files
from .kinds import SENTINEL, Attack

ATTACKS: dict[str, Attack] = {
    **pickles.ATTACKS,
    **torch_files.ATTACKS,
    **tensors.ATTACKS,
    **files.ATTACKS,
    **stylegan3.ATTACKS,
    **chains.ATTACKS,
    **tensorflow.ATTACKS,
}

__all__ = ["ATTACKS", "SENTINEL", "Attack"]
