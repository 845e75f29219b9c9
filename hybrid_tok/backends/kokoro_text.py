"""An utterance as Kokoro's tokens: which token is whose, and how long texts are divided.

Kokoro takes 510 phonemes at a time. A longer utterance is divided where a speaker would pause: after a sentence, else
at punctuation, else between two words, as near to its middle as that allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hybrid_tok.phonemes import token_ids
from hybrid_tok.phonemes.symbols import SONORANTS, TAILS, VOWELS

MOST_TOKENS = 400
"""Phonemes in one call; some 25 s of speech. Kokoro takes 510, but gets hasty on long texts."""

_ENDS = (".!?…", ",;:—")
"""Punctuation after which a text may be divided, the better places first."""

_OFF_MIDDLE = 0.35
"""Share of the text within which a better place may be off the middle."""


@dataclass(frozen=True, slots=True)
class Token:
    """A phoneme.

    Attributes:
        number: in Kokoro's table.
        word: index of the word it belongs to, or follows.
        pause: it is a space or punctuation.
    """

    number: int
    word: int
    pause: bool = False


def chunks_of(phonemes: Sequence[str]) -> list[list[Token]]:
    """The tokens of words, divided; words without phonemes have none. No chunk starts or ends with a space; each ends
    with punctuation.

    Args:
        phonemes: of each word, with a space at the end of those that are followed by one.
    """
    spoken = [(index, text, token_ids(text.rstrip())[: MOST_TOKENS - 1]) for index, text in enumerate(phonemes)]
    return [_tokens(part) for part in _divide([one for one in spoken if one[2]])]


_Spoken = tuple[int, str, list[int]]
"""Index of a word, its phonemes, and the numbers of these."""


def _divide(words: Sequence[_Spoken]) -> list[Sequence[_Spoken]]:
    sizes = [len(numbers) + 1 for _, _, numbers in words]
    total = sum(sizes)
    if total <= MOST_TOKENS:
        return [words] if words else []
    upto, best = 0, (float("inf"), 0)
    for index, size in enumerate(sizes[:-1]):
        upto += size
        end = words[index][1].rstrip()[-1]
        rank = next((rank for rank, marks in enumerate(_ENDS) if end in marks), len(_ENDS))
        best = min(best, (abs(upto / total - 0.5) + rank * _OFF_MIDDLE / len(_ENDS), index + 1))
    return [*_divide(words[: best[1]]), *_divide(words[best[1] :])]


def _tokens(words: Sequence[_Spoken]) -> list[Token]:
    space, stop = token_ids(" .")
    marks = {space, *token_ids("".join(_ENDS))}
    tokens: list[Token] = []
    for word, text, numbers in words:
        tokens += (Token(number, word, number in marks) for number in numbers)
        if text.endswith(" "):
            tokens.append(Token(space, word, pause=True))
    if tokens[-1].number == space:
        tokens.pop()
    if not tokens[-1].pause:  # without a mark at its end Kokoro swallows the last word
        tokens.append(Token(stop, tokens[-1].word, pause=True))
    return tokens


def syllables_of(
    tokens: Sequence[Token], borders: Sequence[tuple[int, int]]
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """The range of each vowel, and of the sonorants around it within its word, given the range of each token."""
    vowels, sonorants, tails = (frozenset(token_ids("".join(group))) for group in (VOWELS, SONORANTS, TAILS))
    found: list[tuple[tuple[int, int], tuple[int, int]]] = []
    for index, token in enumerate(tokens):
        if token.number not in vowels:
            continue
        first = last = tail = index
        while tail + 1 < len(tokens) and tokens[tail + 1].number in tails:
            tail += 1
        while first and tokens[first - 1].number in sonorants and tokens[first - 1].word == token.word:
            first -= 1
        last = tail
        while last + 1 < len(tokens) and tokens[last + 1].number in sonorants | tails:
            if tokens[last + 1].word != token.word:
                break
            last += 1
        found.append(((borders[index][0], borders[tail][1]), (borders[first][0], borders[last][1])))
    return found
