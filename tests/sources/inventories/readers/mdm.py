"""What the tests of the management readers share."""

from __future__ import annotations

import json

from scanner.model import Installed
from scanner.sources.inventories.reading import Gap, NotAndroid
from tests.support.documents import TextDocument

SHA256 = "0fe4" + "ab" * 30
SHA1 = "cc80" + "12" * 18


def read(reader, content, name="export"):
    text = content if isinstance(content, str) else json.dumps(content)
    return list(reader.read(TextDocument(name, text), "SPEC"))


def apps(entries):
    return [entry for entry in entries if isinstance(entry, Installed)]


def gaps(entries):
    return [(entry.where, entry.what) for entry in entries if isinstance(entry, Gap)]


def others(entries):
    return {entry.system: entry.count for entry in entries if isinstance(entry, NotAndroid)}
