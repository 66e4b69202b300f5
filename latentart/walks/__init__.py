"""Walks: each makes a Path for a generator. One file, one walk, named alike; `_call` is how they are called."""

from importlib import import_module as _import_module

from latentart.folder import modules as _modules
from latentart.walks._call import recorded as _recorded

NAMES = _modules(__path__)
for _name in NAMES:
    globals()[_name] = _recorded(_name, getattr(_import_module(f"{__name__}.{_name}"), _name))
