"""Safetensors without our config: the tensors in the names they have there."""

from __future__ import annotations

from pathlib import Path

import safetensors
from torch import Tensor

from latentart.errors import WeightsError
from latentart.weights import safe
from latentart.weights.storage import single

SOURCE = "safetensors"
matches = safe.matches


def read(path: Path) -> dict[str, dict[str, Tensor]]:
    """{'': name -> tensor}, floating ones as float32. Raises WeightsError, RefusedError."""
    safe.check_header(path)
    try:
        with safetensors.safe_open(path, "pt") as file:
            return {"": {name: single(file.get_tensor(name).clone()) for name in file.keys()}}
    except (safetensors.SafetensorError, ValueError, TypeError) as error:
        raise WeightsError(f"broken safetensors: {' '.join(str(error).split())[:200]}") from error
