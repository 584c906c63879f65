"""One ``Package [...]`` block of a dump: its fields, and the line of each user, from text to values.

The ``signatures=`` line holds ``PackageSignatures{<random> version:<n>, signatures:[<h>, ...], past signatures:[<h>
flags: <hex>, ...]}`` since Android 9, where ``<h>`` is ``Signature.hashCode()`` in hex without leading zeros. Before,
``PackageSignatures{<random> [<random>]}`` says nothing of the certificate.

A version name may hold line feeds, and with them any line of this format. So a field that stands twice counts once,
and is told of; signers, or a user, stated twice and differently are not stated at all. What follows the first user's
line is no field of the package any more: Android prints users last.

Sources: AOSP ``Settings.dumpPackageLPr``, ``PackageSignatures.toString``; ``archiveTime=`` and
``unarchiveInstallerTitle=`` are printed under a user that has an archive state (Android 15 and newer, same place), and
``PackageArchiver.isArchived`` wants that and ``installed=false``. A data inode of -1 is one that ``installd`` did not
tell (``InstalldNativeService``).
"""

from __future__ import annotations

import re

from scanner.sources.inventories.dumped import DumpedPackage, DumpedUser
from scanner.sources.inventories.lines import Noted, number, unless_null

FIELDS = {
    "codePath",
    "versionCode",
    "versionName",
    "splits",
    "flags",
    "pkgFlags",
    "apkSigningVersion",
    "installerPackageName",
    "lastUpdateTime",
    "firstInstallTime",
    "signatures",
}
MAX_USERS = 1000
"""Users kept of one package."""
_USER = re.compile(r"User ([0-9]{1,9}):(.*)")
_HASHED = re.compile(
    r"PackageSignatures\{[0-9a-f]{1,8} version:([0-9]{1,3}), signatures:\[([^\[\]]*)\]"
    r"(?:, past signatures:\[([^\[\]]*)\])?\}\s*"
)
_UNHASHED = re.compile(r"PackageSignatures\{[0-9a-f]{1,8}(?: \[[0-9a-f, ]*\])?\}\s*|null")
_HASH = re.compile(r"([0-9a-f]{1,8})")
_PAST_HASH = re.compile(r"([0-9a-f]{1,8}) flags: -?[0-9a-f]{1,8}")
_REVISION = re.compile(r":-?[0-9]+$")
_BOOLEANS = {"true": True, "false": False}


class PackageBlock:
    """A block while its lines come in; what it does not understand it tells ``problems``."""

    def __init__(self, name: str, problems: Noted) -> None:
        self.name = name
        self._problems = problems
        self._fields: dict[str, str] = {}
        self._users: dict[int, DumpedUser] = {}
        self._user: _UserLines | None = None
        self._forked = False

    def take_field(self, line: str) -> None:
        """A line at the indent of the block's fields, without that indent."""
        if line.startswith("User "):
            self._take_user(line)
        elif self._user is None and not self._users:
            key, _, value = line.partition("=")
            if key in FIELDS:
                self._take(key, value)

    def take_detail(self, line: str) -> None:
        """A line one step deeper, without its indent: under a user's line, what is told of that user."""
        if self._user is not None:
            self._user.take(line)

    def close(self) -> DumpedPackage:
        """The package, as far as it was stated."""
        self._close_user()
        fields = self._fields
        version, scheme, hashes, past = self._version(), *self._signers()
        return DumpedPackage(
            name=self.name,
            code_path=unless_null(fields.get("codePath", "")),
            version_code=number(version.get("versionCode")),
            version_name=unless_null(fields.get("versionName", "")),
            min_sdk=number(version.get("minSdk")),
            target_sdk=number(version.get("targetSdk")),
            system=self._flag("SYSTEM"),
            updated_system=self._flag("UPDATED_SYSTEM_APP"),
            splits=_splits(fields.get("splits", "")),
            hashes=hashes,
            past_hashes=past,
            signing_version=number(fields.get("apkSigningVersion", "").strip()) or scheme,
            installer=unless_null(fields.get("installerPackageName", "")),
            last_update_time=unless_null(fields.get("lastUpdateTime", "")),
            first_install_time=unless_null(fields.get("firstInstallTime", "")),
            users=tuple(self._users.values()),
        )

    def _take(self, key: str, value: str) -> None:
        before = self._fields.setdefault(key, value)
        if before is not value:
            self._problems.add(f"{self.name}: {key} stands twice")
            self._forked = self._forked or (key == "signatures" and before != value)

    def _take_user(self, line: str) -> None:
        match = _USER.match(line)
        self._close_user()
        if match is None:
            self._problems.add(f"{self.name}: {line}")
        else:
            self._user = _UserLines(int(match[1]), match[2])

    def _close_user(self) -> None:
        if self._user is None:
            return
        user = self._user.close()
        self._user = None
        before = self._users.get(user.id)
        if before is not None and before != user:
            self._problems.add(f"{self.name}: user {user.id} stands twice")
            user = DumpedUser(user.id)
        if before is not None or len(self._users) < MAX_USERS:
            self._users[user.id] = user
        else:
            self._problems.add(f"{self.name}: more than {MAX_USERS} users")

    def _version(self) -> dict[str, str]:
        return _pairs("versionCode=" + self._fields.get("versionCode", ""))

    def _flag(self, flag: str) -> bool | None:
        """Of the package as parsed, or as remembered: either may be missing."""
        lists = [self._fields[key].split() for key in ("flags", "pkgFlags") if key in self._fields]
        return any(flag in words for words in lists) if lists else None

    def _signers(self) -> tuple[int | None, tuple[str, ...] | None, tuple[str, ...]]:
        stated = self._fields.get("signatures")
        if stated is None or self._forked:
            return None, None, ()
        match = _HASHED.fullmatch(stated)
        if match is None:
            if not _UNHASHED.fullmatch(stated):
                self._problems.add(f"{self.name}: signatures={stated}")
            return None, None, ()
        hashes, past = _hashes(match[2], _HASH), _hashes(match[3] or "", _PAST_HASH)
        if hashes is None or past is None:
            self._problems.add(f"{self.name}: signatures={stated}")
            return None, None, ()
        return int(match[1]) or None, hashes or None, past


class _UserLines:
    """A user's line, and the lines under it that count."""

    def __init__(self, number_: int, rest: str) -> None:
        self._id = number_
        self._rest = rest
        self._details: dict[str, str] = {}

    def take(self, line: str) -> None:
        key, equals, value = line.partition("=")
        if equals and key in {"firstInstallTime", "archiveTime"}:
            self._details.setdefault(key, value)

    def close(self) -> DumpedUser:
        pairs = _pairs(self._rest)
        inodes = [number(pairs.get(key)) for key in ("ceDataInode", "deDataInode")]
        told = [inode for inode in inodes if inode is not None and inode != -1]
        installed = _BOOLEANS.get(pairs.get("installed", ""))
        return DumpedUser(
            id=self._id,
            installed=installed,
            hidden=_BOOLEANS.get(pairs.get("hidden", pairs.get("blocked", ""))),  # Android 4.4 said "blocked"
            suspended=_BOOLEANS.get(pairs.get("suspended", "")),
            stopped=_BOOLEANS.get(pairs.get("stopped", "")),
            quarantined=_BOOLEANS.get(pairs.get("quarantined", "")),
            enabled=number(pairs.get("enabled")),
            archived="archiveTime" in self._details and installed is False,
            has_data=any(told) if told else None,
            first_install_time=self._details.get("firstInstallTime"),
        )


def _pairs(text: str) -> dict[str, str]:
    """``key=value`` words; of a key that stands twice the first counts."""
    pairs: dict[str, str] = {}
    for word in text.split():
        key, equals, value = word.partition("=")
        if equals:
            pairs.setdefault(key, value)
    return pairs


def _splits(text: str) -> tuple[str, ...]:
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return ()
    names = [_REVISION.sub("", name.strip()) for name in text[1:-1].split(",")]
    return tuple(name for name in names[1:] if name)


def _hashes(text: str, form: re.Pattern[str]) -> tuple[str, ...] | None:
    """Each hash with its leading zeros; null where one of them is none."""
    if not text.strip():
        return ()
    matches = [form.fullmatch(item.strip()) for item in text.split(",")]
    return tuple(match[1].zfill(8) for match in matches if match) if all(matches) else None
