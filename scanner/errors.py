"""Every error this package raises on purpose.

::

    ScannerError
    ├── SourceError      a SPEC cannot be opened or listed: that source is a hole
    ├── DatabaseError    a signature file is unusable: the run ends, nothing was compared
    ├── PolicyError      a policy file is unusable: nothing is scanned by a policy that was only half understood
    ├── RefusedError     what was offered must not become a signature: the command ends, nothing was changed
    ├── EngineError      what should read cannot be started or was lost: the run ends, its report is incomplete
    ├── OutputError      the report cannot be written: the run ends
    ├── ReadError        the transport failed: trying again may help; one app is unread
    └── ApkError         the bytes are not what they claim: trying again will not help; one app is unread
        ├── OutOfRange   an offset or length points outside the bytes (also a ValueError)
        └── LimitExceeded  reading on would cost more than a named limit allows

Foreign exceptions are mapped to these where the foreign library is called, and nowhere else.
"""

from __future__ import annotations


class ScannerError(Exception):
    """Base of every error this package raises on purpose; its text is one line for a person."""


class SourceError(ScannerError):
    """A source cannot be opened or listed."""


class DatabaseError(ScannerError):
    """A signature file cannot be used. The text names file, field and reason."""


class PolicyError(ScannerError):
    """A policy file cannot be used. The text names file, line and reason."""


class RefusedError(ScannerError):
    """What was offered must not become a signature: it is not verified, anybody can sign so, or it is outdated."""


class EngineError(ScannerError):
    """Processes or a cluster to read with cannot be had, or were lost."""


class OutputError(ScannerError):
    """A report cannot be written."""


class ReadError(ScannerError):
    """Bytes could not be transported. Trying again may help."""


class ApkError(ScannerError):
    """Bytes are not what they claim to be. Trying again will not help."""


class OutOfRange(ApkError, ValueError):  # noqa: N818 - the name is part of the byte seam's contract
    """An offset or length lies outside the bytes: the file lies about its own layout."""


class LimitExceeded(ApkError):  # noqa: N818 - reads as what happened
    """Reading on would exceed a named limit."""

    @classmethod
    def of(cls, what: str, name: str, most: object) -> LimitExceeded:
        """The error for one of the limits that ``--limit`` sets, by the name of its field."""
        return cls(f"{what}, the limit is {most} (--limit {name.replace('_', '-')})")
