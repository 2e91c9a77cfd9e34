"""Somebody's own pictures as a supply: every one is used once, the season is kept out, what cannot be is said."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_checks.input_gate import judge_image_bytes
from data_checks.policy import InputPolicy
from deploy.settings import CONFIG_VARIABLE
from latentloop.demo.figures import FORM, own_form
from latentloop.demo.models import DemoModel
from latentloop.demo.own.pictures import FEWEST_NEW, MOST_NEW, Pictures, read_pictures
from latentloop.demo.own.season import Season, choose_season, measure_detail, pick_cluster
from latentloop.demo.own.settings import OWN_FULL, OWN_QUICK, own_settings
from latentloop.demo.own.supply import OwnSupply, fitting_damages
from latentloop.demo.settings import Scale
from latentloop.demo.shipment import DUPLICATE
from latentloop.demo.told import read_told
from latentloop.errors import DemoFailed
from latentloop.sources.folder import FolderSource
from latentloop.sources.found import Found
from vae_core.config import Budget
from vae_core.images.preprocessing import Preprocessing, pixel_digest

KINDS = {"boots": 800, "coats": 700, "hats": 550}
FORM_16 = Preprocessing(channels=3, height=16, width=16, fit="pad")
POLICY = InputPolicy(min_variance=0.001)


def quiet(line: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three kinds of small pictures, all different; beside them a copy, a flat one, half a file and a text."""
    top, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(1)
    for kind, count in KINDS.items():
        (top / kind).mkdir()
        for number in range(count):
            pixels = random.integers(0, 256, (4, 4, 3), np.uint8).repeat(4, axis=0).repeat(4, axis=1)
            Image.fromarray(pixels).save(top / kind / f"{number:04d}.png", compress_level=1)
    first = (top / "hats" / "0000.png").read_bytes()
    (top / "hats" / "copy.png").write_bytes(first)
    (top / "hats" / "half.png").write_bytes(first[: len(first) // 2])
    Image.new("RGB", (16, 16), "grey").save(top / "hats" / "flat.png")
    (top / "hats" / "notes.png").write_text("no picture")
    return top


@pytest.fixture(scope="module")
def pictures(folder: Path) -> Pictures:
    return read_pictures(FolderSource(folder), FORM_16, POLICY, 5_000, (), quiet)


@pytest.fixture(scope="module")
def supply(pictures: Pictures) -> OwnSupply:
    season = choose_season(pictures, ("boots",), OWN_FULL, no_features)
    return OwnSupply(pictures, season, POLICY, "pad", ordinary=300, seed=3)


def no_features(pixels: np.ndarray) -> np.ndarray:
    raise AssertionError("kinds were named: nothing is clustered")


def test_every_picture_is_read_once_and_what_is_none_is_counted(pictures: Pictures) -> None:
    assert len(pictures) == sum(KINDS.values()) == len({pixel_digest(each) for each in pictures.pixels})
    assert pictures.left_out == {"same pixels as another": 1, "flat": 1, "damaged": 2}
    assert pictures.served.all() and not pictures.misjudged


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


def test_an_unknown_kind_is_one_line_with_the_near_names(folder: Path) -> None:
    with pytest.raises(DemoFailed, match=r"--season boot: .*did you mean boots\?"):
        read_pictures(FolderSource(folder), FORM_16, POLICY, 5_000, ("boot",), quiet)


def test_a_kind_with_too_few_pictures_is_told_with_both_numbers(pictures: Pictures) -> None:
    with pytest.raises(DemoFailed, match=f"--season hats: 550 different pictures .* at least {FEWEST_NEW}"):
        choose_season(pictures, ("hats",), OWN_FULL, no_features)


def test_too_few_pictures_are_told_with_their_number(tmp_path: Path) -> None:
    for number in range(30):
        Image.effect_noise((16, 16), 60 + number).save(tmp_path / f"{number}.png")
    with pytest.raises(DemoFailed, match="30 different pictures can be used: expected at least 2,000"):
        read_pictures(FolderSource(tmp_path), FORM_16, POLICY, 5_000, (), quiet)


def blobs(sizes: list[int], apart: float) -> np.ndarray:
    """Clusters on axes of their own; the last one lies beyond them all."""
    random = np.random.default_rng(0)
    centres = np.eye(len(sizes), 20)
    centres[:-1, 19] = apart
    rows = [centre + random.normal(0, 0.02, (size, 20)) for centre, size in zip(centres, sizes, strict=True)]
    return np.concatenate(rows).astype(np.float32)


EQUALLY = np.ones(2_400)


def test_the_cluster_that_lies_apart_is_picked() -> None:
    rows, _ = pick_cluster(blobs([300] * 8, 2.0), EQUALLY, fewest=100, most=1_000)
    assert rows.tolist() == list(range(2_100, 2_400))


def test_a_cluster_that_is_emptier_than_the_rest_is_no_season() -> None:
    detail = np.where(np.arange(2_400) >= 2_100, 0.1, 1.0)
    rows, _ = pick_cluster(blobs([300] * 8, 2.0), detail, fewest=100, most=1_000)
    assert len(rows) >= 100 and rows.max() < 2_100


def test_a_cluster_that_is_too_small_is_filled_up_and_a_large_one_cut() -> None:
    filled = set(pick_cluster(blobs([300] * 3, 2.0), EQUALLY[:900], fewest=310, most=1_000)[0].tolist())
    assert len(filled) == 310 and any(set(range(start, start + 300)) <= filled for start in (0, 300, 600))
    cut, alike = pick_cluster(blobs([300] * 8, 2.0), EQUALLY, fewest=100, most=200)
    assert len(cut) == 200
    assert {row // 300 for row in alike} == {row // 300 for row in cut} and not set(alike) & set(cut)
    assert (len(cut) + len(alike)) % 300 == 0  # of its own clusters nothing stays in the shipment


@pytest.mark.parametrize(("scale", "fewest"), [(OWN_FULL, 1_000), (OWN_QUICK, 1_250)])
def test_a_season_that_nobody_named_is_as_large_as_the_scale_says(scale: Scale, fewest: int, tmp_path: Path) -> None:
    n, random = 5_400, np.random.default_rng(3)
    pixels = random.integers(0, 256, (n, 1, 4, 4), np.uint8)
    none = (Found("", 0, "", datetime.fromtimestamp(0, UTC)),) * n
    pictures = Pictures(FolderSource(tmp_path), none, pixels, ("",) * n, np.ones(n, np.bool_), (), Counter())

    season = choose_season(pictures, (), scale, lambda given: random.normal(size=(len(given), 20)).astype(np.float32))

    assert fewest <= len(season.rows) <= MOST_NEW


def test_nothing_is_shipped_whose_nearest_picture_is_of_the_season() -> None:
    features = np.random.default_rng(5).normal(size=(1_500, 20)).astype(np.float32)  # no gaps between its clusters
    rows, alike = pick_cluster(features, np.ones(1_500), fewest=300, most=350)
    shipped = np.setdiff1d(np.arange(1_500), np.concatenate([rows, alike]))

    directions = features / np.linalg.norm(features, axis=1, keepdims=True)
    distances = np.linalg.norm(directions[shipped, None] - directions[None], axis=2)
    distances[np.arange(len(shipped)), shipped] = np.inf
    # distances are kept by the projection to a tenth: near ties may fall either way
    ahead = distances[:, rows].min(axis=1) / np.delete(distances, rows, axis=1).min(axis=1)
    assert len(rows) and len(alike) and len(shipped) > 700
    assert (ahead > 0.8).all() and (ahead < 1.0).mean() < 0.1


def test_detail_is_the_difference_of_neighbouring_pixels() -> None:
    stripes = np.zeros((3, 6, 8), np.uint8)
    stripes[:, :, ::2] = 255
    half = stripes // 2
    assert measure_detail(np.stack([stripes, half, stripes * 0])) == pytest.approx([1.0, (127 / 255) ** 2, 0.0])


def test_what_is_like_the_season_is_in_no_part_of_the_story(pictures: Pictures) -> None:
    season, alike = np.arange(800), np.arange(800, 1_000)
    supply = OwnSupply(pictures, Season(season, "boots", alike), POLICY, "pad", ordinary=300, seed=3)
    used = digests(islice(supply.season(), 3_000)) | digests(supply.ordinary())
    used |= {pixel_digest(each) for each in (*pictures.pixels[supply.shipped], *supply.measurement(600)[0])}
    assert not used & {pixel_digest(each) for each in pictures.pixels[alike]}


def test_the_settings_are_what_init_proposes_with_the_demos_clocks(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scale = OWN_QUICK
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CONFIG_VARIABLE, "")
    proposed = own_settings(scale, str(folder / "hats"), quiet)
    settings, said = proposed.settings, {each.name: each.value for each in proposed.report.settings}

    assert settings.preprocessing.shape == (3, 16, 16)
    assert settings.intake.subfolders == said["intake.subfolders"] == "none"
    assert settings.training.emergency.batch_size == said["training.full.batch_size"]
    assert settings.training.full.budget == Budget(amount=scale.training_s, unit="seconds")
    assert settings.training.emergency.budget == Budget(amount=scale.emergency_s, unit="seconds")
    assert (settings.clock_factor, settings.evaluation.n_images) == (0.05, scale.benchmark)
    assert proposed.sheet.startswith(b"\x89PNG")


def test_the_figures_are_those_of_the_demo_and_what_is_judged_of_own_pictures() -> None:
    form = {name: limit for name, _, limit, _ in own_form(15.0)}
    assert form.keys() >= {name for name, *_ in FORM}
    assert (form["loop_closed"], form["good_refused_share"], form["minutes"]) == (1.0, 0.005, 15.0)
    assert form["noticed_by_itself"] is form["requests_to_detection"] is None
    assert form["failed_requests"] == 0.0


def test_flags_that_do_not_go_together_are_one_line() -> None:
    with pytest.raises(DemoFailed, match="add --images FOLDER"):
        read_told(False, None, None, "boots")
    with pytest.raises(DemoFailed, match="--model is of the demo's own images"):
        read_told(False, DemoModel.vqvae, "folder", None)
    told = read_told(True, None, "my pictures", "boots, hats,")
    assert told.command == "latentloop demo --images 'my pictures' --season boots,hats --quick"


def digests(shots: object) -> set[str]:
    """Of the pixels that were sent, black frames left out."""
    found = set()
    for shot in shots:  # type: ignore[attr-defined]
        if shot.kind != "black":
            found.add(pixel_digest(np.ascontiguousarray(shot.pixels.transpose(2, 0, 1))))
    return found
