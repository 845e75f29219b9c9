"""The gate's curve from pure codec to pure text: what the stream costs, and what is right in its text.

    python benchmarks/roundtrip.py --data ../shared/audio --out benchmarks/results/roundtrip.json

`--data` holds `dev/manifest.jsonl` (clips with transcripts) and `dialogues/*.json`. Every recording is recognized and
its units are made once; only the gate and what follows it runs again for each `rate_weight` and `switch_cost`. Writes
the figures as JSON and the curve at the default `switch_cost` as a PNG beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hybrid_tok import HybridTokenizer
from hybrid_tok.bench.gating import figures, weights, write
from hybrid_tok.bench.listening import Listened, Listener
from hybrid_tok.bench.recordings import limited, read_dialogues
from hybrid_tok.bench.results import measure_parts, read_arguments
from hybrid_tok.core.manifest import read_manifest

WEIGHTS = (0.0, 0.005, 0.01, 0.012, 0.014, 0.016, 0.018, 0.02, 0.022, 0.025, 0.03, 0.05, math.inf)
COSTS = (0.0, 0.1, 0.3, 1.0)
"""Each is swept at the gate's default of the other, which is added to it."""


def main() -> None:
    arguments = read_arguments(__doc__, "roundtrip", ("codec_alone", "sweep"))
    clips = [clip for clip in read_manifest(arguments.data / "dev") if clip.text]
    clips = limited([*clips, *read_dialogues(arguments.data / "dialogues")], arguments.limit)
    listener = Listener()
    about = {
        "command": "python benchmarks/roundtrip.py",
        "limit": arguments.limit,
        "recognizer": listener.recognizer.fingerprint,
        "codec": listener.tokenizer.codec_identity.fingerprint,
        "gate": weights(listener.tokenizer.encoder.gate),
    }
    parts = {
        "codec_alone": lambda: codec_alone(listener.tokenizer),
        "sweep": lambda: sweep(listener, [listener.listen(clip) for clip in clips]),
    }
    results = measure_parts(arguments, parts, about)
    if "sweep" in arguments.only:
        plot(results["sweep"], listener.tokenizer.encoder.gate.switch_cost, arguments.out.with_suffix(".png"))


def codec_alone(tokenizer: HybridTokenizer) -> dict[str, float]:
    """What a second costs as units alone, at the codebooks the tokenizer writes."""
    options = tokenizer.vocabulary.options
    tokens = 50.0 * options.num_codebooks
    return {
        "tokens_per_second": tokens,
        "bits_per_second": tokens * tokenizer.vocabulary.bits_per_token,
        "range_bits_per_second": tokens * math.log2(options.codebook_size),
    }


def sweep(listener: Listener, listened: Sequence[Listened]) -> list[dict[str, Any]]:
    """Figures by source, and of all recordings, along each of the gate's two weights."""
    gate = listener.tokenizer.encoder.gate
    sources = dict.fromkeys(one.clip.source for one in listened)
    rows: list[dict[str, Any]] = []
    along = {(weight, gate.switch_cost) for weight in (*WEIGHTS, gate.rate_weight)}
    for weight, cost in sorted(along | {(gate.rate_weight, cost) for cost in COSTS}):
        options = replace(gate, rate_weight=weight, switch_cost=cost)
        written = [write(listener, one, options) for one in listened]
        groups = {source: [one for one in written if one.listened.clip.source == source] for source in sources}
        groups["all"] = written
        figured = {name: figures(group) for name, group in groups.items()}
        rows.append({"rate_weight": weight, "switch_cost": cost, **figured})
    return rows


def plot(rows: Sequence[dict[str, Any]], switch_cost: float, path: Path) -> None:
    """The curve: words written as text against how many of those are right, and what it costs."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    rows = [row for row in rows if row["switch_cost"] == switch_cost]
    for source in rows[0]:
        if source in ("rate_weight", "switch_cost"):
            continue
        style = {"color": "black", "linewidth": 2.5} if source == "all" else {"linewidth": 1.2}
        points = [row[source] for row in rows]
        for axes, x, y in (
            (left, "words_as_text", "right_of_text"),
            (right, "tokens_per_second", "right_of_reference"),
        ):
            curve = [(point[x], point[y]) for point in points if point[y] is not None]
            axes.plot(*zip(*curve, strict=True), "o-", markersize=3, label=source, **style)
    left.set(xlabel="share of recognized words written as text", ylabel="share of those that are right")
    right.set(xlabel="tokens/s", ylabel="share of the words said written as right text")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle("rate_weight from 0 (pure codec) to infinity (pure text)")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
