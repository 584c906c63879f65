"""From a location to bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scanner.bytesource import ByteSource, LocalFile, Slice, ZipEntry, open_member, open_remote
from scanner.errors import LimitExceeded, SourceError
from scanner.model import LIMITS, Hop, Limits, Location, printable
from scanner.sources.adb import open_on_phone
from scanner.sources.containers import HEAD, Kind, kind_of, tar_members, zip_members

METHODS = {"stored": 0, "deflated": 8}


@contextmanager
def open_location(location: Location, limits: Limits = LIMITS) -> Iterator[ByteSource]:
    """The bytes at a location, for as long as the context lasts.

    Raises:
        SourceError: the file cannot be opened.
        ReadError: the phone or the server cannot be reached, or cannot read the file.
        ApkError: a container on the way is not what it was.
        LimitExceeded: a deflated member is too large to inflate.
    """
    with ExitStack() as stack:
        source: ByteSource
        if location.phone:
            source = open_on_phone(location)
        elif location.remote:
            source = stack.enter_context(open_remote(location.path, location.size, location.etag))
        else:
            source = stack.enter_context(LocalFile(location.path))
        for depth, hop in enumerate(location.hops):
            source = open_hop(source, hop, depth, limits)
        yield source


def open_hop(source: ByteSource, hop: Hop, depth: int = 0, limits: Limits = LIMITS) -> ByteSource:
    """The bytes of one member of the container in ``source``, itself ``depth`` containers deep.

    A member inflates to no more than it announces, and the deeper it lies the less may be held of it, so that
    containers within containers together stay below twice `Limits.inflated_size`.
    """
    if hop.method == "slice":
        return Slice(source, hop.offset, hop.size)
    limit = limits.inflated_size >> depth
    if hop.method == "deflated" and hop.size > limit:
        raise LimitExceeded.of(f"{hop.size} bytes inflated at depth {depth}", "inflated_size", limit)
    return open_member(source, zip_entry(hop), hop.size if hop.method == "deflated" else limit)


def zip_entry(hop: Hop) -> ZipEntry:
    """The zip member that a hop leads to, without its directory being read again."""
    name = hop.name.encode("utf-8", "surrogateescape")
    return ZipEntry(name, METHODS[hop.method], 0, 0, hop.compressed, hop.size, hop.offset)


def resolve(text: str, limits: Limits = LIMITS) -> Location:
    """The location that `str` of a location writes: ``archive.zip!/inner.apk``, containers within containers too.

    Raises:
        SourceError: no such file, or no such member, or the member lies in a compressed tar.
        ApkError: a container on the way is broken.
    """
    path, *names = text.split("!/")
    while names and Path(f"{path}!/{names[0]}").exists():  # a path of this machine may hold the mark itself
        path = f"{path}!/{names.pop(0)}"
    location = Location(path)
    for name in names:
        with open_location(location, limits) as source:
            location = location.inside(_member(source, name, limits))
    return location


def _member(source: ByteSource, name: str, limits: Limits) -> Hop:
    kind = kind_of(source.read_at(0, min(HEAD, source.size)))
    if kind is Kind.COMPRESSED:
        raise SourceError("members of a compressed tar can only be scanned; unpack it to inspect one")
    members = zip_members(source, limits) if kind is Kind.ZIP else tar_members(source)
    for member in members:
        if not isinstance(member, str) and printable(member.name) == name:
            return member
    raise SourceError(f"no member {name} in it")


def reopens_cheaply(location: Location) -> bool:
    """Whether opening it again costs no inflating, so that its members may be read each on its own."""
    return all(hop.method != "deflated" for hop in location.hops)
