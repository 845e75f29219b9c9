"""The words of a given text beside the words that were heard."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher

from hybrid_tok.core.spacing import space_between, split_words

_RUN = 3
"""Words in a row that are looked for first: a long text has few of the same, and many single words."""


def text_units(text: str, language: str | None) -> list[str]:
    """The words of a text, or its characters in Chinese and Japanese, with the soundless marks after them."""
    units: list[str] = []
    for part in split_words(text, language):
        if units and not (fold(part) and fold(units[-1])):
            units[-1] += space_between(units[-1], part, language) + part
        else:
            units.append(part)
    return units


def fold(text: str) -> str:
    """Letters and digits alone, in lower case, without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in plain if character.isalnum())


def match(text: Sequence[str], heard: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs (i, j) with text[i] == heard[j], both rising: runs of several first, then single ones between them."""
    pairs: list[tuple[int, int]] = []
    runs = SequenceMatcher(None, _runs(text), _runs(heard), autojunk=False).get_matching_blocks()
    i = j = 0
    for run in runs:
        last = run.size == 0
        to_i, to_j = (len(text), len(heard)) if last else (run.a, run.b)
        if i < to_i and j < to_j:
            between = SequenceMatcher(None, text[i:to_i], heard[j:to_j], autojunk=False).get_matching_blocks()
            pairs += [(i + block.a + k, j + block.b + k) for block in between for k in range(block.size)]
        first = max(i - run.a, j - run.b, 0)  # the run before may reach into this one
        pairs += [(run.a + k, run.b + k) for k in range(first, run.size + _RUN - 1) if not last]
        i, j = max(i, run.a + run.size + _RUN - 1), max(j, run.b + run.size + _RUN - 1)
    return pairs


def _runs(keys: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(keys[k : k + _RUN]) for k in range(len(keys) - _RUN + 1)]
