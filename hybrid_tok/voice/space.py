"""The space of Kokoro's voices: the published ones by name, mixtures of them, and any point between and beyond them.

A published voice is a table of 510 styles, one per number of phonemes; a style is 128 numbers for the timbre and 128
for how it is said. Voices differ from each other far more than their rows do, and half of what rows differ by is common
to all voices: a voice is kept as its mean style, and all share two curves over the number of phonemes (`space.md` has
the error). Timbres are points in the principal components of the published ones, each of unit variance over them.
`train.voice` makes the table.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.errors import OptionsError, WeightsError
from hybrid_tok.nn.arrays import load_arrays

SPACE = Path(__file__).parent / "space.safetensors"

STYLE, TIMBRE = 256, 128
"""Numbers of a style, and those of them, at its start, that are the timbre."""

_LANGUAGE = "en"
"""Whose prosody is used for languages without a voice of their own."""

CLEAREST = ("af_heart", "am_michael", "af_bella", "am_fenrir", "bf_emma", "am_puck")
"""The clearest of the published voices, in English, women and men in turn."""

_NAME = r"[a-z]{2}_[a-z]+"
_FORM = re.compile(rf"\s*{_NAME}\s*(:[^+:/\\]*)?(\+\s*{_NAME}\s*(:[^+:/\\]*)?)*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Prosody:
    """A published voice whose prosody a language is spoken with, and what it is like when nothing is changed.

    Attributes:
        voice: its name.
        pitch, pitch_range, rate: of its speech, as `voice.measure` has them: Hz, semitones, syllables per second.
        timbre_share: of a timbre that is this voice's own, in a language that is not understood well in others.
    """

    voice: str
    pitch: float
    pitch_range: float
    rate: float
    timbre_share: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class VoiceSpace:
    """The table.

    Attributes:
        fingerprint: changes whenever a style could.
        names: of the published voices.
        styles: (voices, 256), the mean style of each.
        rows: (510, 256), what every voice has in addition with so many phonemes.
        basis: (coordinates, 128), principal components of the timbres, scaled to unit variance over the voices.
        languages: the prosodies of each language that has voices, the usual one first.
    """

    fingerprint: str
    names: tuple[str, ...]
    styles: NDArray[np.float32]
    rows: NDArray[np.float32]
    basis: NDArray[np.float32]
    languages: Mapping[str, tuple[Prosody, ...]]

    def style(self, mixture: Mapping[str, float], phonemes: int) -> NDArray[np.float32]:
        """The style (256,) of a mixture of published voices (see `parse_mixture`), for so many phonemes."""
        weights = np.zeros(len(self.names), np.float32)
        for name, weight in mixture.items():
            weights[self.names.index(name)] = weight
        return weights @ self.styles + self._row(phonemes)

    def timbre(self, coordinates: Sequence[float] | NDArray[np.floating], phonemes: int) -> NDArray[np.float32]:
        """The timbre half (128,) of a style at a point of the space; the origin is the mean voice."""
        offset = np.asarray(coordinates, np.float32) @ self.basis[: len(coordinates)]
        return self.styles[:, :TIMBRE].mean(axis=0) + offset + self._row(phonemes)[:TIMBRE]

    def default(self, language: str | None, speaker: int = 0) -> str:
        """The published voice that speaks a language where no other is asked for: another for each of several
        speakers, as far as there are."""
        first = self._of(language)[0].voice
        own = [name for name in self.names if name[0] == first[0]] if first != CLEAREST[0] else []
        several = list(dict.fromkeys([first, *own, *CLEAREST]))
        return several[speaker % len(several)]

    def prosody(self, language: str | None, pitch: float) -> Prosody:
        """The prosody of a language for a speaker with this median pitch in Hz: the one whose own is nearest."""
        return min(self._of(language), key=lambda one: abs(math.log(one.pitch / pitch)))

    def _of(self, language: str | None) -> tuple[Prosody, ...]:
        return self.languages.get(language or _LANGUAGE, self.languages[_LANGUAGE])

    def _row(self, phonemes: int) -> NDArray[np.float32]:
        return self.rows[min(max(phonemes, 0), len(self.rows) - 1)]


@cache
def voice_space(path: Path = SPACE) -> VoiceSpace:
    """The space that ships with the package.

    Raises:
        WeightsError: its file is missing or damaged.
    """
    arrays, about = load_arrays(path)
    try:
        return VoiceSpace(
            fingerprint=_fingerprint(about),
            names=tuple(about["names"]),
            styles=arrays["styles"],
            rows=arrays["row_weights"] @ arrays["row_basis"],
            basis=arrays["basis"],
            languages={
                language: tuple(Prosody(**prosody) for prosody in prosodies)
                for language, prosodies in about["languages"].items()
            },
        )
    except (LookupError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} is no table of voices of this version ({error}): reinstall hybrid-tok") from None


def _fingerprint(about: Mapping[str, Any]) -> str:
    held = json.dumps([about["sha256"], about["languages"]], sort_keys=True)
    return hashlib.sha256(held.encode()).hexdigest()[:16]


def is_voice(text: str) -> bool:
    """Whether a text is written like the name of a voice or a mixture; `parse_mixture` knows whether they exist."""
    return _FORM.fullmatch(text) is not None


def parse_mixture(text: str) -> dict[str, float]:
    """The weight of each voice in "af_heart", or in a mixture like "af_heart:0.6+am_onyx:0.4".

    Raises:
        OptionsError: an unknown voice, a voice twice, or weights that are not positive or do not add up to 1.
    """
    mixture: dict[str, float] = {}
    parts = text.split("+")
    for part in parts:
        name, given, number = (piece.strip() for piece in part.partition(":"))
        name = name.lower()
        _check_name(name, text)
        if name in mixture:
            raise OptionsError(f"voice {text!r}: {name} is there twice; give its whole weight once")
        if not given and len(parts) > 1:
            raise OptionsError(f"voice {text!r}: {name} has no weight; write it as {name}:0.5")
        mixture[name] = _weight(number, name, text) if given else 1.0
    total = sum(mixture.values())
    if not math.isclose(total, 1.0, abs_tol=1e-3):
        raise OptionsError(f"voice {text!r}: the weights add up to {total:g}, not 1")
    return {name: weight / total for name, weight in mixture.items()}


def _check_name(name: str, text: str) -> None:
    names = voice_space().names
    if name not in names:
        near = get_close_matches(name, names, 4, 0.4) or [voice_space().default(None)]
        raise OptionsError(f"voice {text!r}: there is no voice {name!r}; near it: {', '.join(near)}")


def _weight(number: str, name: str, text: str) -> float:
    try:
        weight = float(number)
    except ValueError:
        raise OptionsError(f"voice {text!r}: the weight of {name} is {number!r}, not a number") from None
    if not 0.0 < weight < math.inf:
        raise OptionsError(f"voice {text!r}: the weight of {name} is {number}; weights are positive")
    return weight
