"""Who speaks when, by Sortformer: one network that gives each of four speakers a probability per 80 ms.

Park et al. 2024, "Sortformer: Seamless integration of speaker diarization and ASR by bridging timestamps and tokens";
streaming with a cache of speakers: Medennikov et al. 2025, "Streaming Sortformer". Speakers come out in order of
arrival. An offline model attends to a whole block of the recording at once; blocks overlap, and their speakers are
matched by what they do in the overlap. A streaming model goes through the recording in chunks of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from hybrid_tok.backends.nemo.models import failing_as, find_nemo, fingerprint, restore
from hybrid_tok.backends.nemo.turns import TurnOptions, turns_of
from hybrid_tok.core.annotations import SpeakerTurn
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.masks import spans_to_mask
from hybrid_tok.core.timeline import FRAME_RATE, Span, count_frames
from hybrid_tok.errors import ModelError, OptionsError

SAMPLE_RATE = 16_000

_FEATURE_RATE = 100
"""Frames of the features per second."""

_EDGE = 100
"""Features (1 s) that are computed on either side of a block and left out, so that they do not depend on its edges."""

_SHORTEST = SAMPLE_RATE // 2
"""Samples to which a shorter recording is filled up with silence: the network needs a few frames."""


@dataclass(frozen=True, slots=True)
class SortformerOptions:
    """How Sortformer listens.

    Attributes:
        streaming: None does as the model was made; True has an offline model stream too, which it was not trained for.
        threshold: probability from which a speaker is active.
        block: seconds that an offline model hears at once; memory grows with its square.
        overlap: seconds that blocks share.
    """

    streaming: bool | None = None
    threshold: float = 0.5
    block: float = 300.0
    overlap: float = 60.0
    turns: TurnOptions = field(default_factory=TurnOptions)

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise OptionsError(f"threshold is a probability between 0 and 1, not {self.threshold}")
        if not 1.0 <= self.overlap <= self.block / 2:
            raise OptionsError(f"overlap must be 1 s to half a block ({self.block / 2} s), not {self.overlap}")


class SortformerDiarizer:
    """A `Diarizer` of up to four speakers, overlap included.

    Of a long recording nothing grows but the probabilities, 16 bytes per 80 ms, beside the recording itself.

    Args:
        model: see `models.find_nemo`.
        device: of the network.

    Raises:
        ModelError: the model is missing, damaged, or no Sortformer.
    """

    name = "sortformer"

    def __init__(self, model: str, *, device: str = "cpu", options: SortformerOptions | None = None) -> None:
        self.options = options or SortformerOptions()
        path = find_nemo(model, "a diarizer of NeMo")
        self.fingerprint = fingerprint(self.name, [path], self.options)
        self._model = restore(path, "nemo.collections.asr.models:SortformerEncLabelModel", device)
        if self.options.streaming is not None:
            self._model.streaming_mode = self.options.streaming
        self.max_speakers = int(self._model.sortformer_modules.n_spk)
        self._factor = int(self._model.encoder.subsampling_factor)
        featurizer = self._model.preprocessor.featurizer
        if (featurizer.sample_rate, featurizer.hop_length) != (SAMPLE_RATE, SAMPLE_RATE // _FEATURE_RATE):
            raise ModelError(f"{path} does not hear 16 kHz in steps of 10 ms, as Sortformer does: give another model")
        featurizer.pad_to = 0  # as NeMo has it for inference: else the last frames are of padding

    def diarize(self, audio: Audio, speech: Sequence[Span], speakers: int | None = None) -> tuple[SpeakerTurn, ...]:
        """Turns, sorted by start; speakers are numbered in order of first appearance.

        Args:
            audio: mono at 16 kHz.
            speech: turns lie within it, but for pauses that they bridge.
            speakers: how many there are at most. The network cannot be told: the most active ones are kept, and where
                only others are active, the most probable of those kept.

        Raises:
            OptionsError: `speakers` is less than 1, or more than the network can tell apart.
        """
        if speakers is not None and not 1 <= speakers <= self.max_speakers:
            raise OptionsError(
                f"speakers={speakers}: Sortformer tells 1 to {self.max_speakers} apart; give as many, or None"
            )
        samples = audio.mono_at(SAMPLE_RATE, self.name)
        frames = count_frames(len(samples), SAMPLE_RATE)
        inside = spans_to_mask(speech, frames)
        if not inside.any():
            return ()
        probabilities = self.probabilities(samples)
        # The frame of the network in whose 80 ms the middle of each 20 ms lies.
        step = self._factor * FRAME_RATE / _FEATURE_RATE
        own = np.minimum(((np.arange(frames) + 0.5) / step).astype(int), len(probabilities) - 1)
        active = _active(probabilities, self.options.threshold, speakers)[:, own] & inside
        return turns_of(active, self.options.turns)

    def probabilities(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """How probable each speaker is per 80 ms of 16 kHz samples (N,): (ceil(N / 1280), speakers)."""
        count = -(-len(samples) // (self._factor * SAMPLE_RATE // _FEATURE_RATE))
        if len(samples) < _SHORTEST:
            samples = np.pad(samples, (0, _SHORTEST - len(samples)))
        with failing_as("Sortformer"):
            found = self._stream(samples) if self._model.streaming_mode else self._blocks(samples)
        if len(found) < count:  # the network may drop a last frame that is not whole
            found = np.pad(found, ((0, count - len(found)), (0, 0)), mode="edge")
        return found[:count]

    def _blocks(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """An offline model, block by block; where blocks overlap, each counts up to the middle."""
        import torch

        frame = self._factor * SAMPLE_RATE // _FEATURE_RATE
        block, overlap = (round(s * SAMPLE_RATE / frame) for s in (self.options.block, self.options.overlap))
        parts: list[NDArray[np.float32]] = []
        before: NDArray[np.float32] | None = None
        start = 0
        while True:
            piece = samples[start * frame : (start + block) * frame]
            last = (start + block) * frame >= len(samples)
            with torch.inference_mode():
                heard = torch.from_numpy(piece).to(self._model.device)[None]
                length = torch.tensor([len(piece)], device=heard.device)
                found = self._model(audio_signal=heard, audio_signal_length=length)[0].float().cpu().numpy()
            if before is not None:
                found = found[:, _matching(before, found[: len(before)])]
            if last:
                return np.concatenate([*parts, found[overlap // 2 if parts else 0 :]])
            stay = block - overlap
            parts.append(found[overlap // 2 if parts else 0 : stay + overlap // 2])
            before = found[stay:block]
            start += stay

    def _stream(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """A streaming model, chunk by chunk."""
        import torch

        model, modules = self._model, self._model.sortformer_modules
        state = modules.init_streaming_state(batch_size=1, async_streaming=model.async_streaming, device=model.device)
        found: list[NDArray[np.float32]] = []
        with torch.inference_mode():
            for chunk, left, right in self._chunks(samples):
                length = torch.tensor([chunk.shape[1]], device=chunk.device)
                state, told = model.forward_streaming_step(
                    processed_signal=chunk,
                    processed_signal_length=length,
                    streaming_state=state,
                    total_preds=torch.zeros((1, 0, modules.n_spk), device=chunk.device),
                    left_offset=left,
                    right_offset=right,
                )
                found.append(told[0].float().cpu().numpy())
        return np.concatenate(found)

    def _chunks(self, samples: NDArray[np.float32]) -> Iterator[tuple[Any, int, int]]:
        """The features (1, n, bands) of each chunk, and how many at its start and end are context."""
        modules = self._model.sortformer_modules
        length, before, after = (
            n * self._factor for n in (modules.chunk_len, modules.chunk_left_context, modules.chunk_right_context)
        )
        total = len(samples) * _FEATURE_RATE // SAMPLE_RATE
        for start in range(0, total, length):
            left, end = min(before, start), min(start + length, total)
            right = min(after, total - end)
            yield self._features(samples, start - left, end + right), left, right

    def _features(self, samples: NDArray[np.float32], start: int, end: int) -> Any:
        import torch

        hop = SAMPLE_RATE // _FEATURE_RATE
        first = max(start - _EDGE, 0)
        piece = torch.from_numpy(samples[first * hop : (end + _EDGE) * hop]).to(self._model.device)[None]
        features, _ = self._model.preprocessor(
            input_signal=piece, length=torch.tensor([piece.shape[1]], device=piece.device)
        )
        return features[:, :, start - first : end - first].transpose(1, 2)


def _matching(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.intp]:
    """Which speaker of the later block each of the earlier one is, from the frames (T, speakers) that both have.

    Speakers who are not heard in them keep their order.
    """
    shared = before[: len(after)].T @ after
    kept = 1e-6 * np.eye(len(shared))
    return linear_sum_assignment(shared + kept, maximize=True)[1]


def _active(probabilities: NDArray[np.float32], threshold: float, speakers: int | None) -> NDArray[np.bool_]:
    """Who is active (speakers, T), given (T, speakers)."""
    active = probabilities >= threshold
    if speakers is not None and speakers < probabilities.shape[1]:
        most = np.argsort(-active.sum(0), kind="stable")[:speakers]
        kept = np.zeros_like(active)
        kept[:, most] = active[:, most]
        lost = np.flatnonzero(active.any(1) & ~kept.any(1))
        kept[lost, most[probabilities[lost][:, most].argmax(1)]] = True
        active = kept
    return active.T
