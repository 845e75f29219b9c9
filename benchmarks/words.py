"""How far words can be trusted: the recognizer's confidences, transcripts aligned to recordings, and what both cost.

    python benchmarks/words.py --data ../shared/audio --out benchmarks/results/words.json

`--data` holds `dev/manifest.jsonl` (clips with transcripts) and `dialogues/*.json`. In one run:

- recognized: word error rate of pocketsphinx's first pass and after its lattice was decided anew; area under the curve
  of right against wrong words and calibration error (ten bins of equal width) of the confidences, beside those of
  pocketsphinx's own posteriors; words written as text at the default `rate_weight`, and how many of these are right.
- swapped: every clip with its own text and with that of another clip of the same source, the nearest in length; how
  often the text is said not to belong.
- edited: a tenth of the words of each text left out, put in or replaced; how well the edits are marked.
- boundaries: sentences spoken by a synthesizer that says where its words are (flite, where it is installed, and
  espeak-ng); how many word boundaries are found within 50 ms.
- dialogues: conversations with their turns' texts joined; tokens/s outside the events, and words in their place.
- speed: of the alignment, times real time.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok import Audio, HybridTokenizer
from hybrid_tok.align.aligner import STEPS, BuiltinAligner, Fit
from hybrid_tok.audio import read_mono, resample
from hybrid_tok.backends.espeak import EspeakSynthesizer
from hybrid_tok.backends.pieces import cut_pieces, piece_samples
from hybrid_tok.backends.pocketsphinx import PocketsphinxOptions
from hybrid_tok.backends.pocketsphinx_listener import PocketsphinxListener
from hybrid_tok.backends.silero import SileroDetector
from hybrid_tok.bench.recordings import read_dialogues
from hybrid_tok.bench.words import area, calibration_error, judge, normalize
from hybrid_tok.core.annotations import KnownAnnotations, Segment, Word
from hybrid_tok.core.manifest import Clip, read_manifest
from hybrid_tok.core.timeline import FRAME_RATE, Span
from hybrid_tok.encode.gate import gate
from hybrid_tok.tokens.stream import EventItem, UnitItem

RATE = 16_000
ENGLISH = ("librispeech", "speechocean762", "ljspeech")
DOUBT = 0.5
"""Confidence below which an aligned word is marked as not said."""

EDITIONS = 5
"""How often each text is edited."""

OUTSIDE = 15
"""Frames of 10 ms of speech outside the text that mark something as left out."""

SENTENCES = (
    "The quick brown fox jumps over the lazy dog near the river bank.",
    "She sells sea shells by the sea shore, and the shells she sells are surely sea shells.",
    "A gentle breeze moved through the open window while everyone was asleep.",
    "They had been walking since morning, and nobody knew how far the village was.",
    "Please bring seven copies of the report to the meeting on Thursday afternoon.",
    "Although it was late, the children insisted on hearing another story before bed.",
    "Mountains rise behind the town, and in winter their tops are covered with snow.",
    "Every engineer remembers the first machine that refused to do what it was told.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/audio"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/words.json"))
    parser.add_argument("--limit", type=int, help="at most this many clips of each source")
    parser.add_argument("--only", nargs="*", help="some of the parts")
    arguments = parser.parse_args()
    clips = [clip for clip in read_manifest(arguments.data / "dev") if clip.text and clip.source in ENGLISH]
    if arguments.limit:
        clips = [clip for source in ENGLISH for clip in [c for c in clips if c.source == source][: arguments.limit]]
    talks = read_dialogues(arguments.data / "dialogues")[: arguments.limit]
    aligner = BuiltinAligner()
    parts = {
        "recognized": lambda: recognized(clips + talks),
        "swapped": lambda: swapped(clips, aligner),
        "edited": lambda: edited(clips, aligner),
        "boundaries": lambda: boundaries(aligner),
        "dialogues": lambda: dialogues(talks, arguments.data / "dialogues"),
        "speed": lambda: speed(clips, aligner),
    }
    results = json.loads(arguments.out.read_text("utf-8")) if arguments.only and arguments.out.exists() else {}
    results |= {"command": "python benchmarks/words.py", "aligner": aligner.fingerprint}
    for name, part in parts.items():
        if not arguments.only or name in arguments.only:
            results[name] = part()
            print(name, json.dumps(results[name], indent=1))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


@dataclass(frozen=True, slots=True)
class Judged:
    """A source's words: probabilities, and which are right."""

    probability: NDArray[np.float64]
    right: NDArray[np.bool_]

    def figures(self) -> dict[str, float]:
        return {
            "area": round(area(self.probability, self.right), 4),
            "calibration_error": round(calibration_error(self.probability, self.right), 4),
        }


def recognized(recordings: Sequence[Clip]) -> dict[str, Any]:
    """Confidences, word error rates, and what the gate makes of them."""
    first = first_pass(recordings)
    results: dict[str, Any] = {}
    sources = dict.fromkeys(recording.source for recording in recordings)
    with HybridTokenizer.from_preset("default") as tokenizer:
        options = tokenizer.encoder.gate
        results["rate_weight"] = options.rate_weight
        for source in sources:
            chosen = [recording for recording in recordings if recording.source == source]
            words: list[tuple[float, bool]] = []
            text: list[bool] = []
            errors = reference = 0
            for recording in chosen:
                annotations = tokenizer.annotate(recording.path)
                right, wrong, said = judge(annotations.words, recording.text or "")
                errors, reference = errors + wrong, reference + said
                words += [(word.confidence, right[word]) for word in annotations.words]
                counts = [tokenizer.encoder.count_pieces(f" {word.text}") for word in annotations.words]
                decisions = gate(annotations, options, counts)
                text += [right[word] for decision in decisions if decision.kind == "text" for word in decision.words]
            probability, correct = (np.array(column) for column in zip(*words, strict=True))
            posterior, posterior_right, first_errors = first[source]
            results[source] = {
                "reference_words": reference,
                "wer": round(errors / reference, 4),
                "wer_first_pass": round(first_errors / reference, 4),
                "confidence": Judged(probability, correct.astype(bool)).figures(),
                "posterior": Judged(posterior, posterior_right).figures(),
                "recognized_words": len(words),
                "words_as_text": round(len(text) / len(words), 4),
                "right_of_text": round(float(np.mean(text)), 4) if text else None,
                "right_of_reference": round(sum(text) / reference, 4),
            }
    return results


def first_pass(recordings: Sequence[Clip]) -> dict[str, tuple[NDArray[np.float64], NDArray[np.bool_], int]]:
    """By source: pocketsphinx's own posteriors, which of its words are right, and how many errors there are."""
    options, detector = PocketsphinxOptions(), SileroDetector()
    found: dict[str, tuple[list[float], list[bool], int]] = {}
    for recording in recordings:
        audio, _ = read_mono(recording.path, RATE)
        words: list[Word] = []
        posterior: dict[Word, float] = {}
        for piece in cut_pieces(audio, detector.detect(audio), options.pieces):
            # A listener of its own for each piece: pocketsphinx keeps state between utterances.
            for name, start, end, probability in PocketsphinxListener(options.gain).first_pass(
                piece_samples(audio, piece)
            ):
                at = Span(piece.start + start // 2, piece.start + max(end // 2, start // 2 + 1))
                words.append(Word(name, at, min(max(probability, 0.0), 1.0)))
                posterior[words[-1]] = words[-1].confidence
        right, errors, _ = judge(words, recording.text or "")
        row = found.get(recording.source, ([], [], 0))
        found[recording.source] = (
            row[0] + [posterior[word] for word in words],
            row[1] + [right[word] for word in words],
            row[2] + errors,
        )
    return {s: (np.array(p), np.array(r, bool), errors) for s, (p, r, errors) in found.items()}


def swapped(clips: Sequence[Clip], aligner: BuiltinAligner) -> dict[str, Any]:
    """Own texts and others', and whether they are said to belong."""
    results: dict[str, Any] = {}
    totals = [0, 0, 0]
    for source in dict.fromkeys(clip.source for clip in clips):
        chosen = [clip for clip in clips if clip.source == source]
        refused = found = 0
        for clip in chosen:
            audio, _ = read_mono(clip.path, RATE)
            other = min(
                (c for c in chosen if normalize(c.text or "") != normalize(clip.text or "")),
                key=lambda c: abs(len(c.text or "") - len(clip.text or "")),
            )
            own = aligner.fit(audio, [Segment(clip.text or "")])
            foreign = aligner.fit(audio, [Segment(other.text or "")])
            refused += own.merit < aligner.options.belongs
            found += foreign.merit < aligner.options.belongs
        results[source] = share(found, refused, len(chosen))
        totals = [totals[0] + found, totals[1] + refused, totals[2] + len(chosen)]
    return results | {"all": share(*totals)}


def share(found: int, refused: int, clips: int) -> dict[str, float]:
    return {
        "clips": clips,
        "swapped_found_out": round(found / clips, 4),
        "own_refused": round(refused / clips, 4),
    }


def edited(clips: Sequence[Clip], aligner: BuiltinAligner) -> dict[str, Any]:
    """A tenth of the words left out, put in or replaced, a third each."""
    results: dict[str, Any] = {}
    every = np.zeros(3)
    for source in dict.fromkeys(clip.source for clip in clips):
        chosen = [clip for clip in clips if clip.source == source]
        vocabulary = sorted({word for clip in chosen for word in normalize(clip.text or "").split()})
        counts = np.zeros(3)
        for index, clip in enumerate(chosen):
            audio, _ = read_mono(clip.path, RATE)
            for seed in range(EDITIONS):
                rng = np.random.default_rng((seed, index))
                counts += marks(audio, normalize(clip.text or "").split(), vocabulary, aligner, rng)
        results[source] = f1(counts)
        every += counts
    return results | {"all": f1(every)}


def marks(
    audio: Audio, text: list[str], vocabulary: list[str], aligner: BuiltinAligner, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Edits marked, marks that mark no edit, edits not marked.

    A word put in or replaced is marked by a confidence below `DOUBT`, a word left out by speech that is not in the text
    between its neighbours. A word's place in time is that of the true text's alignment.
    """
    kinds = rng.choice(["left out", "put in", "replaced", ""], len(text), p=[1 / 30, 1 / 30, 1 / 30, 0.9])
    words: list[tuple[str, bool]] = []  # and whether it was said
    holes: set[int] = set()  # before which word something was left out
    for word, kind in zip(text, kinds, strict=True):
        other = vocabulary[int(rng.integers(len(vocabulary)))]
        if kind == "left out":
            holes.add(len(words))
        if kind == "replaced":
            words.append((other, other == word))
        if kind in ("", "put in"):
            words.append((word, True))
        if kind == "put in":
            words.append((other, False))
    if not words:
        return np.zeros(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        segments = [Segment(" ".join(word for word, _ in words))]
        fit, found = aligner.fit(audio, segments), aligner.align(audio, segments, ())
    doubted = [word.confidence < DOUBT for word in found]
    marked = missed = false = 0
    for (_, said), doubt in zip(words, doubted, strict=True):
        marked += doubt and not said
        missed += not doubt and not said
        false += doubt and said
    gaps = outside_gaps(fit)
    # Speech outside the text beside a doubted word is that word's mark already.
    free = {gap for gap in gaps if not any(doubted[k] for k in (gap - 1, gap) if 0 <= k < len(doubted))}
    marked += len(holes & gaps)
    missed += len(holes - gaps)
    false += len(free - holes)
    return np.array([marked, false, missed], float)


def outside_gaps(fit: Fit) -> set[int]:
    """Numbers of the words before which there is speech that is not in the text."""
    starts = np.array([word.start for word in fit.words])
    return {int(np.searchsorted(starts, (a + b) / 2)) for a, b in fit.outside if b - a >= OUTSIDE}


def f1(counts: NDArray[np.float64]) -> dict[str, float]:
    marked, false, missed = counts
    return {
        "edits": int(marked + missed),
        "precision": round(float(marked / max(marked + false, 1)), 4),
        "recall": round(float(marked / max(marked + missed, 1)), 4),
        "f1": round(float(2 * marked / max(2 * marked + false + missed, 1)), 4),
    }


def boundaries(aligner: BuiltinAligner) -> dict[str, Any]:
    """Word boundaries of synthesized sentences, where their places are known exactly."""
    spoken = {"espeak-ng": espeak_words}
    if shutil.which("flite"):
        spoken |= {f"flite {voice}": lambda text, voice=voice: flite_words(text, voice) for voice in ("slt", "rms")}
    results: dict[str, Any] = {}
    for name, speak in spoken.items():
        offsets: list[float] = []
        for text in SENTENCES:
            audio, truth = speak(text)
            fit = aligner.fit(audio, [Segment(text)])
            for word, (start, end) in zip(fit.words, truth, strict=True):
                said = word.end > word.start
                offsets += [word.start / STEPS - start, word.end / STEPS - end] if said else [np.inf, np.inf]
        distance = np.abs(offsets)
        results[name] = {
            "boundaries": len(offsets),
            "within_50_ms": round(float(np.mean(distance <= 0.05)), 4),
            "median_ms": round(1000 * float(np.median(distance)), 1),
        }
    return results


def espeak_words(text: str) -> tuple[Audio, list[tuple[float, float]]]:
    """A sentence by espeak-ng, and seconds of its words from the synthesizer's marks."""
    synthesizer = EspeakSynthesizer()
    speech = synthesizer.synthesize(text.split())
    synthesizer.close()
    rate = speech.audio.sample_rate
    return resample(speech.audio, RATE), [(a / rate, b / rate) for a, b in speech.words]


def flite_words(text: str, voice: str) -> tuple[Audio, list[tuple[float, float]]]:
    """A sentence by flite, and seconds of its words from its phones' ends."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spoken.wav"
        command = ["flite", "-voice", voice, "-t", text, "-o", str(path), "-psdur"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        audio, _ = read_mono(path, RATE)
    return audio, words_of_phones(text, [pair.split(":") for pair in printed.split()])


def words_of_phones(text: str, phones: list[list[str]]) -> list[tuple[float, float]]:
    """Seconds of the words of a text, from phones with their ends: all phones are shared out among the words so that as
    few as possible are other than in the words' pronunciations."""
    from hybrid_tok.align.pronounce import Pronouncer

    pronouncer = Pronouncer()
    names = [name.upper().replace("AX", "AH") for name, _ in phones]
    ends = [float(end) for _, end in phones]
    spoken = [k for k, name in enumerate(names) if name != "PAU"]
    words = [pronouncer.pronounce(word.strip(".,")) for word in text.split()]
    # best[n]: fewest phones amiss when the words so far take the first n phones, and where each word ends.
    best: dict[int, tuple[int, tuple[int, ...]]] = {0: (0, ())}
    for variants in words:
        reached: dict[int, tuple[int, tuple[int, ...]]] = {}
        for taken, (amiss, places) in best.items():
            for variant in variants:
                last = taken + len(variant)
                heard = [names[k] for k in spoken[taken:last]]
                if len(heard) == len(variant):
                    total = amiss + sum(a != b for a, b in zip(heard, variant, strict=True))
                    if last not in reached or total < reached[last][0]:
                        reached[last] = (total, (*places, last))
        best = reached
    places = best[len(spoken)][1]
    return [
        (ends[spoken[first] - 1] if spoken[first] else 0.0, ends[spoken[last - 1]])
        for first, last in zip((0, *places[:-1]), places, strict=True)
    ]


def dialogues(talks: Sequence[Clip], folder: Path) -> dict[str, Any]:
    """Conversations with their text: what they cost, and whether the words are where they were said."""
    tokens = seconds = placed = said = in_order = text_words = 0.0
    per_talk: dict[str, float] = {}
    with HybridTokenizer.from_preset("default") as tokenizer:
        for talk in talks:
            truth = json.loads((folder / f"{talk.path.stem}.json").read_text("utf-8"))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                analysis = tokenizer.analyze(
                    talk.path, annotations=KnownAnnotations(segments=(Segment(talk.text or ""),))
                )
            events = [(event["start"], event["end"]) for event in truth["events"]]
            inside = sum(end - start for start, end in events)
            spent = len(analysis.ids) - units_inside(analysis, events) * tokenizer.vocabulary.options.num_codebooks
            tokens, seconds = tokens + spent, seconds + analysis.summary.seconds - inside
            per_talk[talk.path.stem] = round(spent / (analysis.summary.seconds - inside), 2)
            turns = sorted(truth["turns"], key=lambda turn: turn["start"])
            owners = [turn for turn in turns for _ in turn["text"].split()]
            words = analysis.annotations.words
            said += len(owners)
            for word, turn in zip(words, owners, strict=True):
                middle = (word.span.start + word.span.end) / 2 / FRAME_RATE
                placed += turn["start"] - 0.3 <= middle <= turn["end"] + 0.3
            in_order += [word.text for word in words] == (talk.text or "").split()
            text_words += analysis.summary.words
    return {
        "conversations": len(talks),
        "tokens_per_second_outside_events": round(tokens / seconds, 2),
        "words": int(said),
        "words_as_text": round(text_words / said, 4),
        "words_in_their_turn": round(placed / said, 4),
        "all_words_in_order": int(in_order),
        "per_conversation": per_talk,
    }


def units_inside(analysis: Any, events: Sequence[tuple[float, float]]) -> int:
    """Frames of units that lie in events."""
    mask = np.zeros(analysis.annotations.frames + 1, bool)
    for start, end in events:
        mask[round(start * FRAME_RATE) : round(end * FRAME_RATE)] = True
    return sum(
        int(mask[placed.span.start : placed.span.end].sum())
        for placed in analysis.stream.placed()
        if isinstance(placed.item, UnitItem | EventItem)
    )


def speed(clips: Sequence[Clip], aligner: BuiltinAligner) -> dict[str, float]:
    """Ten minutes of clips in a row, and each clip by itself."""
    audios = [read_mono(clip.path, RATE)[0] for clip in clips]
    aligner.fit(audios[0], [Segment(clips[0].text or "")])  # loads and compiles
    started = time.perf_counter()
    for audio, clip in zip(audios, clips, strict=True):
        aligner.fit(audio, [Segment(clip.text or "")])
    apart = sum(audio.seconds for audio in audios) / (time.perf_counter() - started)
    joined = Audio(np.concatenate([audio.samples for audio in audios])[: 600 * RATE], RATE)
    text = " ".join(clip.text or "" for clip in clips)
    started = time.perf_counter()
    aligner.fit(joined, [Segment(text)])
    return {
        "clip_by_clip": round(apart, 1),
        "in_one": round(joined.seconds / (time.perf_counter() - started), 1),
        "seconds_in_one": round(joined.seconds, 1),
    }


if __name__ == "__main__":
    main()
