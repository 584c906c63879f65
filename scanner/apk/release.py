"""Which scheme, and so which signer, an Android release goes by.

Source: AOSP ``ApkSignatureVerifier`` and ``ApkSignatureSchemeV3Verifier``: the newest scheme that the
release knows and the APK bears decides alone; a v3.1 or v3.2 block without a signer for the release is
passed over; a broken block is an error, never a reason to look at an older scheme.
"""

from __future__ import annotations

from scanner.apk.schemes import RANGED
from scanner.certificate import is_post_quantum
from scanner.model import Scheme, Signer, Signing

KNOWN_SINCE = (("v3.2", 37), ("v3.1", 33), ("v3", 28), ("v2", 24), ("v1", 1))
"""Each scheme and the API level that first knew it, newest first."""
CODENAMES = {
    "C": 2, "D": 3, "E": 4, "F": 7, "G": 8, "H": 10, "I": 13, "J": 15, "K": 18, "L": 20, "M": 22, "N": 23, "O": 25,
}  # fmt: skip
"""The API level of a release under development, by the first letter of its name; one more for each letter behind O.
It is that of the release before. Source: apksig's ``ApkUtils``."""
PASSED_OVER = frozenset({"v3.1", "v3.2"})


def api_level(codename: str | None) -> int:
    """The API level that stands for a release under development; 1 where nobody knows of it."""
    first = (codename or "")[:1]
    if "P" <= first <= "Z":
        return CODENAMES["O"] + ord(first) - ord("O")
    return CODENAMES.get(first, 1)


def signing_for(schemes: tuple[Scheme, ...], sdk: int) -> Signing:
    """Who signs for release ``sdk``. No scheme at all is a value too: ``governing`` is null.

    Of a v3.2 pair the classical signer is taken for the current one. Android takes the post-quantum one and
    makes the classical one its past, but requires both to have signed, and only the classical one is known
    to anybody's pins.
    """
    found = {scheme.name: scheme for scheme in schemes}
    for name, since in KNOWN_SINCE:
        scheme = found.get(name)
        if scheme is None or sdk < since:
            continue
        signers = _for_release(scheme, sdk)
        if signers or scheme.problem or name not in PASSED_OVER:
            problem = scheme.problem or _gap(scheme, signers, sdk)
            return Signing(sdk, schemes, name, _classical(signers) if name == "v3.2" else signers, problem)
    return Signing(sdk, schemes)


def _for_release(scheme: Scheme, sdk: int) -> tuple[Signer, ...]:
    if scheme.name not in RANGED:
        return scheme.signers
    return tuple(signer for signer in scheme.signers if _holds(signer, sdk))


def _holds(signer: Signer, sdk: int) -> bool:
    least, most = signer.min_sdk or 0, sdk if signer.max_sdk is None else signer.max_sdk
    return least <= sdk <= most and not (signer.for_dev_release and sdk == least)


def _classical(signers: tuple[Signer, ...]) -> tuple[Signer, ...]:
    return tuple(signer for signer in signers if not is_post_quantum(signer.certificate.der or b""))


def _gap(scheme: Scheme, signers: tuple[Signer, ...], sdk: int) -> str | None:
    if not signers:
        return f"{scheme.name} block: no signer for API level {sdk}"
    if scheme.name == "v3.2":
        pair = len(signers) == 2 and len(_classical(signers)) == 1
        return None if pair else "v3.2 block: not one classical and one post-quantum signer, as Android requires"
    if scheme.name in RANGED and len(signers) > 1:
        return f"{scheme.name} block: {len(signers)} signers for API level {sdk}, Android accepts one"
    return None


def contradictions(signing: Signing) -> tuple[str, ...]:
    """Schemes that name a signer whom the governing scheme neither has nor had.

    Harmless in a rotated key, whose older schemes name a past certificate; anywhere else, releases would
    disagree on who signed.
    """
    known = {signer.certificate.sha256 for signer in signing.signers}
    known |= {past.certificate.sha256 for signer in signing.signers for past in signer.history}
    notes = []
    for scheme in signing.schemes:
        for signer in scheme.signers:
            related = {signer.certificate.sha256, *(past.certificate.sha256 for past in signer.history)}
            if signing.signers and scheme.name != signing.governing and not known & related:
                notes.append(f"{scheme.name} names signer {signer.certificate.sha256}, {signing.governing} does not")
    return tuple(notes)
