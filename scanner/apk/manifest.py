"""The first elements of ``AndroidManifest.xml``: name, version, SDK range. androguard reads the binary XML.

Its `AXMLParser` is driven element by element and stopped at ``<uses-sdk>``, or at the root where the
string pool shows that there is none. Attributes are told by their resource id, as Android tells them,
since their names may be anything.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from scanner.errors import ApkError, LimitExceeded
from scanner.model import LIMITS, Limits, Value
from scanner.postponing import postponed

START, END = 2, 1
VERSION_CODE, VERSION_NAME, VERSION_CODE_MAJOR = 0x0101021B, 0x0101021C, 0x01010576
MIN_SDK, TARGET_SDK, TARGET_SANDBOX = 0x0101020C, 0x01010270, 0x0101054C
"""Resource ids of the ``android:`` attributes. Source: AOSP ``core/res/res/values/public*.xml``."""
NO_NAMESPACE = 0xFFFFFFFF
TYPE_REFERENCE, TYPE_STRING, FIRST_INT, LAST_INT = 0x01, 0x03, 0x10, 0x1F
"""Types of a value. Source: AOSP ``ResourceTypes.h``, ``Res_value``."""
_POOL = struct.Struct("<16xII4xI")
"""Of a document's first 32 bytes: number of strings, number of styles, where the text begins in the pool."""
PARSER_ERRORS = (struct.error, ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError)
"""What androguard lets out on a broken manifest, beside its own error."""


class Manifest(Value, frozen=True):
    """What the first elements say. ``references`` names attributes that point into the resource table."""

    package_name: str
    version_code: int | None
    version_name: str | None
    min_sdk: int | None
    target_sdk: int | None
    split: str | None
    target_sandbox: int | None = None
    """``android:targetSandboxVersion`` of the root element."""
    references: tuple[str, ...] = ()
    version_name_reference: int | None = None
    tamper: tuple[str, ...] = ()


class PlainTextManifest(ApkError):  # noqa: N818 - says what it is
    """The manifest is text: a library (AAR) or a source tree, nothing that Android installs."""


def read_manifest(data: bytes, limits: Limits = LIMITS) -> Manifest:
    """The identity in a binary manifest.

    Raises:
        PlainTextManifest: it is XML text.
        ApkError: it cannot be parsed, or names no package.
        LimitExceeded: it has more strings or elements than ``limits`` allow.
    """
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        raise PlainTextManifest("the manifest is plain text: a library or source archive, not an APK")
    parser = axml_parser(data, limits)
    with parser_errors():
        return _read(parser, limits)


@cache
def _androguard() -> tuple[Any, type[Exception]]:
    """The parser of androguard and its own error, imported when first needed, its log switched off."""
    with postponed("androguard.core.resources.public"):  # names for people; ids are all that is looked at here
        from androguard.core.axml import AXMLParser, ResParserError
    from loguru import logger

    logger.disable("androguard")
    return AXMLParser, ResParserError


def preload() -> None:
    """Import what parses manifests before it is needed: it takes a while."""
    _androguard()


@contextmanager
def parser_errors() -> Iterator[None]:
    """Turn whatever androguard lets out on a broken manifest into `ApkError`."""
    try:
        yield
    except ApkError:
        raise
    except (_androguard()[1], *PARSER_ERRORS) as error:
        raise ApkError(f"manifest: cannot be parsed ({type(error).__name__}: {error})") from error


def axml_parser(data: bytes, limits: Limits = LIMITS) -> Any:  # noqa: ANN401 - androguard has no types
    """Androguard's parser, silenced, over a binary XML.

    Raises:
        ApkError: it gives up at once.
        LimitExceeded: the string pool has more strings than ``limits`` allow.
    """
    _check_pool(data, limits.string_pool)
    with parser_errors():
        parser = _androguard()[0](data)
    if not parser.is_valid():
        raise ApkError("manifest: not a binary XML that can be parsed")
    return parser


def _check_pool(data: bytes, most: int) -> None:
    """Refuse a pool of too many strings before anything is made of them: by its counts, and by where its text begins.

    No more can be there than fit into the bytes: what announces more is broken, which the parser will say.
    """
    if len(data) >= _POOL.size:
        strings, styles, start = _POOL.unpack_from(data)
        number = min(max(strings, styles, start // 4), len(data) // 4)
        if number > most:
            raise LimitExceeded.of(f"manifest: a pool of {number} strings", "string_pool", most)


def attributes(parser: Any) -> dict[int | str, tuple[int, int, str]]:  # noqa: ANN401
    """The current element's attributes: resource id, or name where there is none → type, data, text."""
    identifiers, found = parser.m_resourceIDs, dict[int | str, tuple[int, int, str]]()
    raw = parser.m_attributes
    for at in range(0, len(raw) - 4, 5):
        space, name, text, kind, value = raw[at : at + 5]
        key: int | str
        if name < len(identifiers) and identifiers[name]:
            key = identifiers[name]
        else:
            # An attribute of some name space is not the plain one of that name: Android tells them apart.
            key = parser.sb[name] if space == NO_NAMESPACE else f"{parser.sb[space]}:{parser.sb[name]}"
        string = parser.sb[text if text != 0xFFFFFFFF else value] if kind == TYPE_STRING else ""
        found.setdefault(key, (kind, value, string))
    return found


def _read(parser: Any, limits: Limits) -> Manifest:  # noqa: ANN401
    root = _next_element(parser, limits.elements)
    if root != "manifest":
        raise ApkError(f"manifest: the root element is {root!r}, not <manifest>" if root else "manifest: no element")
    found = attributes(parser)
    kind, _, package = found.get("package", (0, 0, ""))
    if kind != TYPE_STRING or not package:
        raise ApkError("manifest: names no package")
    code, major = _integer(found, VERSION_CODE), _integer(found, VERSION_CODE_MAJOR)
    if code is not None:
        code = (code & 0xFFFFFFFF) | (major or 0) << 32
    sdk = _uses_sdk(parser, limits.elements)
    return Manifest(
        package_name=package,
        version_code=code,
        version_name=_text(found, VERSION_NAME),
        min_sdk=_integer(sdk, MIN_SDK),
        target_sdk=_integer(sdk, TARGET_SDK),
        split=found.get("split", (0, 0, ""))[2] or None,
        target_sandbox=_integer(found, TARGET_SANDBOX),
        references=tuple(name for name, key in _NAMES if found.get(key, (0,))[0] == TYPE_REFERENCE),
        version_name_reference=_reference(found, VERSION_NAME),
        tamper=_tamper(parser, found),
    )


_NAMES = (("version code", VERSION_CODE), ("version name", VERSION_NAME))


def _tamper(parser: Any, found: dict[int | str, tuple[int, int, str]]) -> tuple[str, ...]:  # noqa: ANN401
    notes = ["manifest-trailing-bytes: data behind the end of the binary XML"] if parser.axml_tampered else []
    decoys = [name for name in found if isinstance(name, str) and name.endswith((":package", ":split"))]
    return (*notes, *(f"manifest-decoy: the attribute {name} imitates a plain one" for name in decoys))


def _uses_sdk(parser: Any, most: int) -> dict[int | str, tuple[int, int, str]]:  # noqa: ANN401
    """Attributes of ``<uses-sdk>``; empty where there is none. The pool is asked first: most walks end there."""
    if "uses-sdk".encode("utf-8" if parser.sb.m_isUTF8 else "utf-16-le") not in parser.sb.m_charbuff:
        return {}
    for _ in range(most):
        name = _next_element(parser, most)
        if name is None:
            return {}
        if name == "uses-sdk":
            return attributes(parser)
    raise LimitExceeded.of("manifest: too many elements", "elements", most)


def _next_element(parser: Any, most: int) -> str | None:  # noqa: ANN401
    """The name of the next element that opens, or None at the end or where parsing stops."""
    for _ in range(most):
        event = next(parser)
        if event == START:
            return str(parser.name)
        if event == END or not parser.is_valid():
            return None
    raise LimitExceeded.of("manifest: too many elements", "elements", most)


def _integer(found: dict[int | str, tuple[int, int, str]], key: int) -> int | None:
    kind, value, text = found.get(key, (0, 0, ""))
    if FIRST_INT <= kind <= LAST_INT:
        return value
    return int(text) if kind == TYPE_STRING and text.isdecimal() and len(text) < 20 else None


def _reference(found: dict[int | str, tuple[int, int, str]], key: int) -> int | None:
    kind, value, _ = found.get(key, (0, 0, ""))
    return value if kind == TYPE_REFERENCE else None


def _text(found: dict[int | str, tuple[int, int, str]], key: int) -> str | None:
    kind, value, text = found.get(key, (0, 0, ""))
    if FIRST_INT <= kind <= LAST_INT:
        return str(value)
    return text if kind == TYPE_STRING else None
