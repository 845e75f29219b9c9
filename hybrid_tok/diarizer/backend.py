"""hybrid-tok's own diarizer: embeddings of sliding windows are clustered, then each frame is assigned to a speaker."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.annotations import SpeakerTurn, check_speaker_count
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.masks import mask_to_spans, spans_to_mask
from hybrid_tok.core.timeline import Span, count_frames
from hybrid_tok.diarizer.clustering import ClusteringOptions, centroids, cluster
from hybrid_tok.diarizer.voice_windows import ONE, SEVERAL, VOCAL, VoiceWindows, Windower, joined, runs_of
from hybrid_tok.errors import OptionsError
from hybrid_tok.nn.viterbi import best_path

if TYPE_CHECKING:
    from hybrid_tok.diarizer.speaker_encoder import SpeakerEncoder

SAMPLE_RATE = 16_000
RATE = 25
"""Frames of the network per second."""

PER_FRAME = 2
"""Frames of the time grid (20 ms) per frame of the network (40 ms)."""


@dataclass(frozen=True, slots=True)
class DiarizerOptions:
    """How turns are found.

    Attributes:
        window: seconds of the windows that are clustered.
        glance: seconds of the short windows that assign frames to speakers.
        hop: seconds between windows of either kind.
        pause: seconds without speech that no window crosses, and after which a change of speaker costs less.
        least: seconds of speech that a window needs to be clustered.
        reach: seconds by which the detector's speech is widened where the network finds speech too.
        vocal: probability of a vocal sound above which a frame is not speech.
        sharpness: nats per unit of cosine similarity and frame, in assigning frames.
        switch: nats that a change of speaker costs within speech.
        overlap: probability of several talkers from which a second speaker is reported; above 1 reports none.
        bridge: seconds of pause within which a speaker's turn continues if no one else talks or laughs in it.
        shortest: seconds; shorter turns are left out.
        margin: seconds by which turns are widened where no one else talks: words begin and end softly.
    """

    window: float = 1.6
    glance: float = 0.8
    hop: float = 0.16
    pause: float = 0.32
    least: float = 0.4
    reach: float = 0.0
    vocal: float = 0.7
    sharpness: float = 4.0
    switch: float = 4.0
    overlap: float = 0.6
    bridge: float = 1.2
    shortest: float = 0.2
    margin: float = 0.2
    clustering: ClusteringOptions = field(default_factory=ClusteringOptions)

    def __post_init__(self) -> None:
        if not 0 < self.hop <= self.glance <= self.window:
            raise OptionsError(f"need 0 < hop <= glance <= window, not {self.hop}, {self.glance}, {self.window}")
        times = (self.least, self.reach, self.pause, self.bridge, self.shortest, self.margin)
        if min(*times, self.sharpness, self.switch) < 0:
            raise OptionsError("times and costs of the diarizer cannot be negative")


@dataclass(frozen=True, slots=True, eq=False)
class SpeakerPass:
    """The result of one pass of the network over a recording.

    Attributes:
        speech: (T,) bool, frames of 40 ms that may be speech.
        activity: (T, 4) probabilities of `network.ACTIVITIES`.
        long, short: windows for clustering and for assigning frames.
    """

    speech: NDArray[np.bool_]
    activity: NDArray[np.float32]
    long: VoiceWindows
    short: VoiceWindows


class BuiltinDiarizer:
    """A `Diarizer`: any number of speakers, overlap included. Loads its weights, and torch, at construction.

    Args:
        device: where the network computes, as torch names it.

    Raises:
        WeightsError: the weights in the package are missing or damaged.
    """

    def __init__(self, options: DiarizerOptions | None = None, device: str = "cpu") -> None:
        from hybrid_tok.diarizer.speaker_encoder import SpeakerEncoder

        self.options = options or DiarizerOptions()
        self._encoder: SpeakerEncoder = SpeakerEncoder(device=device)

    @property
    def name(self) -> str:
        return "builtin"

    @property
    def fingerprint(self) -> str:
        described = f"{self._encoder.identity.fingerprint}:{self.options!r}"
        return f"embedded-diarizer:{hashlib.sha256(described.encode()).hexdigest()[:16]}"

    def diarize(self, audio: Audio, speech: Sequence[Span], speakers: int | None = None) -> tuple[SpeakerTurn, ...]:
        """Who speaks when, sorted by start; speakers are numbered in order of first appearance.

        Args:
            audio: mono at 16 kHz.
            speech: where the voice activity detector finds speech.
            speakers: how many there are at most, where that is known.

        Raises:
            OptionsError: `speakers` is less than 1.
        """
        check_speaker_count(speakers)
        samples = audio.mono_at(SAMPLE_RATE, "the diarizer")
        if len(samples) == 0:
            return ()
        heard = run_network(self._encoder, samples, speech, self.options)
        return turns_of(heard, count_frames(audio.num_samples, SAMPLE_RATE), self.options, speakers)


def run_network(
    encoder: SpeakerEncoder, samples: NDArray[np.float32], speech: Sequence[Span], options: DiarizerOptions
) -> SpeakerPass:
    """One pass over a recording, block by block."""
    hop = max(1, round(options.hop * RATE))
    windowers = [
        Windower(encoder, round(length * RATE / 2), hop, round(options.pause * RATE))
        for length in (options.window, options.glance)
    ]
    parts: list[list[VoiceWindows]] = [[], []]
    masks: list[NDArray[np.bool_]] = []
    activities: list[NDArray[np.float32]] = []
    total = -(-len(samples) // (SAMPLE_RATE // RATE))
    given = on_frames(speech, total)
    first = 0
    for frames in encoder.blocks(samples):
        end = first + len(frames.activity)
        mask = talk_frames(given, frames.activity, first, options)
        for windower, found in zip(windowers, parts, strict=True):
            found.append(windower.push(frames, mask.astype(np.float32), last=end == total))
        masks.append(mask)
        activities.append(frames.activity)
        first = end
    long, short = (joined(found) for found in parts)
    return SpeakerPass(np.concatenate(masks), np.concatenate(activities), long, short)


def on_frames(spans: Sequence[Span], frames: int) -> NDArray[np.bool_]:
    """Spans of the 20 ms grid as a mask (frames,) of 40 ms frames, covered at least in part."""
    fine = spans_to_mask(spans, frames * PER_FRAME)
    return np.logical_or.reduce(fine.reshape(frames, PER_FRAME), axis=1)


def talk_frames(
    given: NDArray[np.bool_], activity: NDArray[np.float32], first: int, options: DiarizerOptions
) -> NDArray[np.bool_]:
    """Which of the frames from `first` on are speech."""
    reach = round(options.reach * RATE)
    end = first + len(activity)
    near = given[max(0, first - reach) : end + reach]
    widened = np.convolve(near, np.ones(2 * reach + 1), "same") > 0
    at = first - max(0, first - reach)
    talk = activity[:, ONE] + activity[:, SEVERAL]
    heard = talk >= 0.5
    not_speech = activity[:, VOCAL] > options.vocal
    return np.asarray(given[first:end] & ~not_speech) | (widened[at : at + len(activity)] & heard)


def turns_of(
    heard: SpeakerPass, frames: int, options: DiarizerOptions, speakers: int | None = None
) -> tuple[SpeakerTurn, ...]:
    """Cluster the long windows, assign each frame to a cluster, and merge frames to turns."""
    least = options.least * RATE
    usable = heard.long[heard.long.talk >= least]
    hop = max(1, round(options.hop * RATE))
    if len(usable.centre) == 0:
        return ()
    # Windows overlap: each stands for the frames between it and the next.
    seconds = np.full(len(usable.centre), hop / RATE)
    run = runs_of(heard.speech, round(options.pause * RATE))
    labels = cluster(usable.voice, seconds, options.clustering, speakers, run[usable.centre])
    points, _ = centroids(usable.voice, seconds, labels)
    scores = heard.short.voice @ points.T
    clear = np.minimum(1.0, heard.short.talk / (0.5 * options.glance * RATE))[:, None]
    count = len(heard.speech)
    per_frame = np.stack(
        [np.interp(np.arange(count), heard.short.centre, (scores * clear)[:, k]) for k in range(len(points))], axis=1
    )
    per_frame[~heard.speech] = 0
    changes = options.switch * (1.0 - np.eye(len(points)))
    path = best_path(-options.sharpness * per_frame, np.stack([changes, changes / 10]), (run < 0).astype(np.int64))
    owner = np.zeros((len(points), count), bool)
    owner[path, np.arange(count)] = heard.speech
    if len(points) > 1:
        both = heard.speech & (heard.activity[:, SEVERAL] >= options.overlap)
        second = _second(per_frame, path)
        owner[second[both], np.flatnonzero(both)] = True
    return _turns(owner, heard.activity[:, VOCAL] > options.vocal, frames, options)


def _second(scores: NDArray[np.float64], path: NDArray[np.int64]) -> NDArray[np.int64]:
    others = scores.copy()
    others[np.arange(len(path)), path] = -np.inf
    return others.argmax(1)


def _turns(
    owner: NDArray[np.bool_], vocal: NDArray[np.bool_], frames: int, options: DiarizerOptions
) -> tuple[SpeakerTurn, ...]:
    """Runs of frames as turns, labels by appearance; turns continue over pauses in which no one else makes a sound."""
    found: list[tuple[int, int, int]] = []
    bridge, shortest = round(options.bridge * RATE), options.shortest * RATE
    margin = round(options.margin * RATE)
    for k in range(len(owner)):
        others = np.asarray(np.delete(owner, k, axis=0).any(axis=0)) | (vocal & ~owner[k])
        taken = np.concatenate([[-10 * margin], np.flatnonzero(others), [len(others) + 10 * margin]])
        merged: list[tuple[int, int]] = []
        for start, end in mask_to_spans(owner[k]):
            if merged and start - merged[-1][1] <= bridge and not others[merged[-1][1] : start].any():
                merged[-1] = (merged[-1][0], end)
            else:
                merged.append((start, end))
        for start, end in merged:
            if end - start >= shortest:
                # Up to the middle of the pause between two talkers.
                before = int(taken[np.searchsorted(taken, start, "left") - 1]) + 1
                after = int(taken[np.searchsorted(taken, end, "left")])
                widened = max(start - margin, min(start, (before + start + 1) // 2), 0)
                found.append((widened, min(end + margin, max(end, (end + after) // 2)), k))
    order: dict[int, int] = {}
    turns = []
    for start, end, k in sorted(found):
        span = Span(start * PER_FRAME, min(end * PER_FRAME, frames))
        turns.append(SpeakerTurn(order.setdefault(k, len(order)), span))
    return tuple(turns)
