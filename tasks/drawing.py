"""Pictures as PNG bytes: matplotlib draws what `vae_core` returned as arrays."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
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
    """−ELBO, KL and its weight over the steps; `curve` holds columns of equal length."""
    figure = _figure(6.6, 2.6)
    loss, parts = figure.subplots(1, 2)
    loss.plot(curve["step"], curve["neg_elbo"], color=ACCENT, linewidth=1.2)
    loss.set(xlabel="step", ylabel="−ELBO (nats per image)", title=title)
    parts.plot(curve["step"], curve["kl"], color=INK, linewidth=1.2)
    parts.set(xlabel="step", ylabel="KL (nats per image)", title="KL (dark) and its weight β (pale)")
    beta = parts.twinx()
    beta.plot(curve["step"], curve["beta"], color=PALE, linewidth=1.2)
    beta.set(ylabel="β", ylim=(0, None))
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
