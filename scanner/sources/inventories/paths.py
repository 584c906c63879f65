"""What a path on a phone tells of the app that lies there."""

from __future__ import annotations

import posixpath

SYSTEM_FOLDERS = ("/system", "/product", "/vendor", "/odm", "/oem", "/apex", "/system_ext", "/my_", "/preload", "/cust")


def is_system(path: str | None) -> bool | None:
    """Whether it belongs to the system image; null where there is no path."""
    return path.startswith(SYSTEM_FOLDERS) if path else None


def split_name(path: str) -> str | None:
    """The name of the split that an APK holds, as ``dumpsys`` prints it; null for a base APK."""
    name = posixpath.basename(path)
    return name.removeprefix("split_").removesuffix(".apk") if name.startswith("split_") else None
