"""Objects read by the workers of a cluster, many at once."""

from __future__ import annotations

from collections.abc import Callable

from tests.conftest import Ran
from tests.objects.conftest import Served
from tests.support.apk_builder import build_apk
from tests.support.signer import key


def test_workers_read_addresses_themselves(scan: Callable[..., Ran], web: Served, dask_cluster: str) -> None:
    names = [f"{number}.apk" for number in range(40)]
    web.put({name: build_apk(f"com.example.n{name[:-4]}", v2=[key("a")]) for name in names})
    listing = "\n".join(map(web.address, names)).encode()
    words = ("--files-from", "-", "--io-concurrency", 8)
    there, here = (scan(*words, *engine, stdin=listing) for engine in (("--engine", dask_cluster), ("-j", 1)))
    assert (there.code, there.err) == (0, "")
    assert [row["package_name"] for row in there.apps] == [f"com.example.n{number}" for number in range(40)]
    assert [row["etag"] for row in there.apps] == [row["etag"] for row in here.apps]
    assert all(row["etag"] for row in there.apps)
