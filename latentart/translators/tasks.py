"""Which command plays a family: a family file says KIND, those that say nothing are for `translate`."""

from __future__ import annotations

from latentart.errors import SettingsError
from latentart.translators.base import Translator
from latentart.weights import families

USED = {
    "cartoon": "latentart cartoon PICTURE --network {0} -o OUT",
    "style": "latentart style PICTURE --style {0} -o OUT",
    "translate": "latentart translate PICTURE --network {0} -o OUT",
}
"""Kind -> how its command is typed."""


def kind_of(T: Translator) -> str:
    """'cartoon', 'style' or 'translate'."""
    kind: str = getattr(families.find(T.family), "KIND", "translate")
    return kind


def check_kind(T: Translator, kind: str, network: str) -> Translator:
    """Returns T when it is of that kind. Raises SettingsError that says what `network` is, and how it is played."""
    own = kind_of(T)
    if own == kind:
        return T
    styled = f":{T.style_names[0] if T.style_names else 'PAINTING'}" if T.style_dim else ""
    spelled = USED[own].format(network + (styled if own == "style" else ""))
    raise SettingsError(f"{network!r} is no {kind} network, it is of family {T.family!r}: say {spelled}")
