"""Several channels, one speaker in each, encoded as one sequence of blocks while they are being heard.

Each channel has a stream encoder of its own; `tokens.blocks` puts their ids into blocks, as soon as these are final in
all channels. Crosstalk between channels, which would be written twice, is looked for and said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio.resampling import Resampler
from hybrid_tok.encode.annotate import ANALYSIS_RATE
from hybrid_tok.encode.crosstalk import Crosstalk, CrosstalkDetector
from hybrid_tok.encode.streaming import StreamEncoder
from hybrid_tok.errors import AudioError
from hybrid_tok.tokens.block_layout import BlockLayout
from hybrid_tok.tokens.blocks import BlockWriter
from hybrid_tok.tokens.stream import Channel, HybridStream
from hybrid_tok.tokens.vocabulary import Vocabulary


class DuplexEncoder:
    """Samples of several channels in, blocks of ids out, each once it is final in all channels.

    Args:
        make: makes the stream encoder of a channel, whose speaker has the channel's number.
        vocabulary: of the ids.
        layout: of the blocks.
        sample_rate: of the samples, in Hz.
    """

    def __init__(
        self, make: Callable[[int], StreamEncoder], vocabulary: Vocabulary, layout: BlockLayout, sample_rate: int
    ) -> None:
        self.layout = layout
        self._encoders = [make(channel) for channel in range(layout.channels)]
        self._writer = BlockWriter(vocabulary, layout)
        self._resampler = Resampler(sample_rate, ANALYSIS_RATE, layout.channels)
        self._detector = CrosstalkDetector(layout.channels)

    def push(self, samples: NDArray[np.float32]) -> list[int]:
        """More samples (channels, N); the ids of the blocks that are now final.

        Raises:
            AudioError: they are of another shape, or not finite; or the stream has ended.
            BackendError: a backend failed.
        """
        chunk = np.asarray(samples)
        if chunk.ndim != 2 or len(chunk) != self.layout.channels:
            raise AudioError(f"the stream takes samples ({self.layout.channels}, N), not {chunk.shape}")
        if not np.isfinite(chunk).all():  # found before any channel takes its samples
            raise AudioError("samples of a chunk are not finite: nothing of the chunk was taken")
        ids: list[int] = []
        for channel, (encoder, row) in enumerate(zip(self._encoders, chunk, strict=True)):
            ids += self._writer.push(channel, encoder.push(row), encoder.final)
        self._detector.push(self._resampler.push(chunk.astype(np.float32, copy=False)))
        return ids

    def push_outside(self, name: str, tokens: Sequence[tuple[int, int]], final: int = 0) -> list[int]:
        """More outside tokens (frame of the codec, token), in order of time; the ids of the blocks this completes.

        Args:
            final: there are no more tokens before this frame; blocks wait for it.
        """
        return self._writer.push_outside(name, tokens, final)

    def flush(self) -> list[int]:
        """The end of the recording: the rest of its ids."""
        ids: list[int] = []
        for channel, encoder in enumerate(self._encoders):
            ids += self._writer.push(channel, encoder.flush())
        self._detector.push(self._resampler.finish())
        self._detector.flush()
        return ids + self._writer.flush()

    @property
    def crosstalk(self) -> tuple[Crosstalk, ...]:
        """What of a channel is heard in another so far."""
        return self._detector.found()


def number_speakers(streams: Iterable[HybridStream]) -> list[HybridStream]:
    """Streams of one channel and one speaker each, in which the speaker has the channel's number."""
    return [
        replace(
            stream,
            channels=(Channel(tuple(replace(turn, speaker=number) for turn in stream.channels[0].turns)),),
        )
        for number, stream in enumerate(streams)
    ]
