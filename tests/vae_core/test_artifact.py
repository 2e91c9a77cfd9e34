"""A version comes back whole, or is refused in one line."""

import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from tests.vae_core.whole_artifact import PARTS, whole_artifact
from vae_core.artifact import (
    TrainingSummary,
    make_golden,
    read_artifact,
    write_artifact,
)
from vae_core.errors import ArtifactError
from vae_core.families.build import build_model
from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.inference import score_images
from vae_core.reference import measure_reference
from vae_core.sealed_folder import MANIFEST, open_sealed, seal_folder
from vae_core.training.health.events import StopReason
from vae_core.weights import encoder_digest


@pytest.fixture
def folder(tmp_path):
    write_artifact(tmp_path / "version", whole_artifact())
    return tmp_path / "version"


def resealed(folder: Path, **changes: bytes | None) -> Path:
    """Put other files under a valid manifest; `_` in a name stands for its dot, None removes."""
    files = dict(open_sealed(folder).files)
    for name, content in changes.items():
        key = ".".join(name.rsplit("_", 1))
        files.pop(key, None)
        if content is not None:
            files[key] = content
    other = folder.with_name("resealed")
    shutil.rmtree(other, ignore_errors=True)
    seal_folder(other, files)
    return other


def changed_document(folder: Path, path: str, value: object) -> Path:
    document = json.loads((folder / "model.json").read_bytes())
    *parents, last = path.split(".")
    place = document
    for parent in parents:
        place = place[parent]
    place[last] = value
    return resealed(folder, model_json=json.dumps(document).encode())


def refuse(folder: Path, complaint: str) -> None:
    with pytest.raises(ArtifactError, match=complaint) as raised:
        read_artifact(folder, expected_digest=None)
    assert "\n" not in str(raised.value)


def test_a_version_comes_back_whole(tmp_path):
    written = whole_artifact()
    digest = write_artifact(tmp_path / "version", written)
    read = read_artifact(tmp_path / "version", expected_digest=digest)
    assert read.digest == digest
    assert (read.model_config, read.preprocessing, read.summary) == (
        written.model_config,
        written.preprocessing,
        written.summary,
    )
    ours, theirs = score_images(written.model, boxes(5)), score_images(read.model, boxes(5))
    assert np.array_equal(ours.reconstruction, theirs.reconstruction) and np.array_equal(ours.mu, theirs.mu)
    told, again = {**ours.numbers(), **ours.own}, {**theirs.numbers(), **theirs.own}
    assert all(np.array_equal(values, again[name]) for name, values in told.items())
    assert torch.equal(read.prior.cholesky, written.prior.cholesky)
    assert np.array_equal(read.reference.mu, written.reference.mu)
    assert np.array_equal(read.golden.pixels, written.golden.pixels)
    assert not read.model.training


@pytest.mark.parametrize("likelihood", ["gaussian", "logistic"])
def test_a_version_says_its_likelihood_and_keeps_what_it_fitted(tmp_path, likelihood):
    config = TINY.model_copy(update={"likelihood": likelihood})
    model = build_model(config).eval()
    plain = replace(whole_artifact(), model=model, model_config=config, reference=None, golden=None)
    read = read_artifact(tmp_path / "version", expected_digest=write_artifact(tmp_path / "version", plain))
    assert json.loads((tmp_path / "version" / "model.json").read_text())["likelihood"] == likelihood
    x = torch.from_numpy(boxes(4)) / 255
    logits = model.decode_logits(torch.zeros(4, 4))
    assert torch.equal(read.model.nll(logits, x), model.nll(logits, x))


FIRST_RELEASE = (
    b'{"likelihood":"bernoulli","model":{"channels":1,"height":8,"latent_dim":4,"schema_version":1,"variant":"conv_vae",'
    b'"width":8,"widths":[4,8]},"preprocessing":{"channels":1,"height":8,"resize":"refuse","schema_version":1,"width":8},'
    b'"prior":"gaussian_mixture","schema_version":1,"summary":{"dataset_version":"7","epochs":0.5,"schema_version":1,'
    b'"seconds":1.5,"steps":3,"train_config":{"batch_size":16,"beta":1.0,"budget":{"amount":20.0,"unit":"steps"},'
    b'"checkpoint_every_steps":500,"final_learning_rate":0.0003,"free_bits_nats":0.5,"kl_warmup_share":0.1,'
    b'"learning_rate":0.001,"precision":"fp32","schema_version":1,"seed":0}}}\n'
)
"""A model.json as the release before warm starts wrote it."""


def test_a_version_whose_likelihood_is_not_its_model_s_is_refused(folder):
    refuse(changed_document(folder, "likelihood", "gaussian"), "likelihood gaussian, the model's is bernoulli")


def test_a_version_of_the_first_release_is_still_read(folder):
    read = read_artifact(resealed(folder, model_json=FIRST_RELEASE), expected_digest=None)
    assert read.summary == whole_artifact().summary
    assert read.summary.tier is None and read.summary.parent_digest is None and read.summary.held_out_neg_elbo is None
    assert read.summary.train_config.trains == "all"


def test_what_a_warm_start_came_to_travels_with_the_version(tmp_path):
    model = build_model(TINY).eval()
    summary = TrainingSummary(
        steps=30,
        epochs=5.0,
        seconds=1.5,
        train_config=recipe(trains="decoder", kl_warmup_share=0.0),
        dataset_version="8",
        tier="incremental",
        parent_digest="a" * 64,
        encoder_digest=encoder_digest(model),
        stop_reason=StopReason.no_improvement,
        best_step=20,
        held_out_neg_elbo_before=265.42,
        held_out_neg_elbo=243.92,
    )
    digest = write_artifact(tmp_path / "version", replace(whole_artifact(), summary=summary))
    read = read_artifact(tmp_path / "version", expected_digest=digest)
    assert read.summary == summary and read.summary.encoder_digest == encoder_digest(read.model)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("summary.tier", "weekly"),
        ("summary.parent_digest", "abc"),
        ("summary.encoder_digest", 7),
        ("summary.stop_reason", "bored"),
        ("summary.best_step", -1),
    ],
)
def test_a_summary_of_unknown_words_is_refused(folder, path, value):
    refuse(changed_document(folder, path, value), f"model.json: {path}")


def test_prior_reference_and_golden_answers_may_be_absent(tmp_path):
    bare = replace(whole_artifact(), prior=None, reference=None, golden=None)
    digest = write_artifact(tmp_path / "version", bare)
    read = read_artifact(tmp_path / "version", expected_digest=digest)
    assert read.prior is None and read.reference is None and read.golden is None


def test_equal_versions_have_equal_digests_and_other_weights_another(tmp_path):
    one, same, other = (write_artifact(tmp_path / str(n), whole_artifact(seed)) for n, seed in enumerate((1, 1, 2)))
    assert one == same != other


def test_writing_the_same_again_is_harmless_and_another_version_is_refused(folder):
    digest = read_artifact(folder, expected_digest=None).digest
    assert write_artifact(folder, whole_artifact()) == digest
    with pytest.raises(ArtifactError, match="choose a folder that is empty"):
        write_artifact(folder, whole_artifact(seed=1))
    assert read_artifact(folder, expected_digest=digest).digest == digest


def test_another_version_than_the_expected_one_is_refused(folder):
    with pytest.raises(ArtifactError, match=f"expected digest {'a' * 64}, came"):
        read_artifact(folder, expected_digest="a" * 64)


@pytest.mark.parametrize("name", ["model.json", *PARTS, MANIFEST])
def test_one_flipped_bit_anywhere_is_found(folder, name):
    digest = read_artifact(folder, expected_digest=None).digest
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=r"expected (digest|\d+ bytes of sha256)"):
        read_artifact(folder, expected_digest=digest)


@pytest.mark.parametrize("name", ["model.json", *PARTS])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    refuse(folder, f"{name} is missing")


def test_an_extra_file_is_named(folder):
    (folder / "model.pkl").write_bytes(b"")
    refuse(folder, "'model.pkl' is not in the manifest")


def test_an_extra_file_is_refused_even_when_the_manifest_names_it(folder):
    refuse(resealed(folder, model_pkl=b""), "'model.pkl' is no file of a version")


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_a_version_needs_its_document_and_its_weights(folder, name):
    refuse(resealed(folder, **{name.replace(".", "_"): None}), f"{name} is not among its files")


def test_a_prior_that_the_document_promises_must_be_there(folder):
    refuse(
        resealed(folder, prior_safetensors=None),
        "says prior gaussian_mixture, prior.safetensors says otherwise",
    )


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("content", [pickle.dumps(Bomb()), b"", b"\xff" * 64], ids=["pickle", "empty", "noise"])
def test_what_is_no_safetensors_file_is_refused_and_never_unpickled(folder, name, content):
    refuse(resealed(folder, **{name.replace(".", "_"): content}), f"{name}: no safetensors file")


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("model.variant", "vae", "model.json: model: Input tag 'vae' found using"),
        ("schema_version", 2, "model.json: schema_version: Input should be 1, came 2"),
        ("likelihood", "laplace", "model.json: likelihood"),
        (
            "model.latent_dim",
            5,
            r"to_posterior.weight: expected torch.float32 \(10, 32\), came .* \(8, 32\)",
        ),
        ("model.widths", [4, 8, 16], "weights.safetensors: tensor .* is missing|model.json: model"),
        ("model.latent_dim", 10**9, "model.json: model.conv_vae.latent_dim"),
        ("model.widths", [4096, 4096], "encoder.0.weight: expected .* \\(4096, 1, 3, 3\\)"),
        ("preprocessing.height", 12, r"preprocessing: images are \(1, 12, 8\), the model's \(1, 8, 8\)"),
        ("preprocessing.standardise", True, "standardise: Extra inputs are not permitted"),
    ],
)
def test_a_document_that_does_not_fit_is_refused(folder, path, value, complaint):
    refuse(changed_document(folder, path, value), complaint)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            {"to_posterior.bias": torch.full((8,), torch.nan)},
            "to_posterior.bias: 8 values are NaN or infinite",
        ),
        (
            {"to_posterior.bias": torch.zeros(9)},
            r"to_posterior.bias: expected torch.float32 \(8,\), came .* \(9,\)",
        ),
        ({"to_posterior.bias": torch.zeros(8).half()}, "to_posterior.bias: expected torch.float32"),
        ({"backdoor": torch.zeros(1)}, "'backdoor' is unknown to the model"),
        ({"to_posterior.bias": None}, "to_posterior.bias is missing"),
    ],
)
def test_weights_that_do_not_fit_are_refused(folder, change, complaint):
    tensors = {**load((folder / "weights.safetensors").read_bytes()), **change}
    content = save({name: tensor for name, tensor in tensors.items() if tensor is not None})
    refuse(resealed(folder, weights_safetensors=content), complaint)


def test_parts_of_another_model_are_refused(folder):
    other = build_model(ConvVaeConfig(height=8, width=8, widths=(4, 8), latent_dim=6)).eval()
    golden, reference = make_golden(other, boxes(2)), measure_reference(other, boxes(5))
    refuse(resealed(folder, golden_safetensors=save(golden.to_tensors())), "golden: codes have 6 dimensions")
    refuse(resealed(folder, reference_safetensors=save(reference.to_tensors())), "reference: codes have 6")


def test_a_version_with_nan_weights_is_not_even_written(tmp_path):
    artifact = whole_artifact()
    with torch.no_grad():
        artifact.model.to_posterior.bias[0] = torch.nan
    with pytest.raises(ArtifactError, match="to_posterior.bias: 1 values are NaN"):
        write_artifact(tmp_path / "version", artifact)
    assert list(tmp_path.iterdir()) == []


def test_a_baseline_becomes_no_version_whether_it_is_written_or_read(tmp_path, folder):
    config = ConvAeConfig(network=TINY)
    with pytest.raises(ArtifactError, match="expected a conv_vae or a vq_vae, came conv_ae, a baseline") as refused:
        write_artifact(tmp_path / "baseline", replace(whole_artifact(), model=build_model(config), model_config=config))
    assert len(str(refused.value).splitlines()) == 1 and not (tmp_path / "baseline").exists()
    other = changed_document(folder, "model", config.model_dump())
    with pytest.raises(ArtifactError, match="'conv_ae'.*'conv_vae', 'vq_vae'") as refused:
        read_artifact(other, expected_digest=None)
    assert len(str(refused.value).splitlines()) == 1
