"""Signs inside an APK, looked for in its manifest, its classes and its label, each read as little as will do.

Of the manifest the elements are walked only where its bytes hold one of the names at all; of each DEX file no more is
read than the names of its types; of the resource table only the texts of the label.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.apk.contents import ManifestContents, read_contents
from scanner.apk.dex import DEX_MEMBER, MAX_DEX, DexTypes
from scanner.apk.identity import MANIFEST
from scanner.apk.labels import MAX_RESOURCES, texts_of
from scanner.apk.manifest import manifest_bytes
from scanner.bytesource import ByteSource, ZipDirectory, open_forward, open_member
from scanner.errors import ApkError, LimitExceeded
from scanner.model import LIMITS, Insides, Limits, Mark, Value, printable

MAX_DEX_TOTAL = 1 << 30
"""Bytes of DEX files, inflated, that are looked through; real apps stay below half of it."""
MAX_DEX_FILES = 1000
"""DEX files that are looked through; the largest apps have about fifty."""
MAX_PROBLEMS = 5
MAX_LABELS = 20
"""Labels that are looked up: the app's, and one for each of its icons."""
RESOURCES = b"resources.arsc"


class Wanted(Value, frozen=True):
    """What to look for, whichever app it speaks of."""

    activities: frozenset[str] = frozenset()
    activity_suffixes: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    """Beginnings of URI schemes that an intent filter takes."""
    queries: frozenset[str] = frozenset()
    classes: tuple[str, ...] = ()
    """Beginnings of type descriptors."""
    labels: bool = False

    def in_manifest(self) -> tuple[str, ...]:
        """Words of which a manifest holds one if it holds any of the signs; queries alone are none."""
        names = (*self.activities, *self.activity_suffixes)
        return tuple(sorted({*(name.rpartition(".")[2] for name in names), *self.schemes}))


def read_insides(
    source: ByteSource, wanted: Wanted, *, manifest_only: bool = False, limits: Limits = LIMITS
) -> Insides:
    """What is found of ``wanted`` in an APK; ``manifest_only`` spares a transport on which bytes are dear.

    What cannot be read is a problem and not an error. Raises `ReadError` where the transport fails.
    """
    problems: list[str] = []
    marks: list[Mark] = []
    labels, origin = list[str](), ""
    contents = _contents(source, wanted, problems, limits)
    if contents is not None:
        marks += _manifest_marks(contents, wanted)
        if wanted.labels:
            labels, origin = _labels(source, contents, problems, manifest_only=manifest_only)
    read = False
    if wanted.classes and not manifest_only:
        before = len(problems)
        marks += _class_marks(source, wanted, problems)
        read = len(problems) == before
    return Insides(tuple(marks), tuple(labels), origin, read, tuple(problems[:MAX_PROBLEMS]))


def _contents(source: ByteSource, wanted: Wanted, problems: list[str], limits: Limits) -> ManifestContents | None:
    """The manifest, where anything in it is of interest."""
    try:
        entry = ZipDirectory(source, limits).select(names=(MANIFEST,))[0]
        data = manifest_bytes(source, entry, limits)
        if not wanted.labels and not any(_holds(data, word) for word in wanted.in_manifest()):
            return None
        return read_contents(data, limits)
    except (ApkError, IndexError) as error:
        problems.append(f"AndroidManifest.xml: {error}")
        return None


def _holds(data: bytes, word: str) -> bool:
    """Whether a string pool may hold a word, in either of its encodings."""
    return word.encode() in data or word.encode("utf-16-le") in data


def _manifest_marks(contents: ManifestContents, wanted: Wanted) -> Iterator[Mark]:
    origin = MANIFEST.decode()
    for name in contents.activities:
        marker = name if name in wanted.activities else _longest(name, wanted.activity_suffixes, str.endswith)
        if marker:
            yield Mark("manifest-activity", printable(name), marker, origin)
    for scheme in contents.schemes:
        if marker := _longest(scheme, wanted.schemes, str.startswith):
            yield Mark("manifest-scheme", printable(scheme), marker, origin)
    for name in contents.queried_packages:
        if name in wanted.queries:
            yield Mark("manifest-queries", printable(name), name, origin)


def _longest(name: str, markers: tuple[str, ...], fits) -> str:  # type: ignore[no-untyped-def] # noqa: ANN001 - str's
    return max((marker for marker in markers if fits(name, marker)), key=len, default="")


def _class_marks(source: ByteSource, wanted: Wanted, problems: list[str]) -> Iterator[Mark]:
    """The first type under each prefix, and the DEX file that names it. Ends early where nothing is left to find."""
    left = dict.fromkeys(wanted.classes)
    for member, types in _dex_files(source, problems):
        try:
            found = [(prefix, name) for prefix in left if (name := types.first_under(prefix)) is not None]
        except ApkError as error:
            problems.append(f"{member}: {error}")
            continue
        for prefix, name in found:
            del left[prefix]
            yield Mark("dex-class", printable(name), prefix, member)
        if not left:
            return


def _dex_files(source: ByteSource, problems: list[str]) -> Iterator[tuple[str, DexTypes]]:
    """``classes.dex``, ``classes2.dex``, …, one at a time; one that cannot be read is a problem and passed over."""
    spent = count = 0
    try:
        entries = ZipDirectory(source).select(under=(b"classes",), endings=(b".DEX",))
    except ApkError as error:
        problems.append(str(error))
        return
    for entry in entries:
        if not DEX_MEMBER.fullmatch(entry.name):
            continue
        count += 1
        if count > MAX_DEX_FILES or spent >= MAX_DEX_TOTAL:
            problems.append(f"{entry.text_name}: not read, nor what follows: too many or too large DEX files")
            return
        try:
            file = open_forward(source, entry, MAX_DEX)
            try:
                types = DexTypes(file)
            finally:
                spent += file.passed
        except ApkError as error:
            problems.append(f"{entry.text_name}: {error}")
            continue
        if types.more:
            problems.append(f"{entry.text_name}: a container of several DEX files; only the first was read")
        yield entry.text_name, types


def _labels(
    source: ByteSource, contents: ManifestContents, problems: list[str], *, manifest_only: bool
) -> tuple[list[str], str]:
    """The texts of the app's label and of those under its icons, and where they were found."""
    named = [one for one in (contents.label, contents.label_reference, *contents.icon_labels) if one is not None]
    texts = [printable(one) for one in named if isinstance(one, str)]
    numbers = [one for one in named if isinstance(one, int)][:MAX_LABELS]
    if not numbers or manifest_only:
        return list(dict.fromkeys(texts)), MANIFEST.decode()
    try:
        table = _resources(source)
        resolved = [printable(text) for number in numbers for text in texts_of(table, number)]
    except ApkError as error:
        problems.append(f"{RESOURCES.decode()}: {error}")
        return texts, MANIFEST.decode()
    both = [*texts, *resolved] if contents.label is not None else [*resolved, *texts]
    return list(dict.fromkeys(both)), RESOURCES.decode()


def _resources(source: ByteSource) -> ByteSource:
    """The resource table; where it is stored, none of it is read yet."""
    entries = ZipDirectory(source).select(names=(RESOURCES,))
    if not entries:
        raise ApkError("not there, and the label lies in it")
    size = max(entries[0].size, entries[0].compressed)
    if size > MAX_RESOURCES:
        raise LimitExceeded(f"{size} bytes, the limit is {MAX_RESOURCES}")
    return open_member(source, entries[0], MAX_RESOURCES)
