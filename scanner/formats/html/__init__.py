"""``html``: one page for the person who reads, prints or mails it. It needs no network and asks for none.

The answer, the findings and what was not seen are in the page as they are; the list of all apps is data, which a
small script shows a page at a time. No text of an app is ever markup: the template escapes, the script sets text
only, and the page's own policy lets no other script run.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from scanner.formats.cleaning import clean
from scanner.formats.html.answering import MEANS, STATES, answer, numbers
from scanner.formats.html.gathering import Gathered
from scanner.formats.html.linking import cited
from scanner.model import AppRow, SummaryRow, UnreadRow, Verdict, plural
from scanner.policies.policy import FAILING, meaning

FOLDER = Path(__file__).resolve().parent
POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; img-src data:; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Content Security Policy (W3C): this script and this style by their hashes, and nothing from anywhere."""


class HtmlFormat:
    """See `Format`. Keeps each row as a few hundred bytes of JSON; `Gathered` says how many."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._gathered = Gathered()

    def row(self, row: AppRow | UnreadRow) -> None:
        """See `Format.row`."""
        if isinstance(row, UnreadRow):
            self._gathered.unread(row)
        else:
            self._gathered.app(row)

    def end(self, summary: SummaryRow) -> None:
        """See `Format.end`."""
        for part in _page(self._gathered, summary):
            self._out.write(part)
        self._out.write("\n")


def _page(gathered: Gathered, summary: SummaryRow) -> Iterator[str]:
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, finalize=_shown,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"cited": cited, "plural": plural}
    script, style = (FOLDER / "page.js").read_text("utf-8"), (FOLDER / "page.css").read_text("utf-8")
    return environment.get_template("page.html.jinja").generate(
        policy=Markup(POLICY.format(script=_hash(script), style=_hash(style))),  # noqa: S704 - made of hashes
        script=Markup(script),  # noqa: S704 - our own file
        style=Markup(style),  # noqa: S704 - our own file
        data=gathered.data(),
        answer=answer(gathered, summary),
        numbers=numbers(gathered, summary),
        report=gathered,
        holes=gathered.holes(summary),
        matrix=gathered.matrix(summary),
        summary=summary,
        verdicts=[(verdict, MEANS[verdict], verdict in FAILING) for verdict in Verdict if verdict in MEANS],
        states=STATES,
        meaning=meaning(summary),
    )


def _shown(value: object) -> object:
    """Every value on its way into the page: markup of ours as it is, all else as text without control characters."""
    return value if isinstance(value, Markup) else clean(str(value))


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
