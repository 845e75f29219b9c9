"""Who speaks when, by TitaNet's speaker embeddings and NeMo's spectral clustering.

TitaNet: Koluguri et al. 2021. The clustering: Park et al. 2019, "Auto-tuning spectral clustering for speaker
diarization using normalized maximum eigengap". How many speakers there are is decided here and not by NeMo, which joins
everyone in a short recording, or finds four to seven speakers in one voice: NeMo's clusters are a proposal, and the two
most similar are joined until they are too different to be one voice. Long recordings are clustered in blocks so, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.nemo.models import failing_as, find_nemo, fingerprint, nemo_class, quiet, restore
from hybrid_tok.backends.nemo.turns import TurnOptions, turns_of
from hybrid_tok.core.annotations import SpeakerTurn, check_speaker_count
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import FRAME_RATE, Span, count_frames, merge_spans
from hybrid_tok.errors import ModelError, OptionsError

SAMPLE_RATE = 16_000
_HOP = SAMPLE_RATE // FRAME_RATE

_BATCH = 32
"""Windows per run of the network."""

BLOCK = 600
"""Windows that are clustered at once: time and memory grow with its cube and square."""

_FEW = 6
"""Up to so many windows NeMo does not cluster; each is a cluster of its own then."""


@dataclass(frozen=True, slots=True)
class TitanetOptions:
    """How speakers are told apart.

    Attributes:
        window: seconds of speech per embedding.
        hop: seconds between embeddings.
        least: seconds to which the window of a shorter stretch of speech is widened.
        same: cosine similarity of two clusters' mean embeddings from which they are one speaker. It was not measured on
            published weights, whose windows of one speaker are said to be at 0.6 and more, and of two below 0.3.
        most: speakers at most in a block of windows.
    """

    window: float = 1.5
    hop: float = 0.75
    least: float = 0.4
    same: float = 0.5
    most: int = 8
    turns: TurnOptions = field(default_factory=TurnOptions)

    def __post_init__(self) -> None:
        if not 0.02 <= self.hop <= self.window or not 0.02 <= self.least <= self.window:
            raise OptionsError(
                f"hop and least are seconds from 0.02 to window, not {self.hop}, {self.least} and {self.window}"
            )
        if not -1 < self.same < 1:
            raise OptionsError(f"same is a cosine similarity: give a value between -1 and 1, not {self.same}")
        if self.most < 1:
            raise OptionsError(f"most must be 1 or more speakers, not {self.most}")


class TitanetDiarizer:
    """A `Diarizer` of any number of speakers, one at a time.

    Args:
        model: see `models.find_nemo`; any of NeMo's models of speaker embeddings, such as TitaNet, ECAPA or SpeakerNet.
        device: of the network; clustering is on the CPU.

    Raises:
        ModelError: the model is missing, damaged, or of another kind.
    """

    name = "titanet"

    def __init__(self, model: str, *, device: str = "cpu", options: TitanetOptions | None = None) -> None:
        self.options = options or TitanetOptions()
        path = find_nemo(model, "a speaker model of NeMo")
        self.fingerprint = fingerprint(self.name, [path], self.options)
        self._model = restore(path, "nemo.collections.asr.models:EncDecSpeakerLabelModel", device)
        if self._model.preprocessor.featurizer.sample_rate != SAMPLE_RATE:
            raise ModelError(f"{path} does not hear 16 kHz: give another model")

    def diarize(self, audio: Audio, speech: Sequence[Span], speakers: int | None = None) -> tuple[SpeakerTurn, ...]:
        """Turns within the given speech, but for pauses that they bridge; sorted by start, speakers numbered in order
        of first appearance.

        Args:
            audio: mono at 16 kHz.
            speakers: how many there are; fewer are found where there are fewer windows of speech.

        Raises:
            OptionsError: `speakers` is less than 1.
        """
        check_speaker_count(speakers)
        samples = audio.mono_at(SAMPLE_RATE, self.name)
        frames = count_frames(len(samples), SAMPLE_RATE)
        windows = cut_windows(speech, frames, self.options)
        if not windows:
            return ()
        owned = np.array([window.owned.frames for window in windows], np.float64)
        labels = cluster(self.embed(samples, [window.heard for window in windows]), owned, self.options, speakers)
        active = np.zeros((int(labels.max()) + 1, frames), bool)
        for window, label in zip(windows, labels.tolist(), strict=True):
            active[label, window.owned.start : window.owned.end] = True
        return turns_of(active, self.options.turns)

    def embed(self, samples: NDArray[np.float32], windows: Sequence[Span]) -> NDArray[np.float32]:
        """Embeddings (n, size) of unit length of windows of samples (N,); beyond the end there is silence."""
        import torch

        found: list[NDArray[np.float32]] = []
        with torch.inference_mode(), failing_as("the speaker model of NeMo"):
            for length, same in groupby(windows, key=lambda window: window.frames):
                spans = list(same)
                for first in range(0, len(spans), _BATCH):
                    batch = np.zeros((len(spans[first : first + _BATCH]), length * _HOP), np.float32)
                    for row, span in zip(batch, spans[first : first + _BATCH], strict=True):
                        piece = samples[span.start * _HOP : span.end * _HOP]
                        row[: len(piece)] = piece
                    heard = torch.from_numpy(batch).to(self._model.device)
                    lengths = torch.full((len(batch),), batch.shape[1], device=heard.device)
                    _, voices = self._model(input_signal=heard, input_signal_length=lengths)
                    found.append(voices.float().cpu().numpy())
        return _unit(np.concatenate(found))


@dataclass(frozen=True, slots=True)
class VoiceWindow:
    """A window of speech: what is heard for its embedding, and the frames that get its speaker."""

    heard: Span
    owned: Span


def cut_windows(speech: Sequence[Span], frames: int, options: TitanetOptions) -> list[VoiceWindow]:
    """Windows in order of time that own all speech of a recording, each frame once: the one whose middle is nearest."""
    window, hop, least = (round(s * FRAME_RATE) for s in (options.window, options.hop, options.least))
    found: list[VoiceWindow] = []
    for span in merge_spans(Span(one.start, min(one.end, frames)) for one in speech if one.start < frames):
        if span.frames <= window:
            start = max(span.start - max(least - span.frames, 0) // 2, 0)
            if span.frames:
                found.append(VoiceWindow(Span(start, max(start + least, span.end)), span))
            continue
        starts = [*range(span.start, span.end - window, hop), span.end - window]
        edges = [span.start, *((a + b + window) // 2 for a, b in pairwise(starts)), span.end]
        for start, (first, end) in zip(starts, pairwise(edges), strict=True):
            found.append(VoiceWindow(Span(start, start + window), Span(first, end)))
    return found


def cluster(
    voices: NDArray[np.floating], weights: NDArray[np.floating], options: TitanetOptions, speakers: int | None = None
) -> NDArray[np.int64]:
    """The speaker (n,) of each embedding (n, size) of unit length, in order of time.

    Args:
        weights: (n,) how much speech each stands for.
        speakers: how many there are; None counts them.
    """
    labels = np.zeros(len(voices), np.int64)
    count = 0
    alone = len(voices) <= BLOCK
    for start in range(0, len(voices), BLOCK):
        part = slice(start, start + BLOCK)
        labels[part] = count + _proposed(voices[part], options, speakers if alone else None)
        count = int(labels.max()) + 1
    sums = np.zeros((count, voices.shape[1]))
    np.add.at(sums, labels, voices * weights[:, None])
    return _joined(sums, options.same, speakers)[labels]


def _proposed(voices: NDArray[np.floating], options: TitanetOptions, speakers: int | None) -> NDArray[np.int64]:
    """NeMo's clusters of a block."""
    count = len(voices)
    if count <= max(_FEW, speakers or 0):
        return np.arange(count)
    import torch

    clustering = nemo_class("nemo.collections.asr.parts.utils.offline_clustering:SpeakerClustering")
    times = torch.arange(count, dtype=torch.float32)
    with quiet(), torch.random.fork_rng(devices=[]), failing_as("NeMo's clustering"):
        found = clustering(cuda=False).forward_infer(
            torch.from_numpy(np.asarray(voices, np.float32)),
            torch.stack([times, times + 1], 1),
            torch.tensor([count]),
            torch.tensor([[1.0]]),
            oracle_num_speakers=speakers or -1,
            max_num_speakers=options.most,
            enhanced_count_thres=0,
        )
    return np.unique(found.numpy(), return_inverse=True)[1].astype(np.int64)


def _joined(sums: NDArray[np.float64], same: float, speakers: int | None) -> NDArray[np.int64]:
    """The speaker (k,) of each cluster, given the weighted sums (k, size) of its embeddings."""
    members = [[index] for index in range(len(sums))]
    while len(sums) > (speakers or 1):
        points = _unit(sums)
        alike = np.triu(points @ points.T, 1) - 2.0 * np.tri(len(sums))
        first, second = np.unravel_index(int(alike.argmax()), alike.shape)
        if speakers is None and alike[first, second] < same:
            break
        members[first] += members.pop(second)
        sums[first] += sums[second]
        sums = np.delete(sums, second, axis=0)
    speaker = np.zeros(sum(map(len, members)), np.int64)
    for label, own in enumerate(members):
        speaker[own] = label
    return speaker


def _unit(vectors: NDArray[np.floating]) -> NDArray:
    """Vectors (n, size) at unit length; zeros stay zeros."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12).astype(vectors.dtype)
