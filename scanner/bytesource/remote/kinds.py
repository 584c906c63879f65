"""From an address to the store that reads it."""

from __future__ import annotations

import importlib
import importlib.util
import threading

from scanner.bytesource.remote.store import Store
from scanner.errors import SourceError

_KINDS = {
    "s3": ("scanner.bytesource.remote.s3", "S3Store", "s3fs", "s3"),
    "https": ("scanner.bytesource.remote.web", "WebStore", "aiohttp", "http"),
    "http": ("scanner.bytesource.remote.web", "WebStore", "aiohttp", "http"),
    "gs": ("scanner.bytesource.remote.google", "GoogleStore", "gcsfs", "gs"),
    "az": ("scanner.bytesource.remote.azure", "AzureStore", "adlfs", "az"),
}
"""Scheme → module, class, the library it needs, and the extra that installs it."""


_lock = threading.Lock()
_stores: dict[str, Store] = {}


def store_of(address: str) -> Store:
    """The store that an address belongs to; one for each kind and process. Raises `SourceError`."""
    scheme = address.partition("://")[0]
    with _lock:
        if scheme not in _stores:
            _stores[scheme] = _new_store(scheme)
        return _stores[scheme]


def _new_store(scheme: str) -> Store:
    module, name, library, extra = _KINDS[scheme]
    if importlib.util.find_spec(library) is None or importlib.util.find_spec("tenacity") is None:
        raise SourceError(f"to read {scheme}:// addresses, pip install 'app-inventory-scanner[{extra}]'")
    made: Store = getattr(importlib.import_module(module), name)()
    return made


def forget() -> None:
    """Close every connection, and look for credentials anew with the next address."""
    with _lock:
        while _stores:
            _stores.popitem()[1].close()
