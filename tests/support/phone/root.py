"""The root of a simulated phone: a shell, commands, its apps' files, and the tables that its commands print from."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import uuid
from functools import lru_cache
from pathlib import Path, PurePosixPath

from tests.support.phone import dump, listing, statements
from tests.support.phone.listing import Placed
from tests.support.phone.profile import PhoneProfile
from tests.support.phone.tools import program

SCRIPTS = Path(__file__).with_name("bin")
LINKED = "toybox"
SINCE = {
    6: "basename cat chmod cksum cmp cp cut date df dirname du echo env false find grep head hostname id kill ln ls"
    " md5sum mkdir mktemp mv nohup od paste printenv printf pwd readlink realpath rm rmdir sed seq sha1sum sleep sort"
    " split stat strings tac tail tee time timeout touch true truncate uname uniq wc which whoami xargs yes",
    7: "base64 tty xxd",
    8: "file mkfifo ps sha224sum sha256sum sha384sum sha512sum uptime",
    11: "egrep fgrep getconf nproc test",
}
"""Release → toybox commands that came with it, of those that Debian's has.

AOSP ``shell_and_utilities/README.md``: no SHA-256 before 8, no Base64 before 7. Debian's lacks ``dd`` and ``tr``.
"""
GNU = ("dd", "tr")
DEVICES = {"null": 3, "zero": 5, "urandom": 9}
"""Name → minor number."""
FOLDERS = (
    "system/bin",
    "system/real",
    "system/lib/gnu",
    "data/local/tmp",
    "data/app",
    "sim/faults",
    "dev",
    "etc",
)


class Root:
    """A folder that is a phone's ``/``."""

    def __init__(self, folder: Path, profile: PhoneProfile) -> None:
        self.folder, self.profile = folder, profile
        self.placed = listing.place(profile)
        folder.chmod(0o755)
        self._system()
        self._commands()
        self._kernel()
        self._apps()
        self._tables()
        self.boot(profile.boot_id or str(uuid.uuid4()))

    def at(self, path: str) -> Path:
        """Where a path of the phone lies here. Paths that lead out are refused."""
        parts = PurePosixPath(path).parts[1:]
        if ".." in parts or not path.startswith("/"):
            raise ValueError(f"not a place on a phone: {path!r}")
        return self.folder.joinpath(*parts)

    def _system(self) -> None:
        for name in (
            "system/bin",
            "system/real",
            "system/lib/gnu",
            "data/local/tmp",
            "data/app",
            "sim/faults",
            "dev",
            "etc",
        ):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "data/local/tmp").chmod(0o777)
        (self.folder / "data/app").chmod(0o771)
        (self.folder / "bin").symlink_to("system/bin")
        (self.folder / "etc/passwd").write_text("root:x:0:0::/:\nsystem:x:1000:1000::/:\nshell:x:2000:2000::/:\n")
        (self.folder / "etc/group").write_text("root:x:0:\nsystem:x:1000:\nshell:x:2000:\n")
        with_libraries(program("toybox"), self.folder / "system/lib/toybox", self.folder)
        with_libraries(program("mksh-static", "mksh"), self.folder / "system/real/sh", self.folder)
        for name in GNU:
            with_libraries(program(name), self.folder / "system/lib/gnu" / name, self.folder)

    def _commands(self) -> None:
        """Everything lies in ``/system/real``; ``/system/bin`` leads there, or to the guard while a fault is set."""
        real = self.folder / "system/real"
        (real / LINKED).symlink_to("../lib/toybox")
        for release, names in SINCE.items():
            for name in names.split() if release <= self.profile.release else ():
                (real / name).symlink_to("../lib/toybox")
        (real / "tr").symlink_to("../lib/gnu/tr")
        for script in SCRIPTS.iterdir():
            place = self.folder / "system/lib/guard" if script.name == "guard" else real / script.name
            shutil.copyfile(script, place)
            place.chmod(0o755)
        if self.profile.release < 7:
            (real / "cmd").unlink()
        for command in real.iterdir():
            (self.folder / "system/bin" / command.name).symlink_to(f"../real/{command.name}")

    def set_free(self, name: str) -> None:
        """Let one of GNU's tools do without the script that holds it to its release: where time is measured, as a
        phone's own tool is one program and not two."""
        new = self.folder / "system/real" / f".{name}"
        new.symlink_to(f"../lib/gnu/{name}")
        new.rename(new.with_name(name))

    def lead(self, name: str, *, guarded: bool) -> None:
        """Make the command in ``/system/bin`` the real one, or the guard."""
        target = "../lib/guard" if guarded and name != "sh" else f"../real/{name}"
        new = self.folder / "system/bin" / f".{name}"
        new.symlink_to(target)
        new.rename(new.with_name(name))

    def _kernel(self) -> None:
        (self.folder / "proc/sys/kernel/random").mkdir(parents=True)
        for name, minor in DEVICES.items():
            node = self.folder / "dev" / name
            try:
                os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(1, minor))
                with node.open("rb"):
                    pass
            except PermissionError:
                # The daemon mounts the machine's own on these where it may; a file can at least be written to.
                node.unlink(missing_ok=True)
                node.touch()
            node.chmod(0o666)

    def boot(self, boot_id: str) -> None:
        """A new boot of this identity."""
        (self.folder / "proc/sys/kernel/random/boot_id").write_text(f"{boot_id}\n")

    def _apps(self) -> None:
        for one in self.placed:
            if one.app.vanishes:
                continue
            for path, file in _files(one).items():
                place_file(file, self.at(path), readable=one.app.readable)

    def _tables(self) -> None:
        tables = {
            **listing.tables(self.profile, self.placed),
            **dump.tables(self.profile, self.placed),
            **statements.tables(self.profile, self.placed),
            "properties": "".join(
                f"{key}={listing.escaped(value)}\n" for key, value in properties(self.profile).items()
            ),
            "android_id": hashlib.md5(self.profile.serial.encode()).hexdigest()[:16] + "\n",
        }
        for name, text in tables.items():
            place = self.folder / "sim" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, errors="surrogateescape")
        (self.folder / "sim/links/of").mkdir(parents=True, exist_ok=True)


def _files(one: Placed) -> dict[str, Path]:
    """Path on the phone → file here."""
    files = {one.path: one.app.apk} | {one.split_path(name): file for name, file in one.app.splits.items()}
    if one.app.factory:
        files[one.app.factory.path] = one.app.factory.apk
    return {path: file for path, file in files.items() if file is not None}


def place_file(file: Path, place: Path, *, readable: bool = True) -> None:
    """Put a file on the phone: by link where it can be shared as it is, else as a copy."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if readable and file.stat().st_mode & stat.S_IROTH:
        try:
            place.hardlink_to(file.resolve())
            return
        except OSError:
            pass
    shutil.copyfile(file, place)
    # The phone's user owns the copy where there is no root to own it.
    hidden = 0 if os.geteuid() else 0o600
    place.chmod(0o644 | file.stat().st_mode & 0o111 if readable else hidden)


def with_libraries(binary: Path, place: Path, root: Path) -> None:
    """A program of this machine in the phone, with the libraries that it loads."""
    place_file(binary.resolve(), place)
    for library in libraries(binary):
        if not (root / library[1:]).exists():
            place_file(Path(library).resolve(), root / library[1:])


@lru_cache
def libraries(binary: Path) -> tuple[str, ...]:
    """Paths of the libraries that a program loads; none for a static one."""
    listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout
    return tuple(word for word in listed.split() if word.startswith("/") and not word.endswith(":"))


def properties(profile: PhoneProfile) -> dict[str, str]:
    """What ``getprop`` says."""
    return {
        "ro.build.fingerprint": profile.fingerprint,
        "ro.build.version.release": profile.android,
        "ro.build.version.sdk": str(profile.sdk),
        "ro.build.version.security_patch": "2025-01-05",
        "ro.product.brand": profile.manufacturer.lower(),
        "ro.product.device": profile.device,
        "ro.product.manufacturer": profile.manufacturer,
        "ro.product.model": profile.model,
        "ro.product.name": profile.device,
        "ro.serialno": profile.serial,
        "ro.boot.serialno": profile.serial,
        "sys.boot_completed": "1",
    }
