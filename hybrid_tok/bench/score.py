"""The hybrid score: what is kept of speech, against the bits that it takes.

A stream that speaks its words again has no waveform to compare. What a listener keeps of a recording has three parts,
each in [0, 1]:

- words: 1 minus the word error rate of the decoded speech (0 at an error rate of 1 or more);
- speaker: the cosine of the voices before and after decoding, by a judge of speakers (0 below zero);
- sounds: the share of the laughs, breaths and other vocal events that are still the same event after decoding.

Quality is their weighted geometric mean, so that a system that loses one of them altogether has kept nothing, which an
arithmetic mean would hide. The score is

    100 * quality - points_per_doubling * log2(bits per second / 1000)

A part that the recordings have no truth about is left out, and the others weigh more; the parts that went in are always
shown. `docs/benchmark.md` argues the weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from hybrid_tok.errors import OptionsError

REFERENCE_BITS = 1000.0
"""Bits per second at which the score is the quality in percent."""


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """What each part weighs.

    Attributes:
        words, speaker, sounds: relative weights, at least 0, not all 0.
        points_per_doubling: what twice the bits must gain in percent of quality to be worth it.
    """

    words: float = 0.5
    speaker: float = 0.25
    sounds: float = 0.25
    points_per_doubling: float = 5.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value >= 0):
                raise OptionsError(f"the score's {field.name} must be 0 or more, not {value}")
        if not self.words + self.speaker + self.sounds:
            raise OptionsError("all parts of the score weigh 0: give one of words, speaker or sounds a weight")

    @classmethod
    def parse(cls, text: str) -> ScoreOptions:
        """From `words=0.5,speaker=0.25`; what is not named keeps its default."""
        names = [field.name for field in fields(cls)]
        given: dict[str, float] = {}
        for part in filter(None, (one.strip() for one in text.split(","))):
            name, _, value = part.partition("=")
            if name not in names:
                raise OptionsError(f"the score has no {name!r}; it has: {', '.join(names)}")
            try:
                given[name] = float(value)
            except ValueError:
                raise OptionsError(f"the score's {name} must be a number, not {value!r}") from None
        return cls(**given)


def hybrid_score(
    figures: Mapping[str, float], options: ScoreOptions, kept: frozenset[str] = frozenset()
) -> dict[str, Any] | None:
    """The score of a system from its figures by metric, with its parts.

    Args:
        figures: `wer` (or `cer`), `speaker`, `event_survival` and `bits_per_second`, those there are.
        kept: parts that every system of the comparison has; others are left out, so that all are scored by the same.
            Empty: those that this system has.

    Returns:
        `value`, `quality`, `bits_per_second` and `parts` (by name: value and weight); None without bits or parts.
    """
    bits = figures.get("bits_per_second")
    parts = {name: value for name, value in parts_of(figures).items() if not kept or name in kept}
    weights = {name: getattr(options, name) for name in parts if getattr(options, name)}
    if not bits or not weights:
        return None
    total = sum(weights.values())
    quality = math.prod(parts[name] ** (weight / total) for name, weight in weights.items())
    return {
        "value": 100 * quality - options.points_per_doubling * math.log2(bits / REFERENCE_BITS),
        "quality": quality,
        "bits_per_second": bits,
        "parts": {name: {"value": parts[name], "weight": weight / total} for name, weight in weights.items()},
    }


def parts_of(figures: Mapping[str, float]) -> dict[str, float]:
    """The parts of the score that figures have, each in [0, 1]."""
    parts: dict[str, float] = {}
    errors = figures.get("wer", figures.get("cer"))
    if errors is not None:
        parts["words"] = max(0.0, 1.0 - errors)
    if "speaker" in figures:
        parts["speaker"] = min(1.0, max(0.0, figures["speaker"]))
    if "event_survival" in figures:
        parts["sounds"] = figures["event_survival"]
    return parts
