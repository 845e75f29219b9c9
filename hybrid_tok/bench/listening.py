"""Recordings listened to once: every figure of a benchmark is of the same annotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.whisper import WhisperRecognizer
from hybrid_tok.bench.recordings import spoken_language
from hybrid_tok.bench.words import Judgement, judge
from hybrid_tok.confidence.features import HeardWord
from hybrid_tok.core.annotations import Annotations, KnownAnnotations, Segment
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import UnitCodec
from hybrid_tok.core.manifest import Clip
from hybrid_tok.core.progress import Progress
from hybrid_tok.core.recording import Recording
from hybrid_tok.core.timeline import Span
from hybrid_tok.options import TokenizerOptions
from hybrid_tok.presets import find_preset
from hybrid_tok.tokenizer import HybridTokenizer


@dataclass(frozen=True, slots=True, eq=False)
class Listened:
    """A recording after listening.

    Attributes:
        recording: with everything that was heard as known, so that encoding it runs only what comes after.
        annotations: what was heard.
        raw: (n,), of each word the mean probability of its tokens (geometric), before calibration.
        judged: the words against the transcript.
    """

    clip: Clip
    recording: Recording
    annotations: Annotations
    raw: NDArray[np.float64]
    judged: Judgement

    @property
    def confidences(self) -> NDArray[np.float64]:
        """(n,), calibrated."""
        return np.array([word.confidence for word in self.annotations.words], np.float64)


class Listener:
    """Annotates recordings, each once, and keeps what their codes are."""

    def __init__(self, **chosen: Any) -> None:
        """Args:
        chosen: fields of `TokenizerOptions` that are not the default's.
        """
        options = TokenizerOptions(**chosen)
        self._recognizer = _Remembering(options.model, options.language, options.windows)
        self.tokenizer = HybridTokenizer(find_preset("default"), options, backends={"recognizer": self._recognizer})
        self._listened: dict[Path, Listened] = {}

    @property
    def recognizer(self) -> WhisperRecognizer:
        return self._recognizer

    @cached_property
    def codec(self) -> UnitCodec:
        """The tokenizer's codec, which encodes no recording twice."""
        return RememberedCodec(self.tokenizer.encoder.codec())

    def listen(self, clip: Clip) -> Listened:
        """What is heard in a clip; with its transcript, if it has one, judged."""
        if clip.path not in self._listened:
            audio, _ = self.tokenizer.read(clip.path)
            self._recognizer.heard = []
            annotations = self.tokenizer.annotate(audio)
            raw = [np.exp(np.mean(word.log_probs)) for word in self._recognizer.heard]
            words = [word.text for word in annotations.words]
            self._listened[clip.path] = Listened(
                clip,
                Recording.of(audio, KnownAnnotations.everything(annotations)),
                annotations,
                np.array(raw, np.float64),
                judge(words, clip.text or "", spoken_language(clip)),
            )
        return self._listened[clip.path]


def transcribed(tokenizer: HybridTokenizer, clip: Clip) -> tuple[Audio, Annotations]:
    """A clip, and the words of its transcript where they were said: what is measured of them does not depend on a
    recognizer's errors. No events, one speaker."""
    audio, _ = tokenizer.read(clip.path)
    text = Segment(clip.text or "", source=clip.name, language=spoken_language(clip))
    return audio, tokenizer.annotate(audio, annotations=KnownAnnotations(segments=(text,), events=(), turns=()))


class _Remembering(WhisperRecognizer):
    """Whisper that keeps what it last heard, as the confidences are not all that is measured."""

    heard: list[HeardWord]

    def hear(self, audio: Audio, speech: Sequence[Span], progress: Progress | None = None) -> list[HeardWord]:
        self.heard = super().hear(audio, speech, progress)
        return self.heard


class RememberedCodec:
    """A `UnitCodec` that keeps the codes of every recording it has encoded: a sweep of the gate asks for the same codes
    again and again."""

    def __init__(self, codec: UnitCodec) -> None:
        self._codec = codec
        self._codes: dict[bytes, NDArray[np.int64]] = {}
        self.name = codec.name
        self.fingerprint = codec.fingerprint
        self.sample_rate = codec.sample_rate
        self.hop = codec.hop
        self.num_codebooks = codec.num_codebooks
        self.codebook_size = codec.codebook_size

    def encode(self, samples: NDArray[np.float32]) -> NDArray[np.int64]:
        """As of the codec."""
        key = blake2b(samples.tobytes()).digest()
        if key not in self._codes:
            self._codes[key] = self._codec.encode(samples)
        return self._codes[key]

    def decode(self, codes: NDArray[np.integer]) -> NDArray[np.float32]:
        """As of the codec."""
        return self._codec.decode(codes)
