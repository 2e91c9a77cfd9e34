"""The pinned feature network: converted once, loaded without a pickle, equal to the package's own network."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet

from vae_core.errors import ArtifactError, DataError
from vae_core.evaluation.features import convert_features
from vae_core.evaluation.features.convert_features import convert_efflite0
from vae_core.evaluation.features.extractor import IMAGENET_MEAN, IMAGENET_SD, EfficientNetLite0
from vae_core.evaluation.features.feature_weights import header_path, load_efflite0_weights
from vae_core.evaluation.features.real_features import RealFeatures, extract_real_features, features_key
from vae_core.images.preprocessing import pixel_digest


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert_efflite0(tmp_path_factory.mktemp("features") / "efflite0.safetensors")


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Soft blobs, (40, 1, 28, 28) uint8: something that a network trained on photographs can tell apart."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:28, 0:28]
    centres, widths = rng.uniform(6, 22, size=(40, 2)), rng.uniform(2, 8, size=40)
    squares = (rows - centres[:, :1, None]) ** 2 + (columns - centres[:, 1:, None]) ** 2
    return (255 * np.exp(-squares / (2 * widths[:, None, None] ** 2))).astype(np.uint8)[:, None]


def _refuse_to_convert(path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    packaged = path.parent / "packaged.pth"
    packaged.write_bytes(content)
    monkeypatch.setattr(convert_features, "_packaged_file", lambda: packaged)
    convert_efflite0(path)


class _Bomb:
    """Unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_converting_twice_writes_once(weights: Path) -> None:
    before = weights.stat().st_mtime_ns, header_path(weights).stat().st_mtime_ns
    assert convert_efflite0(weights) == weights
    assert (weights.stat().st_mtime_ns, header_path(weights).stat().st_mtime_ns) == before
    assert sorted(path.name for path in weights.parent.iterdir()) == ["efflite0.json", "efflite0.safetensors"]


def test_a_pickle_with_another_digest_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = tmp_path / "opened"
    with pytest.raises(ArtifactError, match="sha256 should be 579344248a93"):
        _refuse_to_convert(tmp_path / "x.safetensors", monkeypatch, pickle.dumps(_Bomb(trace)))
    assert not trace.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["packaged.pth"]


@pytest.mark.parametrize("damaged", ["efflite0.safetensors", "efflite0.json"])
@pytest.mark.parametrize("content", [b"", b"{}", None])
def test_a_damaged_or_missing_file_is_refused_and_converting_again_repairs_it(
    weights: Path, tmp_path: Path, damaged: str, content: bytes | None
) -> None:
    copy = tmp_path / weights.name
    for source in (weights, header_path(weights)):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    if content is None:
        (tmp_path / damaged).unlink()
    else:
        (tmp_path / damaged).write_bytes(content)
    with pytest.raises(ArtifactError, match="run `python -m vae_core.evaluation.features.convert_features"):
        EfficientNetLite0.load(copy)
    assert load_efflite0_weights(convert_efflite0(copy)).keys() == load_efflite0_weights(weights).keys()


def test_one_flipped_weight_is_another_feature_space(weights: Path, tmp_path: Path) -> None:
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    (tmp_path / weights.name).write_bytes(content)
    header_path(tmp_path / weights.name).write_bytes(header_path(weights).read_bytes())
    with pytest.raises(ArtifactError, match="the weights should have the digest 0ee0f4505e1b"):
        EfficientNetLite0.load(tmp_path / weights.name)


def test_a_folder_is_no_destination(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="name a file, not a folder"):
        convert_efflite0(tmp_path)


def test_the_command_line_answers_with_one_line(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["convert_features", str(weights)])
    assert convert_features.main() == 0
    assert capsys.readouterr().out.strip() == str(weights)
    monkeypatch.setattr(sys, "argv", ["convert_features", str(tmp_path)])
    assert convert_features.main() == 1
    assert "name a file" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["convert_features"])
    assert convert_features.main() == 2


def test_loading_says_nothing_and_needs_no_torchvision(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    EfficientNetLite0.load(weights)
    assert capsys.readouterr() == ("", "")
    assert "torchvision" not in sys.modules


def test_features_are_those_of_the_packages_own_network(weights: Path, images: np.ndarray) -> None:
    network = EfficientNet.from_name("efficientnet-lite0", image_size=64)
    network._fc = torch.nn.Identity()
    network.load_state_dict(load_efflite0_weights(weights))
    mean, sd = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_SD))
    unit = torch.from_numpy(images[:8] / np.float32(255)).expand(-1, 3, -1, -1)
    upscaled = torch.nn.functional.interpolate(unit, size=(64, 64), mode="bilinear", antialias=True)
    with torch.inference_mode():
        oracle = network.eval()((upscaled - mean) / sd).numpy()
    features = EfficientNetLite0.load(weights).extract(images[:8])
    # folding the normalisations reorders float32 sums over up to 1,152 channels in 50 layers
    np.testing.assert_allclose(features, oracle, atol=2e-3)


def test_features_do_not_depend_on_their_neighbours(weights: Path, images: np.ndarray) -> None:
    extractor = EfficientNetLite0.load(weights)
    together = extractor.extract(images)
    assert together.shape == (40, extractor.dim)
    assert together.dtype == np.float32
    np.testing.assert_allclose(extractor.extract(images[35:37]), together[35:37], atol=1e-3)


def test_grey_is_colour_with_three_equal_channels(weights: Path, images: np.ndarray) -> None:
    extractor = EfficientNetLite0.load(weights)
    colour = np.repeat(images[:4], 3, axis=1)
    np.testing.assert_array_equal(extractor.extract(colour), extractor.extract(images[:4]))


def test_stripes_too_fine_for_the_network_become_grey(weights: Path) -> None:
    # 256 px to 64: without antialiasing only the columns 1 and 2 of each four would be read, which are white
    stripes = np.tile(np.array([0, 255, 255, 0], np.uint8), (256, 64))[None, None]
    grey, white = np.full_like(stripes, 128), np.full_like(stripes, 255)
    seen, expected, aliased = EfficientNetLite0.load(weights).extract(np.concatenate([stripes, grey, white]))
    assert np.linalg.norm(seen - expected) < 0.2 * np.linalg.norm(seen - aliased)


def test_more_noise_is_further_away(weights: Path, images: np.ndarray) -> None:
    extractor = EfficientNetLite0.load(weights)
    noise = np.random.default_rng(1).normal(size=images.shape)
    clean = extractor.extract(images)
    distances = [
        float(np.square(extractor.extract(noisy) - clean).sum(1).mean())
        for noisy in ((images + sd * noise).clip(0, 255).astype(np.uint8) for sd in (2, 10, 50))
    ]
    assert distances == sorted(distances)
    assert distances[0] > 0


def test_bf16_is_the_same_space_but_for_rounding_and_never_mistaken_for_it(weights: Path, images: np.ndarray) -> None:
    full, half = (EfficientNetLite0.load(weights, precision) for precision in ("fp32", "bf16"))
    assert full.digest != half.digest
    a, b = full.extract(images), half.extract(images)
    # bf16 keeps 8 bits, 0.4 %; its roundings over 13 blocks add up like a random walk to about 2 %
    assert float(np.linalg.norm(a - b) / np.linalg.norm(a)) < 0.05
    assert not np.array_equal(a, b)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((2, 1, 28, 28), np.float32), np.zeros((28, 28), np.uint8), np.zeros((1, 2, 8, 8), np.uint8)],
)
def test_anything_but_grey_or_colour_bytes_is_refused(weights: Path, pixels: np.ndarray) -> None:
    with pytest.raises(DataError, match="expected uint8 images of shape"):
        EfficientNetLite0.load(weights).extract(pixels)


def test_cached_features_come_back_with_their_names(weights: Path, images: np.ndarray) -> None:
    extractor = EfficientNetLite0.load(weights)
    heard: list[int] = []
    cached = extract_real_features(images, extractor, heard.append)
    restored = RealFeatures.from_bytes(cached.to_bytes())
    np.testing.assert_array_equal(restored.features, extractor.extract(images))
    assert restored.features.flags.writeable
    assert (restored.feature_space, restored.extractor_digest) == ("efflite0", extractor.digest)
    assert restored.key == features_key(extractor.digest, pixel_digest(images))
    assert heard == [40]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "no header"])
def test_a_damaged_cache_is_refused(damage: str) -> None:
    content = RealFeatures(np.ones((3, 2), np.float32), "pixels", "a" * 64, "b" * 64).to_bytes()
    damaged = {
        "truncated": content[:-1],
        "flipped": content[:-1] + bytes([content[-1] ^ 1]),
        "empty": b"",
        "no header": content.replace(b"extractor_digest", b"extractor_dogest"),
    }[damage]
    with pytest.raises(ArtifactError, match="extract them again"):
        RealFeatures.from_bytes(damaged)
