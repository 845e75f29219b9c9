"""Speech by espeak-ng 1.52 (https://github.com/espeak-ng/espeak-ng), in a process of its own.

A formant synthesizer: it sounds like a machine, speaks 78 of the languages that words can be tagged with, and is fast.
Of Japanese it reads kana only. espeak-ng is under GPL-3; its library comes with `espeakng-loader` and is loaded by the
worker process only.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.protocol import Message
from hybrid_tok.backends.worker import Worker
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.languages import LANGUAGES
from hybrid_tok.core.utterance import Speech, Utterance
from hybrid_tok.errors import BackendError, OptionsError

SAMPLE_RATE = 22_050
"""What every voice of espeak-ng speaks at; the caller resamples."""

_PAUSE = 0.05
"""Seconds of silence that are a pause between words; less is the closure of a consonant, and the word's own."""

_SILENCE = 1e-3
"""Amplitude up to which a sample is silent."""

_RATES = (80.0, 450.0)
"""Words per minute that espeak-ng can speak at."""

_FADE = 0.01
"""Seconds over which speech that is too long for its place is faded out."""

_VOICES: Mapping[str, str] = MappingProxyType({"en": "en-us", "zh": "cmn", "no": "nb"})
"""Voices whose name is not the code of their language."""

_LACKING = frozenset(
    (
        *("bo", "br", "fo", "gl", "ha", "jw", "km", "ln", "lo", "mg", "mn"),
        *("nn", "oc", "ps", "sa", "sn", "so", "su", "tg", "tl", "yi", "yo"),
    )
)
"""Languages without a voice in espeak-ng 1.52 (of Faroese, espeakng-loader lacks the dictionary)."""

_KANJI = re.compile("[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class EspeakOptions:
    """How espeak-ng speaks.

    Attributes:
        voice: that speaks everything, such as "en-us", "de", "cmn", "en-us+f3"; None follows the language of the text.
        rate: words per minute, 80 to 450; in locked timing it follows from the place.
        pitch: 0 to 100.
    """

    voice: str | None = None
    rate: int = 175
    pitch: int = 50

    def __post_init__(self) -> None:
        if self.voice is not None and not re.fullmatch(r"[A-Za-z0-9_+-]{1,40}", self.voice):
            raise OptionsError(f"an espeak-ng voice is a name such as en-us, de or cmn, not {self.voice!r}")
        if not _RATES[0] <= self.rate <= _RATES[1]:
            raise OptionsError(f"rate must be 80 to 450 words per minute, not {self.rate}")
        if not 0 <= self.pitch <= 100:
            raise OptionsError(f"pitch must be 0 to 100, not {self.pitch}")


def espeak_voice(language: str | None) -> str:
    """The voice for a code of `core.languages`, en-us where there is none; another name is that of a voice.

    Raises:
        BackendError: espeak-ng lacks the language.
    """
    if language in _LACKING:
        raise BackendError(
            f"espeak-ng has no voice for {LANGUAGES[language]} ({language}): have it spoken as another language, "
            "such as --speak-as en"
        )
    return _VOICES.get(language or "en", language or "")


class EspeakSynthesizer:
    """A `Synthesizer`. The same words give the same samples, whatever was spoken before."""

    def __init__(self, options: EspeakOptions = EspeakOptions(), timeout: float = 120.0) -> None:
        """Args:
        timeout: seconds a call may take.
        """
        self.options = options
        self._worker = Worker("hybrid_tok.backends.espeak_worker", timeout=timeout)

    @property
    def name(self) -> str:
        return "espeak"

    @property
    def fingerprint(self) -> str:
        options = hashlib.sha256(repr(self.options).encode()).hexdigest()[:16]
        return f"espeakng-loader-{importlib.metadata.version('espeakng-loader')}:{options}"

    @property
    def sample_rate(self) -> int:
        return SAMPLE_RATE

    def synthesize(self, utterance: Utterance) -> Speech:
        """Speak an utterance, mono at 22,050 Hz, in espeak-ng's own voice whatever the voice code or delivery.

        Phrases that touch are spoken together at a rate at which they last about as long as their place; what is
        missing is silence at the end, what is too much is faded out. The places of single words within are espeak-ng's.
        A word that makes no sound ("--") has an empty range. Where espeak-ng says two words in one ("of the"), the two
        share its stretch in proportion to their letters.

        Raises:
            BackendError: espeak-ng lacks the language, cannot read the words, or its process failed.
            OptionsError: the voice is a name: espeak-ng has none of Kokoro's voices.
        """
        if isinstance(utterance.voice, str):
            raise OptionsError(
                f"espeak-ng has no voice {utterance.voice!r}: leave --voice out, or --set synthesizer=espeak"
            )
        voice = self.options.voice or espeak_voice(utterance.language)
        place = utterance.span
        if place is None:
            samples, words = self._speak(utterance.words, voice, self.options.rate)
            return Speech(Audio(samples, SAMPLE_RATE), _body(samples), tuple(words))
        out = np.zeros(utterance.samples_of(place, SAMPLE_RATE)[1], np.float32)
        ranges: list[tuple[int, int]] = []
        for words, span in utterance.runs:
            first, last = utterance.samples_of(span, SAMPLE_RATE)
            samples, spoken = self._speak_for(words, voice, last - first)
            out[first : first + len(samples)] = samples
            ranges += ((first + start, first + end) for start, end in spoken)
        return Speech(Audio(out, SAMPLE_RATE), (0, len(out)), tuple(ranges))

    def _speak_for(self, words: Sequence[str], voice: str, length: int) -> tuple[NDArray[np.float32], list[_Range]]:
        """Words spoken at a rate at which they last at most `length` samples, and about that."""
        rate = float(self.options.rate)
        for last in (False, False, True):
            samples, ranges = self._speak(words, voice, round(rate))
            start, end = _body(samples)
            wanted = min(max(rate * (end - start) / max(length, 1), _RATES[0]), _RATES[1])
            if last or (end - start <= length and round(wanted) == round(rate)):
                break
            rate = wanted
        samples = samples[start : min(end, start + length)].copy()
        if end - start > length:
            fade = min(length, round(_FADE * SAMPLE_RATE))
            samples[length - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
        return samples, [(_within(a - start, len(samples)), _within(b - start, len(samples))) for a, b in ranges]

    def _speak(self, words: Sequence[str], voice: str, rate: int) -> tuple[NDArray[np.float32], list[_Range]]:
        """Samples, and the range of each word, in order and disjoint; between and around them are only pauses."""
        if voice == "ja" and (kanji := _KANJI.search("".join(words))):
            raise BackendError(
                f"espeak-ng reads no kanji such as {kanji[0]!r}: use another synthesizer, or another --speak-as"
            )
        what = f"{' '.join(words)[:40]!r}"
        header = {"words": list(words), "voice": voice, "rate": rate, "pitch": self.options.pitch}
        answer = self._worker.request(Message(header), what)
        if answer.header["sample_rate"] != SAMPLE_RATE:
            raise BackendError(f"espeak-ng speaks at {answer.header['sample_rate']} Hz, not at {SAMPLE_RATE} Hz")
        samples = (np.frombuffer(answer.body, "<i2") / 32768).astype(np.float32)
        pause = round(_PAUSE * SAMPLE_RATE)
        bounds = pairwise([*answer.header["starts"], len(samples)])
        return samples, _shared(words, [_without_pauses(samples, start, end, pause) for start, end in bounds])

    def close(self) -> None:
        """Stop the process; it starts again when needed."""
        self._worker.close()


_Range: TypeAlias = "tuple[int, int]"


def _body(samples: NDArray[np.float32]) -> _Range:
    """Where there is sound."""
    heard = np.flatnonzero(np.abs(samples) > _SILENCE)
    return (int(heard[0]), int(heard[-1]) + 1) if len(heard) else (0, 0)


def _within(place: int, length: int) -> int:
    return min(max(place, 0), length)


def _shared(words: Sequence[str], heard: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ranges of words; one with letters but without sound shares that of the words before it."""
    ranges = list(heard)
    # espeak-ng puts the sound of "of the" at "of" and leaves "the" silent, and that of 你好 at 你
    for last in range(len(words) - 1, 0, -1):
        first = last
        while first and _letters(words[first]) and ranges[first][0] == ranges[first][1]:
            first -= 1
        start, end = ranges[first]
        if first == last or not _letters(words[first]) or start == end:
            continue
        sizes = np.cumsum([0, *map(_letters, words[first : last + 1])])
        cuts = [start + (end - start) * int(size) // int(sizes[-1]) for size in sizes]
        ranges[first : last + 1] = pairwise(cuts)
    return ranges


def _letters(word: str) -> int:
    return sum(char.isalnum() for char in word)


def _without_pauses(samples: NDArray[np.float32], start: int, end: int, pause: int) -> tuple[int, int]:
    """The range without a pause at its start or end; an empty one at `start` where all is silent."""
    heard = np.flatnonzero(np.abs(samples[start:end]) > _SILENCE)
    if not len(heard):
        return start, start
    first, last = start + int(heard[0]), start + int(heard[-1]) + 1
    return first if first - start >= pause else start, last if end - last >= pause else end
