"""What Uraniborg's Hubble writes on a phone: ``packages.txt``, ``certificates.txt`` and others, all of them JSON.

Each file is ``{ "version": ..., "total...": <n>, "<name>": [...] }``. A package has ``name``, ``certIds`` (SHA-256 of
certificates), ``hash`` (SHA-256 of its base APK), ``label``, ``versionCode`` (the lower 32 bits), ``versionName``,
``isPreinstalled``, ``isEnabled``, ``isSuspended``, ``isHidden`` (not installed for this user), ``isApex`` and
``splits``; a certificate ``hash`` and ``encodedCert`` (DER in Base64). Hubble runs as an app of one user, whom it does
not name: 0 is written for them where a state must be told.

Several ``certIds`` are all of an app's signers, or else the history of the only one, oldest first; before version 2.2
nothing says which. The last one signs now either way, so it is taken for the signer and the others for the history,
as a claim alone. Since 2.2 ``signingInfo`` has both lists; where it counts more signers than it names, none is stated.

A certificate whose bytes have another digest than the one it is listed under is not used, nor are packages signed so.

Sources: https://github.com/android/android-binary-transparency ``uraniborg/docs/hubble_results.md``,
``uraniborg/AndroidStudioProject/Hubble/app/src/main/java/com/uraniborg/hubble/MainActivity.java`` (2.0.1 and 2.2.0),
``PackageMetadata.java``; AOSP ``SigningInfo.getSigningCertificateHistory``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator

import msgspec

from scanner.model import AppState, Assurance, Certificate, Device, Installed, Stated, UserState, counted
from scanner.sources.inventories.getprop import parse_properties
from scanner.sources.inventories.lines import Noted
from scanner.sources.inventories.readers.folders import Folder, Objects, claimed_by, folders_with
from scanner.sources.inventories.readers.jsonfields import hex_digest, objects, package, text, truth, whole
from scanner.sources.inventories.readers.phonetext import blank_app, device_of, gaps_of, nothing_in
from scanner.sources.inventories.reading import Bundle, BundleReader, Entry, Gap

MAX_CERTIFICATES = 20_000
MAX_DER = 1 << 18
"""Characters of one certificate in Base64."""
PACKAGES, CERTIFICATES = "packages.txt", "certificates.txt"
_HEAD = re.compile(r'\s*\{\s*"version"\s*:\s*"[^"]{1,40}"\s*,\s*"totalPackages"\s*:\s*(\d{1,9})')
_SHA256 = 64


_MEMBERS = {PACKAGES: lambda head: _HEAD.match(head) is not None}


def _recognises(bundle: Bundle) -> bool:
    return next(_phones(bundle), None) is not None


def _phones(bundle: Bundle) -> Iterator[Folder]:
    return folders_with(bundle, _MEMBERS)


def _read(bundle: Bundle, spec: str) -> Iterator[Entry]:
    for folder in _phones(bundle):
        yield from _Phone(folder, spec).entries()


class _Phone:
    """The files of one phone."""

    def __init__(self, folder: Folder, spec: str) -> None:
        self._folder, self._spec = folder, spec
        self._problems = Noted()
        self._certificates: dict[str, Certificate] = {}
        self._false: set[str] = set()

    def entries(self) -> Iterator[Entry]:
        self._read_certificates()
        document = self._folder.document(PACKAGES)
        if document is None:
            return
        blank = blank_app(self._device(), self._spec, document.name)
        found = seen = 0
        with document.text() as stream:
            array = Objects(stream, "packages")
            for seen, item in array:
                if truth(item.get("isApex")):
                    continue
                name = package(item.get("name"))
                if name is None:
                    self._problems.add(f"package {seen} has no package name")
                    continue
                found += 1
                yield self._app(name, item, blank)
        if array.others:
            self._problems.add(counted(array.others, "entry is no object", "entries are no objects"))
        if array.problem:
            yield Gap(PACKAGES, array.problem, "listing")
        announced = _HEAD.match(document.head)
        if announced and int(announced[1]) > seen and not array.problem:
            yield Gap(PACKAGES, f"names {seen} of {counted(int(announced[1]), 'package')}", "listing")
        if not found:
            yield nothing_in(PACKAGES)
        yield from gaps_of(self._problems, PACKAGES)

    def _first(self, name: str, key: str) -> dict[str, object]:
        """The only element of one of the smaller files."""
        document = self._folder.document(name)
        if document is None:
            return {}
        with document.text() as stream:
            return next((item for _, item in Objects(stream, key)), {})

    def _device(self) -> Device:
        encoded = text(self._first("device_properties.txt", "b64EncodedDeviceProps").get("encodedDevProps"))
        properties = parse_properties((_decoded(encoded or "") or b"").decode("utf-8", "surrogateescape"))
        fingerprint = text(self._first("build.txt", "buildInfo").get("fingerprint")) or ""
        model = text(self._first("hardware.txt", "hwInfo").get("modelName"))
        if model:
            properties.setdefault("ro.product.model", model)
        return device_of(properties, self._folder.name, fingerprint)

    def _read_certificates(self) -> None:
        document = self._folder.document(CERTIFICATES)
        if document is None:
            self._problems.add(f"{CERTIFICATES} is missing")
            return
        with document.text() as stream:
            array = Objects(stream, "certs")
            for _, item in array:
                if len(self._certificates) >= MAX_CERTIFICATES:
                    self._problems.add(f"more than {MAX_CERTIFICATES} certificates")
                    break
                self._keep(hex_digest(item.get("hash"), _SHA256), text(item.get("encodedCert")))
        if array.problem:
            self._problems.add(f"{CERTIFICATES}: {array.problem}")

    def _keep(self, sha256: str | None, encoded: str | None) -> None:
        der = _decoded(encoded or "") if len(encoded or "") <= MAX_DER else None
        if sha256 is None or der is None:
            self._problems.add(f"{CERTIFICATES}: no certificate under {sha256 or 'no digest'}")
        elif hashlib.sha256(der).hexdigest() != sha256:
            self._false.add(sha256)
            self._problems.add(f"{CERTIFICATES}: the certificate under {sha256} has another digest")
        else:
            self._certificates[sha256] = Certificate(sha256=sha256, der=der)

    def _app(self, name: str, item: dict[str, object], blank: Installed) -> Installed:
        state = _state(item)
        splits = (text(split.get("name")) for split in objects(item.get("splits")))
        return msgspec.structs.replace(
            blank,
            package_name=name,
            users=(UserState(0, state),) if state else (),
            title=text(item.get("label")),
            file_sha256=hex_digest(item.get("hash"), _SHA256),
            version_code=whole(item.get("versionCode")),
            version_name=text(item.get("versionName")),
            system=truth(item.get("isPreinstalled")),
            splits=tuple(split for split in splits if split),
            stated=self._stated(name, item),
        )

    def _stated(self, name: str, item: dict[str, object]) -> Stated | None:
        origin, info = f"hubble {PACKAGES}", item.get("signingInfo")
        if isinstance(info, dict):
            signers, lineage = self._listed(info, "apkContentsSigners"), self._listed(info, "signingCertificateLineage")
            multiple = truth(info.get("hasMultipleSigners"))
            if signers and lineage is not None and multiple is (len(signers) > 1):
                return Stated(signers, tuple(one for one in lineage if one not in signers), origin, Assurance.REPORTED)
            self._problems.add(f"{name}: its signers are not stated clearly")
            return None
        listed = self._listed(item, "certIds")
        if not listed:
            self._problems.add(f"{name}: its signers are not stated clearly, or not at all")
            return None
        sure = Assurance.REPORTED if len(listed) == 1 else Assurance.DECLARED
        return Stated(listed[-1:], listed[:-1], origin, sure)

    def _listed(self, item: dict[str, object], key: str) -> tuple[Certificate, ...] | None:
        """The certificates of a list of digests; null where one is none, or not the one that is listed under it."""
        value = item.get(key)
        digests = [hex_digest(one, _SHA256) for one in value] if isinstance(value, list) else [None]
        known = [one for one in digests if one is not None and one not in self._false]
        if len(known) != len(digests):
            return None
        return tuple(self._certificates.get(one, Certificate(sha256=one)) for one in known)


def _state(item: dict[str, object]) -> AppState | None:
    """The user's state of the app, where it is any other than simply installed."""
    if truth(item.get("isHidden")):
        return "hidden"
    if truth(item.get("isSuspended")):
        return "suspended"
    return "disabled" if truth(item.get("isEnabled")) is False else None


def _decoded(encoded: str) -> bytes | None:
    try:
        return base64.b64decode(encoded, validate=True) or None
    except (binascii.Error, ValueError):
        return None


READER = BundleReader(
    name="hubble",
    title="results of Uraniborg's Hubble",
    recognises=_recognises,
    read=_read,
    limit="Hubble sees the apps of the user that it runs for",
    claims=lambda bundle: claimed_by(bundle, _MEMBERS),
)
