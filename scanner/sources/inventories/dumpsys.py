"""Packages in ``dumpsys package``, whole or ``dumpsys package packages``, on Android 4.4 to 17.

Titles of sections stand at the margin; two of them list packages::

    Packages:
      Package [com.example] (de9cb72):
        codePath=/data/app/...
        User 0: ceDataInode=39050 installed=true ...
          firstInstallTime=2025-06-18 08:27:04
    Hidden system packages:
      Package [com.example] (1f3b2a0):

The second section holds the copies from the factory. Nothing counts outside these two, and nothing in them outside a
block; the indent tells a field of the package (four blanks) from a permission or an app's component (six and more).
Blank lines mean nothing. A block whose name stood before in its section is told of and left; where it disagrees about
the signers, neither is believed, because a version name with line feeds can forge a block.

It can also forge one for a package that is not there, and push its own signers into that: compare with
``pm list packages``, whose lines name no such texts.

Sources: AOSP ``Settings.dumpPackagesLPr``, ``DumpHelper``; a dump torn by blank lines in
https://github.com/google/agi/issues/1077.
"""

from __future__ import annotations

import msgspec

from scanner.sources.inventories.dumped import Dump, DumpedPackage
from scanner.sources.inventories.lines import Noted, is_package_name, lines_of
from scanner.sources.inventories.packageblock import PackageBlock

_ACTIVE, _FACTORY = "Packages:", "Hidden system packages:"
_BLOCK = "  Package ["
_FIELD, _DETAIL = "    ", "      "
_DETAILS = ("      firstInstallTime=", "      archiveTime=")
_RULE = "-----"
"""Begins the lines that part the services of a bug report."""


def parse_dump(text: str) -> Dump:
    """The packages of a dump; whatever else it holds is passed over."""
    reader = _Reader()
    for line in lines_of(text):
        if line.startswith(_DETAIL):
            # Nearly all lines are permissions and the like: they cost these two tests.
            if line.startswith(_DETAILS):
                reader.detail(line)
        elif line.startswith(_FIELD):
            reader.field(line)
        elif line.startswith(_BLOCK):
            reader.block(line)
        elif line[:1].strip():
            reader.margin(line)
    return reader.close()


class _Reader:
    def __init__(self) -> None:
        self._sections: dict[str, dict[str, DumpedPackage]] = {_ACTIVE: {}, _FACTORY: {}}
        self._section: dict[str, DumpedPackage] | None = None
        self._block: PackageBlock | None = None
        self._problems = Noted()

    def detail(self, line: str) -> None:
        if self._block is not None:
            self._block.take_detail(line[len(_DETAIL) :])

    def field(self, line: str) -> None:
        if self._block is not None:
            self._block.take_field(line[len(_FIELD) :])

    def block(self, line: str) -> None:
        self._close_block()
        name, bracket, _ = line[len(_BLOCK) :].partition("]")
        if self._section is None:
            self._problems.add(f"a package outside the lists of packages: {line}")
        elif bracket and is_package_name(name):
            self._block = PackageBlock(name, self._problems)
        else:
            self._problems.add(f"not a package name: {line}")

    def margin(self, line: str) -> None:
        """A title ends the section before it. Anything else at the margin may be the rest of an app's own text."""
        title = line.rstrip()
        if title.endswith(":") or title.startswith(_RULE):
            self._close_block()
            self._section = self._sections.get(title)
        elif self._section is not None:
            self._problems.add(f"a line at the margin: {line}")

    def close(self) -> Dump:
        self._close_block()
        return Dump(self._sections[_ACTIVE], self._sections[_FACTORY], self._problems.told())

    def _close_block(self) -> None:
        if self._block is None or self._section is None:
            return
        package = self._block.close()
        self._block = None
        before = self._section.setdefault(package.name, package)
        if before is package:
            return
        self._problems.add(f"{package.name} stands twice")
        if (before.hashes, before.past_hashes) != (package.hashes, package.past_hashes):
            self._section[package.name] = msgspec.structs.replace(before, hashes=None, past_hashes=())
