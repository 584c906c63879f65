"""Signs that another app can pay, or share, through a listed one: in its manifest and in its classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scanner.apk.contents import ManifestContents
from scanner.apk.dex import DEX_MEMBER, MAX_DEX, DexTypes
from scanner.bytesource import ByteSource, ZipDirectory, member_bytes
from scanner.errors import ApkError, LimitExceeded
from scanner.model import SdkTrace, Value

MAX_DEX_TOTAL = 1 << 30
"""Bytes of DEX files, inflated, that are looked through; real apps stay far below."""


class SdkMarkers(Value, frozen=True):
    """What to look for. A marker for payment and one that only shows the SDK are kept apart."""

    sdk: str
    activities: tuple[str, ...] = ()
    activity_suffixes: tuple[str, ...] = ()
    scheme_prefixes: tuple[str, ...] = ()
    dex_payment: tuple[str, ...] = ()
    dex_present: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()


def find_sdks(
    contents: ManifestContents, types: Iterable[DexTypes], wanted: Iterable[SdkMarkers]
) -> tuple[SdkTrace, ...]:
    """The SDKs of which a marker was found in the manifest or the classes, of which one file is held at a time."""
    looked_for = list(wanted)
    prefixes = {name for markers in looked_for for name in (*markers.dex_payment, *markers.dex_present)}
    seen: set[str] = set()
    for dex in types:
        seen |= {prefix for prefix in prefixes - seen if dex.any_under(prefix)}
    return tuple(trace for markers in looked_for if (trace := _trace(contents, seen, markers)))


def dex_types(source: ByteSource) -> Iterator[DexTypes]:
    """The type tables of ``classes.dex``, ``classes2.dex``, …, one at a time. Raises `ApkError` for a broken one."""
    total = 0
    for entry in ZipDirectory(source).select(under=(b"classes",)):
        total += entry.size
        if total > MAX_DEX_TOTAL:
            raise LimitExceeded(f"{entry.text_name}: the classes inflate to more than {MAX_DEX_TOTAL} bytes")
        if DEX_MEMBER.fullmatch(entry.name):
            try:
                yield DexTypes(member_bytes(source, entry, MAX_DEX))
            except ApkError as error:
                raise ApkError(f"{entry.text_name}: {error}") from error


def _trace(contents: ManifestContents, seen: set[str], markers: SdkMarkers) -> SdkTrace | None:
    manifest = tuple(_manifest_markers(contents, markers))
    payment = tuple(name for name in markers.dex_payment if name in seen)
    present = tuple(name for name in markers.dex_present if name in seen)
    if not (manifest or payment or present):
        return None
    pays = bool(markers.dex_payment) and bool(manifest or payment)
    queries = tuple(name for name in contents.queried_packages if name in markers.queries)
    return SdkTrace(markers.sdk, pays, manifest, tuple(dict.fromkeys((*payment, *present))), queries)


def _manifest_markers(contents: ManifestContents, markers: SdkMarkers) -> Iterator[str]:
    for name in contents.activities:
        if name in markers.activities or name.endswith(markers.activity_suffixes or ("\0",)):
            yield f"activity {name}"
    for scheme in contents.schemes:
        if scheme.startswith(markers.scheme_prefixes or ("\0",)):
            yield f"scheme {scheme}"
