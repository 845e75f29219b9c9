"""A recording on its way through the encoder: its audio, and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass, field

from hybrid_tok.core.annotations import KnownAnnotations
from hybrid_tok.core.audio import Audio, SourceInfo
from hybrid_tok.core.timeline import count_frames


@dataclass(frozen=True, slots=True)
class Recording:
    """What the encoder works on.

    Attributes:
        audio: mono, at the codec's rate.
        source: rate, samples and channels before mixing and resampling.
        channels: what `audio` is the mix of, each mono at 16 kHz, where speakers may be told apart per channel.
        known: what is known already; each part takes the place of the stage that would have made it.
    """

    audio: Audio
    source: SourceInfo
    channels: tuple[Audio, ...] = ()
    known: KnownAnnotations = field(default_factory=KnownAnnotations)

    @property
    def frames(self) -> int:
        """Length in frames of annotations, 20 ms; the last one may be partial."""
        return count_frames(self.audio.num_samples, self.audio.sample_rate)

    @classmethod
    def of(cls, audio: Audio, known: KnownAnnotations | None = None, channels: tuple[Audio, ...] = ()) -> Recording:
        """A recording of mono audio that has not been resampled."""
        info = SourceInfo(audio.sample_rate, audio.num_samples, audio.num_channels)
        return cls(audio, info, channels, known or KnownAnnotations())
