"""``python -m tests.support.tricks.guide``: write the catalogue into the guide, between its marks."""

from __future__ import annotations

from pathlib import Path

from tests.support.tricks import TRICKS, Trick
from tests.support.tricks.manifests import MANIFEST_TRICKS
from tests.support.tricks.signing import SIGNING_TRICKS
from tests.support.tricks.zips import ZIP_TRICKS

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "tampering.md"
BEGIN, END = "<!-- catalogue -->\n", "<!-- end of catalogue -->\n"
PARTS = (("Zip", ZIP_TRICKS), ("Manifest", MANIFEST_TRICKS), ("Signatures", SIGNING_TRICKS))


def said(trick: Trick) -> str:
    """What the program says of it, in few words."""
    if trick.verdict == "unread":
        return f"unread: “… {trick.note} …”"
    return f"`{trick.note.rstrip(':')}`" if trick.note else "nothing: it is read as it is"


def catalogue() -> str:
    """The tables, a row for each trick."""
    out = []
    for title, tricks in PARTS:
        out.append(f"### {title}\n\n| Trick | What it is | Android | We say |\n| --- | --- | --- | --- |\n")
        out += [f"| {one.name} | {one.what} | {one.android} | {said(one)} |\n" for one in tricks]
        out.append("\n")
    return "".join(out)


def main() -> None:
    """Write it anew."""
    text = GUIDE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    GUIDE.write_text(f"{before}{BEGIN}\n{catalogue()}{END}{rest.split(END)[1]}", encoding="utf-8")
    print(f"{len(TRICKS)} tricks")


if __name__ == "__main__":
    main()
