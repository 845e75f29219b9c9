"""What the tokenizer writes and what is right in it: tokens/s and bits/s against the codec alone, the recognizer's
word error rate, and, over a sweep of `rate_weight`, the share of words written as text against how many are right.

    python benchmarks/roundtrip.py --data ../shared/audio --out benchmarks/results/roundtrip.json

`--data` holds `dev/manifest.jsonl` (clips with transcripts) and `dialogues/*.json`. Writes the figures as JSON and
the curve as a PNG beside it. Every recording is listened to once; only the gate runs again for each weight.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok import Audio, HybridTokenizer
from hybrid_tok.bench.recordings import read_dialogues
from hybrid_tok.bench.words import judge
from hybrid_tok.core.annotations import Annotations, Word
from hybrid_tok.core.interfaces import UnitCodec
from hybrid_tok.core.manifest import Clip, read_manifest
from hybrid_tok.encode.assemble import assemble
from hybrid_tok.encode.gate import gate
from hybrid_tok.tokens.summary import Summary, summarize

WEIGHTS = (0.0, 0.005, 0.01, 0.012, 0.014, 0.016, 0.018, 0.02, 0.022, 0.024, 0.026, 0.028, 0.03, 0.05, math.inf)
"""The sweep; the tokenizer's default is added to it."""

ENGLISH = ("librispeech", "speechocean762", "ljspeech", "dialogues")
"""Sources with English transcripts: the embedded recognizer knows no other language."""


class KnownCodes:
    """A `UnitCodec` that has encoded its one recording already: the sweep writes the same codes again and again."""

    def __init__(self, codec: UnitCodec, audio: Audio) -> None:
        self.name = codec.name
        self.fingerprint = codec.fingerprint
        self.sample_rate = codec.sample_rate
        self.num_codebooks = codec.num_codebooks
        self.codebook_size = codec.codebook_size
        self._codes = codec.encode(audio.samples)

    def encode(self, samples: NDArray[np.float32]) -> NDArray[np.int64]:
        return self._codes

    def decode(self, codes: NDArray[np.integer]) -> NDArray[np.float32]:
        raise NotImplementedError("nothing is decoded here")


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording after listening: what the gate needs, and which of its words are right."""

    recording: Clip
    audio: Audio
    annotations: Annotations
    codec: KnownCodes
    right: dict[Word, bool]
    errors: int
    reference_words: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/audio"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/roundtrip.json"))
    parser.add_argument("--preset", default="embedded")
    parser.add_argument("--model", help="recognizer's model, for presets that need one")
    parser.add_argument("--limit", type=int, help="at most this many recordings of each source")
    arguments = parser.parse_args()

    recordings = [clip for clip in read_manifest(arguments.data / "dev") if clip.text and clip.source in ENGLISH]
    recordings += read_dialogues(arguments.data / "dialogues")
    if arguments.limit:
        recordings = [
            clip
            for source in ENGLISH
            for clip in [clip for clip in recordings if clip.source == source][: arguments.limit]
        ]

    with HybridTokenizer.from_preset(arguments.preset, recognizer_model=arguments.model) as tokenizer:
        default = tokenizer.encoder.gate.rate_weight
        started = time.perf_counter()
        heard = [listen(tokenizer, recording) for recording in recordings]
        seconds = time.perf_counter() - started
        rows = [sweep(tokenizer, heard, weight) for weight in sorted({*WEIGHTS, default})]
        codec_alone = codec_cost(tokenizer)

    results: dict[str, Any] = {
        "command": "python benchmarks/roundtrip.py",
        "preset": arguments.preset,
        "recordings": len(recordings),
        "seconds_of_audio": sum(item.audio.seconds for item in heard),
        "seconds_to_listen": seconds,
        "codec_alone": codec_alone,
        "recognizer_wer": {
            source: wer(items) for source in ENGLISH if (items := [h for h in heard if h.recording.source == source])
        },
        "sweep": rows,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    plot(results, arguments.out.with_suffix(".png"))
    print(json.dumps(results["recognizer_wer"]))
    for row in rows:
        overall = row["all"]
        right = "-" if overall["right_of_text"] is None else f"{overall['right_of_text']:.0%}"
        print(
            f"rate_weight {row['rate_weight']}: {overall['tokens_per_second']:.1f} tokens/s, "
            f"{overall['words_as_text']:.0%} of the words as text, {right} of them right"
        )


def listen(tokenizer: HybridTokenizer, recording: Clip) -> Heard:
    """Run everything but the gate, and judge the words."""
    audio, _ = tokenizer.read(recording.path)
    encoder = tokenizer.encoder
    annotations = encoder.annotate(audio)
    right, errors, reference = judge(annotations.words, recording.text or "")
    codec = KnownCodes(tokenizer.encoder.codec(), audio)
    return Heard(recording, audio, annotations, codec, right, errors, reference)


def sweep(tokenizer: HybridTokenizer, heard: Sequence[Heard], weight: float) -> dict[str, Any]:
    """Gate everything with one weight."""
    encoder = tokenizer.encoder
    options = replace(encoder.gate, rate_weight=weight)
    groups: dict[str, list[tuple[Heard, Summary, list[Word]]]] = {"all": []}
    for item in heard:
        counts = [encoder.count_pieces(word) for word in item.annotations.words]
        decisions = gate(item.annotations, options, counts)
        stream = assemble(decisions, item.audio, lambda codec=item.codec: codec, encoder.quantize)
        summary = summarize(stream, tokenizer.vocabulary.encode(stream), tokenizer.vocabulary, item.audio.seconds)
        text = [word for decision in decisions if decision.kind == "text" for word in decision.words]
        entry = (item, summary, text)
        groups["all"].append(entry)
        groups.setdefault(item.recording.source, []).append(entry)
    return {"rate_weight": weight if math.isfinite(weight) else "inf", **{n: figures(g) for n, g in groups.items()}}


def figures(group: Sequence[tuple[Heard, Summary, list[Word]]]) -> dict[str, float | None]:
    """Totals over a group of recordings, weighted by their length; None where a share has nothing under it."""
    seconds = sum(summary.seconds for _, summary, _ in group)
    recognized = sum(len(item.annotations.words) for item, _, _ in group)
    reference = sum(item.reference_words for item, _, _ in group)
    written = sum(len(text) for _, _, text in group)
    right = sum(item.right[word] for item, _, text in group for word in text)

    def weighted(name: str) -> float:
        return sum(getattr(summary, name) * summary.seconds for _, summary, _ in group) / seconds

    return {
        "tokens_per_second": weighted("tokens_per_second"),
        "bits_per_second": weighted("bits_per_second"),
        "range_bits_per_second": weighted("range_bits_per_second"),
        "text_share": weighted("text_share"),
        "unit_share": weighted("unit_share"),
        "silence_share": weighted("silence_share"),
        "words_as_text": written / recognized if recognized else 0.0,
        "right_of_text": right / written if written else None,
        "right_of_reference": right / reference if reference else None,
    }


def wer(items: Sequence[Heard]) -> dict[str, float]:
    """Word error rate over a source, and its mean over recordings."""
    return {
        "wer": sum(item.errors for item in items) / max(sum(item.reference_words for item in items), 1),
        "mean_wer": mean(item.errors / max(item.reference_words, 1) for item in items),
        "reference_words": sum(item.reference_words for item in items),
    }


def codec_cost(tokenizer: HybridTokenizer) -> dict[str, float]:
    """What the same seconds cost as units alone, at the codebooks the tokenizer writes."""
    options = tokenizer.vocabulary.options
    tokens = 50.0 * options.num_codebooks
    return {
        "tokens_per_second": tokens,
        "bits_per_second": tokens * tokenizer.vocabulary.bits_per_token,
        "range_bits_per_second": tokens * math.log2(options.codebook_size),
    }


def plot(results: dict[str, Any], path: Path) -> None:
    """The curve: words written as text against how many of those are right, and what it costs."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    rows = results["sweep"]
    for source in (*ENGLISH, "all"):
        points = [(row["rate_weight"], row[source]) for row in rows if source in row]
        if not points:
            continue
        style = {"color": "black", "linewidth": 2.5} if source == "all" else {"linewidth": 1.2}
        curve = [(p["words_as_text"], p["right_of_text"]) for _, p in points if p["right_of_text"] is not None]
        left.plot([x for x, _ in curve], [y for _, y in curve], "o-", markersize=3, label=source, **style)
        cost = [(p["tokens_per_second"], p["right_of_reference"]) for _, p in points]
        right.plot([x for x, _ in cost], [y for _, y in cost], "o-", markersize=3, label=source, **style)
    left.set(xlabel="share of recognized words written as text", ylabel="share of those that are right")
    right.set(xlabel="tokens/s", ylabel="share of the transcript written as right text")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle("rate_weight from 0 (pure codec) to infinity (pure text)")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
