"""Fixtures: one adb server for all tests of phones, and phones that end with their test."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.support.phone import (
    AdbServer,
    InstalledApp,
    NoPhoneError,
    PhoneProfile,
    SimulatedPhone,
    phone_of,
    require_phone,
)
from tests.support.phone.tools import unavailable


@pytest.fixture(scope="session")
def adb() -> Iterator[AdbServer]:
    require_phone()
    try:
        server = AdbServer()
    except NoPhoneError as error:
        unavailable(error)
    with server:
        yield server


@pytest.fixture
def start_phone(adb: AdbServer) -> Iterator[Callable[..., SimulatedPhone]]:
    """A phone of a release with these apps, connected; or of a whole profile."""
    with contextlib.ExitStack() as stack:

        def begin(
            release: str | PhoneProfile = "14", *apps: InstalledApp, connected: bool = True, **more: object
        ) -> SimulatedPhone:
            profile = release if isinstance(release, PhoneProfile) else phone_of(release, *apps, **more)
            try:
                phone = stack.enter_context(SimulatedPhone(profile))
            except NoPhoneError as error:
                unavailable(error)
            stack.callback(adb.disconnect, phone)
            if connected:
                adb.connect(phone)
            return phone

        yield begin
