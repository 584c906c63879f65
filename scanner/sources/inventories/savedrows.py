"""From the row of an earlier scan back to what was known of the app, so that it can be matched again."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from scanner.model import AppRow, Assurance, Certificate, Installed, SignerRow, Stated

ORIGIN = "app-scanner row"
REMEMBERED = 4096
"""Sets of certificates that are kept: an archive holds few publishers."""
MAX_SUBJECT = 2048
"""Characters of a certificate's subject that are kept."""
MAX_KEPT = 64
"""Certificates of one app that are kept."""
_HINT = Assurance.HINT
"""Looked up once: an enum's attribute costs as much as a dictionary in Python 3.11."""
_NO_SIGNATURE = re.compile(r"no signature that API level (\d+) would look at")
_UNSIGNED, _BROKEN = "unsigned: ", "signature-does-not-verify: "
_KEYS = {"public-key-sha256": "spki_sha256", "rsa-modulus-sha256": "rsa_modulus_sha256"}


def installed(row: AppRow, spec: str) -> Installed:
    """What the row of an earlier scan says of one app."""
    hashes: tuple[str, ...] = ()
    past_hashes: tuple[str, ...] = ()
    stated = None
    assurance = row.assurance
    if assurance is None or assurance is _HINT:
        hashes, past_hashes = _hashes(row)
    if row.findings or row.tamper or not row.signers or assurance is None or row.file_sha256 is not None:
        stated = None if hashes or past_hashes else _stated(row)
    elif not hashes:
        kept = _plain if _short(row.signers) and _short(row.certificate_history) else _plain.__wrapped__
        stated = kept(row.signers, row.certificate_history, assurance)
    return Installed(  # by position, which takes half the time of names
        row.device,
        spec,
        row.package_name or "",
        row.copy,
        row.users,
        None,
        None,
        row.location,
        row.label,
        row.file_sha256,
        row.version_code,
        row.version_name,
        row.min_sdk,
        row.target_sdk,
        row.installer,
        row.system,
        row.splits,
        hashes,
        past_hashes,
        stated,
        None,
        row,
    )


def _hashes(row: AppRow) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The 32-bit hashes, where the earlier scan had no more than these."""
    return (
        tuple(one.hash32 for one in row.signers if one.hash32),
        tuple(one.hash32 for one in row.certificate_history if one.hash32),
    )


def _short(signers: tuple[SignerRow, ...]) -> bool:
    """Whether the certificates are worth keeping: a hostile file has a megabyte of subject in each row."""
    for one in signers:
        if one.subject is not None and len(one.subject) > MAX_SUBJECT:
            return False
    return len(signers) <= MAX_KEPT


@lru_cache(maxsize=REMEMBERED)
def _plain(signers: tuple[SignerRow, ...], history: tuple[SignerRow, ...], assurance: Assurance) -> Stated:
    """What nearly every row states, and many state the same."""
    return Stated(tuple(map(_certificate, signers)), tuple(map(_certificate, history)), ORIGIN, assurance)


def _stated(row: AppRow) -> Stated | None:
    signers = tuple(map(_certificate, row.signers))
    history = tuple(map(_certificate, row.certificate_history))
    no_signer = broken = None
    if signers:
        if row.findings:
            signers, history = _with_keys(row, signers, history)
        if row.tamper or row.assurance == Assurance.DECLARED:
            broken = _broken(row)
    else:
        no_signer = next((_no_signer(issue) for issue in row.issues if issue.startswith(_UNSIGNED)), None)
    if not signers and not history and no_signer is None:
        return None
    return Stated(signers, history, ORIGIN, row.assurance or Assurance.DECLARED, no_signer, broken)


def _certificate(signer: SignerRow) -> Certificate:
    subject = signer.subject and signer.subject[:MAX_SUBJECT]
    return Certificate(signer.sha256, signer.sha1, signer.md5, subject, None, None, signer.hash32)


def _no_signer(issue: str) -> str:
    text = issue.removeprefix(_UNSIGNED)
    release = _NO_SIGNATURE.fullmatch(text)
    return f"not signed for API level {release[1]}" if release else text


def _broken(row: AppRow) -> str | None:
    """Why the signature does not hold. Only where it was verified, and failed, is a file hashed and not `verified`."""
    if row.file_sha256 is None or row.assurance not in {Assurance.DECLARED, Assurance.PLATFORM}:
        return None
    said = next((note.removeprefix(_BROKEN) for note in row.tamper if note.startswith(_BROKEN)), None)
    return said or ("no signature verifies" if row.assurance == Assurance.DECLARED else None)


def _with_keys(
    row: AppRow, signers: tuple[Certificate, ...], history: tuple[Certificate, ...]
) -> tuple[tuple[Certificate, ...], tuple[Certificate, ...]]:
    """The certificates with the digests of their keys, which a row holds nowhere but in its evidence.

    Evidence names the current certificates in their order, and then those of the history that agree.
    """
    for finding in row.findings:
        compared = [one for one in finding.evidence if one.kind not in {"package-name", "no-signer"}]
        for number, evidence in enumerate(compared):
            if evidence.kind not in _KEYS:
                continue
            known = {_KEYS[evidence.kind]: evidence.value}
            if number < len(signers):
                one = msgspec.structs.replace(signers[number], **known)
                signers = (*signers[:number], one, *signers[number + 1 :])
            elif len(history) == 1:
                history = (msgspec.structs.replace(history[0], **known),)
    return signers, history
