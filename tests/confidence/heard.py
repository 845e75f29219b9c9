"""Recognized words for tests of their confidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hybrid_tok.confidence.features import HeardWord
from hybrid_tok.core.timeline import Span


def heard(text: str, start: int, end: int, *probabilities: float, **others: Any) -> HeardWord:
    """A word of tokens of the given probabilities, in one window of English speech."""
    log_probs = tuple(math.log(one) for one in probabilities or (0.9,))
    given = {
        "agreement": 1.0,
        "window": Span(0, 10_000),
        "no_speech": 0.01,
        "compression": 1.0,
        "language": "en",
        **others,
    }
    return HeardWord(text=text, span=Span(start, end), log_probs=log_probs, **given)


def sentence(texts: Sequence[str], **others: Any) -> list[HeardWord]:
    """Words of 0.3 s, one after the other."""
    return [heard(text, 15 * index, 15 * index + 15, **others) for index, text in enumerate(texts)]
