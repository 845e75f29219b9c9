"""`AlignedSpeech`: a recording as text and as units at once, from which layouts that need both are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.annotations import Annotations
from hybrid_tok.core.timeline import Span
from hybrid_tok.encode.stretches import Stretch, find_stretches
from hybrid_tok.errors import BackendError, StreamError
from hybrid_tok.tokens.stream import Frame

if TYPE_CHECKING:
    from hybrid_tok.tokenizer import HybridTokenizer, Known, Source


@dataclass(frozen=True)
class AlignedSpeech:
    """A recording of one channel: what was said and heard in it, and the units of all of it.

    Attributes:
        annotations: words with their places, speakers and languages, events and turns.
        units: of every frame, from the codec's first codebooks.
        remainder: samples in the last frame when that is partial, else 0.

    Raises:
        StreamError: the annotations are of another number of frames, or the frames of several numbers of codebooks.
    """

    annotations: Annotations
    units: tuple[Frame, ...]
    remainder: int = 0

    def __post_init__(self) -> None:
        if self.annotations.frames != len(self.units):
            raise StreamError(f"annotations of {self.annotations.frames} frames, and units of {len(self.units)}")
        if len(set(map(len, self.units))) > 1:
            raise StreamError("frames with different numbers of codebooks")
        for word in self.annotations.words:
            if word.span.start >= self.frames:
                raise StreamError(f"word {word.text!r} starts at frame {word.span.start} of {self.frames}")

    @property
    def frames(self) -> int:
        """Length in frames of 20 ms; the last one may be partial."""
        return len(self.units)

    @cached_property
    def codes(self) -> NDArray[np.int64]:
        """The units as an array (frames, codebooks)."""
        return np.array(self.units, np.int64).reshape(self.frames, -1 if self.frames else 0)

    @cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """Words, events, other sounds and silence as the gate sees them, each with its speaker; they tile the recording
        and do not overlap. A word inside another speaker's is `under` it."""
        return tuple(find_stretches(self.annotations))

    def cut(self, span: Span) -> tuple[Frame, ...]:
        """The units of a stretch."""
        return self.units[span.start : span.end]

    @classmethod
    def of(cls, annotations: Annotations, codes: NDArray[np.integer] | Sequence[Frame], remainder: int = 0):
        """From codes (frames, codebooks)."""
        return cls(annotations, tuple(map(tuple, np.asarray(codes).tolist())), remainder)


def align_speech(tokenizer: HybridTokenizer, source: Source, *, annotations: Known = None) -> AlignedSpeech:
    """Annotate a recording, and encode the whole of it with the codec.

    Args:
        tokenizer: whose recognizer, tagger, diarizer, codec and number of codebooks are used.
        source, annotations: as of `HybridTokenizer.analyze`, errors too.
    """
    audio, _ = tokenizer.read(source)
    if source == "-":  # it can be read once only
        source = audio
    found = tokenizer.annotate(source, annotations=annotations)
    codec, width = tokenizer.encoder.codec(), tokenizer.vocabulary.options.num_codebooks
    codes = codec.encode(audio.samples)
    if codes.shape != (found.frames, codec.num_codebooks):
        raise BackendError(f"{codec.name} gave codes {codes.shape}, not {(found.frames, codec.num_codebooks)}")
    return AlignedSpeech.of(found, codes[:, :width], audio.num_samples % tokenizer.vocabulary.options.hop)
