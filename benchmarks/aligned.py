"""Transcripts laid over recordings: whether they belong, which words were said, where words lie, and how fast it is.

Part of `words.py`:

- swapped: every clip with its own text and with that of another clip of the same source, the nearest in length; how
  often the text is said not to belong.
- edited: a tenth of the words of each text left out, put in or replaced; how well the edits are marked.
- boundaries: sentences spoken by a synthesizer that says where its words are (flite, where it is installed, and
  espeak-ng); how many word boundaries are found within 50 ms.
- dialogues: conversations with their turns' texts joined; tokens/s outside the events, and words in their place.
- speed: of the alignment, times real time.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok import Audio, HybridTokenizer
from hybrid_tok.align.aligner import STEPS, BuiltinAligner, Fit
from hybrid_tok.audio import read_mono, resample
from hybrid_tok.backends.espeak import EspeakSynthesizer
from hybrid_tok.bench.recordings import read_events, spoken_language
from hybrid_tok.bench.words import normalize
from hybrid_tok.core.annotations import KnownAnnotations, Segment
from hybrid_tok.core.manifest import Clip
from hybrid_tok.core.timeline import FRAME_RATE, Span, merge_spans
from hybrid_tok.core.utterance import Utterance
from hybrid_tok.tokens.stream import EventItem, HybridStream, UnitItem

RATE = 16_000
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


def aligned(clips: Sequence[Clip], talks: Sequence[Clip]) -> dict[str, Any]:
    """All parts, on English clips and conversations."""
    aligner = BuiltinAligner()
    english = [clip for clip in clips if spoken_language(clip) == "en"]
    return {
        "aligner": aligner.fingerprint,
        "swapped": swapped(english, aligner),
        "edited": edited(english, aligner),
        "boundaries": boundaries(aligner),
        "dialogues": dialogues(talks),
        "speed": speed(english, aligner),
    }


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
        "swapped_found_out": found / clips,
        "own_refused": refused / clips,
    }


def edited(clips: Sequence[Clip], aligner: BuiltinAligner) -> dict[str, Any]:
    """A tenth of the words left out, put in or replaced, a third each."""
    results: dict[str, Any] = {}
    every = np.zeros(3)
    for source in dict.fromkeys(clip.source for clip in clips):
        chosen = [clip for clip in clips if clip.source == source]
        vocabulary = sorted({word for clip in chosen for word in normalize(clip.text or "")})
        counts = np.zeros(3)
        for index, clip in enumerate(chosen):
            audio, _ = read_mono(clip.path, RATE)
            for seed in range(EDITIONS):
                rng = np.random.default_rng((seed, index))
                counts += marks(audio, normalize(clip.text or ""), vocabulary, aligner, rng)
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
        "precision": float(marked / max(marked + false, 1)),
        "recall": float(marked / max(marked + missed, 1)),
        "f1": float(2 * marked / max(2 * marked + false + missed, 1)),
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
            "within_50_ms": float(np.mean(distance <= 0.05)),
            "median_ms": 1000 * float(np.median(distance)),
        }
    return results


def espeak_words(text: str) -> tuple[Audio, list[tuple[float, float]]]:
    """A sentence by espeak-ng, and seconds of its words from the synthesizer's marks."""
    synthesizer = EspeakSynthesizer()
    speech = synthesizer.synthesize(Utterance.of(text.split(), "en"))
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


def dialogues(talks: Sequence[Clip]) -> dict[str, Any]:
    """Conversations with their text: what they cost, and whether the words are where they were said."""
    tokens = seconds = placed = said = in_order = text_words = 0.0
    with HybridTokenizer.from_preset("default") as tokenizer:
        for talk in talks:
            truth = json.loads(talk.path.with_suffix(".json").read_text("utf-8"))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                analysis = tokenizer.analyze(
                    talk.path, annotations=KnownAnnotations(segments=(Segment(talk.text or ""),))
                )
            events = merge_spans(read_events(talk))
            units = units_inside(analysis.stream, events) * tokenizer.vocabulary.options.num_codebooks
            tokens += len(analysis.ids) - units
            seconds += analysis.summary.seconds - sum(span.seconds for span in events)
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
        "tokens_per_second_outside_events": tokens / seconds,
        "words": int(said),
        "words_as_text": text_words / said,
        "words_in_their_turn": placed / said,
        "all_words_in_order": int(in_order),
    }


def units_inside(stream: HybridStream, events: Sequence[Span]) -> int:
    """Frames of units that lie in events, labelled or not."""
    return sum(
        placed.span.overlap(event)
        for placed in stream.placed()
        if isinstance(placed.item, UnitItem | EventItem)
        for event in events
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
        "clip_by_clip": apart,
        "in_one": joined.seconds / (time.perf_counter() - started),
        "seconds_in_one": joined.seconds,
    }
