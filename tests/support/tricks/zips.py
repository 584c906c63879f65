"""Tricks played on the zip."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

from tests.support import axml
from tests.support.apk_builder import EOCD
from tests.support.signer import jar_files
from tests.support.tricks.table import MALLORY, NAME, Trick, manifest, signed

ENCRYPTED, DESCRIPTOR = 0x0001, 0x0008
FULL = 0xFFFFFFFF
MANIFEST = axml.encode(manifest())


@dataclass(frozen=True)
class Entry:
    """A member, of which each of the two headers may say anything; what is not said is the truth."""

    name: bytes
    data: bytes
    stored: bool = False
    both: dict[str, int] = field(default_factory=dict)
    local: dict[str, int] = field(default_factory=dict)
    central: dict[str, int] = field(default_factory=dict)
    local_name: bytes | None = None
    behind: bytes = b""
    """Bytes behind the data."""
    extra: bytes = b""
    """The extra field of the directory."""

    @cached_property
    def packed(self) -> bytes:
        if self.stored:
            return self.data
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflater.compress(self.data) + deflater.flush()

    def said(self, other: dict[str, int]) -> dict[str, int]:
        truth = {
            "flags": 0,
            "method": 0 if self.stored else 8,
            "crc": zlib.crc32(self.data),
            "compressed": len(self.packed),
            "size": len(self.data),
        }
        return truth | self.both | other


ROOT = Entry(NAME.encode(), MANIFEST)
REST = (Entry(b"res/raw/note.txt", b"made for a test\n"), Entry(b"classes.dex", b"no code\n"))


def zipped(
    entries: tuple[Entry, ...],
    *,
    count: int | None = None,
    prefix: bytes = b"",
    comment: bytes = b"",
    gap: bytes = b"",
    disks: int = 0,
    zip64: str = "",
) -> bytes:
    """A zip of these members. ``zip64``: ``locator`` puts a useless one there, ``used`` one that counts."""
    out, directory = prefix, b""
    for one in entries:
        said, offset = one.said(one.local), len(out)
        name = one.name if one.local_name is None else one.local_name
        numbers = [said[key] for key in ("flags", "method")], [said[key] for key in ("crc", "compressed", "size")]
        out += struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, *numbers[0], 0, 33, *numbers[1], len(name), 0) + name
        out += one.packed + one.behind
        said = {"offset": offset} | one.said(one.central)
        directory += struct.pack(
            "<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, said["flags"], said["method"], 0, 33, said["crc"],
            said["compressed"], said["size"], len(one.name), len(one.extra), 0, 0, 0, 0, said["offset"],
        ) + one.name + one.extra  # fmt: skip
    number = len(entries) if count is None else count
    begin, size = len(out), len(directory)
    out += directory + gap
    if zip64:
        record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, number, number, size, begin)
        out += record + struct.pack("<4sIQI", b"PK\6\7", 0, len(out), 1)
    if zip64 == "used":
        begin = size = FULL
    return out + struct.pack("<4sHHHHIIH", b"PK\5\6", disks, disks, number, number, size, begin, len(comment)) + comment


def root(**changes: object) -> Entry:
    """The manifest's member with something changed."""
    return replace(ROOT, **changes)  # type: ignore[arg-type]


def built(*entries: Entry, **options: object) -> Callable[[], bytes]:
    """A signed APK of these members."""
    return lambda: signed(zipped(entries, **options))  # type: ignore[arg-type]


def with_rest(one: Entry) -> Callable[[], bytes]:
    return built(one, *REST)


def _end_in_comment() -> bytes:
    apk = zipped((ROOT, *REST), comment=b"PK\5\6" + bytes(40))
    return signed(apk, eocd=len(apk) - 44 - 22)


def _zip64_used() -> bytes:
    members = {entry.name.decode(): entry.data for entry in (ROOT, *REST)}
    files = jar_files(members, [MALLORY])
    return zipped((ROOT, *REST, *(Entry(name.encode(), data) for name, data in files.items())), zip64="used")


HARMLESS = Entry(NAME.encode(), axml.encode(axml.manifest("com.example.harmless")))


def _zip64_field() -> bytes:
    """Whoever takes the first of the three values for the place finds the harmless manifest's local header there."""
    decoy = zipped((HARMLESS,))
    decoy = decoy[: decoy.index(b"PK\1\2")]
    lead = Entry(b"lead", b"", stored=True, behind=bytes(SIZE - 30 - len(b"lead")) + decoy)
    field = struct.pack("<HHQQQ", 1, 24, SIZE, len(ROOT.packed), SIZE + len(decoy))
    return signed(zipped((lead, root(central={"offset": FULL}, extra=field), *REST)))


def _two_directories() -> bytes:
    """The end record's own directory is harmless; a number in it that is full sends newer releases to the other one."""
    files = jar_files({entry.name.decode(): entry.data for entry in (ROOT, *REST)}, [MALLORY])
    harmless = zipped((HARMLESS,))
    begin, end = harmless.index(b"PK\1\2"), len(harmless) - EOCD
    listed = (ROOT, *REST, *(Entry(name.encode(), data) for name, data in files.items()))
    apk = zipped(listed, prefix=harmless[:end], zip64="used")
    return apk[:-EOCD] + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0xFFFF, 1, end - begin, begin, 0)


def _hidden() -> bytes:
    other = axml.encode(axml.manifest("com.example.harmless"))
    return signed(zipped((ROOT, *REST, Entry(NAME.encode(), other)), count=3))


def _cut() -> bytes:
    apk = signed(zipped((ROOT, *REST)))
    return apk[:-30]


ODD = 0x1234
SIZE = len(MANIFEST)
REFUSES = "refuses: "
NO_SUCH_METHOD = "it knows two methods and refuses others, where Android maps the manifest as it is"
ZIP_TRICKS = (
    Trick("wrong-method", "the manifest's compression method is an unknown number in both headers (BadPack)",
          "reads it as stored and installs",
          with_rest(root(stored=True, both={"method": ODD})), "compression-method", True,
          aapt2=NO_SUCH_METHOD, apksigner=NO_SUCH_METHOD),
    Trick("wrong-method-in-directory", "the unknown method stands in the directory alone",
          "reads it as stored and installs: the directory counts",
          with_rest(root(stored=True, central={"method": ODD})), "compression-method", True,
          aapt2=NO_SUCH_METHOD, apksigner=NO_SUCH_METHOD),
    Trick("wrong-method-short-size", "an unknown method, and a compressed size that is too small (BadPack)",
          "maps as many bytes as the inflated size says and installs",
          with_rest(root(stored=True, both={"method": ODD, "compressed": 10})), "compression-method", True,
          aapt2=NO_SUCH_METHOD, apksigner=NO_SUCH_METHOD),
    Trick("local-method-differs", "the local header says stored, the directory deflated",
          "installs: the directory counts", with_rest(root(local={"method": 0})), "local-method", True),
    Trick("encryption-flag", "the manifest claims to be encrypted", "does not look at the flag and installs",
          with_rest(root(both={"flags": ENCRYPTED})), "encryption-flag", True),
    Trick("encryption-flag-in-directory", "the directory alone claims that the manifest is encrypted",
          "does not look at the flag and installs", with_rest(root(central={"flags": ENCRYPTED})), "encryption-flag", True),
    Trick("encryption-flag-in-local-header", "the local header alone claims it",
          "does not look at the flag and installs", with_rest(root(local={"flags": ENCRYPTED})), "local-flags", True),
    Trick("local-name-differs", "the manifest's local header bears another name of the same length",
          REFUSES + "the names must be the same", with_rest(root(local_name=b"AndroidManifest.xmm")), "local-name", False),
    Trick("local-name-longer", "the manifest's local header bears a longer name",
          REFUSES + "the names must be the same", with_rest(root(local_name=NAME.encode() + b"x")), "local-name", False),
    Trick("local-size-differs", "the two headers disagree on the manifest's size",
          REFUSES + "they must agree where no data descriptor follows", with_rest(root(local={"size": 1})), "local-sizes",
          False),
    Trick("local-checksum-differs", "the two headers disagree on the manifest's checksum",
          REFUSES + "they must agree where no data descriptor follows", with_rest(root(local={"crc": 1})), "local-sizes",
          False),
    Trick("lying-before-descriptor", "nonsense in the local header, a flag that promises a data descriptor",
          "takes the sizes from the directory and installs",
          with_rest(root(both={"flags": DESCRIPTOR}, local={"size": 1, "compressed": 2, "crc": 3},
                         behind=struct.pack("<4sIII", b"PK\7\x08", zlib.crc32(MANIFEST), len(ROOT.packed), SIZE))),
          "data-descriptor", True),
    Trick("wrong-checksum", "both headers state a wrong checksum of the manifest", "does not check it and installs",
          with_rest(root(both={"crc": 1})), "checksum", True),
    Trick("inflates-to-more", "the manifest inflates to more than its size says", REFUSES + "the sizes must be the same",
          with_rest(root(both={"size": SIZE - 8})), "inflated-size", False),
    Trick("inflates-to-less", "the manifest inflates to less than its size says", REFUSES + "the sizes must be the same",
          with_rest(root(both={"size": SIZE + 8})), "inflated-size", False),
    Trick("duplicate-manifest", "two members are the manifest; the second one is harmless",
          REFUSES + "no name may stand twice (before Android 4.4 the last one was read, another one verified)",
          built(ROOT, *REST, root(data=axml.encode(axml.manifest("com.example.harmless")))), "duplicate-entry", False),
    Trick("duplicate-classes", "two members are classes.dex", REFUSES + "no name may stand twice",
          built(ROOT, *REST, Entry(b"classes.dex", b"other code\n")), "duplicate-entry", False, thorough=True),
    Trick("manifest-as-folder", "a member is named as if the manifest were a folder",
          "asks for the manifest by its name and installs", built(ROOT, *REST, Entry(b"AndroidManifest.xml/", b"")),
          "path-collision", True),
    Trick("classes-as-folder", "a member lies in a folder that is a file", "installs",
          built(ROOT, *REST, Entry(b"classes.dex/x", b"x")), "path-collision", True, thorough=True),
    Trick("parent-path", "a member's name climbs out of the folder", "unpacks nothing by that name and installs",
          built(ROOT, *REST, Entry(b"../../../tmp/x", b"x")), "entry-path", True),
    Trick("absolute-path", "a member's name begins at the root of the file system",
          "unpacks nothing by that name and installs", built(ROOT, *REST, Entry(b"/etc/x", b"x")), "entry-path", True,
          thorough=True),
    Trick("backslash-path", "a member's name climbs out with backslashes", "unpacks nothing by that name and installs",
          built(ROOT, *REST, Entry(b"..\\..\\x", b"x")), "entry-path", True, thorough=True),
    Trick("nul-in-name", "a member's name holds a NUL", REFUSES + "names must be UTF-8 without NUL",
          built(ROOT, *REST, Entry(b"x\0.txt", b"x")), "entry-name", False, thorough=True),
    Trick("name-not-utf8", "a member's name is no UTF-8", REFUSES + "names must be UTF-8 without NUL",
          built(ROOT, *REST, Entry(b"x\xff\xfe", b"x")), "entry-name", False, thorough=True),
    Trick("prefixed-dex", "a DEX file stands in front of the zip (Janus, CVE-2017-13156)",
          REFUSES + "an APK must begin with a member, since December 2017",
          built(ROOT, *REST, prefix=b"dex\n035\0" + bytes(104)), "prefixed-data", False),
    Trick("appended-data", "bytes stand behind the end record", REFUSES + "the comment must reach to the end",
          lambda: signed(zipped((ROOT, *REST))) + b"appended", "end-of-central-directory", False, "unread"),
    Trick("end-record-in-comment", "the comment holds the beginning of another end record",
          REFUSES + "the last one must reach to the end", _end_in_comment, "end-record-in-comment", False),
    Trick("end-record-in-member", "a member holds a whole end record, and a directory before it",
          "takes the last one and installs",
          built(ROOT, *REST, Entry(b"old.zip", zipped((Entry(b"x", b"x"),)), stored=True)), "", True),
    Trick("zip64-locator", "a zip64 locator stands before the end record, which does not need it",
          REFUSES + "it looks for no signing block then, and there is no other signature",
          built(ROOT, *REST, zip64="locator"), "zip64", False),
    Trick("zip64-directory", "the end record leaves everything to a zip64 record; signed as JAR",
          "installs where the release reads zip64, and looks for no signing block", _zip64_used, "zip64", True,
          aapt2="Debian's is older than Android's reading of zip64", apksigner="it reads no zip64"),
    Trick("zip64-field", "a zip64 field places the manifest; whoever takes its first value for the place finds a harmless one",
          "takes the third of three values and installs where the release reads zip64", _zip64_field, "zip64-entry", True,
          aapt2="Debian's is older than Android's reading of zip64", apksigner="it reads no zip64"),
    Trick("two-directories", "the end record has one directory and a zip64 record another; a full 16-bit number chooses; signed as JAR",
          "older releases read the one, newer ones the other, and install", _two_directories, "another directory", True,
          "unread", aapt2="Debian's is old, and reads the harmless one", apksigner="it reads no zip64"),
    Trick("hidden-member", "the end record announces fewer members than there are; a harmless manifest hides behind",
          "reads as many as announced and installs", _hidden, "directory-count", True),
    Trick("missing-member", "the end record announces more members than there are", REFUSES + "the directory ends too early",
          built(ROOT, *REST, count=9), "3 records found, 9 announced", False, "unread"),
    Trick("disk-numbers", "the end record claims to be the ninth disk of nine", "does not look at it and installs",
          built(ROOT, *REST, disks=9), "disk-numbers", True),
    Trick("directory-gap", "bytes stand between the directory and its end record",
          REFUSES + "it looks for no signing block then, and there is no other signature",
          built(ROOT, *REST, gap=bytes(12)), "directory-gap", False),
    Trick("overlapping-members", "two members share their bytes", "opens neither until asked and installs",
          built(ROOT, *REST, replace(REST[0], name=b"res/raw/copy.txt", central={"offset": 0})), "overlapping-members", True,
          aapt2="it opens every member, and this one bears another name in its local header", thorough=True),
    Trick("offset-behind-members", "a member begins behind the directory's beginning",
          REFUSES + "every member must begin before the directory",
          built(ROOT, *REST, Entry(b"far", b"x", central={"offset": 1 << 28})), "member-offset", False, thorough=True),
    Trick("reaches-into-directory", "the manifest, of unknown method, claims more bytes than stand before the directory",
          REFUSES + "a member must end before the directory",
          with_rest(root(stored=True, both={"method": ODD, "compressed": SIZE + 90_000})), "member-overlaps-directory", False),
    Trick("directory-beyond-end", "the end record places the directory behind the end of the file",
          REFUSES + "the directory must lie before its end record",
          lambda: signed(zipped((ROOT, *REST)))[:-6] + struct.pack("<IH", 0xFFFFFF00, 0), "does not lie before",
          False, "unread"),
    Trick("cut-short", "the file is cut off", REFUSES + "there is no end record", _cut, "end-of-central-directory", False,
          "unread"),
    Trick("manifest-bomb", "the manifest inflates to 20 MB", "installs if its memory allows",
          with_rest(root(data=MANIFEST + bytes(20 << 20))), "(--limit manifest-size)", True, "unread"),
)  # fmt: skip
