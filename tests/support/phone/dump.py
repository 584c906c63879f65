"""``dumpsys package`` of a phone, in the form of its release."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tests.support.phone.listing import Placed
from tests.support.phone.profile import FactoryCopy, InstalledApp, PhoneProfile

INSTALLED, UPDATED = "2024-05-06 07:08:09", "2025-06-07 08:09:10"
INSTALLED_MS, UPDATED_MS = 1714979289000, 1749283750000
ENABLED = {"disabled": 3}


def tables(profile: PhoneProfile, placed: tuple[Placed, ...]) -> dict[str, str]:
    """Files below ``/sim`` for ``dumpsys package``."""
    blocks = {one.app.package: "".join(f"{line}\n" for line in _block(profile, one)) for one in placed}
    hidden = "".join(f"{line}\n" for one in placed for line in _hidden(profile, one))
    packages = "Packages:\n" + "".join(blocks.values())
    if hidden:
        packages += "\nHidden system packages:\n" + hidden
    files = {f"dump/of/{package}": "Packages:\n" + block for package, block in blocks.items()}
    files["dump/packages"] = packages
    files["dump/all"] = _before(profile) + packages + _after(placed)
    files["dump/checkin"] = "vers,1\n" + "".join(_checkin(profile, one) for one in placed)
    return files


def _number(text: str) -> str:
    """Hex digits that stand for an object: of no meaning."""
    return f"{int.from_bytes(hashlib.md5(text.encode()).digest()[:4], 'big') >> 4:x}"


def _short(digits: str) -> str:
    return digits.lower().lstrip("0") or "0"


def _signatures(profile: PhoneProfile, app: InstalledApp, hashes: tuple[str, ...], past: tuple[str, ...]) -> str:
    identity = _number(app.package + "signatures")
    if profile.release < 9:
        objects = ", ".join(_number(app.package + one) for one in hashes or ("none",))
        return f"PackageSignatures{{{identity} [{objects}]}}"
    current = ", ".join(map(_short, hashes))
    before = ", ".join(f"{_short(one)} flags: 17" for one in past)
    said = f"version:{3 if past else 2}, signatures:[{current}], past signatures:[{before}]"
    return f"PackageSignatures{{{identity} {said}}}"


def _block(profile: PhoneProfile, one: Placed) -> Iterator[str]:
    app = one.app
    yield f"  Package [{app.package}] ({_number(app.package)}):"
    yield f"    {'appId' if profile.release >= 14 else 'userId'}={one.app_id}"
    yield f"    pkg=Package{{{_number(app.package + 'pkg')} {app.package}}}"
    yield f"    codePath={one.folder}"
    yield f"    resourcePath={one.folder}"
    yield from _body(profile, app, app.version_code, app.hashes, app.past_hashes)
    yield from _users(profile, app)


def _hidden(profile: PhoneProfile, one: Placed) -> Iterator[str]:
    factory = one.app.factory
    if factory is None:
        return
    yield f"  Package [{one.app.package}] ({_number(one.app.package + 'factory')}):"
    yield f"    {'appId' if profile.release >= 14 else 'userId'}={one.app_id}"
    yield f"    codePath={factory.path.rpartition('/')[0]}"
    yield from _body(profile, one.app, factory.version_code, _hashes(factory, one.app), ())
    yield f"    User 0: {' '.join(_state(profile, 'installed'))}"


def _hashes(factory: FactoryCopy, app: InstalledApp) -> tuple[str, ...]:
    return factory.hashes or app.hashes


def _body(
    profile: PhoneProfile, app: InstalledApp, version: int, hashes: tuple[str, ...], past: tuple[str, ...]
) -> Iterator[str]:
    minimum = f" minSdk={app.min_sdk}" if profile.release >= 7 else ""
    flags = f"[ {'SYSTEM ' if app.system else ''}HAS_CODE ALLOW_CLEAR_USER_DATA ALLOW_BACKUP ]"
    yield f"    versionCode={version}{minimum} targetSdk={app.target_sdk}"
    yield f"    versionName={app.version_name}"
    yield f"    splits=[{', '.join(('base', *app.splits))}]"
    if profile.release >= 9:
        yield f"    apkSigningVersion={3 if past else 2}"
    yield f"    flags={flags}"
    yield "    dataDir=/data/user/0/" + app.package
    if profile.release < 13:
        yield f"    firstInstallTime={INSTALLED}"
    yield f"    lastUpdateTime={UPDATED}"
    if app.installer:
        yield f"    installerPackageName={app.installer}"
    yield f"    signatures={_signatures(profile, app, hashes, past)}"
    yield "    installPermissionsFixed=true" + (" installStatus=1" if profile.release < 10 else "")
    yield f"    pkgFlags={flags}"


def _users(profile: PhoneProfile, app: InstalledApp) -> Iterator[str]:
    for user in profile.users:
        state = app.users.get(user.id, "uninstalled")
        yield f"    User {user.id}: {' '.join(_state(profile, state))}"
        if profile.release >= 13 and state != "uninstalled":
            yield f"      firstInstallTime={INSTALLED}"
        if state == "disabled":
            yield "      lastDisabledCaller: com.android.settings"


def _state(profile: PhoneProfile, state: str) -> Iterator[str]:
    def said(name: str, truth: bool) -> str:
        return f"{name}={str(truth).lower()}"

    if profile.release >= 7:
        yield f"ceDataInode={0 if state == 'uninstalled' else 39050}"
    if profile.release >= 15:
        yield "deDataInode=1866"
    yield said("installed", state not in {"uninstalled", "archived"})
    yield said("hidden", state == "hidden")
    if profile.release >= 7:
        yield said("suspended", state == "suspended")
    if profile.release >= 11:
        yield "distractionFlags=0"
    yield "stopped=false"
    yield "notLaunched=false"
    yield f"enabled={ENABLED.get(state, 0)}"
    if profile.release >= 8:
        yield "instant=false virtual=false"
    if profile.release >= 15:
        yield f"quarantined=false {said('archived', state == 'archived')}"


def _before(profile: PhoneProfile) -> str:
    return (
        "Database versions:\n  Internal:\n"
        f"    sdkVersion={profile.sdk} databaseVersion=3\n    fingerprint={profile.fingerprint}\n\n"
        "Known Packages:\n  System:\n    User 0: none\n\n"
    )


def _after(placed: tuple[Placed, ...]) -> str:
    queries = "".join(f"    {one.app.package}: queryable\n" for one in placed[:1])
    known = f"\nQueries:\n  system apps queryable: false\n  forceQueryable:\n    User 0:\n{queries}"
    return known + "\nPackage Changes:\n  User 0:\n"


def _checkin(profile: PhoneProfile, one: Placed) -> str:
    """From Android 14 on the installer and the uid of who asked for it stand together without a comma."""
    app = one.app
    installer = (app.installer or "?") + ("10045" if profile.release >= 14 else "")
    lines = [f"pkg,{app.package},{one.app_id},{app.version_code},{INSTALLED_MS},{UPDATED_MS},{installer}"]
    lines += [f"pkg-splt,{name},0" for name in ("base", *app.splits)]
    for user in profile.users:
        present = app.users.get(user.id, "uninstalled") not in {"uninstalled", "archived"}
        letters = f"{'I' if present else 'i'}b{'S' if app.users.get(user.id) == 'suspended' else 'su'}sL"
        lines.append(f"pkg-usr,{user.id},{letters},0,?")
    return "".join(f"{line}\n" for line in lines)
