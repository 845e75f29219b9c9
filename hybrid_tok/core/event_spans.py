"""From posteriors to events: their boundaries, labels and confidences.

Detection and labelling are separate: a laugh that is labelled a moan in half of its frames is still one event.
Boundaries are found in three steps: hysteresis finds the stretches that are certainly an event; stretches close
together are merged (a bout of coughs, a laugh with a gap in the probability); and each is extended to where the sound
itself begins and ends, since the first breath of a laugh comes before the network can tell that it is one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.annotations import Event
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.events import EVENT_LABELS
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.masks import mask_to_spans
from hybrid_tok.core.timeline import FRAME_RATE, Span
from hybrid_tok.errors import OptionsError

_SPEECH, _NOISE = len(EVENT_LABELS), len(EVENT_LABELS) + 2
"""Columns of the probabilities of speech and of noise."""
_LOWEST_DB = -100.0
_SURROUNDINGS = 2 * FRAME_RATE
"""Frames on either side of an event on which the background level is measured."""
BESIDE = 5 * FRAME_RATE
"""Frames on either side in which speech is speech beside an event."""


@dataclass(frozen=True, slots=True)
class TaggerOptions:
    """How posteriors become events.

    Attributes:
        threshold: probability (of all labels together, averaged over `smooth` seconds) that an event must reach.
        stay: probability below which an event ends.
        smooth: seconds over which probabilities are averaged.
        bridge: seconds; gaps up to this between stretches of one event (a bout of coughs) are closed, unless there is
            speech in them.
        sure: stretches with different labels are not merged if both labels have at least this confidence.
        reach: seconds by which an event may begin earlier, or end later, than its probability says, as long as the
            sound continues and is not speech.
        depth: decibels below the event's loudest frame at which the sound ends.
        margin: decibels above the softest frame around it at which the sound ends.
        min_seconds: shorter events are dropped.
        min_confidence: events with a lower one are dropped; the gate has its own threshold above this.
        noise: mean probability of noise in an event above which it must have the confidence `over_noise`, unless it is
            beside speech: engines and animals sound a little like voices where there is no voice to compare with.
    """

    threshold: float = 0.4
    stay: float = 0.2
    smooth: float = 0.1
    bridge: float = 1.0
    sure: float = 0.7
    reach: float = 1.5
    depth: float = 35.0
    margin: float = 6.0
    min_seconds: float = 0.14
    min_confidence: float = 0.3
    noise: float = 0.5
    over_noise: float = 0.6

    def __post_init__(self) -> None:
        if not 0 < self.stay <= self.threshold < 1:
            raise OptionsError(f"need 0 < stay <= threshold < 1, not {self.stay} and {self.threshold}")
        if min(self.smooth, self.bridge, self.reach, self.min_seconds) < 0:
            raise OptionsError("smooth, bridge, reach and min_seconds are seconds and cannot be negative")
        if min(self.depth, self.margin) < 0:
            raise OptionsError("depth and margin are decibels and cannot be negative")
        for name in ("min_confidence", "sure", "noise", "over_noise"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionsError(f"{name} must be in [0, 1], not {getattr(self, name)}")


def frame_levels(audio: Audio) -> NDArray[np.float32]:
    """Decibels re full scale per 20 ms frame of mono audio, (frames,), at least -100."""
    levels = 10 * np.log10(frame_powers(audio.samples, audio.sample_rate) + 1e-12)
    return np.maximum(_LOWEST_DB, levels).astype(np.float32)


def beside_speech(speech: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Frames (n,) with at least a second of speech within five seconds; `speech` (n,) is its probability."""
    counts = np.concatenate([[0], np.cumsum(speech > 0.5)])
    frames = np.arange(len(speech))
    return counts[np.minimum(frames + BESIDE, len(speech))] - counts[np.maximum(frames - BESIDE, 0)] >= FRAME_RATE


def events_of(
    posteriors: NDArray[np.float32], options: TaggerOptions, levels: NDArray[np.floating] | None = None
) -> tuple[Event, ...]:
    """Events in order of time, none overlapping another.

    The confidence of an event is that of its label: the mean event probability of the more certain half of its frames,
    times the label's share.

    Args:
        posteriors: (frames, >= 15), the first 15 columns as in `EVENT_LABELS`, the next ones, as far as there are any,
            of speech, music and noise.
        levels: (frames,) decibels, as `frame_levels` gives them; without them events are not extended.
    """
    frames = len(posteriors)
    if frames == 0:
        return ()
    labels = np.asarray(posteriors[:, : len(EVENT_LABELS)], np.float64)
    speech, noise = (
        posteriors[:, column] if posteriors.shape[1] > column else np.zeros(frames, np.float32)
        for column in (_SPEECH, _NOISE)
    )
    talk = beside_speech(speech)
    width = max(1, round(options.smooth * FRAME_RATE))
    any_event = np.convolve(labels.sum(1), np.ones(width) / width, "full")[width // 2 : width // 2 + frames]
    stretches = [
        (start, end)
        for start, end in bridged(_hysteresis(any_event, options), labels, speech, options)
        if end - start >= options.min_seconds * FRAME_RATE
    ]
    events: list[Event] = []
    for k, (start, end) in enumerate(stretches):
        best, confidence = _named(labels[start:end])
        if confidence < options.min_confidence:
            continue
        if levels is not None:
            first = events[-1].span.end if events else 0
            last = stretches[k + 1][0] if k + 1 < len(stretches) else frames
            start, end = _extended(start, end, first, last, speech < 0.5, levels, options)
        noisy = float(noise[start:end].mean()) > options.noise and not talk[start:end].any()
        if noisy and confidence < options.over_noise:
            continue
        events.append(Event(EVENT_LABELS[best], Span(start, end), confidence))
    return tuple(events)


def _named(labels: NDArray[np.float64]) -> tuple[int, float]:
    """The label of a stretch (n, 15) and its confidence, in thousandths: further digits are not reproducible."""
    mass = labels.sum(0)
    best = int(mass.argmax())
    total = np.sort(labels.sum(1))
    sure = float(total[len(total) // 2 :].mean())
    return best, round(min(1.0, sure * float(mass[best] / max(1e-9, mass.sum()))), 3)


def _hysteresis(probability: NDArray[np.float64], options: TaggerOptions) -> list[tuple[int, int]]:
    """Stretches that stay at or above `stay` and somewhere reach `threshold`."""
    return [
        (a, b) for a, b in mask_to_spans(probability >= options.stay) if probability[a:b].max() >= options.threshold
    ]


def bridged(
    stretches: list[tuple[int, int]], labels: NDArray[np.float64], speech: NDArray[np.floating], options: TaggerOptions
) -> list[tuple[int, int]]:
    """Merge stretches of one event: close together, without speech between, and not certainly two sounds."""
    gap = round(options.bridge * FRAME_RATE)
    merged: list[tuple[int, int]] = []
    for start, end in stretches:
        if merged and start - merged[-1][1] <= gap:
            first, last = merged[-1]
            (before, confidence), (after, following) = _named(labels[first:last]), _named(labels[start:end])
            spoken = last < start and float(speech[last:start].mean()) > 0.5
            if not spoken and (before == after or min(confidence, following) < options.sure):
                merged[-1] = (first, end)
                continue
        merged.append((start, end))
    return merged


def _extended(
    start: int,
    end: int,
    first: int,
    last: int,
    free: NDArray[np.bool_],
    levels: NDArray[np.floating],
    options: TaggerOptions,
) -> tuple[int, int]:
    """The event extended to where its sound begins and ends, within [first, last)."""
    around = levels[max(0, start - _SURROUNDINGS) : end + _SURROUNDINGS]
    floor = float(np.percentile(around, 5)) + options.margin
    audible = (levels > max(floor, float(levels[start:end].max()) - options.depth)) & free
    reach = round(options.reach * FRAME_RATE)
    before = _run(audible[max(first, start - reach) : start][::-1])
    after = _run(audible[end : min(last, end + reach)])
    return start - before, end + after


def _run(audible: NDArray[np.bool_], hole: int = 5) -> int:
    """How far a sound continues, over gaps of up to 0.1 s."""
    silent = 0
    length = 0
    for k, loud in enumerate(audible):
        silent = 0 if loud else silent + 1
        if silent > hole:
            break
        if loud:
            length = k + 1
    return length
