"""Voice activity by Silero VAD v6 (https://github.com/snakers4/silero-vad, MIT), from the faster-whisper wheel."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import HeardSpeech
from hybrid_tok.core.timeline import FRAME_RATE, Span
from hybrid_tok.errors import BackendError, OptionsError

SAMPLE_RATE = 16_000
WINDOW = 512
"""Samples (32 ms) per probability."""

CONTEXT = 64
"""Samples of the window before that the network sees with each window."""

_BATCH = 512
"""Windows per run of the network (16 s): memory does not grow with the recording."""


@dataclass(frozen=True, slots=True)
class SileroOptions:
    """How probabilities become stretches of speech.

    Attributes:
        threshold: speech starts in a window of at least this probability.
        stay: and goes on until the probability falls below this one.
        min_speech: seconds; shorter stretches are dropped.
        min_silence: seconds; shorter gaps are bridged.
        padding: seconds added before and after each stretch.
    """

    threshold: float = 0.5
    stay: float = 0.35
    min_speech: float = 0.1
    min_silence: float = 0.2
    padding: float = 0.06

    def __post_init__(self) -> None:
        if not 0 < self.stay <= self.threshold < 1:
            raise OptionsError(f"it takes 0 < stay <= threshold < 1, not {self.stay} and {self.threshold}")
        if min(self.min_speech, self.min_silence, self.padding) < 0:
            raise OptionsError("min_speech, min_silence and padding are seconds and cannot be negative")
        if 2 * self.padding >= max(self.min_silence, 0.02):
            raise OptionsError(f"padding must be less than half of min_silence: {self.padding}, {self.min_silence}")

    @property
    def most_bridged(self) -> int:
        """Frames of the longest gap that is bridged."""
        return math.ceil(self.min_silence * FRAME_RATE) - 1

    @property
    def padding_frames(self) -> int:
        return round(self.padding * FRAME_RATE)


class SileroDetector:
    """A `VoiceActivityDetector`: 32 ms windows, a recurrent network whose state is carried through the recording."""

    def __init__(self, options: SileroOptions | None = None) -> None:
        self.options = options or SileroOptions()

    @property
    def name(self) -> str:
        return "silero"

    @cached_property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(_model_path().read_bytes())
        digest.update(repr(self.options).encode())
        return f"silero:{digest.hexdigest()[:16]}"

    def detect(self, audio: Audio) -> tuple[Span, ...]:
        """Speech stretches, sorted and disjoint, in frames; `audio` is mono at 16 kHz."""
        stream = self.stream()
        heard = stream.push(audio.mono_at(SAMPLE_RATE, "silero"))
        return (*heard.spans, *stream.flush().spans)

    def stream(self, state: SileroState | None = None) -> SileroStream:
        """A `VoiceActivityStream`."""
        return SileroStream(self.run, self.options, state)

    def probabilities(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of speech per window of 32 ms: (N,) to (ceil(N / 512),)."""
        return self.run(np.pad(samples, (0, -len(samples) % WINDOW)), SileroState())

    def run(self, samples: NDArray[np.float32], state: SileroState) -> NDArray[np.float32]:
        """Whole windows (n * 512,) to their probabilities (n,); moves the network's state on."""
        rows = samples.reshape(-1, WINDOW)
        result = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _BATCH):
            windows = rows[start : start + _BATCH]
            before = np.vstack([state.context[np.newaxis], windows[:-1, -CONTEXT:]])
            out, state.h, state.c = self._session.run(
                None, {"input": np.hstack([before, windows]), "h": state.h, "c": state.c}
            )
            result[start : start + len(windows)] = np.reshape(out, -1)
            state.context = windows[-1, -CONTEXT:].copy()
        return result

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        return onnxruntime.InferenceSession(
            str(_model_path()), sess_options=options, providers=["CPUExecutionProvider"]
        )


@dataclass(slots=True)
class SileroState:
    """What a stream goes on with.

    Attributes:
        h, c: of the network, (1, 1, 128).
        context: the samples before the next window, (64,).
        rest: samples of a window that is not complete.
        received: samples so far.
        windows: that have been computed.
        start: the window in which speech began that goes on.
        held: speech that has ended, but may yet be bridged to what follows; without padding.
    """

    h: NDArray[np.float32] = field(default_factory=lambda: np.zeros((1, 1, 128), np.float32))
    c: NDArray[np.float32] = field(default_factory=lambda: np.zeros((1, 1, 128), np.float32))
    context: NDArray[np.float32] = field(default_factory=lambda: np.zeros(CONTEXT, np.float32))
    rest: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    received: int = 0
    windows: int = 0
    start: int | None = None
    held: Span | None = None


class SileroStream:
    """A `VoiceActivityStream`: hysteresis over the windows, then stretches in whole 20 ms frames."""

    def __init__(
        self,
        run: Callable[[NDArray[np.float32], SileroState], NDArray[np.float32]],
        options: SileroOptions,
        state: SileroState | None = None,
    ) -> None:
        """Args:
        run: whole windows (n * 512,) to probabilities (n,), moving the network's state on.
        """
        self._run, self._options = run, options
        self.state = state or SileroState()

    def push(self, samples: NDArray[np.float32]) -> HeardSpeech:
        """More samples (N,), mono at 16 kHz."""
        state = self.state
        state.received += len(samples)
        rest = np.concatenate([state.rest, samples])
        whole = len(rest) // WINDOW * WINDOW
        state.rest = rest[whole:].copy()
        probabilities = self._run(rest[:whole], state) if whole else np.zeros(0, np.float32)
        return self._heard(self._ended(probabilities))

    def flush(self) -> HeardSpeech:
        """The end of the recording: what is left."""
        state = self.state
        spans: list[Span] = []
        if len(state.rest):
            last = np.pad(state.rest, (0, WINDOW - len(state.rest)))
            spans = self._ended(self._run(last, state))
        if state.start is not None:
            self._end(state.windows)
        spans += self._settle(None)
        frames = -(-state.received // _FRAME)
        inside = (Span(span.start, min(span.end, frames)) for span in spans)
        return HeardSpeech(tuple(inside), None, frames)

    def _ended(self, probabilities: NDArray[np.float32]) -> list[Span]:
        """The stretches that have ended for certain."""
        state, options = self.state, self._options
        spans: list[Span] = []
        for probability in probabilities.tolist():
            if state.start is None and probability >= options.threshold:
                state.start = state.windows
                spans += self._settle(_frame_of(state.windows))
            elif state.start is not None and probability < options.stay:
                self._end(state.windows)
            state.windows += 1
        if state.start is None:
            spans += self._settle(_frame_of(state.windows))
        return spans

    def _end(self, window: int) -> None:
        """Speech ends before a window."""
        state = self.state
        assert state.start is not None
        ended = Span(_frame_of(state.start), _end_of(window))
        state.held = ended if state.held is None else Span(state.held.start, ended.end)
        state.start = None

    def _settle(self, upcoming: int | None) -> list[Span]:
        """The held stretch, unless what starts at a frame, or later, may be bridged to it; None: nothing follows."""
        held = self.state.held
        if held is None or (upcoming is not None and upcoming - held.end <= self._options.most_bridged):
            return []
        self.state.held = None
        if held.seconds < self._options.min_speech:
            return []
        padding = self._options.padding_frames
        return [Span(max(0, held.start - padding), held.end + padding)]

    def _heard(self, ended: list[Span]) -> HeardSpeech:
        state, padding = self.state, self._options.padding_frames
        under_way = state.held
        if state.start is not None:
            start = _frame_of(state.start) if under_way is None else under_way.start
            under_way = Span(start, _end_of(state.windows))
        if under_way is None:
            return HeardSpeech(tuple(ended), None, max(0, _frame_of(state.windows) - padding))
        start = max(0, under_way.start - padding)
        certain = under_way.seconds >= self._options.min_speech
        return HeardSpeech(tuple(ended), Span(start, under_way.end) if certain else None, start)


def spans_of(probabilities: NDArray[np.float32], num_samples: int, options: SileroOptions) -> tuple[Span, ...]:
    """The speech of a recording of `num_samples` whose windows have these probabilities."""
    stream = SileroStream(lambda samples, state: probabilities, options)
    heard = stream.push(np.zeros(len(probabilities) * WINDOW, np.float32))
    stream.state.received = num_samples
    return (*heard.spans, *stream.flush().spans)


_FRAME = SAMPLE_RATE // FRAME_RATE


def _frame_of(window: int) -> int:
    """The frame in which a window starts."""
    return window * WINDOW // _FRAME


def _end_of(window: int) -> int:
    """The end of the last frame before a window, which may be in both."""
    return -(-window * WINDOW // _FRAME)


def _model_path() -> Path:
    """The network's file in the faster-whisper wheel."""
    from faster_whisper.utils import get_assets_path

    path = Path(get_assets_path()) / "silero_vad_v6.onnx"
    if not path.exists():
        raise BackendError("this faster-whisper has no Silero VAD v6: pip install 'faster-whisper>=1.2.1'")
    return path
