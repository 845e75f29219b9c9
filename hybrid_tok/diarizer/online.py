"""Streaming diarization: speakers are announced once and never renamed.

Leader clustering: a stretch of one talker ends at a pause, at a change of voice, or at its maximum length. It is then
assigned to the most similar speaker (similarities as in `clustering`, corrected for short stretches), or to a new one
if it is similar to none and long enough. A stretch that is too short for a new speaker goes to the most similar one. No
decision is revised, so an early error remains; the offline diarizer corrects it.

Audio is processed in blocks on a fixed grid, so that the turns are the same however a recording is cut into chunks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.annotations import SpeakerTurn
from hybrid_tok.core.timeline import Span
from hybrid_tok.diarizer.backend import PER_FRAME, RATE, SAMPLE_RATE, DiarizerOptions, on_frames, talk_frames
from hybrid_tok.diarizer.clustering import cosine, likeness, unit
from hybrid_tok.diarizer.voice_windows import ONE, SEVERAL, Windower, WindowerState
from hybrid_tok.errors import BackendError, OptionsError

if TYPE_CHECKING:
    from hybrid_tok.diarizer.speaker_encoder import SpeakerEncoder

SAMPLES = SAMPLE_RATE // RATE
"""Samples per frame of the network: 640."""


@dataclass(frozen=True, slots=True)
class OnlineOptions:
    """Options of streaming, besides those it shares with the diarizer.

    Attributes:
        step: seconds processed at a time. A turn is announced within this plus the network's look-ahead, half a window
            and the pause that may still bridge it, after its end; before another talker, once that stretch is decided.
        longest: seconds after which a stretch is decided although nothing has ended it.
        certain: seconds of speech that announce another speaker; the first is announced at once.
        most: maximum number of speakers; later voices are assigned to the most similar of them.
        diarizer: windows, clustering, pauses.
    """

    step: float = 2.56
    longest: float = 4.0
    certain: float = 1.6
    most: int = 64
    diarizer: DiarizerOptions = field(default_factory=DiarizerOptions)

    def __post_init__(self) -> None:
        if self.step * RATE < 1 or self.longest <= 0 or self.certain < 0 or self.most < 1:
            raise OptionsError("step, longest and certain are seconds of at least 0.04, 0 and 0; most is 1 or more")


@dataclass(slots=True)
class Stretch:
    """Windows of one talker in one run of speech: summed voices, seconds of talk, frames [start, end)."""

    run: int
    start: int
    end: int
    voice: NDArray[np.float64]
    seconds: float = 0.0


@dataclass(slots=True)
class OnlineState:
    """What an `OnlineDiarizer` goes on with.

    Attributes:
        samples: that are still needed, from frame `kept` on.
        given: speech that was given and is still needed.
        own_ears: whether the network's own speech detection is used.
        pushed: samples so far.
        processed: frames so far.
        mask: speech of frames from `mask_first` on.
        run, run_end: number and end of the last run of speech.
        open: the stretch that may go on.
        turn: speaker, start and end of the turn that may go on.
        sums, seconds: of the speakers, voices added up, and seconds of speech.
        windower: of the windows.
    """

    samples: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    given: list[Span] = field(default_factory=list)
    own_ears: bool | None = None
    pushed: int = 0
    kept: int = 0
    processed: int = 0
    mask: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    mask_first: int = 0
    run: int = 0
    run_end: int = -(10**9)
    open: Stretch | None = None
    turn: tuple[int, int, int] | None = None
    sums: list[NDArray[np.float64]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    windower: WindowerState = field(default_factory=WindowerState)


class OnlineDiarizer:
    """Takes audio in chunks of any size, and returns the turns that have ended.

    Loads its weights, and torch, at construction.

        diarizer = OnlineDiarizer()
        for chunk in chunks:
            turns = diarizer.push(chunk)
        turns = diarizer.finish()

    Raises:
        WeightsError: the weights in the package are missing or damaged.
    """

    def __init__(self, options: OnlineOptions | None = None) -> None:
        from hybrid_tok.diarizer.speaker_encoder import SpeakerEncoder

        self.options = options or OnlineOptions()
        self._encoder: SpeakerEncoder = SpeakerEncoder()
        self._block = round(self.options.step * RATE)
        self.reset()

    def reset(self) -> None:
        """Start a new recording, with new speakers."""
        self.restore(OnlineState())

    def restore(self, state: OnlineState) -> None:
        """Go on from where `state` was."""
        shared = self.options.diarizer
        self._hop = max(1, round(shared.hop * RATE))
        half, self._pause = round(shared.window * RATE / 2), round(shared.pause * RATE)
        self._bridge = round(shared.bridge * RATE)
        self.state = state
        self._windower = Windower(self._encoder, half, self._hop, self._pause, state.windower)

    def push(self, samples: NDArray[np.float32], speech: Sequence[Span] | None = None) -> tuple[SpeakerTurn, ...]:
        """Process more audio.

        Args:
            samples: (N,) mono at 16 kHz, any number of them.
            speech: speech of the recording so far that has not been given before, in 20 ms frames of the whole
                recording. None, with every chunk, uses the network's own speech detection, which also takes music for
                speech: a voice activity detector is better.

        Returns:
            Turns that have ended, in order; none is ever revised.

        Raises:
            BackendError: the samples are not mono, or speech is given with one chunk and not with another.
        """
        if samples.ndim != 1:
            raise BackendError(f"the diarizer needs mono samples (N,), not {samples.shape}")
        if self.state.own_ears not in (None, speech is None):
            raise BackendError("give speech with every chunk or with none: reset() starts another recording")
        self.state.own_ears = speech is None
        self.state.given += speech or ()
        self.state.samples = np.concatenate([self.state.samples, np.asarray(samples, np.float32)])
        self.state.pushed += len(samples)
        turns: list[SpeakerTurn] = []
        # A frame needs the network's look-ahead, and the given speech up to `reach` after it.
        ahead = self._encoder.context + max(1, round(self.options.diarizer.reach * RATE))
        while (self.state.processed + self._block + ahead) * SAMPLES <= self.state.pushed:
            turns += self._process(self.state.processed + self._block, last=False)
        return tuple(turns)

    @property
    def settled(self) -> int:
        """The frame of 20 ms up to which it is known who speaks."""
        upcoming = self._soonest() if self.state.open is None else self.state.open.start
        if self.state.turn is not None and upcoming - self.state.turn[2] <= self._bridge:
            upcoming = min(upcoming, self.state.turn[2])
        return upcoming * PER_FRAME

    def current(self) -> SpeakerTurn | None:
        """The turn that may go on, as far as it is known; the next call of `push` or `finish` may return it longer."""
        if self.state.turn is None:
            return None
        speaker, start, end = self.state.turn
        return SpeakerTurn(speaker, Span(start * PER_FRAME, end * PER_FRAME))

    def finish(self) -> tuple[SpeakerTurn, ...]:
        """End the recording: the remaining turns. Call `reset` before the next `push`."""
        turns: list[SpeakerTurn] = []
        total = -(-self.state.pushed // SAMPLES)
        while self.state.processed < total:
            end = min(self.state.processed + self._block, total)
            turns += self._process(end, last=end == total)
        if self.state.open is not None:
            turns += self._decide(self.state.open)
        turns += self._close()
        self.reset()
        return tuple(turns)

    def _process(self, end: int, last: bool) -> list[SpeakerTurn]:
        """Process frames up to `end`; the turns that they end."""
        options = self.options.diarizer
        first = self.state.kept
        frames = self._encoder.block(self.state.samples, self.state.processed - first, end - first, self._block)
        if self.state.own_ears:
            mask = frames.activity[:, ONE] + frames.activity[:, SEVERAL] >= 0.5
        else:
            length = end - first + round(options.reach * RATE)
            spans = [Span(max(0, s.start - first * PER_FRAME), s.end - first * PER_FRAME) for s in self.state.given]
            given = on_frames(spans, length)
            mask = talk_frames(given, frames.activity, self.state.processed - first, options)
        self.state.mask = np.concatenate([self.state.mask, mask])
        self.state.processed = end
        windows = self._windower.push(frames, mask.astype(np.float32), last)
        turns: list[SpeakerTurn] = []
        for centre, talk, voice in zip(windows.centre.tolist(), windows.talk.tolist(), windows.voice, strict=True):
            turns += self._take(centre, talk, np.asarray(voice, np.float64))
        # A stretch ended by silence need not wait for the next speech, which would not change its speaker.
        soonest = self._soonest()
        if self.state.open is not None and soonest - self.state.open.end >= self._pause:
            turns += self._decide(self.state.open)
        if self.state.open is None and self.state.turn is not None and soonest - self.state.turn[2] > self._bridge:
            turns += self._close()
        self._drop_old()
        return turns

    def _soonest(self) -> int:
        """The first frame at which speech that is not in a stretch yet may begin."""
        low = max(0, self._windower.upcoming - self._hop // 2)
        spoken = np.flatnonzero(self.state.mask[max(0, low - self.state.mask_first) :])
        return low + int(spoken[0]) if len(spoken) else max(low, self.state.processed)

    def _drop_old(self) -> None:
        """Drop samples and frames that are no longer needed."""
        ahead = self._encoder.context + 1
        drop = max(0, self.state.processed - ahead - self.state.kept)
        self.state.samples = self.state.samples[drop * SAMPLES :].copy()
        self.state.kept += drop
        self.state.given = [span for span in self.state.given if span.end > self.state.kept * PER_FRAME]
        old = max(0, len(self.state.mask) - 4 * self._block - 4 * RATE)
        self.state.mask, self.state.mask_first = self.state.mask[old:], self.state.mask_first + old

    def _take(self, centre: int, talk: float, voice: NDArray[np.float64]) -> list[SpeakerTurn]:
        """One more window: it continues the open stretch, or ends it and begins another."""
        low = max(0, centre - self._hop // 2)
        own = self.state.mask[low - self.state.mask_first : centre + self._hop - self._hop // 2 - self.state.mask_first]
        spoken = np.flatnonzero(own)
        if talk <= 0 or len(spoken) == 0:
            return []
        start, end = low + int(spoken[0]), low + int(spoken[-1]) + 1
        if start - self.state.run_end >= self._pause:
            self.state.run += 1
        self.state.run_end = end
        turns: list[SpeakerTurn] = []
        stretch = self.state.open
        if stretch is not None and (
            stretch.run != self.state.run
            or stretch.seconds >= self.options.longest
            or cosine(stretch.voice, voice) < self.options.diarizer.clustering.follow
        ):
            turns += self._decide(stretch)
            stretch = None
        if stretch is None:
            stretch = self.state.open = Stretch(self.state.run, start, end, np.zeros_like(voice))
        seconds = len(spoken) / RATE
        stretch.voice += voice * seconds
        stretch.seconds += seconds
        stretch.end = end
        return turns

    def _decide(self, stretch: Stretch) -> list[SpeakerTurn]:
        """Assign a stretch to a speaker; the turn that this ends."""
        self.state.open = None
        clustering = self.options.diarizer.clustering
        if not self.state.sums and stretch.seconds < self.options.diarizer.least:
            return []  # too short to be the first speaker
        alike = self._likeness(stretch, clustering.doubt)
        speaker = int(np.argmax(alike)) if len(alike) else -1
        known = speaker >= 0 and alike[speaker] >= clustering.join_voices
        if not known and (speaker < 0 or (stretch.seconds >= self.options.certain and len(alike) < self.options.most)):
            speaker, known = len(self.state.sums), True
            self.state.sums.append(np.zeros_like(stretch.voice))
            self.state.seconds.append(0.0)
        if known:  # an uncertain stretch does not change the speaker's voice
            self.state.sums[speaker] += stretch.voice
            self.state.seconds[speaker] += stretch.seconds
        if (
            self.state.turn is not None
            and self.state.turn[0] == speaker
            and stretch.start - self.state.turn[2] <= self._bridge
        ):
            self.state.turn = (speaker, self.state.turn[1], stretch.end)
            return []
        turns = self._close()
        self.state.turn = (speaker, stretch.start, stretch.end)
        return turns

    def _likeness(self, stretch: Stretch, doubt: float) -> NDArray[np.float64]:
        """Similarity of a stretch's voice to those of the speakers so far, (speakers,)."""
        if not self.state.sums:
            return np.zeros(0)
        voices = unit(np.stack([stretch.voice, *self.state.sums]))
        seconds = np.array([stretch.seconds, *self.state.seconds])
        return likeness(voices[:1], seconds[:1], voices[1:], seconds[1:], doubt)[0]

    def _close(self) -> list[SpeakerTurn]:
        if self.state.turn is None:
            return []
        speaker, start, end = self.state.turn
        self.state.turn = None
        frames = -(-self.state.pushed * PER_FRAME // SAMPLES)
        return [SpeakerTurn(speaker, Span(start * PER_FRAME, min(end * PER_FRAME, frames)))]
