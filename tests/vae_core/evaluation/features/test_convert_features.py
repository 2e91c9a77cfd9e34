"""The conversion of the packaged weights: once, from the known file alone, and never by opening another pickle."""

import pickle
from pathlib import Path

import pytest

from vae_core.errors import ArtifactError
from vae_core.evaluation.features.convert_features import convert_efflite0, main
from vae_core.evaluation.features.feature_weights import header_path


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


def test_a_pickle_with_another_digest_is_never_opened(tmp_path: Path) -> None:
    trace, packaged = tmp_path / "opened", tmp_path / "packaged.pth"
    packaged.write_bytes(pickle.dumps(_Bomb(trace)))
    with pytest.raises(ArtifactError, match="sha256 should be 579344248a93"):
        convert_efflite0(tmp_path / "x.safetensors", packaged)
    assert not trace.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["packaged.pth"]


def test_a_folder_is_no_destination(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="name a file, not a folder"):
        convert_efflite0(tmp_path)


def test_the_command_line_answers_with_one_line(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(weights)]) == 0
    assert capsys.readouterr().out.strip() == str(weights)
    assert main([str(tmp_path)]) == 1
    assert "name a file" in capsys.readouterr().err
    assert main([]) == 2
