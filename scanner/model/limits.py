"""How much of a hostile file is read before it is given up. Every one of them may be set: ``--limit NAME=VALUE``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import msgspec

from scanner.model.vocabulary import Value

_COUNT = (1 << 31) - 1
_BYTES = 1 << 40
SUFFIXES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
"""What may stand behind a number of bytes."""


def _count(meaning: str, least: int = 1, most: int = _COUNT) -> Any:  # noqa: ANN401 - a mark for msgspec
    return msgspec.Meta(ge=least, le=most, description=meaning)


def _bytes(meaning: str) -> Any:  # noqa: ANN401 - a mark for msgspec
    return msgspec.Meta(ge=1, le=_BYTES, description=meaning, extra={"unit": "bytes"})


class Limits(Value, frozen=True):
    """The limits of one run. What exceeds one is `unread` and says so, or a problem of its row; never clear."""

    entries: Annotated[int, _count("Members that one zip may list.")] = 2_000_000
    directory_size: Annotated[int, _bytes("Size of a zip's directory.")] = 256 << 20
    inflated_size: Annotated[int, _bytes("Size of one member that is inflated into memory; half for each nesting.")] = (
        512 << 20
    )
    inflated_total: Annotated[int, _bytes("What the members of one archive may inflate to, however small it is.")] = (
        2 << 30
    )
    inflated_ratio: Annotated[int, _count("Beyond that, how many times its own size an archive may inflate to.")] = 200
    nesting: Annotated[int, _count("Archives within archives that are opened.", 0, 16)] = 4
    manifest_size: Annotated[int, _bytes("Size of AndroidManifest.xml, inflated.")] = 8 << 20
    string_pool: Annotated[int, _count("Strings in the pool of a manifest; real ones have a few thousand.")] = 1 << 18
    elements: Annotated[int, _count("XML elements of a manifest.")] = 200_000
    signing_block: Annotated[int, _bytes("Size of an APK Signing Block.")] = 32 << 20
    signers: Annotated[int, _count("Signers of one scheme; of scheme v2 never more than the 10 of Android.")] = 64
    certificates: Annotated[int, _count("Certificates that one signer, or one signature block file, brings.")] = 256
    item_seconds: Annotated[
        float,
        msgspec.Meta(ge=0.1, le=86_400, description="Time that one file or phone app may take.", extra={"unit": "s"}),
    ] = 300.0


LIMITS = Limits()
"""The limits where nobody sets any."""


class LimitInfo(NamedTuple):
    """One limit as ``--limit help`` shows it. ``unit`` is ``bytes``, ``s`` or nothing."""

    name: str
    default: float
    least: float
    most: float
    unit: str
    meaning: str


def limit_infos() -> Iterator[LimitInfo]:
    """Every limit, in the order of the fields."""
    for field in msgspec.structs.fields(Limits):
        meta = field.type.__metadata__[0]
        unit = (meta.extra or {}).get("unit", "")
        yield LimitInfo(option_of(field.name), field.default, meta.ge, meta.le, unit, meta.description)


def option_of(field: str) -> str:
    """What a field of `Limits` is called on the command line."""
    return field.replace("_", "-")


def limits_of(words: Mapping[str, str]) -> Limits:
    """The limits with some of them set, as a person writes them: ``{"inflated-size": "2G", "nesting": "1"}``.

    Raises:
        ValueError: no limit of that name, no number, or one out of bounds. The text says which, and what would do.
    """
    known = {info.name: info for info in limit_infos()}
    values: dict[str, float] = {}
    for name, text in words.items():
        if name not in known:
            raise ValueError(f"{name}: no such limit; there are {', '.join(known)}")
        values[name.replace("-", "_")] = _number(known[name], text)
    return Limits(**values)  # type: ignore[arg-type]


def _number(info: LimitInfo, text: str) -> float:
    suffix = SUFFIXES.get(text[-1:].upper(), 1) if info.unit == "bytes" else 1
    digits = text[:-1] if suffix > 1 else text
    try:
        value = float(digits) if info.unit == "s" else int(digits) * suffix
    except ValueError:
        kind = {"s": "seconds", "bytes": "bytes, such as 512M"}.get(info.unit, "a whole number")
        raise ValueError(f"{info.name}: {text!r} is not {kind}") from None
    if not info.least <= value <= info.most:
        raise ValueError(f"{info.name}: {text} is not between {info.least} and {info.most}")
    return value
