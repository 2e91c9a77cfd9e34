"""Somebody's own pictures as a supply: every one is used once, the season is kept out, what cannot be is said."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np

from data_checks.input_validation import judge_image_bytes
from data_checks.policy import InputPolicy
from latentloop.demo.own.pictures import Pictures, read_pictures
from latentloop.demo.own.season import Season
from latentloop.demo.own.supply import OwnSupply, fitting_damages
from latentloop.demo.shipment import DUPLICATE
from latentloop.sources.folder import FolderSource
from tests.latentloop.demo.own.three_kinds import FORM_16, KINDS, POLICY, digests, quiet
from vae_core.images.preprocessing import pixel_digest


def test_what_the_thresholds_refuse_is_shipped_and_never_requested(folder: Path) -> None:
    strict = InputPolicy(min_variance=0.09)
    found = read_pictures(FolderSource(folder), FORM_16, strict, 5_000, (), quiet)
    assert 0 < found.served.sum() < len(found) == sum(KINDS.values())

    supply = OwnSupply(found, Season(np.arange(800), "boots"), strict, "pad", ordinary=100, seed=0)

    refused = {pixel_digest(each) for each in found.pixels[~found.served]}
    shipped = {pixel_digest(each) for each in found.pixels[supply.shipped]}
    assert refused & shipped and not refused & digests(islice(supply.season(), 300))


def test_shipment_traffic_and_measurement_share_no_picture(supply: OwnSupply, pictures: Pictures) -> None:
    shipped = {pixel_digest(each) for each in pictures.pixels[supply.shipped]}
    ordinary = digests(supply.ordinary())
    season = digests(islice(supply.season(), 3_000))
    measured, is_new = supply.measurement(200)
    held = {pixel_digest(each) for each in measured}

    parts = [shipped, ordinary, season, held]
    assert all(parts) and len(set.union(*parts)) == sum(map(len, parts))
    assert 0 < is_new.mean() < 0.5


def test_only_the_season_has_the_kind_that_was_named(supply: OwnSupply, pictures: Pictures) -> None:
    of_kind = {
        pixel_digest(each) for each, kind in zip(pictures.pixels, pictures.kinds, strict=True) if kind == "boots"
    }
    assert not of_kind & {pixel_digest(each) for each in pictures.pixels[supply.shipped]}
    assert not of_kind & digests(supply.ordinary())
    sent = digests(shot for shot in islice(supply.season(), 3_000) if shot.kind == "new")
    assert sent <= of_kind and len(sent) > 600


def test_the_shipment_is_his_files_and_damaged_ones_that_the_gate_refuses(
    supply: OwnSupply, folder: Path, tmp_path: Path
) -> None:
    shipment = supply.ship(tmp_path, quiet)
    written = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*.png")}

    assert len(written) == shipment.files == len(supply.shipped) + shipment.damaged.total()
    assert all(data == (folder / name).read_bytes() for name, data in written.items() if name not in shipment.paths)
    refused = {name for name, data in written.items() if not judge_image_bytes(data, FORM_16, POLICY).accepted}
    assert refused == {name for name, kind in shipment.paths.items() if kind != DUPLICATE}
    assert DUPLICATE in shipment.damaged and "wrong size" not in shipment.damaged


def test_what_is_no_damage_here_is_not_done() -> None:
    assert "wrong size" in fitting_damages(POLICY, "refuse")
    assert "sixty megapixels" not in fitting_damages(InputPolicy(max_pixels=80_000_000), "refuse")


def test_what_is_like_the_season_is_in_no_part_of_the_story(pictures: Pictures) -> None:
    season, alike = np.arange(800), np.arange(800, 1_000)
    supply = OwnSupply(pictures, Season(season, "boots", alike), POLICY, "pad", ordinary=300, seed=3)
    used = digests(islice(supply.season(), 3_000)) | digests(supply.ordinary())
    used |= {pixel_digest(each) for each in (*pictures.pixels[supply.shipped], *supply.measurement(600)[0])}
    assert not used & {pixel_digest(each) for each in pictures.pixels[alike]}
