"""What a dump of the package manager says of one package, and of each user's copy of its state.

Source: AOSP ``PackageManager`` (the states of ``enabled``), ``PackageArchiver.isArchived``.
"""

from __future__ import annotations

from scanner.model import Value

DISABLED = {2, 3, 4}
"""Values of ``enabled``: disabled, disabled by the user, disabled until used. 0 is the default, 1 enabled."""


class DumpedUser(Value, frozen=True):
    """One user's state of a package. Null is what the release does not print, or what two lines disagree about."""

    id: int
    installed: bool | None = None
    hidden: bool | None = None
    suspended: bool | None = None
    stopped: bool | None = None
    quarantined: bool | None = None
    enabled: int | None = None
    archived: bool = False
    has_data: bool | None = None
    """Whether there is a data folder: with ``installed`` false, the app was uninstalled and its data kept."""
    first_install_time: str | None = None

    @property
    def state(self) -> str:
        """The one word that says most."""
        if self.archived:
            return "archived"
        if self.installed is False:
            return "uninstalled"
        if self.hidden:
            return "hidden"
        if self.suspended:
            return "suspended"
        return "disabled" if self.enabled in DISABLED else "installed"


class DumpedPackage(Value, frozen=True):
    """One ``Package [...]`` block. Null is what it did not state."""

    name: str
    code_path: str | None = None
    version_code: int | None = None
    version_name: str | None = None
    min_sdk: int | None = None
    target_sdk: int | None = None
    system: bool | None = None
    updated_system: bool | None = None
    splits: tuple[str, ...] = ()
    """Without the base."""
    hashes: tuple[str, ...] | None = None
    """Java's hash of each signer's certificate, eight hex digits; null where the dump has none."""
    past_hashes: tuple[str, ...] = ()
    """The same of the certificate history, as printed: where there is one, the current certificate ends it."""
    signing_version: int | None = None
    """The signature scheme that Android went by, as a number."""
    installer: str | None = None
    last_update_time: str | None = None
    first_install_time: str | None = None
    """As Android 12 and older print it; since 13 each user has their own."""
    users: tuple[DumpedUser, ...] = ()


class Dump(Value, frozen=True):
    """What ``dumpsys package`` told, by package name."""

    active: dict[str, DumpedPackage]
    factory: dict[str, DumpedPackage]
    """The copies in the system image of apps that were updated since (``Hidden system packages:``)."""
    problems: tuple[str, ...]
    """What was not understood, or contradicts itself; the last one says how many more there were."""
