"""A writer of Android's binary XML, enough for any manifest a test wants.

Format: AOSP ``frameworks/base/libs/androidfw/include/androidfw/ResourceTypes.h``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

ANDROID = "http://schemas.android.com/apk/res/android"
RESOURCE_IDS = {
    "versionCode": 0x0101021B,
    "versionName": 0x0101021C,
    "versionCodeMajor": 0x01010576,
    "minSdkVersion": 0x0101020C,
    "targetSdkVersion": 0x01010270,
    "name": 0x01010003,
    "label": 0x01010001,
    "scheme": 0x01010027,
    "hasCode": 0x0101000C,
}
NONE = 0xFFFFFFFF


@dataclass
class Reference:
    """A value that points into the resource table."""

    target: int


@dataclass
class Element:
    """An XML element. Attribute names beginning ``android:`` lie in Android's name space."""

    name: str
    attributes: dict[str, str | int | bool | Reference] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)


def encode(root: Element, *, utf8: bool = False, use_ids: bool = True) -> bytes:
    """The document as binary XML; ``utf8`` chooses the string pool's encoding."""
    strings = _Pool(root, use_ids=use_ids)
    body = _chunk(0x0100, struct.pack("<IIII", 1, NONE, strings["android"], strings[ANDROID]), 16)
    body += _element(root, strings)
    body += _chunk(0x0101, struct.pack("<IIII", 1, NONE, strings["android"], strings[ANDROID]), 16)
    ids = _chunk(0x0180, struct.pack(f"<{len(strings.ids)}I", *strings.ids), 8) if strings.ids else b""
    return _chunk(0x0003, strings.encode(utf8=utf8) + ids + body, 8)


def manifest(
    package: str,
    *,
    version_code: int | None = 1,
    version_name: str | Reference | None = "1.0",
    version_code_major: int | None = None,
    min_sdk: int | str | None = 21,
    target_sdk: int | None = 34,
    split: str | None = None,
    label: str | Reference | None = None,
    children: list[Element] | None = None,
    application: list[Element] | None = None,
) -> Element:
    """A manifest element with the parts most tests want."""
    attributes: dict[str, str | int | bool | Reference] = {"package": package}
    optional = {
        "versionCode": version_code,
        "versionName": version_name,
        "versionCodeMajor": version_code_major,
    }
    attributes |= {f"android:{name}": value for name, value in optional.items() if value is not None}
    if split is not None:
        attributes["split"] = split
    inner = list(children or [])
    sdk = {"android:minSdkVersion": min_sdk, "android:targetSdkVersion": target_sdk}
    if any(value is not None for value in sdk.values()):
        inner.append(Element("uses-sdk", {name: value for name, value in sdk.items() if value is not None}))
    told: dict[str, str | int | bool | Reference] = {} if label is None else {"android:label": label}
    inner.append(Element("application", {"android:hasCode": False, **told}, list(application or [])))
    return Element("manifest", attributes, inner)


class _Pool:
    """The string pool: attribute names that have resource ids come first, in the order of the id table."""

    def __init__(self, root: Element, *, use_ids: bool) -> None:
        named: dict[str, None] = {}
        others: dict[str, None] = {"android": None, ANDROID: None}
        self._collect(root, named, others, use_ids)
        self._order = [*named, *(text for text in others if text not in named)]
        self._index = {text: number for number, text in enumerate(self._order)}
        self.ids = [RESOURCE_IDS[name] for name in named]

    def __getitem__(self, text: str) -> int:
        return self._index[text]

    def _collect(self, element: Element, named: dict[str, None], others: dict[str, None], use_ids: bool) -> None:
        others[element.name] = None
        for name, value in element.attributes.items():
            bare = name.removeprefix("android:")
            known = use_ids and name.startswith("android:") and bare in RESOURCE_IDS
            (named if known else others)[bare] = None
            if isinstance(value, str):
                others[value] = None
        for child in element.children:
            self._collect(child, named, others, use_ids)

    def encode(self, *, utf8: bool) -> bytes:
        offsets, data = [], b""
        for text in self._order:
            offsets.append(len(data))
            data += _utf8(text) if utf8 else _utf16(text)
        data += b"\0" * (-len(data) % 4)
        start = 28 + 4 * len(offsets)
        head = struct.pack("<IIIII", len(offsets), 0, 0x100 if utf8 else 0, start, 0)
        return _chunk(0x0001, head + struct.pack(f"<{len(offsets)}I", *offsets) + data, 28)


def _utf16(text: str) -> bytes:
    raw = text.encode("utf-16-le")
    return struct.pack("<H", len(raw) // 2) + raw + b"\0\0"


def _utf8(text: str) -> bytes:
    raw = text.encode()
    sizes = (len(text.encode("utf-16-le")) // 2, len(raw))
    lengths = b"".join(bytes([size]) if size < 0x80 else bytes([0x80 | size >> 8, size & 0xFF]) for size in sizes)
    return lengths + raw + b"\0"


def _element(element: Element, strings: _Pool) -> bytes:
    attributes = sorted(
        element.attributes.items(), key=lambda pair: RESOURCE_IDS.get(pair[0].removeprefix("android:"), NONE)
    )
    head = struct.pack("<IIIIHHHHHH", 1, NONE, NONE, strings[element.name], 20, 20, len(attributes), 0, 0, 0)
    body = head + b"".join(_attribute(name, value, strings) for name, value in attributes)
    inner = b"".join(_element(child, strings) for child in element.children)
    end = _chunk(0x0103, struct.pack("<IIII", 1, NONE, NONE, strings[element.name]), 16)
    return _chunk(0x0102, body, 16) + inner + end


def _attribute(name: str, value: str | int | bool | Reference, strings: _Pool) -> bytes:
    space = strings[ANDROID] if name.startswith("android:") else NONE
    raw, kind, data = NONE, 0x10, 0
    if isinstance(value, str):
        raw = data = strings[value]
        kind = 0x03
    elif isinstance(value, Reference):
        kind, data = 0x01, value.target
    elif isinstance(value, bool):
        kind, data = 0x12, NONE if value else 0
    else:
        data = value & NONE
    return struct.pack("<IIIHBBI", space, strings[name.removeprefix("android:")], raw, 8, 0, kind, data)


def _chunk(kind: int, body: bytes, header: int) -> bytes:
    return struct.pack("<HHI", kind, header, len(body) + 8) + body
