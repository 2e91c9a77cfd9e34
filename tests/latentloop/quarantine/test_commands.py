"""`latentloop quarantine`, as a person types it, over a home with refused images of every kind."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.stores.objects.captures import CapturedImage, CaptureStore
from latentloop.errors import NothingToDo
from tests.data_checks.pictures import encode, product
from tests.latentloop.quarantine.typed import run
from tests.tasks.arrivals import ingest
from tests.tasks.opened import forget, opened


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


def test_a_home_without_an_installation_is_not_made_by_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forget()
    monkeypatch.setenv("LATENTLOOP_CONFIG", "")
    monkeypatch.setenv("LATENTLOOP_HOME", str(tmp_path / "none"))
    with pytest.raises(NothingToDo, match="nothing is installed in"):
        run("list")
    assert not (tmp_path / "none").exists()
    forget()
