"""The GPU benchmark skips in one line without a GPU; what it is made of does on the CPU what it says."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import gpu, gpu_likelihood
from benchmarks.bare_loop import bare_loss
from benchmarks.form import Result
from benchmarks.gpu_capture import FEWEST_WARMUP_STEPS, BareLoop
from benchmarks.gpu_speed import Timed, make_contestants, measure_rounds, speed_results
from benchmarks.likelihood import SEED
from benchmarks.peers.load import PeerMissing, load_peer
from benchmarks.peers.pythae import train_pythae_vae
from benchmarks.tables import read_report, render_report
from tests.benchmarks.idx_files import write_images
from tests.vae_core.synthetic_images import TINY, TINY_VQ, boxes
from vae_core.evaluation.likelihood.binarize import binarize
from vae_core.evaluation.likelihood.model_nll import bernoulli_nll_of
from vae_core.families.build import build_model
from vae_core.families.configs import ModelConfig
from vae_core.families.conv_vae.model import ConvVae
from vae_core.images.preprocessing import to_unit
from vae_core.training.result import TrainResult


@pytest.fixture
def ticks() -> Callable[[], float]:
    """A clock that is a second on whenever it is read, so that a training in seconds is the same on every machine."""
    count = itertools.count()
    return lambda: float(next(count))


@pytest.fixture
def _pythae() -> None:
    """The peer itself, which CI installs: a stand-in would not notice that its classes or their shapes changed."""
    try:
        load_peer("pythae.models")
    except PeerMissing as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def _one_thread() -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_without_a_gpu_one_line_says_so_and_the_report_has_no_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in ([], ["--quick"], ["--data", str(tmp_path), "--json", str(tmp_path / "gpu.json")]):
        assert gpu.main(arguments, find=lambda: None) == 0
        captured = capsys.readouterr()
        assert "no CUDA device here" in captured.err and len(captured.err.splitlines()) == 1 and captured.out == ""
    report = read_report(tmp_path / "gpu.json")
    assert report.benchmark == "gpu" and report.results == () and report.exit_code == 0
    assert report.machine.accelerator is None
    assert "Without a CUDA device" in render_report(report)


def test_with_a_gpu_what_else_is_missing_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (([], "--data FOLDER is missing"), (["--data", str(tmp_path)], "no train-images")):
        assert gpu.main(arguments, find=lambda: "cpu") == 2
        captured = capsys.readouterr()
        assert message in captured.err and len(captured.err.splitlines()) == 1 and captured.out == ""

    def missing(*_: object) -> list[Result]:
        raise PeerMissing("the peer pythae.models cannot be imported: install it")

    write_images(tmp_path, boxes(10), boxes(10))
    assert gpu.main(["--data", str(tmp_path)], find=lambda: "cpu", measure=missing) == 2
    assert capsys.readouterr().err == "gpu: the peer pythae.models cannot be imported: install it\n"


def test_images_are_enlarged_as_the_product_does_it() -> None:
    images = boxes(3, size=28)
    assert gpu.enlarge(images, 28) is images
    large = gpu.enlarge(images, 64)
    assert large.shape == (3, 1, 64, 64) and large.dtype == np.uint8
    expected = Image.fromarray(images[1, 0]).resize((64, 64), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(large[1, 0], np.asarray(expected))
    assert (gpu.enlarge(np.full((1, 1, 28, 28), 77, np.uint8), 64) == 77).all()


def test_a_step_of_the_bare_loop_is_the_textbooks_on_the_rows_that_it_is_given() -> None:
    images, rows = boxes(60), torch.tensor([3, 41, 7, 59])
    loop = BareLoop(images, TINY, "fp32", batch=4, device="cpu")
    loop.take(rows)
    x = to_unit(images[rows.numpy()])
    expected = bare_loss(build_model(TINY), x, torch.Generator().manual_seed(0), "fp32")
    torch.testing.assert_close(loop.loss, expected.detach())


@pytest.mark.parametrize("config", [TINY, TINY_VQ], ids=["vae", "vq"])
def test_the_bare_loop_learns(config: ModelConfig) -> None:
    losses = _losses(BareLoop(boxes(64), config, "fp32", batch=16, device="cpu"), steps=120)
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10])


@pytest.mark.usefixtures("_pythae")
def test_every_contestant_is_measured_once_a_round() -> None:
    images = np.random.default_rng(0).integers(0, 256, ((25 + 25) * 128, 1, 8, 8), dtype=np.uint8)
    timed = measure_rounds(make_contestants(images, images[:20], 25, "cpu", warmup_steps=25), 1, "cpu")
    assert list(timed) == [f"{who}{kind}_8" for kind in ("vae", "vq") for who in ("", "eager_", "captured_", "pythae_")]
    assert all(len(runs) == 1 and runs[0].seconds > 0 and runs[0].peak_mib is None for runs in timed.values())


def test_ratios_of_speed_are_taken_round_by_round_and_judged_by_their_medians() -> None:
    seconds = {
        "vae_28": [1.0, 1.0, 2.0],
        "eager_vae_28": [0.9, 1.0, 1.8],
        "captured_vae_28": [0.5, 0.9, 1.9],
        "pythae_vae_28": [3.0, 4.0, 4.0],
    }
    timed = {name: [Timed(each, 100.0 + each) for each in values] for name, values in seconds.items()}
    found = {result.name: result for result in speed_results(timed, steps=400)}
    captured = found["vae_28_vs_captured"]
    assert (captured.value, captured.spread, captured.limit, captured.passed) == (0.9, (0.5, 0.95), 0.9, True)
    assert found["vae_28_vs_pythae"].value == 3 and found["vae_28_vs_pythae"].limit is None
    assert found["vae_28_vs_eager"].value == 0.9 and found["vae_28_vs_eager"].limit is None
    assert found["captured_vae_28_speed"].value == pytest.approx(400 * 128 / 0.9)
    assert found["pythae_vae_28_peak_memory"].value == 104.0


def test_memory_that_cannot_be_measured_has_no_value() -> None:
    timed = {f"{who}vq_64": [Timed(1.0, None)] for who in ("", "eager_", "captured_", "pythae_")}
    found = {result.name: result for result in speed_results(timed, steps=50)}
    assert found["vq_64_peak_memory"].value is None and found["vq_64_vs_captured"].value == 1


def test_only_the_standard_run_has_the_bar_of_the_nll() -> None:
    full = gpu.STANDARD.full
    assert (full.nll_limit, full.k, full.nll_images) == (229.0, 5_000, 10_000)
    assert gpu.QUICK.full.nll_limit is None and (50 + gpu.STANDARD.steps) * 128 <= 60_000


@pytest.mark.usefixtures("_pythae")
def test_after_more_seconds_both_trainings_have_made_more_steps_and_come_further(ticks: Callable[[], float]) -> None:
    images, test_images = boxes(256), boxes(60, seed=1)

    def after(seconds: float) -> dict[str, float]:
        results = gpu_likelihood.equal_time_results(images, test_images, TINY, seconds, "cpu", batch=16, clock=ticks)
        assert all(result.limit is None for result in results)
        return {result.name: result.value or 0.0 for result in results}

    soon, late = after(50), after(250)
    assert soon["pythae_steps_equal_time"] == 50 and late["pythae_steps_equal_time"] == 250
    assert soon["steps_equal_time"] < late["steps_equal_time"]
    for name in ("neg_elbo_equal_time", "pythae_neg_elbo_equal_time"):
        assert late[name] < soon[name]


@pytest.mark.usefixtures("_pythae")
def test_the_peers_logits_are_those_of_its_own_picture(ticks: Callable[[], float]) -> None:
    peer, steps = train_pythae_vae(boxes(64), TINY, 16, seconds=6, clock=ticks, device="cpu")
    assert steps == 6
    x = to_unit(boxes(5, seed=2))
    posterior = peer.encode(x)
    theirs = peer.model.encoder(x)
    torch.testing.assert_close(posterior.mu, theirs.embedding)
    torch.testing.assert_close(posterior.logvar, theirs.log_covariance)
    picture = peer.model.decoder(posterior.mu).reconstruction
    torch.testing.assert_close(torch.sigmoid(peer.decode_logits(posterior.mu)), picture)


def test_a_whole_training_hands_over_its_best_weights_whose_nll_does_not_depend_on_the_blocks() -> None:
    kept: list[TrainResult] = []

    def train_kept(images: np.ndarray, plan: gpu_likelihood.FullPlan, device: str) -> TrainResult:
        kept.append(gpu_likelihood.train_fully(images, plan, device))
        return kept[-1]

    images, test_images = boxes(612, size=28), boxes(16, size=28, seed=1)
    plan = gpu_likelihood.FullPlan(20, drawings=2, held_out=100, k=100, nll_images=12, look_every=10)
    results = gpu_likelihood.full_results(images, test_images, plan, "cpu", train_kept)
    found = {result.name: result for result in results}
    result = kept[0]
    looks = {point.step: point.loss for point in result.held_out_curve}
    assert list(looks) == [0, 10, 20, 30, 40] and result.best_step == min(looks, key=looks.__getitem__)
    assert (found["steps_full"].value, found["best_step_full"].value) == (40, result.best_step)

    shares = (images / 255).mean(0).clip(0.01, 0.99)
    binary = binarize(test_images[:12], np.random.default_rng([SEED, 1]))
    of_mean = -(binary / 255 * np.log(shares) + (1 - binary / 255) * np.log1p(-shares)).sum((1, 2, 3)).mean()
    nll, neg_elbo, error = (found[n].value for n in ("nll_full", "neg_elbo_full", "nll_full_draws_standard_error"))
    assert nll is not None and neg_elbo is not None and error is not None
    assert nll < neg_elbo < of_mean and found["nll_full"].n == 12
    assert isinstance(result.model, ConvVae)
    generator = torch.Generator().manual_seed(7)
    whole = bernoulli_nll_of(result.model, binary, k=100, generator=generator, rows_at_once=gpu_likelihood.GPU_ROWS)
    # other draws: they differ by less than five of their standard errors
    assert whole.nll.mean == pytest.approx(nll, abs=5 * np.hypot(whole.draws_standard_error, error))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("config", [TINY, TINY_VQ], ids=["vae", "vq"])
def test_a_captured_loop_learns_what_the_eager_one_learns(config: ModelConfig) -> None:
    loops = [BareLoop(boxes(64), config, "fp32", batch=16, device="cuda") for _ in range(2)]
    eager, captured = _losses(loops[0], steps=40), _losses(loops[1], steps=40, capture=True)
    # the same rows, noise and weights, up to the order of sums in the kernels' atomic additions
    np.testing.assert_allclose(captured[:10], eager[FEWEST_WARMUP_STEPS:][:10], rtol=1e-2)
    assert np.mean(captured[-10:]) == pytest.approx(np.mean(eager[-10:]), rel=0.1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_every_contestant_is_measured_with_its_memory() -> None:
    images = np.random.default_rng(0).integers(0, 256, ((50 + 25) * 128, 1, 8, 8), dtype=np.uint8)
    timed = measure_rounds(make_contestants(images, images[:20], 25, "cuda"), 1, "cuda")
    assert all(runs[0].seconds > 0 and (runs[0].peak_mib or 0) > 0 for runs in timed.values())


def _losses(loop: BareLoop, steps: int, *, capture: bool = False) -> list[float]:
    """The loss of every step on the same rows in turn, of the replayed ones alone where the loop is captured."""
    device = loop.loss.device
    batches = [torch.from_numpy(np.random.default_rng(step).permutation(64)[:16]).to(device) for step in range(steps)]
    if capture:
        loop.capture(batches[:FEWEST_WARMUP_STEPS])
        batches = batches[FEWEST_WARMUP_STEPS:]
    losses = []
    for rows in batches:
        loop.take(rows)
        losses.append(float(loop.loss))
    return losses
