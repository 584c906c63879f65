"""The platforms of Intune's detected apps, by name and by number.

https://learn.microsoft.com/en-us/graph/api/resources/intune-devices-detectedappplatformtype
"""

from __future__ import annotations

from scanner.sources.inventories.readers.mdm_fields import text

_NUMBERED = dict(
    enumerate(
        (
            "unknown",
            "windows",
            "windowsMobile",
            "windowsHolographic",
            "ios",
            "macOS",
            "chromeOS",
            "androidOSP",
            "androidDeviceAdministrator",
            "androidWorkProfile",
            "androidDedicatedAndFullyManaged",
        )
    )
)
_UNSAID = {"", "unknown", "unknownfuturevalue"}


def other_system(*said: object) -> str | None:
    """The system that the first telling value names, where it is not Android; null where none tells."""
    for value in said:
        name = text(value) or ""
        name = _NUMBERED.get(int(name), name) if name in map(str, _NUMBERED) else name
        if name.lower() not in _UNSAID:
            return None if "android" in name.lower() else name
    return None
