"""Verification of an APK's signatures, by the rules of Android and of Google's apksig.

`verify` answers as ``apksigner verify`` does: for a range of releases, by default from the manifest's minimum
to the newest imaginable. A certificate in its answer is one whose private key signed this very content.
"""

from __future__ import annotations

from scanner.apk.verify.verifier import NEWEST_IMAGINABLE, verify

__all__ = ["NEWEST_IMAGINABLE", "verify"]
