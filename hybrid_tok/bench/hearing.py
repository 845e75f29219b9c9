"""A listener: what Whisper understands of speech, and how many words of a text it misses.

Beam of five, temperature 0, no text before a window, the language given. A clip is heard as a whole, without voice
activity detection; windows are cut from 30 s on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hybrid_tok.backends.whisper import WhisperRecognizer
from hybrid_tok.bench.gating import ratio
from hybrid_tok.bench.mandarin import read_mandarin
from hybrid_tok.bench.words import Judgement, judge
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span, count_frames


class Ear:
    """Hears one language.

    Args:
        language: a code of `core.languages`.
        model: of Whisper, as `WhisperRecognizer` takes it.
    """

    def __init__(self, language: str = "en", model: str = "base") -> None:
        self.language = language
        self._recognizer = WhisperRecognizer(model, language)

    @property
    def fingerprint(self) -> str:
        return self._recognizer.fingerprint

    def hear(self, audio: Audio, speech: Sequence[Span] | None = None) -> list[str]:
        """Words heard in mono audio at 16 kHz.

        Args:
            speech: where to listen; the whole recording if None.
        """
        if not audio.samples.any():
            return []
        whole = Span(0, count_frames(audio.num_samples, audio.sample_rate))
        return [word.text for word in self._recognizer.hear(audio, [whole] if speech is None else speech)]

    def judge(self, audio: Audio, text: str) -> Judgement:
        """What is heard, against what should be; Mandarin as `read_mandarin` has it."""
        heard = self.hear(audio)
        if self.language == "zh":
            heard, text = [read_mandarin("".join(heard))], read_mandarin(text)
        return judge(heard, text, self.language)


def error_rate(judged: Iterable[Judgement]) -> float | None:
    """Errors of all recordings per word (in Chinese, per character) of all texts; None without a word."""
    judged = list(judged)
    return ratio(sum(one.errors for one in judged), sum(one.said for one in judged))
