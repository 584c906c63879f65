"""Objects in stores and on web servers, read in ranges where they lie: three to six requests for an APK.

fsspec's filesystems know how each kind of store is reached and where its credentials are kept; here is what is asked
of them. Each kind is an extra of this distribution, imported when an address of its kind is first read.
"""

from __future__ import annotations

from scanner.bytesource.remote.kinds import store_of
from scanner.bytesource.remote.objects import RemoteFile, open_remote
from scanner.bytesource.remote.store import Answer, Found, Store

__all__ = ["Answer", "Found", "RemoteFile", "Store", "open_remote", "store_of"]
