"""`latentloop quarantine`, as a person types it, over a home with refused images of every kind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.stores.objects.captures import CapturedImage, CaptureStore
from latentloop.errors import NothingToDo
from latentloop.quarantine.commands import app
from tasks.intake.unread import UnreadFile, note_unread
from tests.data_checks.pictures import encode, product
from tests.tasks.arrivals import damaged, ingest, intact, write_config
from tests.tasks.opened import forget, opened

HOSTILE = "<script>alert(1)</script>\u202e.png"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    forget()
    monkeypatch.setenv("LATENTLOOP_CONFIG", str(write_config(tmp_path)))
    monkeypatch.setenv("LATENTLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    contents = {"good": intact(0), HOSTILE: damaged("black"), "cut": damaged("truncated"), "twin": intact(0)}
    at = datetime(2026, 1, 1, tzinfo=UTC)
    CaptureStore(opened().objects).write_by_content(
        [CapturedImage(name, "s", at, data) for name, data in contents.items()]
    )
    ingest()
    yield tmp_path
    opened().engine.dispose()
    forget()


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def test_list_says_how_many_since_when_and_what_to_do(home: Path) -> None:
    said = run("list").stdout
    assert re.search(r"low_variance  1 image of s, since \d{4}-\d\d-\d\d", said)
    assert "input_policy.min_variance" in said and "nothing is lost" in said
    found = {each["reason"]: each for each in json.loads(run("list", "--json").stdout)}
    assert {reason: each["images"] for reason, each in found.items()} == {
        "low_variance": 1, "truncated": 1, "duplicate": 1,
    }  # fmt: skip
    assert found["truncated"]["other_settings"] == 0 and found["truncated"]["since"]


def test_an_empty_quarantine_says_so(home: Path) -> None:
    run("release", "low_variance", "--reason", "fine")
    run("discard", "all", "--reason", "gone")
    assert run("list").stdout.startswith("quarantine is empty")
    assert json.loads(run("list", "--json").stdout) == []


def test_what_was_never_read_stays_and_hinders_nobody(home: Path) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    note_unread(opened().settings, "/pictures", [UnreadFile("huge.png", "s", at, 2**29)], at)

    assert "too_many_bytes  1 image of s, since 2026-01-01" in run("list").stdout
    assert run("show", "too_many_bytes", "--html", str(home / "sheet.html")).exit_code == 0
    assert "huge.png" in (home / "sheet.html").read_text()
    assert "1 stay: never read, too large" in run("release", "all", "--reason", "fine").stdout
    assert "1 stay: never read, too large" in run("discard", "all", "--reason", "gone").stdout
    assert [each["reason"] for each in json.loads(run("list", "--json").stdout)] == ["too_many_bytes"]


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


def test_both_names_are_shown_of_an_image_that_is_in_the_catalogue_already(home: Path) -> None:
    (duplicate,) = json.loads(run("show", "duplicate", "--json").stdout)
    (kept,) = opened().catalogue.read(["name"])["name"].to_pylist()
    assert {duplicate["name"], kept} == {"good", "twin"}
    assert duplicate["equal_to"] == kept
    assert f"equal to '{kept}' of the catalogue: image " in run("show", "duplicate").stdout
    assert "equal_to" in run("show", "low_variance", "--json").stdout
    assert "equal to" not in run("show", "low_variance").stdout
    run("show", "all", "--html", str(home / "sheet.html"))
    assert f"equal to &#39;{kept}&#39; of the catalogue" in (home / "sheet.html").read_text("utf-8")


def test_both_names_are_shown_where_labels_differ(home: Path) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for name, label in (("first.png", "apps"), ("second.png", "actions")):
        CaptureStore(opened().objects).write_by_content([CapturedImage(name, "s", at, intact(5), label)])
        ingest()

    (row,) = json.loads(run("show", "label_differs", "--json").stdout)

    assert (row["name"], row["equal_to"]) == ("second.png", "first.png")
    assert "'apps'" in row["detail"] and "'actions'" in row["detail"]


def test_rows_are_named_by_ids_that_other_commands_take(home: Path) -> None:
    rows = {each["reason"]: each for each in json.loads(run("show", "all", "--json").stdout)}
    assert rows["low_variance"]["id"] in run("show", "low_variance").stdout
    said = run("release", rows["low_variance"]["id"], rows["truncated"]["id"], "--reason", "a night picture").stdout
    assert said.splitlines() == [
        "1 of 2 images are in the catalogue now",
        "  1 stay: truncated: no setting makes pictures of these files: send them again whole, or `discard` them",
    ]
    none = run("release", rows["truncated"]["id"], "--reason", "again")
    assert none.exit_code == 1 and none.stdout.startswith("0 of 1 images")
    assert opened().catalogue.read(["vouched"])["vouched"].to_pylist() == ["", "a night picture"]


def test_in_a_pipe_the_rows_are_whole(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, at = f"{'a very long folder/' * 20}black.png", datetime(2026, 1, 1, tzinfo=UTC)
    CaptureStore(opened().objects).write_by_content([CapturedImage(name, "s", at, damaged("black", 3))])
    ingest()
    monkeypatch.delenv("COLUMNS")

    rows = {each["name"]: each for each in json.loads(run("show", "all", "--json").stdout)}
    (line,) = [line for line in run("show", "all").stdout.splitlines() if rows[name]["id"] in line]

    assert re.split(r"  +", line.strip()) == [rows[name]["id"], rows[name]["reason"], name, rows[name]["detail"]]


def test_what_is_judged_again_is_summed(home: Path) -> None:
    said = run("rejudge").stdout.splitlines()
    assert said[0] == "0 taken in, 2 refused, of 2 judged again"
    assert json.loads(run("rejudge", "--json").stdout)["quarantined"] == 2


def test_pictures_of_a_format_that_was_left_out_come_in_once_it_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    monkeypatch.setenv("LATENTLOOP_INPUT_POLICY__FORMATS", '["PNG", "JPEG"]')
    forget()
    gifs = [CapturedImage(f"{seed}.gif", "s", at, encode(product(seed), "GIF")) for seed in (7, 8)]
    CaptureStore(opened().objects).write_by_content(gifs)
    ingest()
    said = run("list").stdout
    assert "format_not_wanted  2 images of s" in said
    assert '`input_policy.formats = ["PNG", "JPEG", "GIF"]` accepts all 2' in said
    assert (
        '2 stay: format_not_wanted: `input_policy.formats = ["PNG",'
        in run("release", "format_not_wanted", "--reason", "they are good").stdout
    )

    monkeypatch.setenv("LATENTLOOP_INPUT_POLICY__FORMATS", '["PNG", "JPEG", "GIF"]')
    forget()

    assert run("rejudge").stdout.startswith("2 taken in")
    assert "format_not_wanted" not in run("list").stdout
    assert opened().catalogue.counts().accepted == 3


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("show", "nonsense"), r"nothing in quarantine is called 'nonsense': expected `all`, .*\(duplicate, low_var"),
        (("release", "all", "--reason", "  "), "--reason: expected a sentence that goes on record"),
    ],
)
def test_what_fits_nothing_is_one_line(home: Path, words: tuple[str, ...], expected: str) -> None:
    with pytest.raises(NothingToDo, match=expected) as caught:
        run(*words)
    assert "\n" not in str(caught.value)


def test_a_home_without_an_installation_is_not_made_by_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forget()
    monkeypatch.setenv("LATENTLOOP_CONFIG", "")
    monkeypatch.setenv("LATENTLOOP_HOME", str(tmp_path / "none"))
    with pytest.raises(NothingToDo, match="nothing is installed in"):
        run("list")
    assert not (tmp_path / "none").exists()
    forget()
