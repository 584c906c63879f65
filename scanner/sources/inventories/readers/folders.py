"""What the readers of several files share: the folders of a bundle that hold a file, and values out of JSON."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import IO

from scanner.model import printable
from scanner.sources.inventories.jsonstream import JsonStream
from scanner.sources.inventories.lines import is_package_name, unless_null
from scanner.sources.inventories.reading import Bundle, Document

MAX_NUMBER = (1 << 63) - 1


class Folder:
    """One folder of a bundle: the files of one phone."""

    def __init__(self, bundle: Bundle, path: str) -> None:
        self._bundle, self._path = bundle, path
        self.name = f"{bundle.name}!/{path}" if path else bundle.name

    def document(self, name: str) -> Document | None:
        """The file of this name in the folder; null where there is none."""
        try:
            return self._bundle.document(posixpath.join(self._path, name))
        except KeyError:
            return None


def folders_with(bundle: Bundle, recognised: Mapping[str, Callable[[str], bool]]) -> Iterator[Folder]:
    """The folders that hold a file of one of these names whose head is recognised."""
    paths: dict[str, None] = {}
    for name in bundle.names():
        path, base = posixpath.split(name)
        test = recognised.get(base)
        if test is not None and path not in paths and test(bundle.document(name).head):
            paths[path] = None
            yield Folder(bundle, path)


class Objects:
    """Number and value of each object in the array that a file is, or that is its member ``key``.

    Known afterwards: ``problem``, why the file could not be read to its end; ``others``, how many elements were no
    objects; ``beside``, the member beside the array that was asked for.
    """

    def __init__(self, stream: IO[str], key: str | None = None, beside: str | None = None) -> None:
        self._json = JsonStream(stream, strict=False)
        self._key, self._beside = key, beside
        self.problem: str | None = None
        self.others = 0
        self.beside: dict[str, object] = {}

    def __iter__(self) -> Iterator[tuple[int, dict[str, object]]]:
        try:
            yield from self._listed() if self._key is None else self._member()
            self._json.end()
        except ValueError as error:
            self.problem = str(error)

    def _listed(self) -> Iterator[tuple[int, dict[str, object]]]:
        for number, item in enumerate(self._json.items(), 1):
            if isinstance(item, dict):
                yield number, item
            else:
                self.others += 1

    def _member(self) -> Iterator[tuple[int, dict[str, object]]]:
        found = False
        for key in self._json.members():
            if key == self._key:
                found = True
                yield from self._listed()
            else:
                value = self._json.value()
                if key == self._beside:
                    self.beside[key] = value
        if not found:
            raise ValueError(f"without {self._key}")


def text(item: dict[str, object], key: str) -> str | None:
    """A text that says something."""
    value = item.get(key)
    return unless_null(printable(value.strip())) if isinstance(value, str) else None


def whole(item: dict[str, object], key: str) -> int | None:
    """A number that is no truth value, and not larger than Java's."""
    value = item.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_NUMBER else None


def truth(item: dict[str, object], key: str) -> bool | None:
    """A truth value."""
    value = item.get(key)
    return value if isinstance(value, bool) else None


def objects(item: dict[str, object], key: str) -> list[dict[str, object]]:
    """The objects of an array."""
    value = item.get(key)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def package_name(item: dict[str, object], key: str) -> str | None:
    """A package name."""
    value = item.get(key)
    return value if isinstance(value, str) and is_package_name(value) else None


def digest(item: dict[str, object], key: str, digits: int) -> str | None:
    """A digest of so many hex digits, in lower case; null where it is none, or all zeros."""
    value = item.get(key)
    if not isinstance(value, str) or len(value) != digits or not value.isascii() or not value.isalnum():
        return None
    lower = value.lower()
    return lower if lower.strip("0123456789abcdef") == "" and lower.strip("0") else None
