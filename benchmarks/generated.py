"""APKs made for the benchmark, the same bytes every time: many small ones, and one very large one.

The small ones hold no ``resources.arsc``: apk-info parses that table whole on opening, so leaving it out is in
its favour. The large one is made with one, borrowed from a sample, and without.
"""

from __future__ import annotations

from random import Random

from tests.support import axml
from tests.support.apk_builder import build_apk, sign, zip_bytes
from tests.support.axml import Element
from tests.support.signer import Key, key

PUBLISHERS = 12
SMALL_BYTES = (100_000, 1_300_000)
SMALL_ENTRIES = (50, 400)
OWN_ENTRIES = 6
"""Members of a small APK that are neither resource nor asset: manifest, note, classes.dex, v1's three."""
SCHEMES = ("v1 v2",) * 8 + ("v1 v2 v3",) * 6 + ("v2 v3",) * 3 + ("v2",) * 2 + ("v1",)
"""Twenty small APKs in a row are signed so."""
ACTIVITIES, PERMISSIONS = 130, 60


def small_apk(number: int) -> bytes:
    """The small APK of that number: its own package name, size, number of members and mix of schemes."""
    random = Random(number)
    size, entries = random.randint(*SMALL_BYTES), random.randint(*SMALL_ENTRIES)
    members = {"classes.dex": random.randbytes(size // 2)}
    members |= _files(random, entries - OWN_ENTRIES, size // 2)
    publisher = key(f"benchmark publisher {number % PUBLISHERS}")
    schemes: dict[str, list[Key]] = {scheme: [publisher] for scheme in SCHEMES[number % len(SCHEMES)].split()}
    root = manifest(f"org.benchmark.app{number}", random.randint(5, 40), random.randint(3, 25))
    return build_apk(
        root,
        members=members,
        stored=number % 2 == 0,
        v1=schemes.get("v1", ()),
        v2=schemes.get("v2", ()),
        v3=schemes.get("v3", ()),
    )


def big_apk(size: int, entries: int, table: bytes) -> bytes:
    """One APK of about ``size`` bytes with that many members, a resource table if given, and v2 and v3."""
    random = Random(size)
    members = {"AndroidManifest.xml": axml.encode(manifest("org.benchmark.big", ACTIVITIES, PERMISSIONS))}
    members |= {"resources.arsc": table} if table else {}
    members |= {f"classes{number or ''}.dex": random.randbytes(size // 60) for number in range(8)}
    members |= {
        f"lib/{abi}/lib{number}.so": random.randbytes(size // 80)
        for abi in ("arm64-v8a", "x86_64")
        for number in range(20)
    }
    services = {f"META-INF/services/org.benchmark.Service{number}": b"org.benchmark.Impl\n" for number in range(60)}
    versions = {f"META-INF/androidx.part{number}.version": b"1.0.0\n" for number in range(90)}
    left = size - sum(map(len, members.values()))
    members |= _files(random, entries - len(members) - len(services) - len(versions), left)
    publisher = key("benchmark publisher 0")
    return sign(zip_bytes(members | services | versions, stored=True), v2=[publisher], v3=[publisher])


def _files(random: Random, count: int, size: int) -> dict[str, bytes]:
    """``count`` incompressible members of ``size`` bytes in all, three in four resources, the others assets."""
    folders = ("res/drawable-xxhdpi-v4", "res/layout", "res/drawable-night-xxhdpi-v4", "assets/data")
    each = max(1, size // max(1, count))
    return {
        f"{folders[number % 4]}/file_{number:05}.{'bin' if number % 4 == 3 else 'xml'}": random.randbytes(
            random.randint(each // 2, each * 3 // 2)
        )
        for number in range(count)
    }


def manifest(package: str, activities: int, permissions: int) -> Element:
    """A manifest laid out as aapt2 does: SDK range, permissions, application, each activity with a name."""
    declared = [
        Element("activity", {"android:name": f"{package}.ui.screens.Activity{number}"}) for number in range(activities)
    ]
    root = axml.manifest(package, version_code=1042, version_name="10.4.2", application=declared, label="Benchmark")
    root.children[1:1] = [
        Element("uses-permission", {"android:name": f"android.permission.PERMISSION_{number}"})
        for number in range(permissions)
    ]
    return root
