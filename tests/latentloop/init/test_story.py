"""The whole of `latentloop init` on folders as people have them, up to the file that it writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from deploy.settings import load_settings
from deploy.stores.errors import StoreError
from latentloop.errors import FrontDoorError
from tests.latentloop.init.pictures import grey_textures, icons, with_clutter
from tests.latentloop.init.running import init, written
from tests.servers import SeaweedFS


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


def test_a_settings_file_that_is_there_stays_and_another_may_be_named(work: Path) -> None:
    (work / "latentloop.toml").write_text('product = "mine"\n')

    with pytest.raises(FrontDoorError, match="is never overwritten: move it away, or add --output FILE"):
        init(None)
    init(None, "other.toml")

    assert written(work) == {"product": "mine"}
    assert (work / "other.toml").is_file()


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
