"""Tricks played on the binary XML of the manifest."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from tests.support.axml import ANDROID, _utf8, _utf16
from tests.support.tricks.table import PACKAGE, VERSION, Trick, signed
from tests.support.tricks.zips import REST, root, zipped

NONE = 0xFFFFFFFF
DECOY = "com.example.harmless"
WORDS = (
    "versionCode", "minSdkVersion", "targetSdkVersion", "android", ANDROID, "manifest", "package", PACKAGE, "uses-sdk",
    "application", DECOY, "urn:other", "spare", "spare too",
)  # fmt: skip
IDS = (0x0101021B, 0x0101020C, 0x01010270)
AT = {word: number for number, word in enumerate(WORDS)}
STRING, REFERENCE, NUMBER = 0x03, 0x01, 0x10


def chunk(kind: int, head: bytes, body: bytes = b"") -> bytes:
    """A chunk whose header holds ``head`` besides the usual."""
    return struct.pack("<HHI", kind, 8 + len(head), 8 + len(head) + len(body)) + head + body


def pool(
    words: Sequence[str | bytes] = WORDS,
    *,
    utf8: bool = False,
    count: int | None = None,
    gap: bytes = b"",
    styles: int = 0,
    styles_start: int = 0,
    tail: bytes = b"",
) -> bytes:
    """A string pool; a word that is bytes stands there as it is. ``gap``: bytes between the index and the text."""
    offsets, text = [], b""
    for word in words:
        offsets.append(len(text))
        text += word if isinstance(word, bytes) else _utf8(word) if utf8 else _utf16(word)
    text += b"\0" * (-len(text) % 4) + tail
    index = struct.pack(f"<{len(offsets)}I", *offsets) + gap
    number = len(words) if count is None else count
    head = struct.pack("<IIIII", number, styles, 0x100 if utf8 else 0, 28 + len(index), styles_start)
    return chunk(0x0001, head, index + text)


def ids(numbers: Sequence[int] = IDS) -> bytes:
    return chunk(0x0180, b"", struct.pack(f"<{len(numbers)}I", *numbers))


def attribute(name: int, *, raw: int = NONE, kind: int = NUMBER, data: int = 0, space: int = NONE) -> bytes:
    return struct.pack("<IIIHBBI", space, name, raw, 8, 0, kind, data)


def text_of(name: str, value: str, **more: int) -> bytes:
    return attribute(AT[name], raw=AT[value], kind=STRING, data=AT[value], **more)


def number_of(name: str, value: int, space: str = ANDROID) -> bytes:
    return attribute(AT[name], data=value, space=AT[space])


def opens(name: str, attributes: Sequence[bytes] = (), *, before: bytes = b"", length: int = 20) -> bytes:
    """The start of an element, bytes ``before`` its attributes."""
    head = struct.pack("<IIHHHHHH", NONE, AT[name], 20 + len(before), length, len(attributes), 0, 0, 0)
    return chunk(0x0102, struct.pack("<II", 1, NONE), head + before + b"".join(attributes))


def closes(name: str) -> bytes:
    return chunk(0x0103, struct.pack("<II", 1, NONE), struct.pack("<II", NONE, AT[name]))


CODE, NAME_OF_PACKAGE = number_of("versionCode", VERSION), text_of("package", PACKAGE)
SDK = opens("uses-sdk", [number_of("minSdkVersion", 24), number_of("targetSdkVersion", 29)]) + closes("uses-sdk")
APPLICATION = opens("application") + closes("application")
SPACE = chunk(0x0100, struct.pack("<II", 1, NONE), struct.pack("<II", AT["android"], AT[ANDROID]))
INSIDE = SDK + APPLICATION + closes("manifest")
BODY = SPACE + opens("manifest", [CODE, NAME_OF_PACKAGE]) + INSIDE
DUMMY = chunk(0x0777, bytes(8), bytes(16))


def document(
    body: bytes = BODY, *, kind: int = 3, head: bytes = b"", size: int = 0, tail: bytes = b"", front: bytes = b""
) -> bytes:
    """The whole; ``front`` is what stands before the nodes, the pool and the ids otherwise."""
    out = chunk(kind, head, (front or pool() + ids()) + body)
    return out[:4] + struct.pack("<I", len(out) + size) + out[8:] + tail


def apk(**changes: object) -> Callable[[], bytes]:
    """An APK with such a manifest."""
    return lambda: signed(zipped((root(data=document(**changes)), *REST)))  # type: ignore[arg-type]


def rooted(*attributes: bytes, **options: object) -> Callable[[], bytes]:
    """An APK whose manifest element has these attributes."""
    return apk(body=SPACE + opens("manifest", attributes, **options) + INSIDE)  # type: ignore[arg-type]


def with_front(*chunks: bytes) -> Callable[[], bytes]:
    return apk(front=b"".join(chunks))


def _swapped(words: dict[str, str | bytes]) -> tuple[str | bytes, ...]:
    return tuple(words.get(word, word) for word in WORDS)


UNENDED = struct.pack("<H", 2) + "xyz".encode("utf-16-le") + b"\0\0"
OTHER_ROOT = SPACE + opens("manifest", [text_of("package", DECOY)]) + closes("manifest")
DECOYED = _swapped({PACKAGE: DECOY, DECOY: PACKAGE})
SPARE = attribute(AT["spare"], raw=AT["spare too"], kind=STRING, data=AT["spare too"])
REFUSES = "refuses: "
BY_TYPE = "it takes this number for that of its own other format"
MANIFEST_TRICKS = (
    Trick("magic-0000", "the type of the document is 0x0000", "does not look at it and installs", apk(kind=0),
          "manifest-magic", True, aapt2=BY_TYPE),
    Trick("magic-0001", "the type of the document is that of a string pool", "does not look at it and installs",
          apk(kind=1), "manifest-magic", True),
    Trick("long-header", "the document's header is longer than it should be", "skips as much as it says and installs",
          apk(head=bytes(8)), "manifest-header", True),
    Trick("trailing-data", "bytes stand behind the document", "reads to the announced end and installs",
          apk(tail=b"behind" * 20), "manifest-trailing-bytes", True),
    Trick("oversized-document", "the document announces more bytes than there are", REFUSES + "it must fit",
          apk(size=64), "not a binary XML", False, "unread"),
    Trick("dummy-chunk-before-pool", "an unknown chunk stands before the string pool", "skips it and installs",
          with_front(DUMMY, pool(), ids()), "manifest-dummy-chunk", True),
    Trick("dummy-chunk-before-root", "an unknown chunk stands before the first node", "skips it and installs",
          with_front(pool(), DUMMY, ids(), DUMMY), "manifest-dummy-chunk", True),
    Trick("dummy-chunk-between-nodes", "an unknown chunk stands between two nodes", "skips it and installs",
          apk(body=SPACE + DUMMY + BODY[len(SPACE):]), "manifest-dummy-chunk", True),
    Trick("crooked-chunk", "an unknown chunk's size is no multiple of four", REFUSES + "every chunk must be",
          with_front(pool(), chunk(0x0777, b"", bytes(6)), ids()), "manifest-refused", False),
    Trick("chunk-beyond-end", "a node announces more bytes than the document has", REFUSES + "every chunk must fit",
          apk(body=SPACE + struct.pack("<HHI", 0x0102, 16, 1 << 20) + bytes(40)), "does not fit", False, "unread"),
    Trick("two-string-pools", "two string pools, of which the first gives a harmless name", "reads the last and installs",
          with_front(pool(DECOYED), pool(), ids()), "manifest-repeated-chunk", True),
    Trick("two-resource-maps", "two lists of resource ids, of which the first is nonsense", "reads the last and installs",
          with_front(pool(), ids((1, 2, 3)), ids()), "manifest-repeated-chunk", True),
    Trick("string-count-too-high", "the pool announces more strings than it has", "looks up what it needs and installs",
          with_front(pool(count=len(WORDS) + 9), ids()), "manifest-string-pool", True),
    Trick("string-count-too-low", "the pool announces fewer strings than it has; what is cut off is not needed",
          "looks up what it needs and installs", with_front(pool(count=len(WORDS) - 2), ids()), "manifest-string-pool", True),
    Trick("string-count-absurd", "the pool announces a thousand million strings", REFUSES + "the index must fit",
          with_front(pool(count=1 << 30), ids()), "manifest-refused", False),
    Trick("gap-in-pool", "bytes stand between the index of the pool and its text", "takes the text where it is said to be"
          " and installs", with_front(pool(gap=bytes(64)), ids()), "manifest-string-pool", True),
    Trick("pool-not-ended", "the pool does not end with a zero", REFUSES + "it must",
          with_front(pool(tail=b"xxxx"), ids()), "manifest-refused", False),
    Trick("styles-over-strings", "the pool's styles lie where its strings lie", REFUSES + "they must follow the strings",
          with_front(pool(styles=1, styles_start=28), ids()), "overlap", False, "unread"),
    Trick("string-not-ended", "a string that an unknown attribute names does not end with a zero",
          "has no text for that attribute, and installs",
          apk(front=pool(_swapped({"spare too": UNENDED})) + ids(),
              body=SPACE + opens("manifest", [CODE, SPARE, NAME_OF_PACKAGE]) + INSIDE), "manifest-string", True),
    Trick("utf8-wrong-length", "a string that an unknown attribute names states a wrong length in UTF-16",
          "has no text for that attribute, and installs",
          apk(front=pool(_swapped({"spare too": b"\x09\x02xy\0"}), utf8=True) + ids(),
              body=SPACE + opens("manifest", [CODE, SPARE, NAME_OF_PACKAGE]) + INSIDE), "manifest-string", True),
    Trick("utf8-malformed", "a string that an unknown attribute names is no UTF-8",
          "has no text for that attribute, and installs",
          apk(front=pool(_swapped({"spare too": b"\x02\x02\xff\xfe\0"}), utf8=True) + ids(),
              body=SPACE + opens("manifest", [CODE, SPARE, NAME_OF_PACKAGE]) + INSIDE), "manifest-string", True),
    Trick("moved-attributes", "a harmless package name stands where attributes usually begin, the real ones behind it",
          "reads them where the element says and installs",
          rooted(CODE, NAME_OF_PACKAGE, before=text_of("package", DECOY) + text_of("package", DECOY)),
          "manifest-attributes", True),
    Trick("long-attributes", "attributes of 24 bytes instead of 20", "steps as far as the element says and installs",
          rooted(CODE + bytes(4), NAME_OF_PACKAGE + bytes(4), length=24), "manifest-attributes", True),
    Trick("attributes-too-many", "an element announces more attributes than fit into it", REFUSES + "they must fit",
          apk(body=SPACE + opens("manifest", [CODE])[:28] + struct.pack("<H", 999) + opens("manifest", [CODE])[30:] + INSIDE),
          "do not fit", False, "unread"),
    Trick("dummy-attributes", "a hundred attributes that mean nothing", "passes them over and installs",
          rooted(CODE, *[attribute(AT["spare"], kind=0x55, data=number) for number in range(100)], NAME_OF_PACKAGE),
          "manifest-repeated-attribute", True),
    Trick("attribute-without-name", "an attribute's name is no string of the pool", "passes it over and installs",
          rooted(CODE, attribute(0x7000), NAME_OF_PACKAGE), "manifest-string", True),
    Trick("names-emptied", "attributes have empty names and are known by their resource ids alone",
          "goes by the ids and installs",
          with_front(pool(_swapped(dict.fromkeys(WORDS[:3], ""))), ids()), "manifest-obfuscated", True),
    Trick("names-swapped", "the attributes' names lie, their resource ids do not", "goes by the ids and installs",
          with_front(pool(("minSdkVersion", "targetSdkVersion", "versionCode", *WORDS[3:])), ids()), "manifest-obfuscated",
          True),
    Trick("two-values", "the package has one name as text and another as typed value", "takes the text and installs",
          rooted(CODE, attribute(AT["package"], raw=AT[PACKAGE], kind=STRING, data=AT[DECOY])), "manifest-two-values", True,
          aapt2="it takes the typed value, where XmlBlock.getAttributeValue takes the text"),
    Trick("text-of-no-string", "the package's value claims to be a number, with a text beside it",
          "takes the text and installs",
          rooted(CODE, attribute(AT["package"], raw=AT[PACKAGE], kind=NUMBER, data=5)), "manifest-two-values", True),
    Trick("package-twice", "the package is named twice", "takes the first and installs",
          rooted(CODE, NAME_OF_PACKAGE, text_of("package", DECOY)), "manifest-repeated-attribute", True),
    Trick("package-in-name-space", "an attribute of a name space imitates the package", "passes it over and installs",
          rooted(CODE, text_of("package", DECOY, space=AT["urn:other"]), NAME_OF_PACKAGE), "manifest-decoy", True),
    Trick("package-in-no-name-space", "the package's name space is no string of the pool", "takes it for none and installs",
          rooted(CODE, attribute(AT["package"], raw=AT[PACKAGE], kind=STRING, data=AT[PACKAGE], space=0x7000)),
          "manifest-name-space", True),
    Trick("package-by-reference", "the package is a resource", REFUSES + "a reference is no name",
          rooted(CODE, attribute(AT["package"], kind=REFERENCE, data=0x7F010000)), "Android refuses that", False, "unread"),
    Trick("odd-name-space", "Android's attributes lie in another name space", "goes by their ids and installs",
          rooted(number_of("versionCode", VERSION, space="urn:other"), NAME_OF_PACKAGE), "manifest-name-space", True),
    Trick("several-roots", "a second root element gives a harmless name", "reads the first and installs",
          apk(body=BODY + OTHER_ROOT), "manifest-several-roots", True,
          aapt2="it reads on, where ApkLiteParseUtils ends with the first root"),
    Trick("bad-package-name", "the package name has a blank behind it", REFUSES + "names are letters, digits and dots",
          with_front(pool(_swapped({PACKAGE: PACKAGE + " "})), ids()), "package-name", False, "clear"),
    Trick("many-strings", "the pool has 300,000 strings", "installs",
          with_front(pool((*WORDS, *[b"\0\0\0\0"] * 300_000)), ids()), "(--limit string-pool)", True, "unread"),
    Trick("plain-text-manifest", "the manifest is XML text", REFUSES + "it must be binary",
          lambda: signed(zipped((root(data=b"<manifest package='com.tencent.mm'/>"), *REST))), "an archive without any APK", False, "unread"),
)  # fmt: skip
