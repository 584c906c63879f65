"""One APK as an analyst wants it: identity, every scheme's signers, contents, SDKs, and what matches why."""

from __future__ import annotations

import struct

from scanner.apk import MANIFEST, NotAnApk
from scanner.apk.contents import ManifestContents, read_contents
from scanner.apk.insides import read_insides
from scanner.apk.manifest import manifest_bytes
from scanner.bytesource import ByteSource, ZipDirectory, member_bytes
from scanner.certificate import details, hash32
from scanner.database import SignatureDatabase
from scanner.embedding import traces, wanted_of_sdks
from scanner.errors import ApkError
from scanner.model import (
    LIMITS,
    ApkIdentity,
    App,
    Certificate,
    Inspection,
    Limits,
    Location,
    SdkTrace,
    Signer,
    SignerView,
)
from scanner.rows import Judge, Judged
from scanner.sources import open_location

OPEN_END = 0x7FFFFFFF
"""The maximum SDK of a signer that no later one replaces."""
MAX_RESOURCES = 128 << 20
"""Largest resource table that is read for a label, in bytes."""


def inspect_apk(
    location: Location, database: SignatureDatabase, sdk: int, now: str, limits: Limits = LIMITS
) -> Inspection:
    """Read one APK whole.

    Raises:
        SourceError: it cannot be opened.
        ApkError: it is not an APK, or too broken to be identified.
        ReadError: the transport failed.
    """
    with open_location(location, limits) as source:
        judge = Judge(database, sdk, now, limits=limits)
        judged = _judged(judge, source)
        identity = judged.identity
        problems: list[str] = []
        contents = _contents(source, problems, limits)
        label, version = _resolved(source, contents, identity, problems)
        row = judge.row(App(location.path, location, named=True), judged, label=label, version_name=version)
        return Inspection(
            row=row,
            size=source.size,
            label=label,
            permissions=contents.permissions if contents else (),
            components=contents.components if contents else {},
            governing=identity.signing.governing,
            verification=judged.verification,
            signers=tuple(_signers(identity)),
            sdks=_sdks(source, database, problems, limits),
            problems=tuple(problems),
        )


def _judged(judge: Judge, source: ByteSource) -> Judged:
    try:
        return judge.read(source, every_scheme=True, verify_it=True)
    except NotAnApk as error:
        raise error.with_advice() from error


def _contents(source: ByteSource, problems: list[str], limits: Limits) -> ManifestContents | None:
    try:
        entry = ZipDirectory(source, limits).select(names=(MANIFEST,))[0]
        return read_contents(manifest_bytes(source, entry, limits), limits)
    except ApkError as error:
        problems.append(str(error))
        return None


def _resolved(
    source: ByteSource, contents: ManifestContents | None, identity: ApkIdentity, problems: list[str]
) -> tuple[str | None, str | None]:
    """Label and version name, looked up in the resource table where the manifest only points into it."""
    if contents is None:
        return None, identity.version_name
    wanted = {"label": contents.label_reference, "version name": identity.version_name_reference}
    found: dict[str, str | None] = {}
    if any(wanted.values()):
        try:
            table = _resource_table(source)
            found = {name: _text(table, number) for name, number in wanted.items() if number}
        except ApkError as error:
            problems.append(str(error))
    return contents.label or found.get("label"), identity.version_name or found.get("version name")


def _resource_table(source: ByteSource) -> object:
    """Androguard's view of ``resources.arsc``. Raises `ApkError`."""
    from androguard.core.axml import ARSCParser, ResParserError
    from loguru import logger

    logger.disable("androguard")
    entries = ZipDirectory(source).select(names=(b"resources.arsc",))
    if not entries:
        raise ApkError("no resources.arsc to look the label up in")
    try:
        return ARSCParser(member_bytes(source, entries[0], MAX_RESOURCES))
    except (
        ResParserError,
        struct.error,
        ValueError,
        IndexError,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:
        raise ApkError(f"resources.arsc: cannot be parsed ({type(error).__name__})") from error


def _text(table: object, number: int) -> str | None:
    """The default text of a resource, or the first there is."""
    try:
        values = table.get_resolved_res_configs(number)  # type: ignore[attr-defined]
        texts = [(config.is_default(), str(text)) for config, text in values]
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ApkError(f"resources.arsc: 0x{number:08x} cannot be resolved ({type(error).__name__})") from error
    return next((text for default, text in texts if default), texts[0][1] if texts else None)


def _signers(identity: ApkIdentity) -> list[SignerView]:
    views = []
    for scheme in identity.signing.schemes:
        for signer in scheme.signers:
            span = _span(signer)
            views.append(_view(scheme.name, "signer", signer.certificate, span))
            views += [
                _view(scheme.name, "past signer", past.certificate, None, past.capabilities) for past in signer.history
            ]
    return views


def _span(signer: Signer) -> str | None:
    if signer.min_sdk is None or signer.max_sdk is None:
        return None
    return f"{signer.min_sdk} and up" if signer.max_sdk >= OPEN_END else f"{signer.min_sdk} to {signer.max_sdk}"


def _view(
    scheme: str, role: str, certificate: Certificate, span: str | None, capabilities: tuple[str, ...] = ()
) -> SignerView:
    der = certificate.der or b""
    return SignerView(
        scheme,
        role,
        span,
        capabilities,
        certificate.sha256,
        certificate.sha1,
        certificate.md5,
        hash32(der) if der else None,
        details(der),
    )


def _sdks(source: ByteSource, database: SignatureDatabase, problems: list[str], limits: Limits) -> tuple[SdkTrace, ...]:
    insides = read_insides(source, wanted_of_sdks(database), limits=limits)
    problems += [problem for problem in insides.problems if not problem.startswith(MANIFEST.decode())]
    return traces(insides, database)
