"""Draws docs/pictures/streaming.svg: what of a recording is final when, with live windows and with those of files.

python docs/pictures/make_streaming.py RECORDING docs/pictures/streaming.svg
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("svg")
import matplotlib.pyplot as plt

from hybrid_tok import HybridTokenizer
from hybrid_tok.audio import read_mono

RATE, CHUNK, SECONDS = 16_000, 640, 16.0
COLOURS = {"text": "#2f6db5", "units": "#c77d2a", "event": "#b5487f", "tag": "#b5487f", "pause": "#9a9a9a"}


def main() -> None:
    recording, out = Path(sys.argv[1]), Path(sys.argv[2])
    samples = read_mono(recording, RATE)[0].samples[: int((SECONDS + 24) * RATE)]
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "hybrid-tok", "font.size": 9})
    figure, axes = plt.subplots(2, 1, figsize=(9, 5.2), sharex=True)
    for axis, rule, title in zip(axes, ("live", "segment"), ("windows live", "windows segment"), strict=True):
        draw(axis, samples, rule, title)
    axes[-1].set_xlabel("seconds of the recording")
    axes[-1].set_xlim(0, SECONDS + 0.5)
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None, "Creator": None})


def draw(axis: plt.Axes, samples: np.ndarray, rule: str, title: str) -> None:
    """What is heard along the time it is said; a line from its end to the time at which it is final."""
    with HybridTokenizer.from_preset("default", diarize=False, windows=rule) as tok:
        decisions = [one for one in tok.analyze((samples, RATE)).decisions if one.span.start / 50 < SECONDS]
        encoder = tok.stream_encoder(RATE)
        final: list[tuple[float, float]] = []
        for start in range(0, len(samples), CHUNK):
            encoder.push(samples[start : start + CHUNK])
            final.append((encoder.final / 50, min(start + CHUNK, len(samples)) / RATE))
    for one in decisions:
        start, end = one.span.start / 50, one.span.end / 50
        axis.barh(0, end - start, left=start, height=0.3, color=COLOURS[one.kind], linewidth=0)
    for passage in sorted({one.passage for one in decisions}):
        end = max(one.span.end for one in decisions if one.passage == passage) / 50
        when = next((heard for frame, heard in final if frame >= end - 1e-9), len(samples) / RATE)
        words = " ".join(word.text for one in decisions if one.passage == passage for word in one.words)
        shown = min(when, SECONDS + 0.5)
        axis.plot([end, end, shown], [0.15, 0.5, 0.5], color="#444444", linewidth=0.8)
        axis.plot([shown], [0.5], marker=">" if when > shown else "o", color="#444444", markersize=3)
        if words and when <= SECONDS:
            axis.text(shown, 0.56, f"{words[:18]}{'..' * (len(words) > 18)}", rotation=35, fontsize=7, color="#222222")
        elif when > shown and passage == 0:
            axis.text(SECONDS / 2, 0.56, f"the first words are final at {when:.0f} s", fontsize=8, color="#222222")
    axis.set_ylim(-0.3, 1.5)
    axis.set_yticks([0, 0.5], ["is said", "is final"])
    axis.set_title(title, loc="left", fontsize=9)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    if rule == "live":
        handles = [plt.Rectangle((0, 0), 1, 1, color=COLOURS[kind]) for kind in ("text", "units", "event", "pause")]
        axis.legend(handles, ("text", "units", "event", "pause"), ncols=4, fontsize=7, frameon=False, loc="upper right")


if __name__ == "__main__":
    main()
