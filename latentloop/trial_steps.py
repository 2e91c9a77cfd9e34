"""A few training steps of a model on this machine, to learn what one costs in seconds and memory.

Where it is asked for, a few images are measured by it as well, as an evaluation does.

They run in a process of their own (`python -m latentloop.trial_steps FILE`), so that its peak memory is theirs alone,
and a model that is too large for the machine ends that process and no other.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from latentloop.errors import TrialFailed
from vae_core.families.configs import ModelConfig
from vae_core.priors.code_prior_config import CodePriorConfig

if TYPE_CHECKING:
    from vae_core.families.variants import ImageModel

LOAD_S = 120.0
"""A busy machine takes this long at most to load torch and build a model."""
EVALUATED = 256  # images: half a second of features
BUSY = 1.5
"""Times slower than with the machine for itself."""
_WARMING_STEPS = 2  # memory is taken, kernels are chosen, the first codes are found
FEWEST_MEASURED = 2
"""Steps after those: on a crowded machine the seconds would be over before one was like all others."""
_PATIENCE = 4.0
"""Times as long as it asks for, on the wall, may a trial take whose seconds are the processor's."""


class EvaluationRequest(BaseModel):
    """What an evaluation needs beside the model: the feature network, and the prior that samples are drawn from."""

    model_config = ConfigDict(frozen=True)

    features_file: Path
    precision: Literal["auto", "fp32", "bf16"]
    prior: CodePriorConfig


class EvaluationCost(BaseModel):
    """Seconds for one image, on a processor those of this process alone: lower is better.

    feature_s: of its features; score_s: of what the model makes of it; sample_s: of drawing and decoding one.
    """

    model_config = ConfigDict(frozen=True)

    feature_s: float
    score_s: float
    sample_s: float


class TrialRequest(BaseModel):
    """Which model takes steps, on which images (`.npy`, uint8 (N, C, H, W)), and for how many seconds."""

    model_config = ConfigDict(frozen=True)

    model: ModelConfig
    images: Path
    batch_size: int
    threads: int
    device: str
    seconds: float
    evaluation: EvaluationRequest | None = None


class TrialSteps(BaseModel):
    """What a step costs: seconds, and bytes at the peak of the whole process. `steps` were measured.

    `own_s_per_step` is without the time that other processes took from it; on a GPU, which counts none, all of it.
    """

    model_config = ConfigDict(frozen=True)

    steps: int
    batch_size: int
    seconds_per_step: float
    own_s_per_step: float
    peak_bytes: int
    parameters: int
    evaluation: EvaluationCost | None = None

    @property
    def images_per_s(self) -> float:
        """Images that a training takes a second, now."""
        return self.batch_size / self.seconds_per_step

    @property
    def images_per_own_s(self) -> float:
        """Images that a training takes a second where nothing else computes."""
        return self.batch_size / self.own_s_per_step

    @property
    def busy(self) -> bool:
        """Do other processes take much of the machine now?"""
        return self.images_per_own_s > BUSY * self.images_per_s

    def say_rate(self) -> str:
        """The rate, and of what it is; two where the machine is busy."""
        now = f"{self.images_per_s:,.0f} images/s in training steps"
        return f"{now} beside them, {self.images_per_own_s:,.0f} while nothing else runs" if self.busy else now


def try_steps(
    model: ModelConfig,
    images: np.ndarray,
    *,
    batch_size: int,
    threads: int,
    device: str,
    seconds: float,
    evaluation: EvaluationRequest | None = None,
) -> TrialSteps:
    """Train on these images for so many seconds, with batches as the recipe has them. `TrialFailed` in one line.

    `evaluation`: measure some of the images too.
    """
    with tempfile.TemporaryDirectory() as folder:
        pixels, request = Path(folder) / "images.npy", Path(folder) / "request.json"
        np.save(pixels, images)
        asked = TrialRequest(
            model=model,
            images=pixels,
            batch_size=batch_size,
            threads=threads,
            device=device,
            seconds=seconds,
            evaluation=evaluation,
        )
        request.write_text(asked.model_dump_json())
        try:
            done = subprocess.run(
                [sys.executable, "-m", "latentloop.trial_steps", str(request)],
                env={**os.environ, "OMP_NUM_THREADS": str(threads)},
                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=LOAD_S + 20 * seconds,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise TrialFailed(
                f"a batch of {batch_size} images of {_size(model)} takes longer than {error.timeout:.0f} s here"
            ) from error
    if done.returncode != 0:
        last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "it said nothing")
        ended = "it was killed, as when memory runs out" if done.returncode < 0 else last[:300]
        raise TrialFailed(f"a batch of {batch_size} images of {_size(model)} cannot be trained on here: {ended}")
    return TrialSteps.model_validate_json(done.stdout)


def _size(model: ModelConfig) -> str:
    return f"{model.height}x{model.width} in {'colour' if model.channels == 3 else 'grey'}"


def _take_steps(request: TrialRequest) -> TrialSteps:
    """Train in this process, and measure from the first step that is like all others."""
    import torch

    from vae_core.config import Budget, TrainConfig
    from vae_core.training.data.training_data import TrainingData
    from vae_core.training.execution import Execution
    from vae_core.training.loop import train

    torch.set_num_threads(request.threads)
    ended, worked = list[float](), list[float]()
    on_processor = request.device == "cpu"

    def own_s() -> float:
        return time.process_time() / request.threads if on_processor else time.perf_counter()

    def step_ended(_: object) -> None:
        ended.append(time.perf_counter())
        worked.append(own_s())

    def measured_s() -> float:
        """Seconds of this process alone since the first step that counts; none before enough steps are made."""
        if len(ended) <= _WARMING_STEPS + FEWEST_MEASURED:
            return 0.0
        since = _WARMING_STEPS
        return max(own_s() - worked[since], (time.perf_counter() - ended[since]) / _PATIENCE)

    result = train(
        TrainingData(np.load(request.images)),
        request.model,
        TrainConfig(
            budget=Budget(amount=request.seconds, unit="seconds"), batch_size=request.batch_size, kl_warmup_share=0.5
        ),
        Execution(measured_s, device=request.device, on_progress=step_ended, log_every=1),
    )
    steps = len(ended) - 1 - _WARMING_STEPS
    seconds = (ended[-1] - ended[_WARMING_STEPS]) / steps
    own = (worked[-1] - worked[_WARMING_STEPS]) / steps
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # of the training alone
    return TrialSteps(
        steps=steps,
        batch_size=request.batch_size,
        seconds_per_step=seconds,
        own_s_per_step=min(own, seconds),
        peak_bytes=peak_bytes,
        parameters=sum(each.numel() for each in result.model.parameters()),
        evaluation=_measure_some(request, request.evaluation, result.model) if request.evaluation else None,
    )


def _measure_some(request: TrialRequest, asked: EvaluationRequest, model: ImageModel) -> EvaluationCost:
    """Features, scores and samples of a few images, each after a first one that warms up."""
    import torch

    from vae_core.evaluation.features.extractor import EfficientNetLite0
    from vae_core.evaluation.images.decoding import decode_pixels
    from vae_core.evaluation.images.sample_sources import CODES_AT_ONCE
    from vae_core.families.served import require_served
    from vae_core.inference import score_images
    from vae_core.priors.code_prior import CodePrior
    from vae_core.training.objectives.precision import resolve_precision

    served, device = require_served(model), request.device
    precision = resolve_precision(asked.precision, device)
    extractor = EfficientNetLite0.load(asked.features_file, precision=precision, device=device)
    images = np.resize(np.load(request.images), (EVALUATED, *request.model.shape))
    prior, generator = CodePrior(asked.prior).to(device).eval(), torch.Generator().manual_seed(0)

    def draw(count: int) -> None:  # what is drawn costs the same however well the prior was fitted
        with torch.inference_mode():
            decode_pixels(served, prior.sample(count, generator), device)

    def seconds_each(work: Callable[[int], object], count: int) -> float:
        work(1)
        began_s, began_own_s = time.perf_counter(), time.process_time()
        work(count)
        seconds, own = time.perf_counter() - began_s, (time.process_time() - began_own_s) / request.threads
        return (min(own, seconds) if device == "cpu" else seconds) / count

    return EvaluationCost(
        feature_s=seconds_each(lambda count: extractor.extract(images[:count]), EVALUATED),
        score_s=seconds_each(lambda count: score_images(served, images[:count], device=device), EVALUATED),
        sample_s=seconds_each(draw, CODES_AT_ONCE),
    )


if __name__ == "__main__":
    print(_take_steps(TrialRequest.model_validate_json(Path(sys.argv[1]).read_text())).model_dump_json())
