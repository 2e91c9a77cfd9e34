"""The pictures of a model card, as PNG: what a version makes of images, its samples, its training, its code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from deploy.wiring import World
from tasks.card.drawing import draw_code_shares, draw_curves, draw_histogram, draw_picture
from tasks.dataset.images import new_kind_images
from tasks.run.curve import curve_key
from tasks.run.progress import tell_step
from tasks.values import RetrainPlan

if TYPE_CHECKING:
    import numpy as np

    from vae_core.artifact import Artifact
    from vae_core.evaluation.benchmark_result import BenchmarkResult
    from vae_core.evaluation.benchmark_scores import GroupScore

SHOWN_IMAGES = 12
SAMPLE_ROWS = 4


def draw_card(
    world: World,
    artifact: Artifact,
    pixels: np.ndarray,
    result: BenchmarkResult,
    plan: RetrainPlan,
    clusters: np.ndarray | None,
) -> dict[str, bytes]:
    """Every picture by its file name; `pixels` (N, C, H, W) and their clusters (N,) are those of `benchmark_old`."""
    from vae_core.evaluation.images.pictures import reconstruction_grid, sample_grid, worst_reconstructions

    assert artifact.reference is not None
    model, seed = artifact.model, world.settings.evaluation.seed
    curve = json.loads(world.objects.get(curve_key(plan.key)).data)
    limit = artifact.reference.threshold("recon_error", 0.99)

    def drawing(what: str) -> None:
        tell_step("drawing", f"pictures of the model card: {what}")

    drawing("reconstructions")
    pictures = {
        "reconstructions.png": draw_picture(reconstruction_grid(model, pixels[:SHOWN_IMAGES])),
        "curves.png": draw_curves(curve, f"training, {curve['step'][-1]:,} steps"),
        "errors.png": draw_histogram(
            artifact.reference.recon_error, limit, "recon_error per image", "mean squared error"
        ),
    }
    drawing(f"the worst of {len(pixels):,} reconstructions")
    pictures["worst.png"] = draw_picture(worst_reconstructions(model, pixels, SHOWN_IMAGES).grid)
    drawing(f"{SAMPLE_ROWS * SHOWN_IMAGES} samples")
    samples = sample_grid(model, artifact.prior, rows=SAMPLE_ROWS, columns=SHOWN_IMAGES, seed=seed)
    pictures["samples.png"] = draw_picture(samples)
    drawing("what the codes do")
    pictures |= _draw_clusters(artifact, pixels, result, clusters)
    pictures |= _draw_code(artifact, result)
    pictures |= _draw_new_kind(world, artifact, plan)
    return pictures


def _draw_clusters(
    artifact: Artifact, pixels: np.ndarray, result: BenchmarkResult, clusters: np.ndarray | None
) -> dict[str, bytes]:
    """What the worst cluster and the one that samples cover least hold: their numbers tell a person nothing."""
    import numpy as np

    from vae_core.evaluation.effort import spread_rows
    from vae_core.evaluation.images.pictures import reconstruction_grid, tile_images

    def examples(group: GroupScore) -> np.ndarray:
        assert clusters is not None, "a result with groups was measured with clusters"
        rows = np.flatnonzero(clusters == int(group.group))
        shown: np.ndarray = pixels[rows[spread_rows(len(rows), SHOWN_IMAGES)]]
        return shown

    pictures = {}
    if (worst := result.worst_group) is not None:
        pictures["worst_cluster.png"] = draw_picture(reconstruction_grid(artifact.model, examples(worst)))
    if (least := result.least_covered_group) is not None:
        pictures["least_covered_cluster.png"] = draw_picture(tile_images(examples(least), SHOWN_IMAGES))
    return pictures


def _draw_traversals(artifact: Artifact, result: BenchmarkResult) -> dict[str, bytes]:
    """What the dimensions of a code do."""
    import numpy as np

    from vae_core.evaluation.images.pictures import traversal_grid
    from vae_core.families.registry import family_of

    model, reference = family_of(artifact.model).with_posterior(artifact.model), artifact.reference
    assert reference is not None and model is not None, "what has a KL has a posterior"
    strongest = np.argsort(result.figure("kl_per_dim"))[::-1][:8].tolist()
    moved = traversal_grid(model, reference.mu[0].astype(np.float32), strongest, steps=SHOWN_IMAGES)
    return {"traversals.png": draw_picture(moved)}


def _draw_code_shares(artifact: Artifact, result: BenchmarkResult) -> dict[str, bytes]:
    """How often each code is chosen."""
    assert artifact.reference is not None
    return {"codes.png": draw_code_shares(artifact.reference.column("codes"), result.figure("codes"))}


CODE_PICTURES: Mapping[str, Callable[[Artifact, BenchmarkResult], dict[str, bytes]]] = {
    "kl": _draw_traversals,
    "codes_used": _draw_code_shares,
}
"""What shows the figure of a family's code."""


def _draw_code(artifact: Artifact, result: BenchmarkResult) -> dict[str, bytes]:
    """What the dimensions of a code do, or how often each code is chosen."""
    drawn = [CODE_PICTURES[figure](artifact, result) for figure in result.family.figures if figure in CODE_PICTURES]
    return {name: picture for each in drawn for name, picture in each.items()}


def _draw_new_kind(world: World, artifact: Artifact, plan: RetrainPlan) -> dict[str, bytes]:
    """Held-out images of the new kind, by the champion and by the candidate; nothing where none was found."""
    import numpy as np

    from vae_core.evaluation.images.decoding import quantize
    from vae_core.evaluation.images.pictures import tile_images
    from vae_core.inference import score_images

    if plan.benchmark_new is None or plan.champion is None:
        return {}
    images = new_kind_images(world.objects, plan.benchmark_new, SHOWN_IMAGES)
    if not len(images):
        return {}
    champion = world.artifact(plan.champion.artifact, plan.champion.digest)
    before, after = (quantize(score_images(each.model, images).reconstruction) for each in (champion, artifact))
    return {"new_kind.png": draw_picture(tile_images(np.concatenate([images, before, after]), len(images)))}
