"""Where networks are played: the device that was asked for, or the fastest there is."""

from __future__ import annotations

import torch

from latentart.errors import SettingsError


def choose_device(device: str | torch.device | None) -> torch.device:
    """The device asked for, or the fastest there is. Raises SettingsError when it is not there."""
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise SettingsError(f"device {str(device)!r} cannot be used: {reason}; try --device cpu") from error
    return chosen
