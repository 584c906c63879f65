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
def postponed(*names: str) -> Iterator[None]:
    """While it is entered, importing these modules costs nothing: whoever does has them loaded at their first use.

    Afterwards an import of them is what it always was.
    """
    waiting = {name: _Postponed(name) for name in names if name not in sys.modules}
    sys.modules.update(waiting)
    try:
        yield
    finally:
        for name, stand_in in waiting.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
                _name_in_package(stand_in)


def _name_in_package(stand_in: _Postponed) -> None:
    """What an import of ``package.child`` does besides: whoever says ``package.child`` afterwards finds it."""
    package, _, child = stand_in.__name__.rpartition(".")
    if package in sys.modules:
        vars(sys.modules[package]).setdefault(child, stand_in)
