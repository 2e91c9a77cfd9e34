"""The contact sheet of refused images: it stands alone, lets nothing in, and says what it leaves out."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from deploy.stores.objects.captures import CapturedImage, CaptureStore
from tests.latentloop.quarantine.typed import run
from tests.tasks.arrivals import ingest, intact
from tests.tasks.opened import opened


def test_a_contact_sheet_stands_alone_and_lets_nothing_of_a_name_in(home: Path) -> None:
    done = run("show", "all", "--html", str(home / "sheet.html"))
    page = (home / "sheet.html").read_text("utf-8")
    assert "3 of 3 images" in done.stderr
    assert "<script>" not in page and "&lt;script&gt;alert(1)" in page and "\u202e" not in page
    assert page.count("data:image/png;base64,") == 2 and page.count("no picture") == 1
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page) and "default-src 'none'" in page


def test_a_sheet_that_leaves_images_out_says_how_to_see_them(home: Path) -> None:
    sheet = str(home / "sheet.html")
    for number in (1, 2):
        at = datetime(2026, 1, number, tzinfo=UTC)
        CaptureStore(opened().objects).write_by_content([CapturedImage(f"again-{number}", "s", at, intact(0))])
        ingest()
    more = "`--at-most N` (up to 1,000) shows more"
    said = run("show", "all", "--html", sheet, "--at-most", "3").stderr.strip()
    assert said == f"{sheet}: 3 of 5 images: {more}; a reason or ids in place of `all` give it to these alone"
    said = run("show", "duplicate", "--html", sheet, "--at-most", "2").stderr.strip()
    assert said == f"{sheet}: 2 of 3 images: {more}; ids show single ones"
    assert run("show", "duplicate", "--html", sheet).stderr.strip() == f"{sheet}: 3 of 3 images"
