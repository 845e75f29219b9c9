"""How many tokens a second of speech is in each layout, with and without merged units.

    python benchmarks/sequence_length.py --data ../shared/audio --out benchmarks/results/sequence_length.json

`--data` holds `train/` (for the merges only), `dev/` and `dialogues/`, each with its manifest or truth.

- merges: trained on one clip in seven of `train/`; ids per second of clips that were not trained on.
- librispeech: the words of the transcripts where they were said (known words: no recognizer's errors), one speaker.
- dialogues: conversations as the tokenizer annotates them, with events and speakers, all of the default preset.
- published: tokens per second of other systems, all codebooks counted, from their papers and model cards.

Tokens are all ids of a recording divided by its seconds: tags, durations and voice codes too. `counted` is the same
stream with repeated frames counted, `merged` with merged units, over whole frames of as many codebooks. Rows of the
parallel layout and of delayed codebooks count each of their columns; `rows` is what a model with one step per row sees.
Interleaved is the mean over eight seeds.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_tok import HybridTokenizer
from hybrid_tok.bench.listening import RememberedCodec, transcribed
from hybrid_tok.bench.recordings import limited, read_dialogues
from hybrid_tok.bench.results import measure_parts, read_arguments
from hybrid_tok.codec.backend import BuiltinCodec
from hybrid_tok.core.annotations import Annotations
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.manifest import Clip, read_manifest
from hybrid_tok.encode.assemble import AssembleOptions, write_decisions
from hybrid_tok.encode.gate import GateOptions, gate
from hybrid_tok.lm.layouts import (
    AlignedSpeech,
    JointLayout,
    align_speech,
    interleave,
    join_speech,
    parallel_speech,
    write_delayed,
    write_flat,
    write_parallel,
)
from hybrid_tok.options import TokenizerOptions
from hybrid_tok.presets import find_preset
from hybrid_tok.tokens.merges_file import load_merges
from hybrid_tok.tokens.stream import HybridStream
from hybrid_tok.tokens.unit_merges import UnitMerges
from hybrid_tok.tokens.vocabulary import Vocabulary
from hybrid_tok.train.units.recipe import TrainUnitsOptions, train

CODEBOOKS = (1, 2)
WAYS = ("plain", "counted", "merged")
MERGES = 4096
SEEDS = 8
PUBLISHED = {
    "SpeechTokenizer": 400.0,
    "Mimi, 16 codebooks": 200.0,
    "Qwen3-TTS 12 Hz": 200.0,
    "Mimi, 8 codebooks (Moshi)": 100.0,
    "X-Codec2": 50.0,
    "Step-Audio": 41.6,
    "CosyVoice S3-v2": 25.0,
    "TASTE": 3.0,
}
"""Tokens per second; TASTE's is approximate."""


def main() -> None:
    arguments = read_arguments(__doc__, "sequence_length", ("merges", "librispeech", "dialogues", "published"))
    clips = [clip for clip in read_manifest(arguments.data / "dev") if clip.text and clip.source == "librispeech"]
    talks = read_dialogues(arguments.data / "dialogues")
    with tempfile.TemporaryDirectory() as folder:
        codec = RememberedCodec(BuiltinCodec())
        merges, reports = learned(arguments.data / "train", Path(folder), codec)
        about = {
            "command": "python benchmarks/sequence_length.py",
            "limit": arguments.limit,
            "codec": codec.fingerprint,
            "unit_merges": [found.fingerprint for found in merges.values()],
        }
        sizer = Sizer(codec, merges)
        parts = {
            "merges": lambda: reports,
            "librispeech": lambda: sizer.measure(limited(clips, arguments.limit), sizer.transcript),
            "dialogues": lambda: sizer.measure(limited(talks, arguments.limit), sizer.heard),
            "published": lambda: PUBLISHED,
        }
        measure_parts(arguments, parts, about)


def learned(data: Path, folder: Path, codec: RememberedCodec) -> tuple[dict[int, UnitMerges], dict[str, Any]]:
    """Merges by number of codebooks, and what they save on clips that were held out."""
    merges: dict[int, UnitMerges] = {}
    reports: dict[str, Any] = {}
    for codebooks in CODEBOOKS:
        options = TrainUnitsOptions(data, folder, codebooks=codebooks, merges=MERGES, every=7)
        merges[codebooks] = load_merges(train(options, codec))
        report = json.loads((folder / "report.json").read_text("utf-8"))
        reports[named(codebooks)] = {name: report[name] for name in ("merges", "trained", "held_out")}
    return merges, reports


class Sizer:
    """Counts the tokens of recordings, each annotated and encoded once.

    Args:
        merges: by number of codebooks.
    """

    def __init__(self, codec: RememberedCodec, merges: dict[int, UnitMerges]) -> None:
        self._merges = merges
        self._tokenizer = HybridTokenizer(
            find_preset("default"), TokenizerOptions(num_codebooks=2), backends={"codec": codec}
        )
        options = self._tokenizer.vocabulary.options
        text = self._tokenizer.vocabulary.space.text
        self._of = {
            (codebooks, how): Vocabulary(
                replace(
                    options,
                    num_codebooks=codebooks,
                    run_length=how == "counted",
                    unit_merges=merges[codebooks] if how == "merged" else None,
                ),
                text,
            )
            for codebooks in CODEBOOKS
            for how in WAYS
        }

    def transcript(self, clip: Clip) -> tuple[Audio, Annotations]:
        """A clip with the words of its transcript."""
        return transcribed(self._tokenizer, clip)

    def heard(self, clip: Clip) -> tuple[Audio, Annotations]:
        """A conversation as it is annotated."""
        audio, _ = self._tokenizer.read(clip.path)
        return audio, self._tokenizer.annotate(audio)

    def measure(self, clips: Sequence[Clip], annotate: Callable[[Clip], tuple[Audio, Annotations]]) -> dict[str, Any]:
        """Tokens per second in each layout, over all recordings together."""
        counts: dict[str, dict[str, float]] = {}
        seconds = 0.0
        for clip in clips:
            audio, annotations = annotate(clip)
            seconds += audio.seconds
            for layout, sizes in self._sizes(audio, annotations).items():
                total = counts.setdefault(layout, {})
                for name, size in sizes.items():
                    total[name] = total.get(name, 0.0) + size
        layouts = {layout: {name: total / seconds for name, total in sizes.items()} for layout, sizes in counts.items()}
        return {"recordings": len(clips), "seconds": seconds, "layouts": layouts}

    def _sizes(self, audio: Audio, annotations: Annotations) -> dict[str, dict[str, float]]:
        """Tokens of one recording."""
        tokenizer = self._tokenizer
        speech = align_speech(tokenizer, audio, annotations=annotations)
        gated = tokenizer.analyze(audio, annotations=annotations).stream
        voices = {turn.speaker: turn.voice for turn in gated.channels[0].turns if turn.voice is not None}
        sizes = {"hybrid": self._size(gated, 2, WAYS)}
        text = gate(annotations, GateOptions(layout="text"))
        layout = AssembleOptions(layout="text")
        sizes["text"] = self._size(
            write_decisions(text, speech.num_samples, speech.grid, speech.cut, layout, voices), 2, ("plain",)
        )
        for codebooks in CODEBOOKS:
            part, books = cut_to(speech, codebooks), named(codebooks)
            sizes[f"units, {books}"] = self._size(units(part), codebooks, WAYS)
            mixed = [
                self._size(interleave(part, np.random.default_rng(seed), voices=voices), codebooks, WAYS)
                for seed in range(SEEDS)
            ]
            sizes[f"interleaved, {books}"] = {how: sum(one[how] for one in mixed) / SEEDS for how in WAYS}
            joined = join_speech(part)
            sizes[f"joint, {books}"] = {
                how: float(len(JointLayout(self._of[codebooks, how]).encode(joined))) for how in WAYS
            }
        space = self._of[2, "plain"].space
        rows = write_parallel(space, parallel_speech(space, speech))
        delayed = write_delayed(space, speech.codes, (0, 1))
        sizes["parallel"] = {"plain": float(rows.size), "rows": float(len(rows))}
        sizes["delayed"] = {"plain": float(delayed.size), "rows": float(len(delayed))}
        sizes["flat"] = {"plain": float(write_flat(space, speech.codes).size)}
        return sizes

    def _size(self, stream: HybridStream, codebooks: int, ways: Sequence[str]) -> dict[str, float]:
        """Ids of a stream, in each way to write its units."""
        return {how: float(len(self._of[codebooks, how].encode(stream))) for how in ways}


def named(codebooks: int) -> str:
    return "1 codebook" if codebooks == 1 else f"{codebooks} codebooks"


def cut_to(speech: AlignedSpeech, codebooks: int) -> AlignedSpeech:
    """A recording with the first codebooks only."""
    return AlignedSpeech.of(speech.annotations, speech.codes[:, :codebooks], speech.remainder, speech.grid)


def units(speech: AlignedSpeech) -> HybridStream:
    """A recording as units alone."""
    decisions = gate(speech.annotations, GateOptions(layout="units"))
    return write_decisions(decisions, speech.num_samples, speech.grid, speech.cut, AssembleOptions(layout="units"))


if __name__ == "__main__":
    main()
