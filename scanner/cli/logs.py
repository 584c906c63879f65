"""Log lines on stderr, for whoever asks for them: text for people, JSON for what collects logs. None by default.

What the report says is never only in the log. Lines hold no secrets: whatever looks like one in a URL or behind a
telling name is blotted out here, whoever wrote the line.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime

from scanner import __version__
from scanner.formats.cleaning import clean

_TELLING = r"[\w.-]*(?:secret|token|passw(?:or)?d|passphrase|credential|access.?key|api.?key|pairing.?code)[\w.-]*"
_SECRETS = (
    (re.compile(r"(?<=://)[^\s/@]+(?=@)"), "***"),
    (re.compile(r"(?i)\b(authorization[\"']?\s*[:=]\s*[\"']?)[^\"'\r\n]+"), r"\1***"),
    (re.compile(rf"(?i)\b({_TELLING}[\"']?\s*=\s*[\"']?)[^\s\"'&,;]+"), r"\1***"),
    (re.compile(rf"(?i)\b({_TELLING}[\"']?:\s*[\"']?)[^\s\"'&,;]+"), r"\1***"),
    (re.compile(r"(?i)([?&](?:[\w.-]*signature|sig|key|auth)=)[^\s&\"']+"), r"\1***"),
)
"""User and password of a URL; a header; ``name=value`` and ``name: value`` of a telling name; keys in a query."""


def start_logging(level: str, *, as_json: bool, read: str | None) -> None:
    """Let this package's log lines of a level and above out on stderr; the first say what runs, and what was ``read``.

    Other packages' lines stay in.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else TextLines())
    package = logging.getLogger("scanner")
    package.handlers = [handler]
    package.propagate = False
    package.setLevel(level.upper())
    package.info("app-scanner %s, Python %s on %s", __version__, sys.version.split()[0], sys.platform)
    package.info("configuration: %s", read or "none")


def without_secrets(text: str) -> str:
    """The text with whatever looks like a password, key or token blotted out."""
    for pattern, blot in _SECRETS:
        text = pattern.sub(blot, text)
    return text


class TextLines(logging.Formatter):
    """``TIME level logger: message``; a traceback follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        head = f"{_time(record)} {record.levelname.lower()} {record.name}: {_message(record)}"
        return "\n".join([head, *map(clean, _trace(record).splitlines())])


class JsonLines(logging.Formatter):
    """One object a line: ``time``, ``level``, ``logger``, ``message``, and ``traceback`` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        trace = _trace(record)
        return json.dumps(line | ({"traceback": trace} if trace else {}))


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    """One line, whatever was in it: an app's name must not forge a second one."""
    return clean(without_secrets(record.getMessage()))


def _trace(record: logging.LogRecord) -> str:
    if not record.exc_info:
        return ""
    return without_secrets("".join(traceback.format_exception(*record.exc_info)).rstrip())
