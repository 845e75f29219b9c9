"""`AlignedSpeech`: a recording as text and as units at once, from which layouts that need both are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.annotations import Annotations
from hybrid_tok.core.timeline import DEFAULT_GRID, Grid, Span, count_frames
from hybrid_tok.encode.stretches import Stretch, find_stretches
from hybrid_tok.errors import BackendError, StreamError
from hybrid_tok.tokens.stream import Frame

if TYPE_CHECKING:
    from hybrid_tok.tokenizer import HybridTokenizer, Known, Source


@dataclass(frozen=True)
class AlignedSpeech:
    """A recording of one channel: what was said and heard in it, and the units of all of it.

    Attributes:
        annotations: words with their places, speakers and languages, events and turns, in frames of 20 ms.
        units: of every frame of the codec, from its first codebooks.
        remainder: samples in the codec's last frame when that is partial, else 0.
        grid: the codec's rate and frames.

    Raises:
        StreamError: the annotations are of another length, the remainder fits no frame, or the frames are of several
            numbers of codebooks.
    """

    annotations: Annotations
    units: tuple[Frame, ...]
    remainder: int = 0
    grid: Grid = DEFAULT_GRID

    def __post_init__(self) -> None:
        if not 0 <= self.remainder < self.grid.hop:
            raise StreamError(f"a remainder of {self.remainder} samples in frames of {self.grid.hop}")
        heard = count_frames(self.num_samples, self.grid.sample_rate)
        if self.annotations.frames != heard:
            raise StreamError(f"annotations of {self.annotations.frames} frames, and units of {heard}")
        if len(set(map(len, self.units))) > 1:
            raise StreamError("frames with different numbers of codebooks")
        for word in self.annotations.words:
            if word.span.start >= heard:
                raise StreamError(f"word {word.text!r} starts at frame {word.span.start} of {heard}")

    @property
    def frames(self) -> int:
        """Length in frames of the codec; the last one may be partial."""
        return len(self.units)

    @property
    def num_samples(self) -> int:
        """Length in samples at the codec's rate."""
        return self.grid.length(self.frames, self.remainder)

    @cached_property
    def codes(self) -> NDArray[np.int64]:
        """The units as an array (frames, codebooks)."""
        return np.array(self.units, np.int64).reshape(self.frames, -1 if self.frames else 0)

    @cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """Words, events, other sounds and silence as the gate sees them, each with its speaker; they tile the recording
        and do not overlap. A word inside another speaker's is `under` it. In frames of 20 ms."""
        return tuple(find_stretches(self.annotations))

    @cached_property
    def places(self) -> tuple[Span, ...]:
        """Where each of the stretches is in frames of the codec; they tile the recording, too. Silence may have none,
        and so may others where there are more of them than frames."""
        edges = [0, *(stretch.span.end for stretch in self.stretches)]
        kept = [stretch.kind != "silence" for stretch in self.stretches]
        return tuple(Span(*borders) for borders in pairwise(self.grid.tile(edges, kept, 0, self.frames)))

    def cut(self, span: Span) -> tuple[Frame, ...]:
        """The units of a stretch, in frames of the codec."""
        return self.units[span.start : span.end]

    @classmethod
    def of(
        cls,
        annotations: Annotations,
        codes: NDArray[np.integer] | Sequence[Frame],
        remainder: int = 0,
        grid: Grid = DEFAULT_GRID,
    ) -> AlignedSpeech:
        """From codes (frames, codebooks)."""
        return cls(annotations, tuple(map(tuple, np.asarray(codes).tolist())), remainder, grid)


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
    grid = tokenizer.codec_identity.grid
    codes = codec.encode(audio.samples)
    expected = (grid.count(audio.num_samples), codec.num_codebooks)
    if codes.shape != expected:
        raise BackendError(f"{codec.name} gave codes {codes.shape}, not {expected}")
    return AlignedSpeech.of(found, codes[:, :width], audio.num_samples % grid.hop, grid)
