"""Keys that anybody can sign with: a pin to one of them would call every home-made app genuine.

Two kinds. The private halves of AOSP's test keys lie beside their certificates in ``build/target/product/security``,
whose README says that nothing released may be signed with them. And the build tools make a debug keystore on each
developer's machine with the subject ``CN=Android Debug,O=Android,C=US`` and a password that everyone knows
(https://developer.android.com/studio/publish/app-signing#debug-mode): each has a certificate of its own, so the
subject tells.
"""

from __future__ import annotations

import msgspec

from scanner.certificate import details
from scanner.database.signaturefile import PINNED, PinnedSigner
from scanner.model import Certificate

_MIRROR = "github aosp-mirror/platform_build @{} : target/product/security/{}.x509.pem (digests computed from it)"
_STATED = (
    "github nix-community/robotnix : modules/apps/prebuilt.nix (SHA-256 of AOSP's default test certificates; the "
    "certificate itself was not at hand, but the two others that it names are equal to those computed)"
)


class TestKey(msgspec.Struct, frozen=True):
    """One public key pair of AOSP: its name there, and the digests of its certificate."""

    name: str
    cite: str
    sha256: str
    sha1: str | None = None
    md5: str | None = None
    spki_sha256: str | None = None
    rsa_modulus_sha256: str | None = None


AOSP = (
    TestKey(
        "testkey",
        "npm appium-uiautomator2-server 10.6.6 : the APK verifies with it (digests computed from its certificate; the "
        "RSA modulus is the one in github aosp-mirror/platform_build @04d2b94e : target/product/security/README)",
        "a40da80a59d170caa950cf15c18c454d47a39b26989d8b640ecd745ba71bf5dc",
        "61ed377e85d386a8dfee6b864bd85b0bfaa5af81",
        "e89b158e4bcf988ebd09eb83f5378e87",
        "ef57b690165cb561b5026922c00d2d6574e8b184fa7d161e076f06e06e6d35db",
        "9be0d75bd0a4947485e874b0b8ca5be4cc938a3cb9b0594d724acaa75aa81ef7",
    ),
    TestKey(
        "platform",
        "a public build script that carries AOSP's platform.x509.pem, repository name not recorded (digests computed "
        "from it; the SHA-256 is the one in github nix-community/robotnix : modules/apps/prebuilt.nix)",
        "c8a2e9bccf597c2fb6dc66bee293fc13f2fc47ec77bc6b2b0d52c11f51192ab8",
        "27196e386b875e76adf700e7ea84e4c6eee33dfa",
        "8ddb342f2da5408402d7568af21e29f9",
        "3d3df7dc9bf26e02d4cd76256d41d45e41a4dedebe7feb95c40e3697681be8a7",
        "8cc3507bfc9bba68e7137d0a3fe9ed444522c80cc908d1380475caf7434948f0",
    ),
    TestKey("shared", _STATED, "28bbfe4a7b97e74681dc55c2fbb6ccb8d6c74963733f6af6ae74d8c3a6e879fd"),
    TestKey("media", _STATED, "465983f7791f2abeb43ea2cbdc7f21a8260b72bc08a55c839fc1a43bc741a81e"),
    TestKey(
        "networkstack",
        _MIRROR.format("661bfd44", "networkstack"),
        "e1dbadce60dc080d15b58a014b0dcf9400e24de23fa00b287a5a982bfebda2ee",
        "7c8bdabd21f953a1b18ccbe7b91393d9fdf94830",
        "7b02c2692a3cb6d39c58de176300f45c",
        "7bfcc5541e9f18e3738b1d5fa0b8524d44bac99424cfdcc6594d9386d4daaf15",
        "9c3221ff91f39ab1b89f2a0cff2429b40f961684a8ff27976229c5b595d5c551",
    ),
    TestKey(
        "bluetooth",
        _MIRROR.format("690b21ef", "bluetooth"),
        "a6ccc500ff0e7421200eb66a7fe174ef1b00e52ca91727070cbedf061ff76c35",
        "dc0605cdd6552d84481d8fcce4a8d28e294e570b",
        "a3e41c48f44bf9bd8c34f3b543113b97",
        "de5b1ddc59331bbdeee26d6467dd4f9fc09719098ba7dcb6a973045781a0e36c",
        "18ef8ef1cb4971581ba8050a87227cd0eed63d311d746b76f888964fe6543d77",
    ),
    TestKey(
        "nfc",
        _MIRROR.format("e8239fbc", "nfc"),
        "fae9122a8721d6e2a196d2224dffcf773c9127e2bb956cbddb40b009192ffdfd",
        "2cdc0be9a0b9ec3d4a0d3a958023a770ba5a0a6d",
        "6b22a8548696632b105990d99213ab44",
        "9318ca97d2c148ca94639603b68d0928068158113d23a1cfca30acc4df2cac37",
        "b9f70b5a902803ff6828c0156b9cb405fcd0fc508d7eccc352b875c6295f13ea",
    ),
    TestKey(
        "sdk_sandbox",
        _MIRROR.format("43f87c2e", "sdk_sandbox"),
        "abf21f9e2af1d881cc673fddcefa6ed9c269a437bd64b279cf45844cfd589126",
        "74847689bd67577964ae628af2301acf8910b499",
        "8be82a13b58a71d7f9e10e891075f8c6",
        "d2e67bf7c0aaa67f3a4f7dc35dd2d45aa111a91e06a2cc517eaf9c249de31454",
        "9ea0362df7dd1efa2ac580a0a480b32fc3b8dd2cde32aa4e2b0964e5f332c5e9",
    ),
)
_BY_DIGEST = {(kind, getattr(key, kind)): key for key in AOSP for kind in PINNED if getattr(key, kind)}


def public_key_of(signer: PinnedSigner | Certificate) -> str | None:
    """Which key that anybody has this certificate belongs to, in words; None where it is none that is known here."""
    for kind in PINNED:
        key = _BY_DIGEST.get((kind, getattr(signer, kind)))
        if key is not None:
            return f"AOSP's public test key “{key.name}”"
    return "a debug keystore (CN=Android Debug)" if _is_debug(_subject(signer)) else None


def _subject(signer: PinnedSigner | Certificate) -> str | None:
    der = signer.der if isinstance(signer, Certificate) else _hex(signer.der)
    return (details(der).subject if der else None) or signer.subject


def _hex(text: str | None) -> bytes | None:
    try:
        return bytes.fromhex(text) if text else None
    except ValueError:
        return None


def _is_debug(subject: str | None) -> bool:
    """Whether a subject is a debug keystore's, however its parts are ordered and spaced."""
    return subject is not None and "cn=android debug" in {part.strip().casefold() for part in subject.split(",")}
