"""One APK's bytes → who it says it is.

`identify` reads the end of the file, the zip directory, the signing block and the first elements of the
manifest: three to six reads, whatever the size. Nothing here checks a signature: what a signing block
says is a claim (assurance ``declared``).
"""

from __future__ import annotations

from scanner.apk.identity import MANIFEST, NotAnApk, identify

__all__ = ["MANIFEST", "NotAnApk", "identify"]
