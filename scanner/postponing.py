"""Imports that a library makes and this program hardly needs: put off until something of them is used."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType


class _Postponed(ModuleType):
    """Stands in for a module until an attribute is asked for; `LazyLoader` of importlib loads at every ``import``."""

    def __getattr__(self, name: str) -> object:
        return getattr(import_module(self.__name__), name)


@contextmanager
def postponed(name: str) -> Iterator[None]:
    """While it is entered, importing the module ``name`` costs nothing: whoever does has it loaded at its first use.

    Afterwards an import of it is what it always was.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = stand_in = _Postponed(name)
    try:
        yield
    finally:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
