"""Who may read what the program leaves behind, whatever the user's umask is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.apk import identify
from scanner.bytesource import Memory
from scanner.cache import IdentityCache
from scanner.phones.evidence import EvidenceFolder
from scanner.sources.adb import Answer
from scanner.sources.inventories.documents import StdinDocument
from scanner.tables import Tables
from tests.support.apk_builder import build_apk

OTHERS = 0o077


@pytest.fixture(autouse=True)
def _no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(path: Path) -> bool:
    return bool(path.stat().st_mode & OTHERS)


def test_the_cache_and_what_sqlite_keeps_beside_it_are_for_its_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "identities.sqlite"
    cache = IdentityCache(file)
    cache.put(identify(Memory(build_apk())), "key")
    assert {one.name for one in file.parent.iterdir()} >= {"identities.sqlite", "identities.sqlite-wal"}
    assert not [one for one in (file.parent, *file.parent.iterdir()) if open_to_others(one)]
    cache.close()


def test_a_cache_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    file = tmp_path / "identities.sqlite"
    file.touch(mode=0o644)
    cache = IdentityCache(file)
    cache.get("key")
    cache.close()
    assert not open_to_others(file)


def test_evidence_lies_in_a_folder_of_its_user_alone(tmp_path: Path) -> None:
    recorder = EvidenceFolder(tmp_path / "evidence").recorder("adb:../../etc/S1")
    recorder("getprop ../../x; rm -rf /", Answer(b"said"))
    (folder,) = (tmp_path / "evidence").iterdir()
    assert not open_to_others(folder)
    assert {one.parent for one in folder.rglob("*")} == {folder}, "no name of a phone or command leads elsewhere"


def test_evidence_is_written_through_no_link(tmp_path: Path) -> None:
    recorder = EvidenceFolder(tmp_path / "evidence").recorder("adb:S1")
    (folder,) = (tmp_path / "evidence").iterdir()
    (folder / "001-getprop.out").symlink_to(tmp_path / "victim")
    with pytest.raises(Exception, match="--save-evidence"):
        recorder("getprop", Answer(b"said"))
    assert not (tmp_path / "victim").exists()


def test_temporary_files_are_for_their_user_alone_and_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept, tables = StdinDocument(io.BytesIO(b"x")), Tables("CREATE TABLE x (y)")
    assert len(list(tmp_path.iterdir())) == 2
    assert not [one for one in tmp_path.iterdir() if open_to_others(one)]
    kept.close()
    tables.close()
    assert not list(tmp_path.iterdir())
