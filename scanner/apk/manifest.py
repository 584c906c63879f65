"""The first elements of ``AndroidManifest.xml``: name, version, SDK range, as Android reads them.

Reading ends at ``<uses-sdk>``, or near the root where the string pool shows that there is none. Attributes are told by
their resource id, as Android tells them, since their names may be anything. What Android refuses is read once more, by
androguard, and says so: an app that no phone installs may still be known by its name.

Where ``<uses-sdk>`` stands more than once, Android refuses the app on a release below any minimum, and keeps what the
last one says. Source: AOSP ``ParsingPackageUtils.parseUsesSdk`` and ``ApkLiteParseUtils``, before Android 11
``PackageParser``. Rows say what Android keeps, as ``dumpsys package`` does; a verification looks at all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from scanner.apk.binaryxml import TYPE_STRING, Attributes, BinaryXml, Element
from scanner.apk.lenientxml import lenient_elements
from scanner.bytesource import ByteSource, ZipEntry, read_member
from scanner.errors import ApkError, LimitExceeded
from scanner.model import LIMITS, Limits, Value

VERSION_CODE, VERSION_NAME, VERSION_CODE_MAJOR = 0x0101021B, 0x0101021C, 0x01010576
MIN_SDK, TARGET_SDK, TARGET_SANDBOX = 0x0101020C, 0x01010270, 0x0101054C
"""Resource ids of the ``android:`` attributes. Source: AOSP ``core/res/res/values/public*.xml``."""
USES_SDK = "uses-sdk"
NEAR = 8
"""Elements among which ``<uses-sdk>`` mostly is; beyond them the string pool is asked whether there is any."""
TYPE_REFERENCE, FIRST_INT, LAST_INT = 0x01, 0x10, 0x1F
"""Types of a value. Source: AOSP ``ResourceTypes.h``, ``Res_value``."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*")
"""A package name that Android accepts. Source: AOSP ``FrameworkParsingPackageUtils.validateName``."""


class UsesSdk(Value, frozen=True):
    """What one ``<uses-sdk>`` says."""

    min_sdk: int | None = None
    target_sdk: int | None = None
    codename: str | None = None
    """The minimum where it is a release under development, such as ``Tiramisu``."""


class Manifest(Value, frozen=True):
    """What the first elements say. ``references`` names attributes that point into the resource table."""

    package_name: str
    version_code: int | None
    version_name: str | None
    uses_sdk: tuple[UsesSdk, ...]
    """Every ``<uses-sdk>``, the one that Android keeps last."""
    split: str | None
    target_sandbox: int | None = None
    """``android:targetSandboxVersion`` of the root element."""
    references: tuple[str, ...] = ()
    version_name_reference: int | None = None
    tamper: tuple[str, ...] = ()

    @property
    def kept_sdk(self) -> UsesSdk:
        """What Android keeps of the SDK range: the last element's; nothing where there is none."""
        return self.uses_sdk[-1] if self.uses_sdk else UsesSdk()


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
    try:
        document = BinaryXml(data, limits)
        return _read(document.elements(USES_SDK), document)
    except LimitExceeded:
        raise
    except ApkError as refused:
        try:
            return _read(lenient_elements(data, limits), refused=refused)
        except LimitExceeded:
            raise
        except ApkError:
            raise refused from None


def manifest_bytes(source: ByteSource, entry: ZipEntry, limits: Limits = LIMITS) -> bytes:
    """The manifest's bytes as Android maps them. Raises `ApkError` as `read_member` does."""
    return read_member(source, entry, limits.manifest_size, named="manifest_size", native=True).content


def manifest_elements(data: bytes, limits: Limits = LIMITS) -> Iterator[Element]:
    """Every element of a whole manifest. Raises `ApkError` where it cannot be parsed to its end."""
    try:
        elements = list(BinaryXml(data, limits).elements())
    except LimitExceeded:
        raise
    except ApkError:
        yield from lenient_elements(data, limits)
    else:
        yield from elements


def _read(elements: Iterator[Element], document: BinaryXml | None = None, refused: ApkError | None = None) -> Manifest:
    root = next(elements, None)
    if root is None or root.name != "manifest":
        raise ApkError(
            f"manifest: the root element is {root.name!r}, not <manifest>" if root else "manifest: no element"
        )
    found = root.attributes
    package = found.get("package", (0, 0, ""))[2]
    if not package:
        raise ApkError("manifest: names no package" + _by_reference(found))
    code, major = _integer(found, VERSION_CODE), _integer(found, VERSION_CODE_MAJOR)
    if code is not None:
        code = (code & 0xFFFFFFFF) | (major or 0) << 32
    uses_sdk = tuple(_uses_sdk(elements, document))
    if document is not None:
        with suppress(ApkError):  # what follows is broken, which whoever reads on will see
            document.look_behind(root.name)
    return Manifest(
        package_name=package,
        version_code=code,
        version_name=_text(found, VERSION_NAME),
        uses_sdk=uses_sdk,
        split=found.get("split", (0, 0, ""))[2] or None,
        target_sandbox=_integer(found, TARGET_SANDBOX),
        references=tuple(name for name, key in _NAMES if found.get(key, (0,))[0] == TYPE_REFERENCE),
        version_name_reference=_reference(found, VERSION_NAME),
        tamper=tuple(_tamper(document, found, package, refused)),
    )


_NAMES = (("version code", VERSION_CODE), ("version name", VERSION_NAME))


def _by_reference(found: Attributes) -> str:
    """Android takes the text of a reference, which is no name, and refuses the app."""
    kind, value, _ = found.get("package", (0, 0, ""))
    return f" but the resource 0x{value:08x}; Android refuses that" if kind == TYPE_REFERENCE else ""


def _tamper(document: BinaryXml | None, found: Attributes, package: str, refused: ApkError | None) -> Iterator[str]:
    if refused is not None:
        yield f"manifest-refused: {str(refused).removeprefix('manifest: ')}; Android refuses the app"
    if document is not None:
        yield from (f"{kind}: {text}" for kind, text in document.notes.items())
    if not _NAME.fullmatch(package):
        yield "package-name: not a name that Android accepts; it refuses the app"
    for name in found:
        if isinstance(name, str) and name.endswith((":package", ":split")):
            yield f"manifest-decoy: the attribute {name} imitates a plain one; Android passes it over"


def _uses_sdk(elements: Iterator[Element], document: BinaryXml | None) -> Iterator[UsesSdk]:
    """Each ``<uses-sdk>`` right under the root; behind the first only where its bytes say that there may be more."""
    first = next(_sdks_among(islice(elements, NEAR)), None)
    if first is None and (document is None or document.pool.holds(USES_SDK)):
        first = next(_sdks_among(elements), None)
    if first is not None:
        yield first
        if document is not None and document.repeats(USES_SDK):
            yield from _sdks_among(elements)


def _sdks_among(elements: Iterator[Element]) -> Iterator[UsesSdk]:
    for one in elements:
        if one.depth == 2 and one.name == USES_SDK:
            least = _integer(one.attributes, MIN_SDK)
            codename = one.attributes.get(MIN_SDK, (0, 0, ""))[2] if least is None else ""
            yield UsesSdk(least, _integer(one.attributes, TARGET_SDK), codename or None)


def _integer(found: Attributes, key: int) -> int | None:
    kind, value, text = found.get(key, (0, 0, ""))
    if FIRST_INT <= kind <= LAST_INT:
        return value
    return int(text) if kind == TYPE_STRING and text.isdecimal() and len(text) < 20 else None


def _reference(found: Attributes, key: int) -> int | None:
    kind, value, _ = found.get(key, (0, 0, ""))
    return value if kind == TYPE_REFERENCE else None


def _text(found: Attributes, key: int) -> str | None:
    kind, value, text = found.get(key, (0, 0, ""))
    if FIRST_INT <= kind <= LAST_INT:
        return str(value)
    return text if kind == TYPE_STRING else None
