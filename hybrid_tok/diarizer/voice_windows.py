"""Speaker embeddings of sliding windows over a recording that arrives block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.masks import mask_to_spans

if TYPE_CHECKING:
    from hybrid_tok.diarizer.speaker_encoder import SpeakerEncoder

_T = TypeVar("_T", bound=Any)

NOTHING, VOCAL, ONE, SEVERAL = range(4)
"""Columns of `VoiceFrames.activity`."""


@dataclass(frozen=True, slots=True, eq=False)
class VoiceFrames:
    """The network's output, per frame of 40 ms.

    Attributes:
        hidden: (T, hidden) float32, what embeddings are pooled from.
        weight: (T, heads) float32, positive attention weights.
        activity: (T, 4) float32, probabilities of `network.ACTIVITIES`.
    """

    hidden: NDArray[np.float32]
    weight: NDArray[np.float32]
    activity: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class VoiceWindows:
    """Windows in order of time.

    Attributes:
        centre: (n,) frame of 40 ms each is centred on.
        talk: (n,) expected number of frames with exactly one talker in it.
        voice: (n, embedding) float32, of unit length; zeros where no one talks alone.
    """

    centre: NDArray[np.int64]
    talk: NDArray[np.float32]
    voice: NDArray[np.float32]

    def __getitem__(self, chosen: NDArray) -> VoiceWindows:
        return VoiceWindows(self.centre[chosen], self.talk[chosen], self.voice[chosen])


def joined(parts: Sequence[_T]) -> _T:
    """Values of arrays, such as `VoiceWindows`, one after another; there must be at least one."""
    arrays = ([getattr(part, field.name) for part in parts] for field in fields(parts[0]))
    return type(parts[0])(*map(np.concatenate, arrays))


@dataclass(slots=True)
class WindowerState:
    """What a `Windower` goes on with.

    Attributes:
        frames: of the windows that are not complete; None at the start.
        speech: share of each that is speech, (T,).
        first: number of the first of them.
        upcoming: centre of the first window that is not complete.
    """

    frames: VoiceFrames | None = None
    speech: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    first: int = 0
    upcoming: int = 0


class Windower:
    """Cuts frames into windows; results do not depend on the blocks of frames.

    A window ends at a pause: the next speaker may be another one.

    Args:
        encoder: pools frames into embeddings.
        half: frames of a window on either side of its centre.
        hop: frames between centres.
        pause: frames without speech that end a window; at most `half`, so that every such pause is seen whole.
    """

    def __init__(
        self, encoder: SpeakerEncoder, half: int, hop: int, pause: int, state: WindowerState | None = None
    ) -> None:
        self._encoder, self._half, self._hop, self._pause = encoder, half, hop, min(pause, half)
        self.state = state or WindowerState()

    @property
    def upcoming(self) -> int:
        """Centre of the first window that is not complete yet."""
        return self.state.upcoming

    def push(self, frames: VoiceFrames, speech: NDArray[np.float32], last: bool = False) -> VoiceWindows:
        """Windows that these further frames complete.

        Args:
            speech: (T,) share of each frame that is speech, in [0, 1].
            last: no frames follow; windows are cut off at the end.
        """
        heard = frames if self.state.frames is None else joined([self.state.frames, frames])
        talking = np.concatenate([self.state.speech, speech])
        end = self.state.first + len(talking)
        stop = end if last else end - self._half
        centres = np.arange(self.state.upcoming, max(self.state.upcoming, stop), self._hop)
        if len(centres):
            self.state.upcoming = int(centres[-1]) + self._hop
        offset = np.arange(len(talking)) + self.state.first
        inside = np.abs(offset[np.newaxis] - centres[:, np.newaxis]) <= self._half
        run = runs_of(talking > 0, self._pause)
        own = run[centres - self.state.first]
        inside &= (run[np.newaxis] == own[:, np.newaxis]) & (own[:, np.newaxis] >= 0)
        masks = inside * (talking * heard.activity[:, ONE])
        voices = self._encoder.pool(heard, masks)
        kept = max(0, self.state.upcoming - self._half - self.state.first)
        self.state.frames = type(heard)(*(getattr(heard, field.name)[kept:].copy() for field in fields(heard)))
        self.state.speech = talking[kept:]
        self.state.first += min(kept, len(talking))
        return VoiceWindows(centres.astype(np.int64), masks.sum(1).astype(np.float32), voices)


def runs_of(speech: NDArray[np.bool_], pause: int) -> NDArray[np.int64]:
    """Index of the stretch of speech each frame is in, pauses of fewer than `pause` frames included; -1 between."""
    number = np.full(len(speech), -1, np.int64)
    run, last = -1, -pause
    for start, end in mask_to_spans(speech):
        if start - last >= pause or run < 0:
            run += 1
        else:
            number[last:start] = run
        number[start:end] = run
        last = end
    return number
