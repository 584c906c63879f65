"""What S3 does and rclone's server does not: listings in pages, storage classes, keys of all kinds, and regions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scanner.bytesource import store_of
from tests.conftest import Ran
from tests.objects.conftest import Amazon
from tests.support.apk_builder import build_apk
from tests.support.emulators import put_amazon
from tests.support.link import Fault
from tests.support.signer import key

Scan = Callable[..., Ran]
APK = build_apk("com.example.app", v2=[key("a")])
NAMES = [f"{number}/a.apk" for number in range(8)]


def test_a_listing_goes_on_page_after_page(amazon: Amazon, scan: Scan) -> None:
    amazon.put(dict.fromkeys(NAMES, APK))
    ran = scan(amazon.prefix)
    assert (ran.code, [row["location"] for row in ran.apps]) == (0, [amazon.address(name) for name in NAMES])
    assert sum("list-type=2" in line for line in amazon.link.crossed.requests) == 3


def test_pages_are_asked_for_as_they_are_needed(amazon: Amazon) -> None:
    amazon.put(dict.fromkeys(NAMES, APK))
    listed = store_of("s3://x").find(amazon.prefix)
    assert next(listed).address == amazon.address(NAMES[0])
    assert sum("list-type=2" in line for line in amazon.link.crossed.requests) == 1


def test_a_listing_that_breaks_off_is_a_hole_and_what_came_before_it_is_read(amazon: Amazon, scan: Scan) -> None:
    amazon.put(dict.fromkeys(NAMES, APK))
    amazon.link.faults = lambda line: Fault(403) if "continuation-token" in line else None
    ran = scan(amazon.prefix)
    assert (ran.code, [row["location"] for row in ran.apps]) == (3, [amazon.address(name) for name in NAMES[:3]])
    assert [(row["what"], row["reason"]) for row in ran.unread] == [
        ("source", "access denied: these credentials may not read it")
    ]


def test_what_is_archived_is_unread_and_says_what_to_do(amazon: Amazon, scan: Scan) -> None:
    put_amazon(amazon.link.server, f"{amazon.root.name}/cold.apk", APK, "GLACIER")
    ran = scan(amazon.prefix)
    assert (ran.code, [row["reason"] for row in ran.unread]) == (3, ["archived by its store: restore it first"])


@pytest.mark.parametrize("name", ["sp ace+%25 ü#1?.apk", "a/../b.apk", "//x.apk", "!/x.apk", "-.apk"])
def test_a_key_may_be_anything(amazon: Amazon, scan: Scan, name: str) -> None:
    amazon.put({name: APK})
    ran = scan(amazon.prefix.rstrip("/"))
    assert (ran.code, [row["location"] for row in ran.apps]) == (0, [amazon.address(name)])


def test_a_bucket_in_another_region_is_asked_there(amazon: Amazon, scan: Scan) -> None:
    amazon.put({"a.apk": APK})

    def elsewhere(line: str) -> Fault | None:
        head = line.startswith("HEAD")
        signed_for = "eu-central-1%2Fs3" in line or "X-Amz-Credential" not in line
        if head:
            return Fault(403, "x-amz-bucket-region: eu-central-1\r\n")
        return None if signed_for else Fault(400)

    amazon.link.faults = elsewhere
    assert scan(amazon.prefix).code == 0
