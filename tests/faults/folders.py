"""Too little of everything, files and folders that change or are odd. See `disks`."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import threading
import zipfile
from contextlib import suppress
from pathlib import Path

from scanner.database import load_database
from scanner.model import UnreadRow
from scanner.scanning import Scan
from tests.faults.running import FAILED, FOUND, LISTED, apk, app_scanner, folder_of, names, python, whole
from tests.faults.table import fault

MIB = 1 << 20


# Too little of something ------------------------------------------------------------------------


@fault("few file descriptors", "`RLIMIT_NOFILE` of 32, with one process and with two", "every row is there")
def few_descriptors(place: Path) -> None:
    folder = folder_of(place)
    for jobs in (1, 2):
        whole(app_scanner("scan", folder, "-q", "-j", jobs, "-o", "jsonl", limits={resource.RLIMIT_NOFILE: 32}), folder)


@fault(
    "hardly any file descriptors",
    "`RLIMIT_NOFILE` of 6 to 12",
    "every row, or unread, or exit 5; never clean",
)
def hardly_any_descriptors(place: Path) -> None:
    folder = folder_of(place)
    for number in (6, 9, 12):
        words = ("scan", folder, "-q", "-j", 1, "-o", "jsonl")
        ran = app_scanner(*words, limits={resource.RLIMIT_NOFILE: number})
        if ran.code == FAILED:
            assert ran.err.startswith("app-scanner: ")
            continue
        rows = ran.rows
        assert ran.code in {FOUND, 3}
        assert len([row for row in rows if row["type"] in {"app", "unread"}]) >= 41


@fault(
    "too little memory for one member",
    "`RLIMIT_AS` of 450 MiB, an archive with a member that inflates to 400 MiB",
    "that member is unread with the reason; its neighbours and the listed app are read",
)
def little_memory(place: Path) -> None:
    folder = place / "apks"
    folder.mkdir()
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("big.apk", "w", force_zip64=False) as member:
            member.write(b"PK\3\4")
            for _ in range(400):
                member.write(bytes(MIB))
        archive.writestr("good.apk", apk("com.example.good"))
    (folder / "wx.apk").write_bytes(apk(LISTED))
    ran = app_scanner("scan", folder, "-q", "-j", 1, "-o", "jsonl", limits={resource.RLIMIT_AS: 450 * MIB})
    assert sorted(names(ran.rows)) == ["com.example.good", LISTED]
    (unread,) = [row for row in ran.rows if row["type"] == "unread"]
    assert "memory" in unread["reason"]
    assert "big.apk" in unread["which"]
    assert ran.code == FOUND


# Files that change -------------------------------------------------------------------------------


@fault(
    "files truncated, replaced, removed and grown while they are read",
    "a thread that does so to a folder of 400 files during the scan, the listed app left alone",
    "each file that the folder listed is a row or unread with a reason; the listed app is found",
)
def files_change(place: Path) -> None:
    folder = folder_of(place, 400)
    stop = threading.Event()

    def spoil() -> None:
        number = 0
        while not stop.is_set():
            file, number = folder / f"{number % 400:03}.apk", number + 7
            with suppress(OSError):
                _spoil(file, number % 4)

    spoiler = threading.Thread(target=spoil)
    spoiler.start()
    try:
        ran = app_scanner("scan", folder, "-q", "-j", 1, "-o", "jsonl")
    finally:
        stop.set()
        spoiler.join()
    rows = ran.rows
    said = {row.get("location") or row.get("which", "") for row in rows}
    assert LISTED in names(rows)
    assert ran.code == FOUND
    assert not [row for row in rows if row["type"] == "unread" and row["reason"].startswith("crashed")]
    missing = [file.name for file in folder.iterdir() if not any(file.name in one for one in said)]
    assert len(missing) <= 2, "only what was not there at the moment when the folder was listed"


def _spoil(file: Path, how: int) -> None:
    if how == 0:
        os.truncate(file, file.stat().st_size // 2)
    elif how == 1:
        file.with_suffix(".new").write_bytes(apk("com.example.new"))
        file.with_suffix(".new").replace(file)
    elif how == 2:
        file.unlink()
        file.write_bytes(apk("com.example.again"))
    else:
        with file.open("ab") as stream:
            stream.write(bytes(5000))


@fault(
    "folder vanishes while it is walked",
    "its subfolders are removed after the first row",
    "each vanished file or folder that was listed is unread; nothing is clean",
)
def folder_vanishes(place: Path) -> None:
    for name in ("a", "b", "c"):
        (place / "root" / name).mkdir(parents=True)
        for number in range(3):
            (place / "root" / name / f"{number}.apk").write_bytes(apk("com.example.a"))
    scan = Scan([str(place / "root")], load_database())
    rows = scan.rows()
    found = [next(rows)]
    for name in ("a", "b", "c"):
        shutil.rmtree(place / "root" / name)
    found += rows
    unread = [row for row in found if isinstance(row, UnreadRow)]
    assert unread
    assert all("No such file" in row.reason for row in unread)
    assert scan.summary().exit_code == 3


# Odd folders ------------------------------------------------------------------------------------


@fault(
    "loops of links",
    "links to the folder itself, to its parent, and a link to itself",
    "each file once, the broken link unread",
)
def link_loops(place: Path) -> None:
    folder = folder_of(place, 3)
    (folder / "self").symlink_to(folder)
    (folder / "up").symlink_to(place)
    (folder / "round.apk").symlink_to(folder / "round.apk")
    ran = app_scanner("scan", folder, "-q", "-o", "jsonl")
    assert len(names(ran.rows)) == 4
    assert [row["which"].rpartition("/")[2] for row in ran.rows if row["type"] == "unread"] == ["round.apk"]


@fault(
    "names that are not UTF-8",
    "files and a folder with bytes 0xff, 0x1b, 0x0a in their names",
    "read, and shown escaped",
)
def odd_names(place: Path) -> None:
    folder = os.fsencode(place) + b"/\xff\x1b[31m"
    os.mkdir(folder)  # noqa: PTH102 - a name that is no text
    for name in (b"\xfe\x1b]0;x\x07.apk", b"new\nline.apk", b"=1+1.apk"):
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(apk(LISTED))
    for form in ("jsonl", "table", "csv"):
        ran = app_scanner("scan", os.fsdecode(folder), "-q", "-o", form)
        assert ran.code == FOUND
        assert "\x1b" not in ran.out
    rows = app_scanner("scan", os.fsdecode(folder), "-q", "-o", "jsonl").rows
    assert names(rows) == [LISTED] * 3
    assert all("\\xff" in row["location"] for row in rows if row["type"] == "app")


@fault("huge folder", "5,000 files of which one is an APK", "read; every other file counted")
def huge_folder(place: Path) -> None:
    folder = place / "huge"
    folder.mkdir()
    for number in range(5_000):
        (folder / f"{number}.dat").touch()
    (folder / "wx.apk").write_bytes(apk(LISTED))
    ran = app_scanner("scan", folder, "-q", "-o", "jsonl")
    assert names(ran.rows) == [LISTED]
    assert ran.rows[-1]["counts"]["other_files"] == 5_000


AS_NOBODY = """
import os, sys
from scanner.database import load_database
from scanner.scanning import Scan
database = load_database()
list(Scan([sys.argv[1]], database).rows())  # what is imported late may lie where nobody may look
if os.geteuid() == 0:
    os.setegid(65534)
    os.seteuid(65534)
for spec in sys.argv[2:]:
    scan = Scan([spec], database)
    print([getattr(row, "reason", "") for row in scan.rows()], scan.summary().exit_code)
"""


@fault(
    "folder that nobody may read or enter",
    "mode 0, as nobody where root runs it: within a folder, as the SPEC, and as where the SPEC lies",
    "unread beside what can be read; as the only SPEC exit 5",
)
def folder_locked(_: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # which others may enter, unlike what a test is given
        place = Path(name)
        place.chmod(0o755)
        folder = folder_of(place, 2)
        locked = folder / "locked"
        locked.mkdir(mode=0)
        ran = python("-c", AS_NOBODY, folder / "wx.apk", folder, locked, locked / "x")
        locked.chmod(0o700)
    assert ran.code == 0, ran.err
    within, alone, below = ran.out.splitlines()
    assert "Permission denied" in within
    assert within.endswith(f" {FOUND}")
    for said in (alone, below):
        assert said == f"['Permission denied'] {FAILED}"
