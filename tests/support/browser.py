"""Chromium, Debian's or Playwright's own, headless: each page with a record of all that went wrong in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.tools import require_tool

PATIENCE = 120_000
"""Milliseconds after which a page is taken to hang."""
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; the test is skipped where there is none, and fails where ``CI`` is set."""
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        path = own if Path(own).exists() else require_tool("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET), timeout=PATIENCE)
        expect.set_options(timeout=PATIENCE)
        try:
            yield browser
        finally:
            browser.close()


class Opened:
    """A page, and what it complained of or asked the network for."""

    def __init__(self, page: Page, file: Path, fragment: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(file.as_uri() + fragment)

    def shown(self) -> list[str]:
        """The packages in the list of all apps, as it stands."""
        return self.page.locator("#rows .toggle").all_inner_texts()

    def first(self, column: str, of: int = 1) -> list[str]:
        """The texts of one column in the first rows."""
        number = {"verdict": 1, "package": 2, "app": 3, "version": 4, "place": 5}[column]
        return self.page.locator(f"#rows tr:not(.detail) > :nth-child({number})").all_inner_texts()[:of]


@contextmanager
def opened(browser: Browser, file: Path, fragment: str = "", **options: Any) -> Iterator[Opened]:
    """The file in a page of its own; afterwards nothing may have gone wrong, and nothing was fetched."""
    context = browser.new_context(**{"reduced_motion": "reduce", **options})
    context.set_default_timeout(PATIENCE)
    try:
        one = Opened(context.new_page(), file, fragment)
        yield one
        assert one.complaints == [], one.complaints
        fetched = {url.partition("#")[0] for url in one.requests} - {file.as_uri(), "data:,"}
        assert not fetched, fetched
    finally:
        context.close()
