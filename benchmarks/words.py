"""Words: how many are right, what their confidences are worth, what the gate makes of them, and in which language.

    python benchmarks/words.py --data ../shared/audio --out benchmarks/results/words.json

`--data` holds `dev/manifest.jsonl` (clips) and `dialogues/*.json`. Words are compared in lower case, without
punctuation, numbers spelled out; Chinese character by character. Each recording is recognized once.

- recognized: by source, word error rate; words written as text at the gate's defaults, of those said and of those
  recognized, and how many are right; area under the curve of right against wrong words and calibration error (15 bins
  of equal mass) of the confidences, and of the mean token probability that they are made from; tokens/s, also outside
  events (seconds outside the true events, without the units inside them); changes between text and units.
- hallucination: clips of vocal sounds and noises, by label: in how many any word is recognized, and written as text.
- languages: clips of two languages joined, and single clips: recognized words in the right language.
- aligned: transcripts laid over recordings; see `aligned.py`.
- models: tiny.en beside base on LibriSpeech.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from aligned import aligned

from hybrid_tok.bench.gating import MINUTE, Written, figures, ratio, weights, write
from hybrid_tok.bench.listening import Listened, Listener
from hybrid_tok.bench.recordings import limited, read_dialogues, spoken_language
from hybrid_tok.bench.results import measure_parts, read_arguments
from hybrid_tok.bench.two_languages import in_language, join_languages
from hybrid_tok.bench.words import area, calibration_error
from hybrid_tok.core.manifest import Clip, read_manifest

SPEECH = ("librispeech", "ljspeech", "speechocean762", "aishell1")
PAIRS = 20
"""Pairs of clips in two languages; each makes two recordings."""


def main() -> None:
    parts = ("recognized", "hallucination", "languages", "aligned", "models")
    arguments = read_arguments(__doc__, "words", parts)
    everything = read_manifest(arguments.data / "dev")
    clips = limited([clip for clip in everything if clip.text and clip.source in SPEECH], arguments.limit)
    talks = limited(read_dialogues(arguments.data / "dialogues"), arguments.limit)
    sounds = limited([clip for clip in everything if clip.label and not clip.text], arguments.limit, lambda c: c.label)
    listener = Listener()
    about = {
        "command": "python benchmarks/words.py",
        "limit": arguments.limit,
        "recognizer": listener.recognizer.fingerprint,
        "gate": weights(listener.tokenizer.encoder.gate),
    }
    pairs = min(arguments.limit or PAIRS, PAIRS)
    measure_parts(
        arguments,
        {
            "recognized": lambda: recognized(listener, [*clips, *talks]),
            "hallucination": lambda: hallucination(listener, sounds),
            "languages": lambda: languages(listener, [*clips, *talks], everything, pairs),
            "aligned": lambda: aligned(clips, talks),
            "models": lambda: models(listener, [clip for clip in clips if clip.source == "librispeech"]),
        },
        about,
    )


def by_source(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    return {source: [c for c in clips if c.source == source] for source in dict.fromkeys(c.source for c in clips)}


def recognized(listener: Listener, clips: Sequence[Clip]) -> dict[str, Any]:
    """Error rates, confidences and what the gate writes, by source."""
    results: dict[str, Any] = {}
    for source, chosen in by_source(clips).items():
        listened = [listener.listen(clip) for clip in chosen]
        results[source] = {
            "recordings": len(chosen),
            "seconds": sum(one.recording.audio.seconds for one in listened),
            **trusted(listened),
            **figures([write(listener, one) for one in listened]),
        }
    return results


def trusted(listened: Sequence[Listened]) -> dict[str, Any]:
    """The recognizer's error rate, and what confidences and raw probabilities are worth."""
    right = np.array([correct for one in listened for correct in one.judged.right], np.bool_)
    said = sum(one.judged.said for one in listened)
    results: dict[str, Any] = {
        "said": said,
        "recognized": len(right),
        "error_rate": ratio(sum(one.judged.errors for one in listened), said),
    }
    for name, parts in (
        ("confidence", [one.confidences for one in listened]),
        ("raw", [one.raw for one in listened]),
    ):
        values = np.concatenate(parts)
        results[f"{name}_area"] = area(values, right)
        results[f"{name}_calibration_error"] = calibration_error(values, right)
    return results


def hallucination(listener: Listener, sounds: Sequence[Clip]) -> dict[str, Any]:
    """Words heard in sounds without words, by label and in all."""
    written = [write(listener, listener.listen(clip)) for clip in sounds]
    labels = sorted({clip.label or "" for clip in sounds})
    groups = {label: [one for one in written if one.listened.clip.label == label] for label in labels}
    return {name: imagined(group) for name, group in (groups | {"all": written}).items()}


def imagined(group: Sequence[Written]) -> dict[str, Any]:
    minutes = sum(one.summary.seconds for one in group) / MINUTE
    return {
        "clips": len(group),
        "with_words": ratio(sum(bool(one.listened.annotations.words) for one in group), len(group)),
        "with_text": ratio(sum(bool(one.text) for one in group), len(group)),
        "text_words_per_minute": ratio(sum(len(one.text) for one in group), minutes),
    }


def languages(listener: Listener, clips: Sequence[Clip], everything: Sequence[Clip], pairs: int) -> dict[str, Any]:
    """Recognized words in the right language: of recordings in two languages, and of single clips by source."""
    english = [clip for clip in everything if clip.source in ("librispeech", "ljspeech")]
    mandarin = [clip for clip in everything if clip.source == "aishell1"]
    halves: list[tuple[str, list[bool], list[bool]]] = []
    for recording in join_languages(english, mandarin, pairs):
        words = listener.tokenizer.annotate(recording.audio).words
        halves.append((" then ".join(recording.languages), *in_language(words, recording)))
    orders = {order: [half for half in halves if half[0] == order] for order in sorted({half[0] for half in halves})}
    single: dict[str, list[bool]] = {}
    for clip in clips:
        words = listener.listen(clip).annotations.words
        single.setdefault(clip.source, []).extend(word.language == spoken_language(clip) for word in words)
    return {
        "joined": {
            name: {
                "recordings": len(group),
                "words": sum(len(first) + len(second) for _, first, second in group),
                "right": share([each for _, first, second in group for each in (*first, *second)]),
                "right_of_second": share([each for _, _, second in group for each in second]),
                "halves_without_words": sum(not half for _, *both in group for half in both),
            }
            for name, group in (orders | {"all": halves}).items()
        },
        "single": {source: {"words": len(right), "right": share(right)} for source, right in single.items()},
    }


def share(right: Sequence[bool]) -> float | None:
    return ratio(sum(right), len(right))


def models(base: Listener, clips: Sequence[Clip]) -> dict[str, Any]:
    """Other recognizer models beside the default one."""
    results: dict[str, Any] = {}
    for name, listener in (("base", base), ("tiny.en", Listener(model="tiny.en"))):
        results[name] = trusted([listener.listen(clip) for clip in clips])
    return results


if __name__ == "__main__":
    main()
