"""The whole of `latentloop init` on folders as people have them, up to the file that it writes."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deploy.delivery.policy import GatePolicy
from deploy.settings import load_settings
from deploy.stores.errors import StoreError
from latentloop.errors import FrontDoorError
from latentloop.init import deciding
from latentloop.init.looking.converted import Converted
from latentloop.init.proposing.afterwards import REST_S
from latentloop.init.proposing.proposal import FEWEST_FOR_FRECHET, delivery_lines, refused_lines
from latentloop.init.report import InitReport
from latentloop.init.story import run_init
from latentloop.init.wishes import read_wishes
from latentloop.trial_steps import EvaluationCost
from tests.deploy.settled import empty_the_environment
from tests.latentloop.init.pictures import grey_textures, icons, with_clutter
from tests.servers import SeaweedFS
from vae_core.evaluation.benchmark_scores import SMALLEST_N

FLAGS = ("size", "channels", "fit", "subfolders", "product")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    empty_the_environment(folder, monkeypatch)
    return folder


def init(place: object, output: str = "latentloop.toml", trial_s: float = 0.0, **flags: str) -> tuple[InitReport, str]:
    """What it reports, and the lines that it told."""
    told: list[str] = []
    wishes = read_wishes(
        None if place is None else str(place), {each: flags.get(each) for each in FLAGS}, Path(output),
        asks=False, trial_s=trial_s,
    )  # fmt: skip
    found = run_init(wishes, told.append, told.append)
    return found, "\n".join(told)


def written(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "latentloop.toml").read_text())


def test_small_grey_pictures_of_one_size_stay_as_they_are(work: Path, tmp_path: Path) -> None:
    pictures = grey_textures(tmp_path / "grey textures", 300)

    found, told = init(pictures)

    images = written(work)["preprocessing"]
    assert (images["channels"], images["height"], images["width"], images["fit"]) == (1, 28, 28, "refuse")
    assert (written(work)["product"], written(work)["intake"]) == ("grey-textures", {"subfolders": "none"})
    following = ("latentloop doctor", "latentloop up --detach", f"latentloop ingest '{pictures}'")
    assert found.next[-3:] == following, "the order of the README"
    assert "\n  latentloop doctor  # optional: what could go wrong, before anything is started\n" in told
    assert told.endswith(f"latentloop ingest '{pictures}'")
    settings = load_settings()
    assert settings.training.model.shape == settings.preprocessing.shape == (1, 28, 28)


def test_icons_with_clutter_between_are_padded_in_colour_and_everything_is_told(work: Path, tmp_path: Path) -> None:
    found, told = init(with_clutter(icons(tmp_path / "icons", 80)))

    settings = {each.name: each.value for each in found.settings}
    assert (settings["preprocessing.channels"], settings["preprocessing.fit"]) == (3, "pad")
    assert (settings["preprocessing.padding"], settings["intake.subfolders"]) == ("#ffffff", "kind")
    assert found.ignored == {".txt": 1, ".csv": 1, ".DS_Store": 1}
    assert found.refused == {"truncated": 1, "empty_file": 1}
    assert (found.images, found.opened, found.usable, found.exact_duplicates) == (86, 86, 84, 2)
    assert all(each.why for each in found.settings)
    assert "flat: 1 show nothing" in told
    assert "1 are turned by their EXIF orientation" in told
    assert "too few: about 82 usable distinct images, a training needs 250" in told
    with Image.open(str(found.contact_sheet)) as sheet:
        assert sheet.width > 1000


def test_copies_of_one_picture_are_one_image_however_many_there_are(work: Path, tmp_path: Path) -> None:
    pictures = grey_textures(tmp_path / "copies", 1)
    for number in range(1, 300):
        (pictures / f"{number:04}.png").write_bytes((pictures / "0000.png").read_bytes())

    found, told = init(pictures)

    assert (found.usable, found.exact_duplicates) == (300, 299)
    assert "too few: about 1 usable distinct image, a training needs 250" in told
    held = next(each for each in found.settings if each.name == "evaluation.holdout_min")
    assert held.why.endswith("of 1 usable image (duplicates counted once)")
    assert "300 images by their names" in told and "equal ones count once: about 1 usable of 300" in told
    batch = next(each for each in found.settings if each.name == "training.full.batch_size")
    assert batch.why.startswith("1 usable image (duplicates counted once) is few: ")


def test_two_looks_at_the_same_folder_write_the_same_file(work: Path, tmp_path: Path) -> None:
    pictures = icons(tmp_path / "icons", 30)

    init(pictures, "one.toml")
    init(pictures, "two.toml")

    assert (work / "one.toml").read_text() == (work / "two.toml").read_text()


def test_flags_come_before_what_is_proposed(work: Path, tmp_path: Path) -> None:
    pictures = grey_textures(tmp_path / "grey", 20)

    init(pictures, size="32x48", channels="3", fit="stretch", subfolders="date", product="mine")

    found, images = written(work), written(work)["preprocessing"]
    assert (images["channels"], images["height"], images["width"], images["fit"]) == (3, 32, 48, "stretch")
    assert (found["intake"]["subfolders"], found["product"]) == ("date", "mine")


def test_a_few_steps_are_trained_to_plan_the_budget(work: Path, tmp_path: Path) -> None:
    found, told = init(grey_textures(tmp_path / "grey", 64), trial_s=0.2)

    reasons = {each.name: each.why for each in found.settings}
    assert "measured here" in reasons["training.full.budget.amount"]
    on_processor = "device" not in written(work)["training"]
    assert (written(work)["training"].get("clock") == "cpu") == on_processor, "beside other load as many steps"
    assert found.images_per_s and "a full training: about" in told
    assert found.expected_seconds


def test_the_seconds_that_are_told_are_those_of_the_whole_retraining(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Network, prior, every image that is seen by the feature network and the model, samples, and the rest."""
    cost = EvaluationCost(feature_s=0.01, score_s=0.001, sample_s=0.02)
    monkeypatch.setattr(
        deciding, "measure_rate", lambda *asked: deciding.Rate(1_000.0, measured=True, evaluation=cost)
    )  # a machine whose speed is known
    pictures = grey_textures(tmp_path / "grey", 300)
    found, told = init(pictures, trial_s=1.0, subfolders="none")

    network_s = next(each.value for each in found.settings if each.name == "training.full.budget.amount") * 300 / 1_000
    prior_s = next(each.value for each in found.settings if each.name == "training.code_prior.recipe.budget.amount")
    # 60 are held out: they, their reconstructions, as many for the floor, 1,000 samples; 240 trained on and 3 x 60
    measuring_s = (3 * 60 + 1_000) * 0.01 + (240 + 3 * 60) * 0.001 + (1_000 + 48) * 0.02
    assert found.expected_seconds == pytest.approx(network_s + prior_s + measuring_s + REST_S)
    assert "about 30 s to measure the version (features of 1,180 images, 1,048 samples)" in told

    monkeypatch.setattr(deciding, "measure_rate", lambda *asked: deciding.Rate(1_000.0, measured=True))
    _, told = init(pictures, "other.toml", trial_s=1.0)
    assert "; measuring the version comes on top, how long was not tried; --minutes N plans another" in told


def test_without_a_folder_the_defaults_are_written(work: Path) -> None:
    found, _ = init(None)

    assert load_settings().preprocessing.shape == (1, 28, 28)
    assert found.next[-3:] == ("latentloop doctor", "latentloop up --detach", "latentloop ingest FOLDER")


def test_a_settings_file_that_is_there_stays_and_another_may_be_named(work: Path) -> None:
    (work / "latentloop.toml").write_text('product = "mine"\n')

    with pytest.raises(FrontDoorError, match="is never overwritten: move it away, or add --output FILE"):
        init(None)
    init(None, "other.toml")

    assert written(work) == {"product": "mine"}
    assert (work / "other.toml").is_file()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"size": "50"}, "size 50x50: no network takes it: multiples of 4 from 8 to 256"),
        ({"size": "large"}, "size 'large': expected pixels such as 64"),
        ({"channels": "4"}, "channels '4': expected 1 .grey. or 3 .colour."),
        ({"fit": "squeeze"}, "fit 'squeeze': expected refuse or pad"),
        ({"subfolders": "labels"}, "subfolders 'labels': expected source or kind"),
        ({"product": "my shop"}, "product 'my shop': expected letters"),
    ],
)
def test_a_flag_that_cannot_be_is_one_line(work: Path, tmp_path: Path, flags: dict[str, str], expected: str) -> None:
    with pytest.raises(FrontDoorError, match=expected):
        init(tmp_path, **flags)


def test_a_place_without_usable_images_is_one_line_and_nothing_is_written(work: Path, tmp_path: Path) -> None:
    bare, texts, broken = (tmp_path / name for name in ("bare", "texts", "broken"))
    for each in (bare, texts, broken):
        each.mkdir()
    (texts / "a.txt").write_text("x")
    (broken / "a.png").write_bytes(b"")
    (broken / "b.jpg").write_bytes(b"\xff\xd8\xff not really")

    expected = {
        bare: "expected image files in it or below, found nothing",
        texts: "found 1 .txt",
        broken: "all 2 images that were opened are refused .*1 empty_file",
        tmp_path / "nowhere": "expected a folder of image files, found nothing",
    }
    for place, said in expected.items():
        with pytest.raises(FrontDoorError, match=said) as refused:
            init(place)
        assert "\n" not in str(refused.value)
    assert os.listdir(work) == []


@pytest.mark.server
def test_a_bucket_is_looked_at_as_a_folder_is_and_its_keys_are_not_written(
    work: Path, tmp_path: Path, seaweedfs_server: SeaweedFS, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = seaweedfs_server.create_bucket()
    for name, value in seaweedfs_server.options().items():
        monkeypatch.setenv(f"LATENTLOOP_S3__{name.upper()}", value)
    for path in grey_textures(tmp_path / "grey", 20).iterdir():
        seaweedfs_server._client.put_object(
            Bucket=url.removeprefix("s3://"), Key=f"x/{path.name}", Body=path.read_bytes()
        )

    found, _ = init(f"{url}/x")

    assert (found.images, found.usable) == (20, 20)
    assert found.next[-1] == f"latentloop ingest {url}/x"
    assert written(work)["s3"] == {"endpoint_url": seaweedfs_server.options()["endpoint_url"], "region": "us-east-1"}
    with pytest.raises(StoreError, match="the bucket does not exist; create it or correct the URL"):
        init("s3://nobody-made-this", "other.toml")
    monkeypatch.setenv("LATENTLOOP_S3__SECRET_KEY", "wrong")
    with pytest.raises(StoreError, match="the store refused"):
        init(url, "other.toml")


def test_a_form_that_refuses_every_picture_is_one_line(work: Path, tmp_path: Path) -> None:
    with pytest.raises(FrontDoorError, match="every picture of the sample is refused in this form"):
        init(grey_textures(tmp_path / "grey", 5), size="32", fit="refuse")

    assert os.listdir(work) == []


@pytest.mark.parametrize(("images", "proposed"), [(2_000, [GatePolicy().kernel_margin]), (60_000, [])])
def test_the_trial_of_few_images_has_the_margin_of_their_gate(images: int, proposed: list[float]) -> None:
    assert FEWEST_FOR_FRECHET == SMALLEST_N, "the gate judges kernel distances below it"
    assert [line.value for line in delivery_lines(images)] == proposed


@pytest.mark.parametrize(("flat", "proposed"), [(0, []), (5, []), (54, [0.06]), (1_000, [0.5])])
def test_flat_pictures_of_the_folder_itself_are_no_alarm_in_its_traffic(flat: int, proposed: list[float]) -> None:
    variance = np.full(2_000, 0.05)
    variance[:flat] = 0.0
    looked = Converted((), np.zeros((2_000, 1, 1, 1), np.uint8), variance, variance, (), ())
    assert [line.value for line in refused_lines(looked)] == proposed
    for line in refused_lines(looked):
        assert line.name == "input_policy.max_refused_share" and f"{flat:,} of the sample's 2,000 are flat" in line.why
