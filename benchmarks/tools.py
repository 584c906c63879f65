"""One function a tool: a path → the identity of the APK there. What is timed, and nothing else.

Every tool is asked for the same: package name, version code, version name, SDK range and the digests of the
signing certificates. A peer is imported when it is first asked for, so that a process that runs one tool
holds that tool alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

OURS, APK_INFO, ANDROGUARD = "app-scanner", "apk-info", "androguard"


class Identity(NamedTuple):
    """What a tool says of one APK, in a form that can be compared."""

    package_name: str | None
    version_code: str | None
    version_name: str | None
    min_sdk: str | None
    target_sdk: str | None
    signers: frozenset[str]
    """SHA-256 of each certificate, lower-case hex."""


Read = Callable[[str], Identity]


def reader(tool: str) -> Read:
    """The function of that name, its tool imported."""
    return {OURS: _ours, APK_INFO: _apk_info, ANDROGUARD: _androguard}[tool]()


def _ours() -> Read:
    from scanner.apk import identify
    from scanner.bytesource import LocalFile

    def read(path: str) -> Identity:
        with LocalFile(path) as source:
            found = identify(source)
        signers = frozenset(signer.certificate.sha256 or "" for signer in found.signing.signers)
        return _identity(
            found.package_name, found.version_code, found.version_name, found.min_sdk, found.target_sdk, signers
        )

    return read


def _apk_info() -> Read:
    from apk_info import APK, Signature

    carriers = (Signature.V1, Signature.V2, Signature.V3, Signature.V31)

    def read(path: str) -> Identity:
        apk = APK(path)
        signers = {
            certificate.sha256_fingerprint
            for signature in apk.get_signatures()
            if isinstance(signature, carriers)
            for certificate in signature.certificates
        }
        return _identity(
            apk.get_package_name(),
            apk.get_version_code(),
            apk.get_version_name(),
            apk.get_min_sdk_version(),
            apk.get_target_sdk_version(),
            frozenset(signers),
        )

    return read


def _androguard() -> Read:
    from androguard.core.apk import APK
    from loguru import logger

    logger.disable("androguard")

    def read(path: str) -> Identity:
        apk = APK(path)
        return _identity(
            apk.get_package(),
            apk.get_androidversion_code(),
            apk.get_androidversion_name(),
            apk.get_min_sdk_version(),
            apk.get_target_sdk_version(),
            frozenset(certificate.sha256.hex() for certificate in apk.get_certificates()),
        )

    return read


def _identity(
    package: object, code: object, name: object, min_sdk: object, target_sdk: object, signers: frozenset[str]
) -> Identity:
    return Identity(_text(package), _text(code), _text(name), _text(min_sdk), _text(target_sdk), signers)


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def agrees(ours: Identity, peer: Identity) -> bool:
    """Whether a peer saw the same app. It names the signers of every scheme, we those of the newest release's."""
    same = (ours.package_name, ours.version_code) == (peer.package_name, peer.version_code)
    return same and ours.signers <= peer.signers and bool(ours.signers) == bool(peer.signers)


if __name__ == "__main__":
    reader(sys.argv[1])(sys.argv[2])
