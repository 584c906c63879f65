"""What would remove an app from a phone, user by user, or why nothing will. Words for a person: none is ever run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from scanner.model import Installed

FIRST_SECURE_FOLDER = 150
"""Samsung numbers its Secure Folder from here on."""


def removal_advice(app: Installed) -> tuple[str, ...]:
    """One line for each user that has the app; for a factory copy, why it stays."""
    if app.copy == "factory":
        return ("the factory copy lies in the system image: it cannot be removed, only kept from users",)
    if not app.package_name:
        return ()
    return tuple(_lines(app))


def _lines(app: Installed) -> Iterator[str]:
    adb, unplugged = "adb shell", "  # with that phone alone connected; or by a rule of your device management"
    if app.phone is not None:
        unplugged = ""
        transport, serial = app.phone.transport, shlex.quote(app.phone.serial)
        which = f"-s {serial}" if transport is None else f"-t {transport}"
        adb = f"adb {which} shell"
    name = shlex.quote(app.package_name)
    for user in app.users:
        note = unplugged
        if user.state == "uninstalled":
            note = "  # removes what data is left"
        elif app.system:
            note = "  # a system app: removed for this user, its factory copy stays on the phone"
        elif user.id >= FIRST_SECURE_FOLDER:
            note = "  # refused where this is a Secure Folder: then its owner removes it there"
        yield f"{adb} pm uninstall --user {user.id} {name}{note}"
    if not app.users:
        yield f"{adb} pm uninstall {name}{unplugged}"
