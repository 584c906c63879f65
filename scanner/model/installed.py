"""What a phone, or an inventory of one, says of an app without any of its bytes being read."""

from __future__ import annotations

from typing import Literal

from scanner.model.identity import Certificate, Location, PhoneAddress
from scanner.model.rows import AppRow, Device, UserState
from scanner.model.vocabulary import Assurance, Value


class Stated(Value, frozen=True):
    """Certificates that somebody states: by what digests, on whose word, and how much that word counts."""

    signers: tuple[Certificate, ...]
    history: tuple[Certificate, ...] = ()
    origin: str = "pm get-app-links"
    """Which input says so, such as a command or a key of an export."""
    assurance: Assurance = Assurance.PLATFORM
    no_signer: str | None = None
    """Why there is no signer, where an earlier scan established that."""
    broken: str | None = None
    """Why the signature that names these signers does not hold, where an earlier scan established that."""


class Installed(Value, frozen=True):
    """One copy of one app on one phone. Anything the phone did not say is null."""

    device: Device | None
    """Null for an APK that lay in a file when an earlier scan read it."""
    source: str
    """The SPEC it was found under."""
    package_name: str
    """Empty where an export has titles alone."""
    copy: Literal["active", "factory"] = "active"
    """``factory``: the copy in the system image, which an update lies over."""
    users: tuple[UserState, ...] = ()
    phone: PhoneAddress | None = None
    """How the phone is reached; null in an inventory that somebody saved."""
    location: Location | None = None
    """Its base APK; null where the phone did not tell, or has none (uninstalled with data kept)."""
    where: str = ""
    """Where an export says so, such as ``devices.json:12``."""
    title: str | None = None
    """The name that people see."""
    file_sha256: str | None = None
    """Of the base APK, where an export states it."""
    version_code: int | None = None
    version_name: str | None = None
    min_sdk: int | None = None
    target_sdk: int | None = None
    installer: str | None = None
    system: bool | None = None
    splits: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    """`Certificate.hash32` of each current signer; empty where the release states none."""
    past_hashes: tuple[str, ...] = ()
    stated: Stated | None = None
    updated: str | None = None
    """When it was last updated, in the phone's own words: only compared, never read as a date."""
    earlier: AppRow | None = None
    """The row of an earlier scan that says all this; what the signatures do not decide is kept as it stands there."""
    also_stated: tuple[Stated, ...] = ()
    """What other inventories state of its certificate, where several were joined."""
    also_in: tuple[str, ...] = ()
    """Other inventories that name it, where several were joined."""
    contradictions: tuple[str, ...] = ()
    """Where those do not say the same."""

    @property
    def present(self) -> bool:
        """Whether an APK is there for any user, as far as the phone says."""
        return any(user.state not in {"uninstalled", "archived"} for user in self.users) or not self.users
