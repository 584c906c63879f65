"""The states of a phone as adb names them, and the next step for a person in each.

Source of the names: AOSP ``adb/adb.cpp``, ``to_string(ConnectionState)``.
"""

from __future__ import annotations

ADVICE = {
    "device": "ready",
    "unauthorized": "unlock the phone and accept “Allow USB debugging?”; if no question comes, unplug it and plug it "
    "in again, or revoke USB debugging authorisations in its developer options",
    "authorizing": "wait a moment, then look at the phone: it may ask whether to allow USB debugging",
    "offline": "adb has lost it: unplug it and plug it in again, or switch wireless debugging off and on; a phone that "
    "just restarted needs a minute",
    "connecting": "wait a moment and ask again",
    "no permissions": "this machine may not open the USB device: install udev rules for Android (Debian and Ubuntu: "
    "android-sdk-platform-tools-common), add yourself to the group plugdev, log in again, and replug the phone",
    "recovery": "it is in recovery: choose “Reboot system now” on the phone",
    "rescue": "it is in rescue mode: restart it normally",
    "sideload": "it waits for an update: leave that and restart it normally",
    "bootloader": "it is in the bootloader: restart it normally (fastboot reboot)",
    "host": "an adb server that looks at this machine itself; nothing to scan",
    "detached": "adb let go of it: run `adb attach`, or unplug it and plug it in again",
}
WIRELESS_OFFLINE = (
    "adb has lost it: is the phone awake and on the same network? Then connect again: app-scanner devices --connect {}"
)
UNKNOWN = "adb calls this state “{}”: see the phone's screen, then unplug it and plug it in again"
NOTHING_CONNECTED = (
    "no phone is connected. On the phone: Settings, About phone, tap Build number seven times; then Developer options, "
    "USB debugging on; plug in a cable that carries data and accept the question. Wireless: app-scanner devices --help"
)


def advice_for(state: str, serial: str) -> str:
    """What a person does next with a phone in this state."""
    if state == "offline" and ":" in serial:
        return WIRELESS_OFFLINE.format(serial)
    return ADVICE.get(state) or UNKNOWN.format(state)
