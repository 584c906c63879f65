"""What several inventories say of one app on one device, joined."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.joining import BATCH, Joining, joined
from scanner.model import Assurance, Certificate, Device, Installed, Stated, UserState

ONE, TWO = "ab" * 32, "cd" * 32


def device(serial: str) -> Device:
    return Device(serial, None, None, None)


def app(serial: str = "R58ONE", name: str = "com.a", source: str = "export.json", **known: object) -> Installed:
    return Installed(device(serial), source, name, **{"where": f"{source}:1", **known})  # type: ignore[arg-type]


def stated(*sha256: str, assurance: Assurance = Assurance.REPORTED, **more: object) -> Stated:
    return Stated(tuple(Certificate(sha256=one) for one in sha256), (), "a key", assurance, **more)  # type: ignore[arg-type]


def through(apps: Iterable[Installed]) -> list[Installed]:
    with Joining() as joining:
        for one in apps:
            joining.add(one)
        list(joining.name_devices())
        return list(joining.apps())


def test_one_statement_stays_as_it_is() -> None:
    alone = app(stated=stated(ONE))
    assert joined([alone]) is alone
    assert through([alone]) == [alone]


def test_the_strongest_counts_and_the_others_fill() -> None:
    hint = app(source="dump", hashes=("00000001",), version_code=7, users=(UserState(0, "installed"),))
    sure = app(source="links", stated=stated(ONE, assurance=Assurance.PLATFORM))
    said = app(source="mdm", stated=stated(ONE), title="A", version_name="7.0", users=(UserState(10, "disabled"),))
    for order in ([hint, sure, said], [said, hint, sure], [sure, said, hint]):
        (one,) = through(order)
        assert one.stated == sure.stated
        assert (one.version_code, one.version_name, one.title, one.hashes) == (7, "7.0", "A", ("00000001",))
        assert [user.id for user in one.users] == [0, 10]
        assert set(one.also_in) == {"dump:1", "mdm:1"}
        assert one.contradictions == ()


def test_what_cannot_both_be_true_is_said() -> None:
    first = app(source="a", version_code=1, file_sha256=ONE, stated=stated(ONE), hashes=("00000001",))
    other = app(source="b", version_code=2, file_sha256=TWO, stated=stated(TWO), hashes=("00000002",))
    gone = app(source="c", users=(UserState(0, "uninstalled"),))
    here = app(source="d", users=(UserState(0, "installed"),))
    (one,) = through([first, other, gone, here])
    assert [text.partition(":")[0] for text in one.contradictions] == [
        "version-code", "file-sha256", "state", "certificate", "certificate-hash",
    ]  # fmt: skip
    assert all(("b:1" in text) or ("d:1" in text) for text in one.contradictions)


def test_digests_of_different_kinds_contradict_nothing() -> None:
    weak = app(source="b", stated=Stated((Certificate(sha1="12" * 20),), assurance=Assurance.REPORTED))
    (one,) = through([app(source="a", stated=stated(ONE)), weak])
    assert one.contradictions == ()


def test_a_rotated_certificate_contradicts_nothing() -> None:
    now = app(source="a", hashes=("00000002",), past_hashes=("00000001",))
    (one,) = through([now, app(source="b", hashes=("00000001",))])
    assert one.contradictions == ()


def test_devices_copies_and_names_stay_apart() -> None:
    apps = [app("R1"), app("R2"), app("R1", "com.b"), app("R1", copy="factory"), app("r1", source="b", version_code=3)]
    assert [(one.device and one.device.serial, one.package_name, one.copy) for one in through(apps)] == [
        ("R1", "com.a", "active"), ("R1", "com.a", "factory"), ("R1", "com.b", "active"), ("R2", "com.a", "active"),
    ]  # fmt: skip


def test_an_apk_of_an_old_scan_is_joined_with_itself_alone() -> None:
    files = [
        msgspec.structs.replace(app(source="old"), device=None, where=where) for where in ("x.apk", "y.apk", "x.apk")
    ]
    assert [one.where for one in through(files)] == ["x.apk", "y.apk"]


@pytest.mark.parametrize(
    ("path", "serial"),
    [
        ("R58ONE.txt", "R58ONE"),
        ("dumps/r58one/packages.txt", "R58ONE"),
        ("bugreport-x-R58ONE-2026.zip!/main_entry.txt", "R58ONE"),
        ("emulator-5554.txt", "emulator-5554"),
        ("R58ONE-and-R58TWO.txt", None),
        ("R58ONES.txt", None),
        ("packages.txt", None),
        ("R58ONE/deep/down/packages.txt", None),
    ],
)
def test_a_dump_is_of_the_device_that_its_path_names(path: str, serial: str | None) -> None:
    named = [app(one) for one in ("R58ONE", "R58TWO", "emulator-5554", "1")]
    dump = Installed(device(path), path.partition("!/")[0], "com.dumped", where=path)
    with Joining() as joining:
        for one in (dump, *named):
            joining.add(one)
        assert list(joining.name_devices()) == ([(path, serial)] if serial else [])
        (found,) = [one.device for one in joining.apps() if one.package_name == "com.dumped"]
        assert found == device(serial or path)


def test_a_name_that_no_export_knows_names_nothing() -> None:
    dump = Installed(device("R58ONE.txt"), "R58ONE.txt", "com.a")
    assert through([dump, app("R58TWO")])[0].device == device("R58ONE.txt")


def test_a_title_belongs_to_the_one_app_that_bears_it() -> None:
    titled = app(name="", source="intune", title="Shop")
    (one,) = through([titled, app(title="shop", stated=stated(ONE))])
    assert (one.package_name, one.also_in) == ("com.a", ("intune:1",))
    two = through([titled, app(title="Shop"), app(name="com.b", title="Shop")])
    assert [one.package_name for one in two] == ["", "com.a", "com.b"]
    assert len(through([titled, app(name="", title="Other"), app("R2", title="Shop")])) == 3


def test_more_devices_than_are_remembered_and_nothing_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    many = [app(f"S{number % (BATCH + 50)}", version_code=1) for number in range(2 * (BATCH + 50))]
    assert len(through(many)) == BATCH + 50
    assert list(tmp_path.iterdir()) == []


@given(
    st.lists(
        st.builds(
            app,
            st.sampled_from(["R1", "r1", "R2", "export.json"]),
            st.sampled_from(["", "com.a", "com.b"]),
            title=st.none() | st.text(max_size=3),
            version_code=st.none() | st.integers(0, 3),
            hashes=st.lists(st.sampled_from(["00000001", "00000002"]), max_size=1).map(tuple),
            stated=st.none() | st.sampled_from([ONE, TWO]).map(stated),
        ),
        max_size=8,
    )
)
def test_every_app_of_every_device_comes_out_once(apps: list[Installed]) -> None:
    found = through(apps)
    named = [
        (one.device.serial.casefold() if one.device else "", one.package_name) for one in found if one.package_name
    ]
    assert sorted(named) == sorted(
        {(one.device.serial.casefold(), one.package_name) for one in apps if one.package_name}
    )  # type: ignore[union-attr]
    borne = {one.title.casefold() for one in apps if one.title and one.package_name}
    titles = {one.title.casefold() for one in found if one.title}
    assert {one.title.casefold() for one in apps if one.title and not one.package_name} <= titles | borne
