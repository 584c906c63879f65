"""The entries of AndroidQF's ``packages.json``, gathered into apps: one entry for each app, or for each user of it."""

from __future__ import annotations

import msgspec

from scanner.model import Assurance, Certificate, Installed, Stated, UserState
from scanner.sources.inventories.lines import MAX_SHOWN, Noted, number
from scanner.sources.inventories.paths import split_name
from scanner.sources.inventories.readers.dumpjoin import stated_by_links
from scanner.sources.inventories.readers.jsonfields import hex_digest, objects, package, text, truth, whole
from scanner.sources.inventories.readers.pm_list import PER_USER_RANGE

MAX_APPS = 100_000
MAX_FILES = 1000
"""Files of one app."""
_DIGITS = {"Sha256": 64, "Sha1": 40, "Md5": 32}


class AcquiredApps:
    """Apps by name, while entries come in."""

    def __init__(self, blank: Installed, origin: str, name_key: str = "name") -> None:
        self._blank, self._origin, self._name_key = blank, origin, name_key
        self._apps: dict[str, Installed] = {}
        self.problems = Noted()

    def add(self, place: int, item: dict[str, object]) -> None:
        """Take one entry."""
        name = package(item.get(self._name_key))
        if name is None:
            self.problems.add(f"entry {place} has no package name")
            return
        app = self._app(name, item)
        before = self._apps.get(name)
        if before is not None:
            self._apps[name] = self._merged(before, app)
        elif len(self._apps) < MAX_APPS:
            self._apps[name] = app
        else:
            self.problems.add(f"more than {MAX_APPS} apps: {name}")

    def by_name(self) -> dict[str, Installed]:
        """What came in."""
        return self._apps

    def with_links(self, app: Installed, digests: tuple[str, ...] | None) -> Installed:
        """The app with what domain verification states, which weighs more; a mere claim where the two disagree."""
        if not digests:
            return app
        known = {one.sha256 for one in app.stated.signers if one.sha256} if app.stated else set()
        if app.stated and not known <= set(digests):
            self.problems.add(f"{app.package_name}: domain verification states another certificate")
            return msgspec.structs.replace(
                app, stated=msgspec.structs.replace(app.stated, assurance=Assurance.DECLARED)
            )
        return msgspec.structs.replace(app, stated=stated_by_links(digests))

    def _app(self, name: str, item: dict[str, object]) -> Installed:
        files = objects(item.get("files"))[:MAX_FILES]
        base = next((file for file in files if split_name(text(file.get("path")) or "") is None), None)
        splits = (split_name(text(file.get("path")) or "") for file in files)
        error = text(item.get("files_error"))
        if error:
            self.problems.add(f"{name}: its files could not be listed: {error[:MAX_SHOWN]}")
        return msgspec.structs.replace(
            self._blank,
            package_name=name,
            users=_users(item, has_files=bool(files)),
            file_sha256=hex_digest(base.get("sha256"), 64) if base else None,
            installer=text(item.get("installer")),
            system=_system(item),
            splits=tuple(split for split in splits if split),
            stated=self._stated(name, files, base),
        )

    def _stated(self, name: str, files: list[dict[str, object]], base: dict[str, object] | None) -> Stated | None:
        """What AndroidQF says of the certificate; a mere claim unless it verified the base APK, and all files agree."""
        found = [(file, certificate) for file in files if (certificate := _certificate(file)) is not None]
        for file in files:
            error = text(file.get("certificate_error"))
            if error:
                self.problems.add(f"{name}: its certificate was not verified: {error[:MAX_SHOWN]}")
        if not found:
            return None
        file, certificate = next(((file, one) for file, one in found if file is base), found[0])
        agreed = all(_digests(other) == _digests(certificate) for _, other in found)
        if not agreed:
            self.problems.add(f"{name}: its files have different certificates")
        verified = truth(file.get("verified_certificate")) is True and text(file.get("certificate_error")) is None
        sure = agreed and verified and file is base
        return Stated((certificate,), (), self._origin, Assurance.REPORTED if sure else Assurance.DECLARED)

    def _merged(self, one: Installed, other: Installed) -> Installed:
        """One app of two users; where their statements differ, neither is more than a claim."""
        known = {user.id for user in one.users}
        stated = one.stated or other.stated
        if one.stated and other.stated and one.stated != other.stated:
            self.problems.add(f"{one.package_name}: it stands twice with different statements of its certificate")
            stated = msgspec.structs.replace(one.stated, assurance=Assurance.DECLARED)
        return msgspec.structs.replace(
            one,
            users=(*one.users, *(user for user in other.users if user.id not in known)),
            file_sha256=one.file_sha256 or other.file_sha256,
            installer=one.installer or other.installer,
            system=one.system if one.system is not None else other.system,
            splits=one.splits or other.splits,
            stated=stated,
        )


def _users(item: dict[str, object], *, has_files: bool) -> tuple[UserState, ...]:
    """The user of the entry, where it names one, and the state, where it is known."""
    user, installed, uid = whole(item.get("user_id")), truth(item.get("installed")), _uid(item)
    if user is None and uid is not None and uid > 0:
        user = uid // PER_USER_RANGE
    if user is None or user < 0:
        return ()
    if installed is False:
        return (UserState(user, "uninstalled"),)
    if truth(item.get("disabled")):
        return (UserState(user, "disabled"),)
    return (UserState(user, "installed"),) if installed or has_files else ()


def _uid(item: dict[str, object]) -> int | None:
    """MVT writes it as a text."""
    uid = whole(item.get("uid"))
    return uid if uid is not None else number(text(item.get("uid")))


def _system(item: dict[str, object]) -> bool | None:
    if truth(item.get("system")):
        return True
    return False if truth(item.get("third_party")) else None


def _certificate(file: dict[str, object]) -> Certificate | None:
    """The certificate that was read of a file; null where it is Go's empty value."""
    said = file.get("certificate")
    if not isinstance(said, dict):
        return None
    sha256, sha1, md5 = (hex_digest(said.get(key), digits) for key, digits in _DIGITS.items())
    if sha256 is None and sha1 is None and md5 is None:
        return None
    return Certificate(sha256=sha256, sha1=sha1, md5=md5, subject=text(said.get("Subject")))


def _digests(certificate: Certificate) -> tuple[str | None, ...]:
    return certificate.sha256, certificate.sha1, certificate.md5
