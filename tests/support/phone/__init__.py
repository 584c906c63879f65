"""Simulated phones: real adb, real shell, real files; only the phone's daemon and what its commands print are ours.

::

    app = installed(Path("wechat.apk"), "com.tencent.mm", version_code=2400, hashes=(hash32_of(der),))
    with AdbServer() as server, SimulatedPhone(phone_of("14", app)) as phone:
        serial = server.connect(phone)
        server.run("-s", serial, "shell", "pm list packages -f").stdout
"""

from tests.support.phone.fakeserver import FakeAdbServer
from tests.support.phone.faults import Counters
from tests.support.phone.phone import SimulatedPhone
from tests.support.phone.profile import (
    FactoryCopy,
    InstalledApp,
    PhoneProfile,
    UserProfile,
    hash32_of,
    installed,
    phone_of,
)
from tests.support.phone.server import AdbServer
from tests.support.phone.tools import NoPhoneError, adb_program, require_phone

__all__ = [
    "AdbServer",
    "Counters",
    "FactoryCopy",
    "FakeAdbServer",
    "InstalledApp",
    "NoPhoneError",
    "PhoneProfile",
    "SimulatedPhone",
    "UserProfile",
    "adb_program",
    "hash32_of",
    "installed",
    "phone_of",
    "require_phone",
]
