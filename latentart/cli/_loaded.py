"""Describes a loaded network in one line: name, family, switches, licence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latentart.errors import printable

if TYPE_CHECKING:
    from latentart.translators.base import Translator

NOT_KNOWN = "not known, ask whoever made the file"


def loaded(T: Translator) -> str:
    """'latest_net_G: pix2pix; U-Net of 8 levels; norm image; licence: not known ...'."""
    return printable(f"{T.name}: {T.family}; {'; '.join([*T.inferred, f'licence: {T.licence or NOT_KNOWN}'])}")
