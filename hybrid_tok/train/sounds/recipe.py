"""The bank of sounds of `hybrid_tok.sounds`: recorded events where free ones exist, simulated ones otherwise.

Candidates of each label are brought to the level that such a sound has beside speech, coded, decoded again, and judged
by what is left of them: how sure the event tagger is of the label, frame by frame. What a few codebooks cannot carry
drops out, and so do recordings with noise or speech in them. The best are kept, no two of one voice or clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio import resample
from hybrid_tok.codec.backend import BuiltinCodec
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.event_spans import events_of, frame_levels
from hybrid_tok.core.events import EVENT_LABELS, EventLabel
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.interfaces import UnitCodec
from hybrid_tok.core.manifest import Clip, read_manifest
from hybrid_tok.core.speech_level import active_level
from hybrid_tok.errors import OptionsError
from hybrid_tok.sounds.bank import BANK, Sound, make_bank, save_bank
from hybrid_tok.tagger.backend import BuiltinTagger
from hybrid_tok.train.data import SAMPLE_RATE, load_clips
from hybrid_tok.train.events.material import Material, active_runs, load_material
from hybrid_tok.train.events.simulate import SIMULATORS

HOP = SAMPLE_RATE // 50
"""Samples of 20 ms, in which sounds are found and judged."""

RECORDED: tuple[EventLabel, ...] = ("cough", "sneeze", "cry")
"""Labels of which there are recordings."""

SPEECH_LEVEL_DB = -26.0
"""Active level of speech (ITU-T P.56) in dB re full scale, to which the levels below are relative."""

LEVELS_DB: dict[EventLabel, float] = {
    "laugh": 0.0, "breath": -18.0, "sigh": -10.0, "cough": 2.0, "sneeze": 3.0, "cry": 0.0, "throat_clear": -2.0,
    "gasp": -8.0, "sniff": -14.0, "yawn": -6.0, "snore": -8.0, "scream": 6.0, "moan": -3.0, "lip_smack": -12.0,
}  # fmt: skip
"""How loud a sound is beside the speech of the same person: what is usual; not fitted to recordings."""

_PEAK = 0.9
_FADE = 0.01
_SILENCE = np.zeros(SAMPLE_RATE, np.float32)
_PATIENCE = 10


@dataclass(frozen=True, slots=True)
class TrainSoundsOptions:
    """The recipe's inputs and choices.

    Attributes:
        data: folder of clips with a `manifest.jsonl`; its licences go into the bank.
        out: folder for the decoded clips, which are used again, and for `bank.json`.
        labels: that get sounds; "other" is no sound in particular.
        examples: sounds per label.
        candidates: of each label, of which the best are kept; up to `_PATIENCE` times as many are simulated where too
            few are heard as what they are.
        codebooks: of the codec with which candidates are judged; the bank has all of them.
        shortest, longest: seconds of a sound.
        seed: of the simulation.
    """

    data: Path
    out: Path
    labels: tuple[EventLabel, ...] = tuple(label for label in EVENT_LABELS if label != "other")
    examples: int = 3
    candidates: int = 150
    codebooks: int = 2
    shortest: float = 0.4
    longest: float = 2.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.examples <= self.candidates:
            raise OptionsError(f"examples must be 1 to {self.candidates} (candidates), not {self.examples}")


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A sound that may go into the bank.

    Attributes:
        origin: the voice or clip it was made from.
        source: the recording and its licence; None if simulated.
        samples: (N,) at 16 kHz, trimmed and leveled.
    """

    origin: str
    source: str | None
    samples: NDArray[np.float32]


Judged: TypeAlias = tuple[Candidate, NDArray[np.int64], tuple[bool, float]]
"""A candidate, its units, and how it was judged."""


def train(options: TrainSoundsOptions, codec: UnitCodec | None = None) -> Path:
    """Make a bank and return its path. The same data, seed and codec give the same bytes.

    Args:
        codec: whose units are written; None is the one in the package.

    Raises:
        OptionsError: the data lacks recordings of a label, or too few candidates have the right length.
    """
    codec = codec or BuiltinCodec()
    tagger = BuiltinTagger()
    cache = options.out / "clips"
    material = load_material(options.data, cache)[0]
    sounds: list[Sound] = []
    for label in options.labels:
        found = _recorded(options, label, cache) if label in RECORDED else _simulated(options, label, material)
        judged: list[Judged] = []
        for candidate in found:
            heard = {one.origin for one, _, (recognized, _) in judged if recognized}
            enough = len(judged) >= options.candidates and len(heard) >= options.examples
            if enough and label not in RECORDED:
                break
            judged.append((candidate, *_judge(candidate, label, codec, tagger, options.codebooks)))
        sounds += [Sound(label, candidate.source, _frames(units)) for candidate, units, _ in _best(judged, options)]
        if len(sounds) % options.examples:
            raise OptionsError(f"{len(judged)} candidates of {label!r} are too few for {options.examples} sounds")
    options.out.mkdir(parents=True, exist_ok=True)
    target = options.out / BANK.name
    save_bank(target, make_bank(codec.fingerprint, sounds))
    return target


def _recorded(options: TrainSoundsOptions, label: EventLabel, cache: Path) -> Iterator[Candidate]:
    """Every event of the right length in the recordings of a label, with silence around it."""
    clips = load_clips(options.data, cache)
    counts: dict[str, int] = {}
    for clip in read_manifest(options.data):
        number = counts[clip.source] = counts.get(clip.source, -1) + 1
        if clip.label != label:
            continue
        samples = clips.floats(*clips.spans[clip.source][number])
        for start, end in active_runs(samples, bridge=10):
            before, after = max(0, start - 10), end + 10
            floor = np.concatenate([samples[before * HOP : start * HOP], samples[end * HOP : after * HOP]])
            event = samples[start * HOP : end * HOP]
            clean = len(floor) >= 5 * HOP and np.mean(np.square(floor)) < 1e-3 * np.mean(np.square(event))
            if clean and options.shortest <= len(event) / SAMPLE_RATE <= options.longest and np.abs(event).max() < 0.98:
                yield Candidate(clip.name, _source(clip), _leveled(event, label))


def _simulated(options: TrainSoundsOptions, label: EventLabel, material: Material) -> Iterator[Candidate]:
    """Simulated sounds of the right length, of low and high voices in turn."""
    voices = sorted(material.voices, key=lambda voice: voice.pitch)
    rng = np.random.default_rng([options.seed, EVENT_LABELS.index(label)])
    found = tries = 0
    while found < _PATIENCE * options.candidates and tries < 50 * options.candidates:
        tries += 1
        half = found % 2 * (len(voices) // 2)
        number = half + int(rng.integers(max(1, len(voices) // 2)))
        samples = SIMULATORS[label](voices[number], rng)
        runs = active_runs(samples)
        if not runs:
            continue
        samples = samples[runs[0][0] * HOP : runs[-1][1] * HOP]
        if options.shortest <= len(samples) / SAMPLE_RATE <= options.longest:
            found += 1
            yield Candidate(f"voice {number}", None, _leveled(samples, label))


def _leveled(samples: NDArray[np.float32], label: EventLabel) -> NDArray[np.float32]:
    """A sound at its level, faded in and out, in whole frames."""
    samples = np.pad(samples, (0, -len(samples) % HOP))
    level = active_level(frame_powers(samples, SAMPLE_RATE))
    assert level is not None, "an event is not silent"
    gain = 10.0 ** ((SPEECH_LEVEL_DB + LEVELS_DB[label] - level[0]) / 20.0)
    gain = min(gain, _PEAK / float(np.abs(samples).max()))
    fade = round(_FADE * SAMPLE_RATE)
    samples = (gain * samples).astype(np.float32)
    samples[:fade] *= np.linspace(0.0, 1.0, fade, dtype=np.float32)
    samples[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return samples


def _judge(
    candidate: Candidate, label: EventLabel, codec: UnitCodec, tagger: BuiltinTagger, codebooks: int
) -> tuple[NDArray[np.int64], tuple[bool, float]]:
    """A sound's units; and of what they decode to, whether its label is heard, and the mean probability of that."""
    units = codec.encode(resample(Audio(candidate.samples, SAMPLE_RATE), codec.sample_rate).samples)
    heard = resample(Audio(codec.decode(units[:, :codebooks]), codec.sample_rate), SAMPLE_RATE).samples
    alone = Audio(np.concatenate([_SILENCE, heard, _SILENCE]), SAMPLE_RATE)
    posteriors = tagger.posteriors(alone)
    events = events_of(posteriors, tagger.options, frame_levels(alone))
    first, frames = len(_SILENCE) // HOP, len(candidate.samples) // HOP
    probability = float(posteriors[first : first + frames, EVENT_LABELS.index(label)].mean())
    return units, ([event.label for event in events] == [label], probability)


def _best(judged: list[Judged], options: TrainSoundsOptions) -> list[Judged]:
    """The best candidates, each of another origin; first of all those that are heard as what they are."""
    best: dict[str, Judged] = {}
    for one in sorted(judged, key=lambda one: one[2], reverse=True):
        best.setdefault(one[0].origin, one)
    return list(best.values())[: options.examples]


def _frames(units: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(frame) for frame in units.tolist())


def _source(clip: Clip) -> str:
    return f"{clip.name}, {clip.licence}" if clip.licence else clip.name
