"""Plots of results for papers: a metric against the bits it costs, with intervals, as SVG, PNG or PDF.

The colours are those of Okabe and Ito (2008), which people with any colour vision can tell apart; each system has a
mark of its own besides, for print in grey. Ours are filled, peers are open.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from hybrid_tok.bench.bootstrap import Estimate
from hybrid_tok.bench.measured import Measured
from hybrid_tok.bench.metrics.catalogue import METRICS
from hybrid_tok.bench.systems import RECORDING, System
from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.errors import BackendError, OptionsError

SUFFIXES = (".svg", ".png", ".pdf")
RATES = ("bits_per_second", "tokens_per_second")
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKS = "osD^vPX*<>hp"


def plot(measured: Measured, metric: str, path: Path, rate: str = "bits_per_second") -> None:
    """Draw a metric of all systems against their rate; what the recording itself has is a line.

    Args:
        path: ends in one of `SUFFIXES`.
        rate: one of `RATES`.

    Raises:
        OptionsError: the results do not have the metric or the rate, or the file's name has no such suffix.
        BackendError: matplotlib is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise OptionsError(f"{path}: a plot's name ends in {', '.join(SUFFIXES)}")
    for name in (metric, rate):
        if name not in measured.metrics:
            raise OptionsError(f"no metric {name!r} in these results; there are: {', '.join(measured.metrics)}")
    try:
        import matplotlib
    except ImportError:
        raise BackendError("plots need matplotlib: pip install 'hybrid-tok[bench]'") from None
    from matplotlib.figure import Figure

    figures = {name: measured.figures(name) for name in measured.systems}
    placed = [name for name in measured.systems if rate in figures[name] and metric in figures[name]]
    if not placed:
        raise OptionsError(f"no system of these results has both {metric} and {rate}")
    # Text stays text, and no date is in the file: the same results are the same bytes.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "hybrid-tok", "font.size": 9}):
        figure = Figure(figsize=(5.6, 3.6), layout="constrained")
        axes = figure.add_subplot()
        if metric in figures.get(RECORDING, {}):
            axes.axhline(figures[RECORDING][metric].value, color="0.6", linestyle="--", linewidth=1)
            axes.annotate(
                "the recording itself", (1, figures[RECORDING][metric].value), xycoords=("axes fraction", "data"),
                xytext=(-4, 3), textcoords="offset points", ha="right", color="0.4", fontsize=8,
            )  # fmt: skip
        for number, name in enumerate(placed):
            system, y = System.parse(name), figures[name][metric]
            colour = _COLOURS[number % len(_COLOURS)]
            axes.errorbar(
                [figures[name][rate].value], [y.value], yerr=_error(y), fmt=_MARKS[number % len(_MARKS)], color=colour,
                markerfacecolor=colour if system.ours else "white", markersize=6, capsize=2, label=system.title,
            )  # fmt: skip
        about = METRICS[metric]
        arrow = {"higher": " (higher is better)", "lower": " (lower is better)"}.get(about.better, "")
        axes.set(xscale="log", xlabel=METRICS[rate].title, ylabel=f"{about.title}{arrow}")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        figure.legend(loc="outside right upper", frameon=False, fontsize=8)
        buffer = io.BytesIO()
        suffix = path.suffix.lower()[1:]
        undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(suffix)
        figure.savefig(buffer, format=suffix, dpi=200, metadata=undated)
    with atomic_write(path) as file:
        file.write(buffer.getvalue())


def _error(one: Estimate) -> Sequence[Sequence[float]]:
    return [[max(0.0, one.value - one.low)], [max(0.0, one.high - one.value)]]
