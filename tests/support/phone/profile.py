"""What a simulated phone is: its release, its users, and the apps that they have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

STATES = frozenset({"installed", "disabled", "hidden", "suspended", "uninstalled", "archived"})
OWNER_FLAGS, PROFILE_FLAGS = 0x4C13, 0x1030
RELEASES = {"6": 23, "7": 24, "8": 26, "9": 28, "10": 29, "11": 30, "12": 31, "13": 33, "14": 34, "15": 35, "16": 36}
"""Release → API level."""


@dataclass(frozen=True)
class UserProfile:
    """A user, work profile or private space. The shell may be denied it."""

    id: int = 0
    name: str = "Owner"
    flags: int = OWNER_FLAGS
    denied: bool = False


@dataclass(frozen=True)
class FactoryCopy:
    """The version of an updated system app that is still in the phone's image."""

    apk: Path | None
    path: str
    version_code: int
    hashes: tuple[str, ...] = ()


@dataclass(frozen=True)
class InstalledApp:
    """One package. ``apk`` without a file is listed with a path where there is nothing to read."""

    package: str
    apk: Path | None = None
    version_code: int = 1
    version_name: str = "1.0"
    min_sdk: int = 21
    target_sdk: int = 33
    installer: str | None = None
    system: bool = False
    users: Mapping[int, str] = field(default_factory=lambda: {0: "installed"})
    hashes: tuple[str, ...] = ()
    past_hashes: tuple[str, ...] = ()
    splits: Mapping[str, Path] = field(default_factory=dict)
    app_links_sha256: tuple[str, ...] = ()
    transparency_sha256: tuple[str, ...] = ()
    factory: FactoryCopy | None = None
    path: str | None = None
    """Where the base APK lies on the phone. Any character but NUL is allowed."""
    readable: bool = True
    vanishes: bool = False
    """Listed, but its files are not there."""
    app_id: int | None = None

    def __post_init__(self) -> None:
        unknown = set(self.users.values()) - STATES
        if unknown:
            raise ValueError(f"{self.package}: no such state: {', '.join(sorted(unknown))}")


def installed(apk: Path, package: str, **more: object) -> InstalledApp:
    """An app of this file; ``more`` are the fields of `InstalledApp`."""
    return InstalledApp(package, apk, **more)  # type: ignore[arg-type]


def hash32_of(der: bytes) -> str:
    """The hash that Android 9 and newer print for a certificate."""
    from scanner.certificate import hash32

    return hash32(der)


@dataclass(frozen=True)
class PhoneProfile:
    """A phone: what it says of itself, its users and its apps."""

    android: str = "14"
    sdk: int = 34
    manufacturer: str = "Google"
    model: str = "Pixel 7"
    serial: str = "28021FDH2000AB"
    fingerprint: str = "google/panther/panther:14/UQ1A.240205.002/11224170:user/release-keys"
    boot_id: str | None = None
    users: tuple[UserProfile, ...] = (UserProfile(),)
    packages: tuple[InstalledApp, ...] = ()
    checksums: bool | None = None
    """Whether packets carry checksums; otherwise as the release did."""

    @property
    def release(self) -> int:
        """The major release."""
        return int(self.android.split(".")[0])

    @property
    def features(self) -> tuple[str, ...]:
        """What its adbd offers."""
        if self.release < 7:
            return ()
        return (
            "shell_v2",
            "cmd",
            *(("stat_v2",) if self.release >= 8 else ()),
            *(("ls_v2",) if self.release >= 11 else ()),
        )

    @property
    def with_checksums(self) -> bool:
        """Android 8 and older put a checksum into each packet, and wanted one."""
        return self.release < 9 if self.checksums is None else self.checksums

    @property
    def device(self) -> str:
        """The device's name, from its fingerprint."""
        return self.fingerprint.split("/")[2].split(":")[0] if self.fingerprint.count("/") > 1 else "generic"

    @property
    def banner(self) -> str:
        """How its adbd presents itself."""
        said = [f"ro.product.name={self.device}", f"ro.product.model={self.model}", f"ro.product.device={self.device}"]
        if self.features:
            said.append("features=" + ",".join(self.features))
        return "device::" + "".join(f"{one};" for one in said[:3]) + "".join(said[3:])


def phone_of(android: str, *packages: InstalledApp, **more: object) -> PhoneProfile:
    """A phone of that release; ``more`` are the fields of `PhoneProfile`."""
    fields = {
        "sdk": RELEASES[android.split(".", maxsplit=1)[0]],
        "fingerprint": f"google/panther/panther:{android}/BUILD.{android}/1:user/release-keys",
        "packages": packages,
        **more,
    }
    return PhoneProfile(android, **fields)  # type: ignore[arg-type]
