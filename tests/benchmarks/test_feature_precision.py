"""The precision benchmark measures on real images or says that it cannot."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from benchmarks import feature_precision
from benchmarks.idx_images import DataMissing, find_idx_images, read_idx_images
from tests.benchmarks.idx_files import idx_content
from vae_core.evaluation.features.convert_features import convert_efflite0


def test_without_real_images_there_is_no_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        ([], "--data FOLDER is missing"),
        (["--data", str(tmp_path)], "no train-images"),
    ):
        assert feature_precision.main(arguments) == 2
        captured = capsys.readouterr()
        assert message in captured.err
        assert len(captured.err.splitlines()) == 1
        assert captured.out == ""


def test_both_precisions_see_the_same_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, others = rng.integers(0, 255, size=(2, 40, 1, 8, 8), dtype=np.uint8)
    weights = convert_efflite0(tmp_path / "efflite0.safetensors")
    results = feature_precision.run(images, others, weights, blur_sigmas_px=())
    found = {result.name: result.value for result in results}
    assert found["fd_real_fp32"] == pytest.approx(found["fd_real_bf16"], rel=0.2)
    assert {"bf16_speedup", "fd_real_relative_difference", "fd_of_fp32_to_bf16_same_images"} <= set(found)


def test_blur_keeps_the_mean_and_takes_the_contrast() -> None:
    images = np.random.default_rng(0).integers(0, 255, size=(3, 1, 28, 28), dtype=np.uint8)
    blurred = feature_precision.blur(images, 1.0)
    assert blurred.mean() == pytest.approx(images.mean(), abs=3)
    assert blurred.std() < 0.5 * images.std()


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_are_read_packed_or_not(tmp_path: Path, packed: bool) -> None:
    images = np.random.default_rng(0).integers(0, 255, size=(3, 5, 4), dtype=np.uint8)
    content = idx_content(images)
    name = "train-images-idx3-ubyte" + (".gz" if packed else "")
    (tmp_path / name).write_bytes(gzip.compress(content) if packed else content)
    np.testing.assert_array_equal(find_idx_images(tmp_path, "train")[:, 0], images)


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8bno gzip", idx_content(np.zeros((2, 3, 3), np.uint8))[:-1], b"x" * 40]
)
def test_a_file_that_holds_no_idx_images_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(DataMissing, match=str(path)):
        read_idx_images(path)
