"""What the readers of several files share: the folders of a bundle that hold a file, and the objects in it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import IO

from scanner.sources.inventories.jsonstream import JsonStream
from scanner.sources.inventories.reading import Bundle, Document


class Folder:
    """One folder of a bundle: the files of one phone."""

    def __init__(self, bundle: Bundle, path: str) -> None:
        self._bundle, self.path = bundle, path
        self.name = f"{bundle.name}!/{path}" if path else bundle.name

    def document(self, name: str) -> Document | None:
        """The file of this name in the folder; null where there is none."""
        try:
            return self._bundle.document(posixpath.join(self.path, name))
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


def claimed_by(bundle: Bundle, recognised: Mapping[str, Callable[[str], bool]]) -> Iterator[str]:
    """These folders, as `BundleReader.claims` names them."""
    return (f"{folder.path}/" if folder.path else "" for folder in folders_with(bundle, recognised))


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
