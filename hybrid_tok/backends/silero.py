"""Voice activity by Silero VAD v6 (https://github.com/snakers4/silero-vad, MIT), from the faster-whisper wheel."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import FRAME_RATE, Span, merge_spans
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
        samples = audio.mono_at(SAMPLE_RATE, "silero")
        return spans_of(self.probabilities(samples), audio.num_samples, self.options)

    def probabilities(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of speech per window of 32 ms: (N,) to (ceil(N / 512),)."""
        count = -(-len(samples) // WINDOW)
        result = np.empty(count, np.float32)
        state = {name: np.zeros((1, 1, 128), np.float32) for name in ("h", "c")}
        context = np.zeros(CONTEXT, np.float32)
        for start in range(0, count, _BATCH):
            piece = samples[start * WINDOW : (start + _BATCH) * WINDOW]
            windows = np.zeros((-(-len(piece) // WINDOW), WINDOW), np.float32)
            windows.reshape(-1)[: len(piece)] = piece
            before = np.vstack([context[np.newaxis], windows[:-1, -CONTEXT:]])
            out, state["h"], state["c"] = self._session.run(None, {"input": np.hstack([before, windows]), **state})
            result[start : start + len(windows)] = np.reshape(out, -1)
            context = windows[-1, -CONTEXT:]
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


def spans_of(probabilities: NDArray[np.float32], num_samples: int, options: SileroOptions) -> tuple[Span, ...]:
    """Hysteresis over the windows, then stretches in whole 20 ms frames of a recording of `num_samples`."""
    frame = SAMPLE_RATE // FRAME_RATE
    frames = -(-num_samples // frame)
    stretches: list[tuple[int, int]] = []
    start: int | None = None
    for window, probability in enumerate(probabilities.tolist()):
        if start is None and probability >= options.threshold:
            start = window
        elif start is not None and probability < options.stay:
            stretches.append((start, window))
            start = None
    if start is not None:
        stretches.append((start, len(probabilities)))
    spans = [Span(a * WINDOW // frame, min(-(-b * WINDOW // frame), frames)) for a, b in stretches]
    bridged = merge_spans(spans, max_gap=math.ceil(options.min_silence * FRAME_RATE) - 1)
    padding = round(options.padding * FRAME_RATE)
    kept = [span for span in bridged if span.seconds >= options.min_speech]
    return tuple(merge_spans([Span(max(0, s.start - padding), min(s.end + padding, frames)) for s in kept]))


def _model_path() -> Path:
    """The network's file in the faster-whisper wheel."""
    from faster_whisper.utils import get_assets_path

    path = Path(get_assets_path()) / "silero_vad_v6.onnx"
    if not path.exists():
        raise BackendError("this faster-whisper has no Silero VAD v6: pip install 'faster-whisper>=1.2.1'")
    return path
