"""The model card: the one page on which a person decides. Markdown as the MLflow UI renders it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from data_checks.verdict import Verdict
from tasks.card.rows import benchmark_table
from tasks.card.training import plain, tell_training, tell_weak_prior
from tasks.values import ChangeShown, NewKindFound, RetrainPlan, Trained

if TYPE_CHECKING:
    from vae_core.evaluation.benchmark_result import BenchmarkResult

CAPTIONS = {
    "new_kind.png": "Held-out images of the new kind (upper row), by the champion (middle) and by this version (lower)",
    "reconstructions.png": "Benchmark images (upper row) and their reconstructions (lower row)",
    "worst.png": "The images with the largest error, worst first",
    "worst_cluster.png": "The cluster with the largest mean error: images (upper row), reconstructions (lower row)",
    "least_covered_cluster.png": "The cluster that samples cover least: images",
    "samples.png": "Samples from the fitted prior",
    "traversals.png": "One code moved along its eight strongest dimensions, −3 to +3",
    "codes.png": "How often each code is used",
    "curves.png": "Training",
    "errors.png": "Reconstruction error over the benchmark",
}


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """The champion on the same sets, and what else is said of a candidate that has one.

    `old`, `new`: the champion's results; `candidate_new`: the candidate's on `benchmark_new`. `encoders`: digests of
    the champion's and the candidate's encoder, where they must be equal.
    """

    version: str
    old: BenchmarkResult
    new: BenchmarkResult | None
    candidate_new: BenchmarkResult | None
    changes: tuple[ChangeShown, ...]
    reference: str
    encoders: tuple[str, str] | None


def write_model_card(
    plan: RetrainPlan,
    trained: Trained,
    result: BenchmarkResult,
    verdict: Verdict,
    run_id: str,
    pictures: Sequence[str],
    beside: Beside | None = None,
    code_nats: float | None = None,
    sight: str = "",
    labels: Sequence[str] = (),
) -> str:
    """Verdict, one plain sentence, the benchmarks as tables, pictures by URL (a data URI would be stripped).

    `code_nats`: what a prior over codes needs for one code of the reference's images. `sight`: which drift it shows.
    `labels`: what is told of the images' labels, in lines.
    """
    lines = [
        f"## Benchmark {'passed' if verdict.passed else 'failed'}",
        "",
        *([_comparison(beside)] if beside is not None else []),
        _plain_sentence(result, verdict),
        *tell_weak_prior(trained),
        "",
        f"_{plain(verdict.reason)}_",
        "",
        "To approve, set the tag `approval` to `approved`; to refuse, to `rejected`. With this version's number "
        "`latentloop approve` and `latentloop reject` do the same.",
        "",
        *(_against_champion(result, beside) if beside else ()),
        *_origin(plan, trained, beside),
        *([f"- Of its traffic: {plain(sight)}.", ""] if sight else []),
        *benchmark_table(plan.benchmark.prefix.split("/")[-1], result, code_nats),
        *(_new_table(plan, beside.candidate_new) if beside and beside.candidate_new else ()),
        *labels,
        f"Tier {plan.tier} ({plain(plan.reason)}); {_images(plan, trained)} of catalogue version "
        f"{plan.catalogue_version}; "
        f"{trained.steps:,} steps, {trained.epochs:.1f} epochs (passes over the images), {trained.seconds:.0f} s"
        + (f", resumed from step {trained.resumed_from_step:,}" if trained.resumed_from_step is not None else "")
        + (f", weights of step {trained.best_step:,}" if trained.best_step is not None else "")
        + (f", stopped: {trained.stop_reason.replace('_', ' ')}" if trained.stop_reason else "")
        + ".",
    ]
    for name, caption in CAPTIONS.items():
        if name in pictures:
            lines += ["", f"**{caption}**", "", f"![{caption}](/get-artifact?path={name}&run_uuid={run_id})"]
    return "\n".join(lines)


def _images(plan: RetrainPlan, trained: Trained) -> str:
    count = plan.n_training if trained.n_images is None else trained.n_images
    left_out = f" ({trained.excluded:,} left out, another run holds them out)" if trained.excluded else ""
    if plan.below_policy:
        left_out += f" ({plan.below_policy:,} left out, input_policy would refuse them today)"
    return f"{count:,} images{left_out}"


def _plain_sentence(result: BenchmarkResult, verdict: Verdict) -> str:
    explained = f"It explains {result.explained_variance:.0%} of the pixel variance of images that it never saw"
    return f"{explained} and {result.family.describe_use(result)}. " + (
        "The gate found nothing against it."
        if verdict.passed
        else "The gate is against it; approving needs an override. `latentloop override` records one, with your reason."
    )


def _comparison(beside: Beside) -> str:
    """In words: better on the new traffic, no worse on the old images."""
    said = []
    for benchmark, where in (("new", "on the newest traffic"), ("old", "on the old images")):
        for change in beside.changes:
            if (change.metric, change.benchmark) == ("recon_error", benchmark):
                word = "better" if change.high < 0 else "worse" if change.low > 0 else "no different"
                said.append(f"{word} {where} ({change.value:+.1%} error)")
    return f"Against version {beside.version}: {', '.join(said) or 'not compared'}."


def _against_champion(result: BenchmarkResult, beside: Beside) -> list[str]:
    """Before and after on both sets, with the paired change."""
    lines = [
        f"| against version {beside.version} | before | after | change | 95 % interval |",
        "|---|---|---|---|---|",
    ]
    sets: tuple[tuple[Literal["old", "new"], BenchmarkResult | None, BenchmarkResult | None], ...] = (
        ("old", beside.old, result),
        ("new", beside.new, beside.candidate_new),
    )
    for name, before, after in sets:
        if before is not None and after is not None:
            changes = {each.metric: each for each in beside.changes if each.benchmark == name}
            lines += [
                f"| {title} on benchmark_{name}, n = {before.n_images:,} | {_value(before, metric)} | "
                f"{_value(after, metric)} | {_change(changes.get(metric), _why_none(before, after, metric))} |"
                for metric, title in _METRICS.items()
                if metric in changes or not (metric.startswith("kid") or _is_small(before, after, metric))
            ]
    if any("n too small" in line for line in lines):
        lines += ["", "Where n is too small for a distance, the gate judges recon_error alone."]
    if any(change.metric.startswith("kid") for change in beside.changes):
        lines += [
            "",
            "Of so few images a Fréchet distance is mostly bias: the gate judges KID, with its 99 % interval.",
        ]
    return [*lines, ""]


def _is_small(before: BenchmarkResult, after: BenchmarkResult, metric: str) -> bool:
    return metric.startswith("fd") and (before.fd_reconstructions.n_too_small or after.fd_reconstructions.n_too_small)


def _why_none(before: BenchmarkResult, after: BenchmarkResult, metric: str) -> str:
    """Why a measurement has no change: samples that a version cannot draw, or too few images."""
    unsampled = metric == "fd_efflite0" and (before.fd_samples is None or after.fd_samples is None)
    return "no samples to compare" if unsampled else "n too small"


def _change(change: ChangeShown | None, why_none: str) -> str:
    if change is None:
        return f"{why_none} | "
    return f"{change.value:+.1%} | {change.low:+.1%} to {change.high:+.1%}"


_METRICS = {
    "recon_error": "recon_error",
    "fd_efflite0": "fd_efflite0 of samples",
    "fd_efflite0_reconstructions": "fd_efflite0 of reconstructions",
    "kid_efflite0": "kid_efflite0 of samples",
    "kid_efflite0_reconstructions": "kid_efflite0 of reconstructions",
}


def _value(result: BenchmarkResult, metric: str) -> str:
    if metric == "recon_error":
        return f"{result.recon_error:.5f}"
    if metric.startswith("kid"):
        kid = result.kid_samples if metric == "kid_efflite0" else None
        return "" if kid is None else f"{kid.value:.4f}"
    score = result.fd_samples if metric == "fd_efflite0" else result.fd_reconstructions
    return "no samples" if score is None else f"{score.value:.2f}"


def _origin(plan: RetrainPlan, trained: Trained, beside: Beside | None) -> list[str]:
    """Where this version comes from: parent, report, new kind, mix, encoder, reference; one line each."""
    lines = _held_out(plan)
    if plan.champion is not None:
        lines.append(
            f"Parent: version {plan.champion.version}"
            + (", whose weights it began with." if plan.tier != "full" else "; trained from scratch.")
        )
    if plan.snapshot:
        lines.append(
            f"Asked for by drift: Evidently snapshot `{plan.snapshot}`, "
            f"its report in the object store at `snapshots/{plan.snapshot}/report.html`."
        )
    if plan.found is not None:
        lines.append(_found(plan.found))
    if plan.benchmark_new is not None:
        lines.append(
            f"benchmark_new: {plan.benchmark_new.n:,} images held out "
            + ("by source" if plan.benchmark_new.sources else "by time")
            + f", {plan.benchmark_new.n_new_kind:,} of them of the new kind; none was trained on."
        )
    if (mixing := trained.mixing) is not None:
        lines.append(
            f"Of what was drawn, {mixing.new_share:.1%} showed one of {mixing.new_images:,} distinct images of the new "
            f"kind ({mixing.natural_share:.1%} by nature, each {mixing.oversampling:.1f} times in a pass over the "
            "images); the rest replayed known ones."
        )
    if beside is not None and beside.encoders is not None:
        parent, own = beside.encoders
        equal = "equal to" if parent == own else "DIFFERENT from"
        lines.append(f"Encoder digest `{own[:16]}`, {equal} the parent's `{parent[:16]}`.")
    if beside is not None and beside.reference:
        lines.append(f"Reference for its traffic: {beside.reference}.")
    lines += tell_training(trained)
    return [*(f"- {line}" for line in lines), *([""] if lines else [])]


def _held_out(plan: RetrainPlan) -> list[str]:
    """How benchmarks were cut, and which copies of held-out images are left out of training."""
    lines = [f"benchmark_old: {plain(plan.benchmark.cut)}; held out for ever."] if plan.benchmark.cut else []
    if plan.benchmark_new is not None and plan.benchmark_new.cut:
        lines.append(f"benchmark_new: {plain(plan.benchmark_new.cut)}.")
    if plan.twins is not None and plan.twins.n:
        named = "; ".join(plan.twins.named)
        lines.append(f"{plan.twins.n:,} copies of held-out images are not trained on, as {plain(named)}.")
    return lines


def _found(found: NewKindFound) -> str:
    if found.is_whole_window:
        return (
            f"New kind: no cluster could be named, so the newest {found.n:,} images of the traffic as a whole take its "
            f"place; at least {found.purity:.0%} of them moved, error {found.error_ratio:.2f} times the reference's."
        )
    return (
        f"New kind, found without labels: {found.n:,} images, {found.share:.1%} of the window's traffic "
        f"in {found.clusters} clusters, purity {found.purity:.0%}, error {found.error_ratio:.2f} times the reference's."
    )


def _new_table(plan: RetrainPlan, result: BenchmarkResult) -> list[str]:
    assert plan.benchmark_new is not None
    return benchmark_table(plan.benchmark_new.prefix.split("/")[-1], result)
