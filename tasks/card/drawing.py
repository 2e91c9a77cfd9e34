"""Pictures as PNG bytes: matplotlib draws what `vae_core` returned as arrays."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, PALE, ACCENT = "#1f2933", "#9aa5b1", "#c2410c"


def draw_picture(pixels: np.ndarray, zoom: int = 2) -> bytes:
    """A uint8 picture (H, W) or (H, W, 3) as PNG, each pixel `zoom` times as large, no smoothing."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels))
    image = image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST)
    out = io.BytesIO()
    image.save(out, format="PNG", optimize=True)
    return out.getvalue()


def draw_curves(curve: Mapping[str, Sequence[float]], title: str) -> bytes:
    """The loss over the steps, and beside it how the code is used; `curve` holds columns of equal length.

    Of a VAE −ELBO, KL and its weight; of a VQ-VAE squared error, codes used and their perplexity.
    """
    figure = _figure(6.6, 2.6)
    loss, parts = figure.subplots(1, 2)
    name, unit = next((name, unit) for name, unit in LOSSES.items() if name in curve)
    loss.plot(curve["step"], curve[name], color=ACCENT, linewidth=1.2)
    loss.set(xlabel="step", ylabel=unit, title=title)
    for column, draw in BESIDE.items():
        if column in curve:
            draw(parts, curve)
    return _png(figure)


def _draw_kl(axes: Axes, curve: Mapping[str, Sequence[float]]) -> None:
    axes.plot(curve["step"], curve["kl"], color=INK, linewidth=1.2)
    axes.set(xlabel="step", ylabel="KL (nats per image)", title="KL (dark) and its weight β (pale)")
    beta = axes.twinx()
    beta.plot(curve["step"], curve["beta"], color=PALE, linewidth=1.2)
    beta.set(ylabel="β", ylim=(0, None))


def _draw_codes(axes: Axes, curve: Mapping[str, Sequence[float]]) -> None:
    axes.plot(curve["step"], curve["codes_used"], color=INK, linewidth=1.2)
    axes.plot(curve["step"], curve["perplexity"], color=PALE, linewidth=1.2)
    axes.set(xlabel="step", ylabel="codes", ylim=(0, None), title="codes used (dark) and perplexity (pale)")


LOSSES = {"neg_elbo": "−ELBO (nats per image)", "squared_error": "squared error (per image)"}
BESIDE: Mapping[str, Callable[[Axes, Mapping[str, Sequence[float]]], None]] = {
    "kl": _draw_kl,
    "codes_used": _draw_codes,
}
"""What is drawn beside the loss, by the column that it needs."""


def draw_code_shares(codes: np.ndarray, size: int) -> bytes:
    """How often each of `size` codes was chosen, the most frequent first; codes (N, h, w) of any integer type."""
    shares = np.sort(np.bincount(codes.ravel(), minlength=size))[::-1] / codes.size
    figure = _figure(5.0, 2.6)
    axes = figure.subplots()
    used = int((shares > 0).sum())
    axes.plot(np.arange(1, used + 1), shares[:used], color=INK, linewidth=1.2)
    axes.axhline(1 / size, color=ACCENT, linewidth=1.2)
    axes.set(xlabel="code, by frequency", ylabel="share of tokens", yscale="log", xlim=(0, size))
    axes.set(title=f"{used:,} of {size:,} codes used; line: even use")
    return _png(figure)


def draw_histogram(values: np.ndarray, limit: float, title: str, unit: str) -> bytes:
    """How a measurement spreads over images, with the reference's 99th percentile."""
    figure = _figure(5.0, 2.6)
    axes = figure.subplots()
    axes.hist(values, bins=80, color=PALE)
    axes.axvline(limit, color=ACCENT, linewidth=1.2)
    axes.set(xlabel=unit, ylabel="images", title=f"{title}; line: 99th percentile {limit:.4g}")
    return _png(figure)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Figure) -> bytes:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
        axes.title.set_fontsize(9)
        axes.xaxis.label.set_fontsize(8)
        axes.yaxis.label.set_fontsize(8)
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()
