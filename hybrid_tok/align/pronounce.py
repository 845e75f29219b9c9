"""How words are pronounced: given pronunciations, the CMU Pronouncing Dictionary, and a letter-to-sound model.

Pronunciations are tuples of ARPAbet phones without stress. The dictionary is in the package, and the model was trained
on it by `hybrid-tok train pronounce`. Inference is plain numpy: a word takes a millisecond. Card: pronounce.md.
"""

from __future__ import annotations

import gzip
import hashlib
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.errors import AnnotationError, WeightsError
from hybrid_tok.nn.arrays import load_arrays, read_identity

Phones: TypeAlias = tuple[str, ...]
"""A pronunciation: ARPAbet phones without stress."""

PHONES: Phones = (
    *("AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH", "IY", "JH"),
    *("K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH"),
)
_STRESSED = {phone + digit: phone for phone in PHONES for digit in ("", "0", "1", "2")}
LETTERS = "abcdefghijklmnopqrstuvwxyz'"
SLOTS = 2
"""Phones that a letter can have ("x" has two)."""

PRONOUNCE_WEIGHTS = Path(__file__).parent / "pronounce.safetensors"
DICTIONARY = Path(__file__).parent / "cmudict.gz"
_BEAM = 8
_ALTERNATIVE = 0.3
"""A second pronunciation is given where it is at least so likely as the first."""


class Pronouncer:
    """Looks words up, and reads those that are in no dictionary by their letters.

    Args:
        given: pronunciations by word, such as {"Nguyen": "W IH N"}; several of a word are separated by a comma. They
            take the place of the dictionary's.

    Raises:
        AnnotationError: a given pronunciation has a phone that is none.
    """

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        self._given = {fold(word): parse_pronunciations(word, text) for word, text in (given or {}).items()}
        self._spelled: dict[str, tuple[Phones, ...]] = {}

    def pronounce(self, word: str) -> tuple[Phones, ...]:
        """Pronunciations of one spoken word, the commonest first; empty where no letter of it is a Latin one."""
        key = fold(word)
        if key in self._given:
            return self._given[key]
        entry = dictionary().get(key)
        if entry is not None:
            return tuple(tuple(text.split()) for text in entry)
        if key not in self._spelled:
            self._spelled[key] = spelling_model().pronounce(key)
        return self._spelled[key]


def fold(word: str) -> str:
    """A word as the dictionary writes it: lower case, accents taken off, one kind of apostrophe."""
    plain = word.casefold().replace("’", "'").replace("ß", "ss").replace("æ", "ae").replace("œ", "oe").replace("ø", "o")
    return "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))


def parse_pronunciations(word: str, text: str) -> tuple[Phones, ...]:
    """ "W IH N, N UW Y EH N" to its pronunciations; digits of stress are taken off.

    Raises:
        AnnotationError: empty, or a phone that is none.
    """
    found = tuple(tuple(part.upper().split()) for part in text.split(","))
    for phones in found:
        wrong = [phone for phone in phones if phone not in _STRESSED]
        if wrong or not phones:
            what = f"has no phone {wrong[0]!r}" if wrong else "is empty"
            raise AnnotationError(f"pronunciation {text!r} of {word!r} {what}; phones are ARPAbet: {' '.join(PHONES)}")
    return tuple(tuple(_STRESSED[phone] for phone in phones) for phones in found)


@cache
def dictionary() -> Mapping[str, tuple[str, ...]]:
    """The dictionary in the package: words to their pronunciations, phones separated by spaces.

    Raises:
        WeightsError: missing, truncated or changed.
    """
    try:
        data = DICTIONARY.read_bytes()
    except OSError as error:
        raise WeightsError(f"{DICTIONARY} cannot be read ({error.strerror}): reinstall hybrid-tok") from None
    if hashlib.sha256(data).hexdigest() != read_identity(dict, PRONOUNCE_WEIGHTS).get("dictionary"):
        raise WeightsError(f"{DICTIONARY} is truncated or changed: reinstall hybrid-tok")
    lines = gzip.decompress(data).decode("utf-8").splitlines()
    entries = (line.split("\t") for line in lines if not line.startswith(";;;"))
    return {word: tuple(phones) for word, *phones in entries}


class SpellingModel:
    """Letters to phones: a convolutional network whose outputs, `SLOTS` per letter, are read as CTC (Graves 2006).

    Args:
        tensors: as `train.align.pronounce` exports them.
    """

    def __init__(self, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        self._tensors = tensors

    def log_probabilities(self, word: str) -> NDArray[np.float64]:
        """(SLOTS * letters, 1 + phones), the first column being the blank; only letters count."""
        indices = [LETTERS.index(letter) for letter in word if letter in LETTERS]
        tensors = self._tensors
        hidden = tensors["embedding"][indices]
        for layer in range(sum(name.startswith("kernel") for name in tensors)):
            kernel = tensors[f"kernel{layer}"]  # (taps, in, out)
            reach = len(kernel) // 2
            padded = np.pad(hidden, ((reach, reach), (0, 0)))
            mixed = sum(padded[tap : tap + len(hidden)] @ kernel[tap] for tap in range(len(kernel)))
            hidden = hidden + np.maximum(mixed + tensors[f"bias{layer}"], 0.0)
        logits = (hidden @ tensors["output"] + tensors["output_bias"]).astype(np.float64)
        logits = logits.reshape(SLOTS * len(indices), -1)
        logits -= logits.max(-1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))

    def pronounce(self, word: str) -> tuple[Phones, ...]:
        """The likeliest pronunciation, and a second one where it is nearly as likely; () for a word without letters."""
        if not any(letter in LETTERS[:-1] for letter in word):
            return ()
        ranked = [(phones, score) for phones, score in prefix_beam(self.log_probabilities(word), _BEAM) if phones]
        best = ranked[0][1]
        return tuple(tuple(PHONES[p] for p in phones) for phones, s in ranked[:2] if s >= best + np.log(_ALTERNATIVE))


def prefix_beam(log_probabilities: NDArray[np.float64], beam: int) -> list[tuple[tuple[int, ...], float]]:
    """Prefix beam search over CTC outputs: label sequences with their log probabilities, best first.

    Args:
        log_probabilities: (T, 1 + labels), the blank first.
        beam: prefixes kept at each step.
    """
    never = -np.inf
    prefixes: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, never)}  # ending in a blank, in a label
    for row in log_probabilities:
        likely = np.flatnonzero(row[1:] > row.max() - 8.0)
        grown: dict[tuple[int, ...], tuple[float, float]] = {}

        def add(prefix: tuple[int, ...], blank: float, label: float, grown: dict = grown) -> None:
            before = grown.get(prefix, (never, never))
            grown[prefix] = (float(np.logaddexp(before[0], blank)), float(np.logaddexp(before[1], label)))

        for prefix, (blank, label) in prefixes.items():
            either = float(np.logaddexp(blank, label))
            add(prefix, either + row[0], label + row[1 + prefix[-1]] if prefix else never)
            for index in likely.tolist():
                start = blank if prefix and prefix[-1] == index else either
                add((*prefix, index), never, start + row[1 + index])
        best = sorted(grown.items(), key=lambda item: (-np.logaddexp(*item[1]), item[0]))[:beam]
        prefixes = dict(best)
    return [(prefix, float(np.logaddexp(*ends))) for prefix, ends in prefixes.items()]


@cache
def spelling_model(weights: Path = PRONOUNCE_WEIGHTS) -> SpellingModel:
    """The model that ships with the package, or another that the recipe wrote.

    Raises:
        WeightsError: missing, truncated or changed.
    """
    arrays, _ = load_arrays(weights)
    return SpellingModel(arrays)
