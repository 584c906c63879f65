"""``make screenshots``: the pictures of the README, made of the samples: the table as SVG, the page as PNG."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.support.browser import chromium

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
WIDTH = 100
"""Columns of the terminal."""
PAGE = {"width": 1100, "height": 900}
"""Pixels of the page that are shown."""


def scanned(*words: str) -> str:
    """What ``scan`` prints of two samples, in colour."""
    samples = [f"samples/impostors/impostor-{name}.apk" for name in ("wechat-pay", "camscanner")]
    command = [sys.executable, "-m", "scanner", "scan", *samples, "samples/apks", "-q", *words]
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False).stdout


def table(file: Path) -> None:
    """A picture of the table on a terminal."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere)
        console.print(Text.from_ansi(scanned()))
    drawn = re.sub(r"@font-face\s*\{.*?\}", "", console.export_svg(title="app-scanner scan"), flags=re.DOTALL)
    file.write_text(drawn, encoding="utf-8")  # without its fonts, which would come from the network


def page(file: Path) -> None:
    """A picture of the beginning of the page."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        report = Path(folder) / "report.html"
        scanned("-o", f"html={report}")
        shown = browser.new_page(viewport=PAGE)  # type: ignore[arg-type]
        shown.goto(report.as_uri())
        shown.screenshot(path=file)


def main() -> None:
    """Make both."""
    IMAGES.mkdir(exist_ok=True)
    table(IMAGES / "table.svg")
    page(IMAGES / "page.png")


if __name__ == "__main__":
    main()
