"""``html`` in a real browser: search, sort, filter, links, keyboard, print, 50,000 rows, and nothing hostile runs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, expect

from scanner.formats import new_format
from scanner.model import AppRow, CoverageHole, Device, UnreadRow, Verdict
from tests.conftest import ROOT
from tests.support.browser import chromium, opened
from tests.support.reports import HOSTILE, app, summary, unread

AXE = ROOT / "samples" / "npm" / "axe.min.js"
MANY = 50_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


def write(path: Path, rows: list[AppRow | UnreadRow], **end: Any) -> Path:
    with path.open("w", encoding="utf-8") as out:
        made = new_format("html", out)
        for row in rows:
            made.row(row)
        made.end(summary(rows, **end))
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five phones with 60 apps each, two of them with findings, one not wholly read."""
    rows: list[AppRow | UnreadRow] = []
    for phone in range(5):
        names = [f"com.example.app{number}" for number in range(60)]
        names += ["com.tencent.mm", "com.tencent.mobileqq"][: 2 * (phone in {1, 3})]
        for number, name in enumerate(names):
            code = {"version_code": number, "version_name": f"1.{number}"}
            rows.append(app(name, serial=f"SER{phone}", owner=["anna", "ben"][phone % 2], **code))
    rows.append(unread("user", "150 (Secure Folder)", "denied", "adb:SER4"))
    return write(tmp_path_factory.mktemp("html") / "report.html", rows)


def count(page: Any, text: str) -> None:
    expect(page.locator("#count")).to_have_text(text)


def test_search_finds_words_in_every_column(browser: Browser, report: Path) -> None:
    with opened(browser, report) as one:
        count(one.page, "1 to 100 of 304 apps")
        one.page.fill("#search", "app59 ben")
        count(one.page, "1 to 2 of 2 apps, out of 304")
        assert one.shown() == ["com.example.app59"] * 2
        one.page.fill("#search", "no such thing")
        count(one.page, "0 apps, out of 304")
        one.page.click("#reset")
        count(one.page, "1 to 100 of 304 apps")


def test_filters_and_pages(browser: Browser, report: Path) -> None:
    with opened(browser, report) as one:
        one.page.select_option("#verdict", "found")
        count(one.page, "1 to 4 of 4 apps, out of 304")
        one.page.select_option("#app", "QQ Wallet")
        assert one.shown() == ["com.tencent.mobileqq"] * 2
        one.page.click("#reset")
        one.page.select_option("#place", label="SER3 ben, Pixel 7, Android 13")
        count(one.page, "1 to 62 of 62 apps, out of 304")
        one.page.click("#reset")
        count(one.page, "1 to 100 of 304 apps")
        expect(one.page.locator("#previous")).to_be_disabled()
        one.page.click("#next")
        one.page.click("#next")
        one.page.click("#next")
        count(one.page, "301 to 304 of 304 apps")
        expect(one.page.locator("#next")).to_be_disabled()


def test_the_head_sorts_both_ways_and_says_so(browser: Browser, report: Path) -> None:
    with opened(browser, report) as one:
        assert one.first("verdict") == ["name-only"]
        one.page.click("[data-column=package]")
        assert one.shown()[:6] == ["com.example.app0"] * 5 + ["com.example.app1"]
        expect(one.page.locator("th:has([data-column=package])")).to_have_attribute("aria-sort", "ascending")
        one.page.click("[data-column=version]")
        one.page.click("[data-column=version]")
        assert one.first("version") == ["1.61 (61)"]
        expect(one.page.locator("th:has([data-column=version])")).to_have_attribute("aria-sort", "descending")
        assert one.page.locator("[aria-sort]").count() == 1


def test_the_list_marks_what_fails_and_what_is_allowed(browser: Browser, tmp_path: Path) -> None:
    rows: list[AppRow | UnreadRow] = [
        app("com.tencent.mm", serial="S1"),
        app("com.tencent.mm", serial="S2", allowed_by="ticket 7"),
        app("com.example", serial="S1"),
    ]
    with opened(browser, write(tmp_path / "report.html", rows)) as one:
        assert one.first("verdict", 3) == ["name-only", "name-only · allowed", "clear"]
        assert one.page.locator("#rows .badge.bad").all_inner_texts() == ["name-only"]
        one.page.fill("#search", "ticket 7")
        count(one.page, "1 to 1 of 1 app, out of 3")
        one.page.click("#rows .toggle")
        expect(one.page.locator("#rows .detail")).to_contain_text("WeChat Pay: allowed by ticket 7")


def test_a_link_opens_its_row_and_a_row_leads_to_its_evidence(browser: Browser, report: Path) -> None:
    with opened(browser, report) as one:
        one.page.fill("#search", "app59 SER4")
        count(one.page, "1 to 1 of 1 app, out of 304")
        one.page.click("#rows .toggle")
        link = one.page.locator("#rows .detail a").inner_text()
    with opened(browser, report, link) as one:
        row = one.page.locator(link)
        expect(row).to_be_in_viewport()
        expect(row.locator("button")).to_be_focused()
        expect(row.locator("button")).to_have_attribute("aria-expanded", "true")
        one.page.evaluate("scrollTo(0, 0)")
        one.page.locator("article a.rowlink").first.click()
        expect(one.page.locator("#rows .toggle:focus")).to_have_text("com.tencent.mm")
        one.page.locator("#rows .detail a", has_text="its evidence").first.click()
        expect(one.page.locator("article:target")).to_be_in_viewport()
        one.page.locator("#matrix td a").first.click()
        expect(one.page.locator("article:target")).to_be_in_viewport()


def test_all_of_it_works_by_keyboard(browser: Browser, report: Path) -> None:
    with opened(browser, report) as one:
        page = one.page
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        expect(page.locator(".skip")).to_be_in_viewport()
        page.locator("#search").focus()
        page.keyboard.type("app59")
        count(page, "1 to 5 of 5 apps, out of 304")
        page.keyboard.press("Enter")
        for _ in range(6):
            page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        expect(page.locator("[data-column=package]")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("th:has([data-column=package])")).to_have_attribute("aria-sort", "ascending")
        page.locator("#rows .toggle").first.focus()
        page.keyboard.press("Space")
        expect(page.locator("#rows .toggle").first).to_have_attribute("aria-expanded", "true")
        expect(page.locator("#rows .detail")).to_be_visible()
        page.keyboard.press("Space")
        expect(page.locator("#rows .detail")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_against_the_page(browser: Browser, report: Path, scheme: Any) -> None:
    if not AXE.exists():
        message = "axe-core is not there: make samples fetches it"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with opened(browser, report, color_scheme=scheme, bypass_csp=True) as one:
        one.page.click("#rows .toggle >> nth=0")
        one.page.evaluate(AXE.read_text("utf-8"))
        found = one.page.evaluate("axe.run({resultTypes: ['violations']})")
        assert [(rule["id"], [node["html"] for node in rule["nodes"]][:3]) for rule in found["violations"]] == []
        assert len(found["passes"]) > 20


def test_print_shows_all_evidence_and_no_controls(browser: Browser, report: Path, tmp_path: Path) -> None:
    with opened(browser, report) as one:
        one.page.emulate_media(media="print")
        expect(one.page.locator(".controls")).to_be_hidden()
        expect(one.page.locator("#search")).to_be_hidden()
        assert all(box.bounding_box()["height"] > 10 for box in one.page.locator("#findings .cites").all())  # type: ignore[index]
        assert one.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        one.page.emulate_media(media="screen")
        data = one.page.pdf(path=tmp_path / "report.pdf")
        assert data.startswith(b"%PDF")
        assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_narrow_screen_scrolls_no_page_sideways(browser: Browser, report: Path) -> None:
    with opened(browser, report, viewport={"width": 360, "height": 740}) as one:
        assert one.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_javascript_the_answer_the_findings_and_the_holes_stay(browser: Browser, report: Path) -> None:
    with opened(browser, report, java_script_enabled=False) as one:
        expect(one.page.locator("h1")).to_have_text("A listed app was found on 2 of 5 phones.")
        expect(one.page.locator("article").first).to_be_visible()
        expect(one.page.get_by_text("user 150 (Secure Folder)").first).to_be_visible()
        expect(one.page.locator("noscript p")).to_be_visible()
        expect(one.page.locator(".controls")).to_be_hidden()


def test_nothing_hostile_runs_or_turns_text_around(browser: Browser, tmp_path: Path) -> None:
    rows: list[AppRow | UnreadRow] = []
    for number, text in enumerate(HOSTILE):
        rest = {"label": text, "version_name": text, "installer": text, "location": text, "tamper": (text,)}
        rows.append(app("com.tencent.mm", serial=f"S{number}", owner=text, model=text, removal=(text,), **rest))
        clear = app("com.example", serial=f"S{number}", **rest)
        rows.append(msgspec.structs.replace(clear, package_name=text, source=text))
        rows.append(unread("file", text, text, text))
    path = write(tmp_path / "hostile.html", rows, tool=HOSTILE[0], coverage=(CoverageHole(HOSTILE[1], HOSTILE[2]),))
    with opened(browser, path, f"#%{HOSTILE[0]}") as one:
        page = one.page
        for toggle in page.locator("#rows .toggle").all():
            toggle.click()
        for text in HOSTILE:
            page.fill("#search", text)
        page.click("#reset")
        for link in page.locator("#matrix td a").all():
            link.click()
        assert page.evaluate("window.hacked") is None
        assert page.locator("script").count() == 2
        assert page.locator("img").count() == 0
        text = page.evaluate("document.body.innerText")
        assert not set(text) & {"\u202e", "\u2066", "\x1b", "\x07", "\x00"}
        assert "{{7*7}}" in text
        for target in page.evaluate("[...document.links].map((link) => link.protocol)"):
            assert target in {"file:", "https:", "http:"}


def test_the_policy_stops_what_is_not_ours(browser: Browser, report: Path, tmp_path: Path) -> None:
    text = report.read_text("utf-8")
    changed = tmp_path / "changed.html"
    changed.write_text(text.replace("</body>", "<script>window.hacked=1</script><img src=x onerror='hacked=2'></body>"))
    with pytest.raises(AssertionError, match="Content Security Policy"), opened(browser, changed) as one:
        assert one.page.evaluate("window.hacked") is None


def test_fifty_thousand_rows_are_searched_and_sorted_and_a_hundred_are_shown(browser: Browser, tmp_path: Path) -> None:
    base, hit = app("com.example", serial="S"), app("com.tencent.mm", serial="S")
    rows: list[AppRow | UnreadRow] = []
    for number in range(MANY):
        device = Device(f"SER{number // 250:04}", "Pixel 7", "13", f"owner {number // 250}")
        row = hit if number % 250 == 0 else base
        name = row.package_name if row.verdict != Verdict.CLEAR else f"com.example.app{number}"
        place = f"/data/app/{name}-Zk3Qx0A==/base.apk"
        rows.append(
            msgspec.structs.replace(
                row, device=device, source=f"adb:{device.serial}", package_name=name, location=place
            )
        )
    path = write(tmp_path / "many.html", rows)
    with opened(browser, path) as one:
        count(one.page, "1 to 100 of 50,000 apps")
        one.page.fill("#search", "app49999")
        count(one.page, "1 to 1 of 1 app, out of 50,000")
        assert one.shown() == ["com.example.app49999"]
        one.page.click("#reset")
        count(one.page, "1 to 100 of 50,000 apps")
        one.page.click("[data-column=package]")
        assert one.shown()[:2] == ["com.example.app1", "com.example.app10"]
        one.page.click("[data-column=place]")
        count(one.page, "1 to 100 of 50,000 apps")
        assert one.page.locator("#rows tr").count() == 100
        assert re.match(r"A listed app was found on 200 of 200 phones", one.page.locator("h1").inner_text())
