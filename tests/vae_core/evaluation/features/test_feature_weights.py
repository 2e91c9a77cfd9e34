"""Weights files are known by their content: whatever is damaged, missing or other is refused."""

from pathlib import Path

import pytest

from vae_core.errors import ArtifactError
from vae_core.evaluation.features.convert_features import convert_efflite0
from vae_core.evaluation.features.extractor import EfficientNetLite0
from vae_core.evaluation.features.feature_weights import header_path, load_efflite0_weights


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
