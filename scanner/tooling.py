"""What the smaller commands do, each in one call."""

from __future__ import annotations

from contextlib import nullcontext

from scanner.apk import NotAnApk
from scanner.apk.verify import NEWEST_IMAGINABLE, verify
from scanner.errors import ReadError, SourceError
from scanner.model import LIMITS, Limits, Location, PhoneStatus, Verification
from scanner.sources import open_location
from scanner.sources.adb import AdbServer, server_notes


def verify_location(
    location: Location,
    min_sdk: int | None,
    max_sdk: int | None,
    idsig: Location | None = None,
    limits: Limits = LIMITS,
) -> Verification:
    """Verify the APK at a location, and the v4 signature at another one where there is one.

    Raises:
        SourceError: it cannot be opened.
        ApkError: there is nothing to verify: no APK, or one whose directory or manifest cannot be read.
        ReadError: the transport failed.
    """
    with open_location(location, limits) as source, open_location(idsig) if idsig else nullcontext() as beside:
        try:
            return verify(source, min_sdk, NEWEST_IMAGINABLE if max_sdk is None else max_sdk, beside, limits)
        except NotAnApk as error:
            raise error.with_advice() from error


def phones_of(server: AdbServer) -> tuple[list[PhoneStatus], list[str]]:
    """The phones that an adb server sees, and what about the servers of this machine may keep others from view.

    Raises:
        SourceError: no server answers, and none can be started.
    """
    server.ensure()
    try:
        return server.phones(), server_notes(server)
    except ReadError as error:
        raise SourceError(str(error)) from error
