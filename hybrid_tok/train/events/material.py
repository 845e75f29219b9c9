"""Training material of the event tagger: labelled clips, voices measured in speech, and breaths found in its pauses.

Read speech has many unlabelled breaths: between two words, unvoiced, 0.1 to 0.6 s long, far softer than the words and
far above the room noise. They are cut out as training material. In utterances their frames are labelled as breath, or
left out of the loss if uncertain.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.manifest import read_manifest
from hybrid_tok.core.masks import mask_to_spans
from hybrid_tok.core.timeline import Span, merge_spans
from hybrid_tok.errors import AudioError
from hybrid_tok.tagger.features import HOP, SAMPLE_RATE, EventFeatures
from hybrid_tok.train.data import Clips, load_clips
from hybrid_tok.train.events.source_filter import FFT, Envelopes, Samples, Voice, Voiced, find_marks, smooth_envelope

NOISES = ("chainsaw", "clock", "dog", "fire", "helicopter", "rain", "rooster", "sea", "noise")
"""Labels of the manifest that are background here. Barking and crowing too: they are not human."""
NONE, UNSURE = 15, 255
"""Frame labels: no event, and left out of the loss; events are their index in the taxonomy."""
MAX_UTTERANCE = 12.0
"""Seconds; longer utterances are cut."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip of the training data: its place and speaker."""

    start: int
    end: int
    speaker: str
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """Speech and the breaths found in it.

    Attributes:
        clip: the samples' place.
        activity: (T,) 0 pause, 1 speech, per 20 ms frame.
        breaths: frames [start, end) of breaths in its pauses.
        unsure: frames that may be breath or not.
    """

    clip: Clip
    activity: NDArray[np.bool_]
    breaths: tuple[tuple[int, int], ...]
    unsure: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """One side of the split; no clip and no speaker is on both.

    Attributes:
        clips: all samples.
        utterances: speech.
        voices: of the speakers, for simulation.
        recorded: label -> clips (cough, cry, sneeze).
        noises: background clips.
        backgrounds: background noise of recorded events.
    """

    clips: Clips
    utterances: tuple[Utterance, ...]
    voices: tuple[Voice, ...]
    recorded: dict[str, tuple[Clip, ...]]
    noises: tuple[Clip, ...]
    backgrounds: tuple[Samples, ...]

    def samples(self, clip: Clip) -> Samples:
        return self.clips.floats(clip.start, clip.end)


def load_material(data: Path, cache: Path, held_out: float = 0.1) -> tuple[Material, Material]:
    """Training and held-out material of a data folder, split by speaker and, for sounds, by clip.

    Raises:
        OptionsError, AudioError: the data cannot be read, or a kind of clip is missing.
    """
    clips = load_clips(data, cache)
    listed = _listed(data, clips)
    sides = []
    for side in (0, 1):
        chosen = [(clip, label) for clip, label, draw in listed if (draw < held_out) == bool(side)]
        sides.append(_measure(clips, chosen))
    return sides[0], sides[1]


def _listed(data: Path, clips: Clips) -> list[tuple[Clip, str | None, float]]:
    """Clips with labels and a random number in [0, 1) that is the same for all clips of a speaker."""
    counts: dict[str, int] = defaultdict(int)
    listed = []
    for entry in read_manifest(data):
        start, end = (int(v) for v in clips.spans[entry.source][counts[entry.source]])
        counts[entry.source] += 1
        speaker = entry.speaker or entry.name
        # AISHELL-1 has one speaker here: split by clip.
        key = entry.name if entry.source == "aishell1" else speaker
        draw = np.random.default_rng(list(key.encode())).random()
        listed.append((Clip(start, end, speaker, entry.source), entry.label, float(draw)))
    return listed


def _measure(clips: Clips, chosen: list[tuple[Clip, str | None]]) -> Material:
    spoken = [clip for clip, label in chosen if label is None]
    recorded: dict[str, list[Clip]] = defaultdict(list)
    noises = []
    for clip, label in chosen:
        if label in NOISES:
            noises.append(clip)
        elif label is not None:
            recorded[label].append(clip)
    if not spoken or not noises:
        raise AudioError("the event tagger's data needs speech (clips without a label) and noises")
    features = EventFeatures()
    utterances, breath_shapes = [], []
    vowels: dict[str, list[Envelopes]] = defaultdict(list)
    pitches: dict[str, list[float]] = defaultdict(list)
    voiced: dict[str, list[Voiced]] = defaultdict(list)
    for clip in spoken:
        end = min(clip.end, clip.start + int(MAX_UTTERANCE * SAMPLE_RATE))
        clip = Clip(clip.start, end, clip.speaker, clip.source)
        samples = clips.floats(clip.start, clip.end)
        loudness, periodicity, octave = frame_measures(samples, features)
        utterance = find_pauses(clip, loudness, periodicity)
        utterances.append(utterance)
        breath_shapes += [_average_envelope(samples, *breath) for breath in utterance.breaths]
        if len(vowels[clip.speaker]) < 24:
            found, hertz = _vowels(samples, loudness, periodicity, octave)
            vowels[clip.speaker] += found
            pitches[clip.speaker] += hertz
            voiced[clip.speaker] += _voiced(samples, loudness, periodicity, octave)
    breaths = np.array(breath_shapes or [np.zeros(FFT // 2 + 1, np.float32)], np.float32)
    airs, pressed, backgrounds = _recorded_parts(clips, recorded, features)
    airs += [clips.floats(u.clip.start, u.clip.end)[a * HOP : b * HOP] for u in utterances for a, b in u.breaths]
    voices = [
        Voice(
            _open_first(np.array(v)),
            breaths,
            float(np.median(pitches[speaker])),
            tuple(voiced[speaker]),
            tuple(airs),
            tuple(pressed),
        )
        for speaker, v in vowels.items()
        if len(v) >= 3
    ]
    kinds = {label: tuple(found) for label, found in recorded.items()}
    return Material(clips, tuple(utterances), tuple(voices), kinds, tuple(noises), tuple(backgrounds))


def _recorded_parts(
    clips: Clips, recorded: dict[str, list[Clip]], features: EventFeatures
) -> tuple[list[Samples], list[Voiced], list[Samples]]:
    """Parts of recorded events: air noise of coughs and sneezes, from 0.1 s; voiced stretches of coughs; and background
    noise before and after events, from 0.3 s."""
    airs: list[Samples] = []
    pressed: list[Voiced] = []
    backgrounds: list[Samples] = []
    for label, found in recorded.items():
        for clip in found:
            samples = clips.floats(clip.start, clip.end)
            loudness, periodicity, octave = frame_measures(samples, features)
            active = np.zeros(len(loudness), bool)
            for a, b in active_runs(samples):
                active[a:b] = True
            quiet = ~np.convolve(active, np.ones(9), "same").astype(bool) & (loudness > -85)
            backgrounds += [samples[a * HOP : b * HOP] for a, b in mask_to_spans(quiet) if b - a >= 15]
            if label in ("cough", "sneeze"):
                rushing = active & (periodicity < 0.4) & (loudness > loudness.max(initial=-120) - 25)
                airs += [samples[a * HOP : b * HOP] for a, b in mask_to_spans(rushing) if b - a >= 5]
            if label == "cough":
                pressed += _voiced(samples, loudness, periodicity, octave)
    return airs, pressed, backgrounds


def frame_measures(
    samples: Samples, features: EventFeatures
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Loudness in dB, periodicity and octave per whole frame: (T,) each."""
    frames = len(samples) // HOP
    whole = samples[: frames * HOP]
    loudness = 10 * np.log10(frame_powers(whole, SAMPLE_RATE) + 1e-12)
    auxiliary = features(torch.from_numpy(np.array(whole))[None])[1][0].numpy().astype(np.float64)
    return loudness, auxiliary[:, 0], auxiliary[:, 1]


def find_pauses(clip: Clip, loudness: NDArray[np.float64], periodicity: NDArray[np.float64]) -> Utterance:
    """Speech, breaths and uncertain stretches of an utterance."""
    frames = len(loudness)
    if frames < 10:
        return Utterance(clip, np.ones(frames, bool), (), ())
    floor, loud = np.percentile(loudness, 5), np.percentile(loudness, 90)
    # Speech is within 22 dB of the loud frames, and extends 40 ms beyond them: soft consonants.
    near = np.convolve(loudness > loud - 22, np.ones(5), "same") > 0
    activity = near | ((periodicity > 0.6) & (loudness > loud - 35))
    breaths, unsure = [], []
    for start, end in mask_to_spans(~activity):
        above = loudness[start:end] > floor + 5
        for a, b in mask_to_spans(above):
            a, b = a + start, b + start
            between = start > 0 and end < frames
            quiet_before = a - start >= 1
            unvoiced = float(np.mean(periodicity[a:b] > 0.5)) < 0.2
            clear = float(loudness[a:b].max()) > max(floor + 7, -68.0)
            if between and quiet_before and unvoiced and clear and 6 <= b - a <= 35 and end - b <= 15:
                breaths.append((a, b))
            elif b - a >= 4 and unvoiced:
                unsure.append((a, b))
    return Utterance(clip, activity, tuple(breaths), tuple(unsure))


def active_runs(samples: Samples, drop: float = 32.0, bridge: int = 15) -> list[tuple[int, int]]:
    """Where a sound is, in frames: within `drop` dB of its peak and above its noise floor; gaps up to 0.3 s bridged."""
    frames = len(samples) // HOP
    if frames == 0:
        return []
    loudness = 10 * np.log10(frame_powers(samples[: frames * HOP], SAMPLE_RATE) + 1e-9)
    threshold = max(float(loudness.max()) - drop, float(np.percentile(loudness, 10)) + 6.0)
    loud = mask_to_spans(loudness > min(threshold, float(loudness.max()) - 6))
    return [(one.start, one.end) for one in merge_spans((Span(*run) for run in loud), bridge) if one.frames >= 3]


def _average_envelope(samples: Samples, start: int, end: int) -> Envelopes:
    piece = samples[start * HOP : end * HOP]
    frames = np.lib.stride_tricks.sliding_window_view(piece, FFT)[::256] * np.hanning(FFT)
    envelope = smooth_envelope(np.sqrt(np.mean(np.abs(np.fft.rfft(frames)) ** 2, axis=0)), 40)
    return envelope - envelope.mean()


def _vowels(
    samples: Samples, loudness: NDArray[np.float64], periodicity: NDArray[np.float64], octave: NDArray[np.float64]
) -> tuple[list[Envelopes], list[float]]:
    """Envelopes and pitch of up to eight of an utterance's loud, clearly voiced, steady frames."""
    steady = (periodicity > 0.75) & (loudness > np.percentile(loudness, 60)) & (octave != 0)
    steady[1:-1] &= (np.abs(np.diff(octave))[1:] < 0.1) & (np.abs(np.diff(octave))[:-1] < 0.1)
    places = np.flatnonzero(steady)
    places = places[(places > 0) & (places < len(loudness) - 2)]
    places = places[:: max(1, len(places) // 8)][:8]
    found, hertz = [], []
    for place in places:
        pitch = 200.0 * 2 ** octave[place]
        middle = place * HOP + HOP // 2
        frames = [samples[middle + d - FFT // 2 : middle + d + FFT // 2] for d in (-160, 0, 160)]
        if middle < FFT or middle + FFT > len(samples):
            continue
        magnitude = np.sqrt(np.mean([np.abs(np.fft.rfft(f * np.hanning(FFT))) ** 2 for f in frames], axis=0))
        envelope = smooth_envelope(magnitude, int(np.clip(0.7 * SAMPLE_RATE / pitch, 24, 60)))
        found.append(envelope - envelope.mean())
        hertz.append(pitch)
    return found, hertz


def _voiced(
    samples: Samples, loudness: NDArray[np.float64], periodicity: NDArray[np.float64], octave: NDArray[np.float64]
) -> list[Voiced]:
    """Up to three stretches of 0.1 to 0.3 s that are loud and voiced throughout, without jumps in pitch."""
    good = (periodicity > 0.7) & (loudness > np.percentile(loudness, 50)) & (octave != 0)
    good[1:] &= np.abs(np.diff(octave)) < 0.15
    found = []
    for start, end in sorted(mask_to_spans(good), key=lambda run: run[0] - run[1])[:3]:
        end = min(end, start + 15)
        if end - start < 5:
            continue
        piece = samples[start * HOP : end * HOP]
        marks = find_marks(piece, 200.0 * 2 ** octave[start:end])
        if len(marks) >= 6:
            found.append(Voiced(piece.astype(np.float32), marks))
    return found


def _open_first(vowels: Envelopes) -> Envelopes:
    """Sorted by the power around a high first formant, 600 to 1,200 Hz, relative to the power below it."""
    power = np.exp(2 * vowels)
    openness = power[:, 19:39].mean(1) / (power[:, 3:19].mean(1) + 1e-9)
    return vowels[np.argsort(-openness)].astype(np.float32)
