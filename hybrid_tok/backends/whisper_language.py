"""Which language each stretch of speech is in, from Whisper's probabilities of short stretches.

The best sequence of languages minimises the surprise of each stretch, weighted by its length up to a few seconds, plus
a cost for each change. So a second of audio alone never changes the language: it is that of the speech around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from hybrid_tok.core.languages import LANGUAGES
from hybrid_tok.core.timeline import FRAME_RATE, Span
from hybrid_tok.errors import OptionsError
from hybrid_tok.nn.viterbi import best_path, min_marginals


@dataclass(frozen=True, slots=True)
class LanguageOptions:
    """How languages are told.

    Attributes:
        longest: seconds of speech that count as one stretch; longer speech is cut into equal parts.
        context: seconds that are listened to for a stretch at least, with what surrounds it in its window.
        full: seconds from which a stretch counts whole.
        floor: probability that no language falls below: a limit to what one stretch can say against it.
        change_cost: surprise, in nats, that a change of language counts for.
        rarity: exponent of the prior: probabilities are weighed by 1 / rank ** rarity, a language's rank in Whisper's
            training data. Accents and short stretches are otherwise taken for languages that hardly occur.
        look_ahead: seconds of speech that are heard before the first language is told.
        wait: seconds that the next speech is waited for at most, from the end of the first window.
    """

    longest: float = 6.0
    context: float = 4.0
    full: float = 3.0
    floor: float = 0.01
    change_cost: float = 2.5
    rarity: float = 1.0
    look_ahead: float = 10.0
    wait: float = 20.0

    def __post_init__(self) -> None:
        if not (min(self.longest, self.context, self.full) > 0 and 0 < self.floor < 1):
            raise OptionsError(f"language options need positive seconds, and a floor in (0, 1): {self}")
        if min(self.change_cost, self.rarity, self.look_ahead, self.wait) < 0:
            raise OptionsError(f"change_cost, rarity, look_ahead and wait cannot be negative: {self}")


@dataclass(frozen=True, slots=True)
class LanguageState:
    """What the speech so far says: the cost in nats of each language to be the present one, the cheapest at 0."""

    costs: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


def count_first(windows: Sequence[tuple[Span, float]], upcoming: int | None, options: LanguageOptions) -> int | None:
    """How many windows are heard before the first language is told; None if that is not known yet.

    Args:
        windows: the first ones, each with its seconds of speech.
        upcoming: no other window starts before this frame; None when there is none.
    """
    seconds = 0.0
    for index, (_, speech) in enumerate(windows):
        seconds += speech
        last = index + 1 == len(windows)
        following = upcoming if last else windows[index + 1][0].start
        wait = windows[0][0].end + round(options.wait * FRAME_RATE)
        if seconds >= options.look_ahead or following is None or following > wait:
            return index + 1
    return None


def cut_stretches(speech: Sequence[Span], options: LanguageOptions) -> list[Span]:
    """Stretches of speech of at most `longest` seconds."""
    longest = round(options.longest * FRAME_RATE)
    cut: list[Span] = []
    for span in speech:
        count = max(-(-span.frames // longest), 1)
        bounds = [span.start + span.frames * k // count for k in range(count + 1)]
        cut += [Span(start, end) for start, end in pairwise(bounds)]
    return cut


def with_context(stretch: Span, frames: int, options: LanguageOptions) -> Span:
    """A stretch widened to `context` seconds inside a window of so many frames."""
    missing = max(round(options.context * FRAME_RATE) - stretch.frames, 0)
    start = max(min(stretch.start - missing // 2, frames - stretch.frames - missing), 0)
    return Span(start, min(start + stretch.frames + missing, max(frames, stretch.end)))


def tell_languages(
    stretches: Sequence[Span],
    probabilities: Sequence[Mapping[str, float]],
    state: LanguageState,
    options: LanguageOptions,
) -> tuple[list[str], LanguageState]:
    """The language of each stretch, and the state after them.

    Args:
        probabilities: of the languages, for each stretch.
        state: after the speech before.
    """
    if not stretches:
        return [], state
    codes = sorted({"en", *state.costs} | {max(one, key=lambda code: one[code]) for one in probabilities})
    ranks = {code: rank for rank, code in enumerate(LANGUAGES, 1)}
    surprise = np.empty((len(stretches), len(codes)))
    for row, stretch, one in zip(surprise, stretches, probabilities, strict=True):
        heard = np.array([one.get(code, 0.0) / ranks[code] ** options.rarity for code in codes])
        share = np.maximum(heard / max(float(heard.sum()), 1e-9), options.floor)
        row[:] = -min(stretch.seconds / options.full, 1.0) * np.log(share)
    before = np.array([state.costs.get(code, options.change_cost if state.costs else 0.0) for code in codes])
    first = np.minimum(before, before.min() + options.change_cost)
    moves, kinds = options.change_cost * (1.0 - np.eye(len(codes)))[np.newaxis], np.zeros(len(stretches), np.int64)
    path = best_path(surprise, moves, kinds, first)
    total = min_marginals(surprise, moves, kinds, first)[-1]
    costs = np.minimum(total - total.min(), options.change_cost).tolist()
    return [codes[index] for index in path], LanguageState(MappingProxyType(dict(zip(codes, costs, strict=True))))
