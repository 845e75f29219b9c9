"""Training material of the speaker network: log-mel spectra of every clip, decoded once, with speech marked.

Speech is also played at 0.9 and 1.1 times its speed, which moves pitch and formants and counts as another speaker
(Yamamoto et al., 2019).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_opening

from hybrid_tok.audio import read_audio
from hybrid_tok.core.manifest import read_manifest
from hybrid_tok.errors import AudioError
from hybrid_tok.nn.logmel import BANDS, SAMPLE_RATE, log_mel

SPEEDS = (1.0, 0.9, 1.1)

TALKER_SHARES = {"librispeech": 0.33, "speechocean762": 0.47, "speech-commands": 0.18, "aishell1": 0.02}
"""How often a talker is drawn from each source; sources without names of speakers are left out."""

VOCAL_LABELS = ("cough", "sneeze", "cry")
"""Clips that are vocal sounds; all other labels are noises."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip in the array of spectra.

    Attributes:
        start, end: frames in `Material.spectra`.
        speaker: index of the speaker, speeds counted apart; None for sounds without a known speaker.
    """

    start: int
    end: int
    speaker: int | None


@dataclass(frozen=True, slots=True)
class Material:
    """All clips.

    Attributes:
        spectra: (frames, 64) float16, log-mel, memory-mapped.
        talking: (frames,) bool, where the clip's talker talks; pauses under 0.4 s are part of talking.
        speakers: per source, the clips of each of its speakers.
        held_out: clips of the held-out speakers, at their own speed.
        vocal, noise: sounds without speech.
        num_speakers: number of training speakers.
    """

    spectra: NDArray[np.float16]
    talking: NDArray[np.bool_]
    speakers: dict[str, list[list[Clip]]]
    held_out: list[list[Clip]]
    vocal: list[Clip]
    noise: list[Clip]
    num_speakers: int

    def talker_shares(self) -> tuple[list[str], NDArray[np.float64]]:
        """The sources there are, and how often a talker is drawn from each."""
        sources = sorted(set(self.speakers) & set(TALKER_SHARES))
        shares = np.array([TALKER_SHARES[source] for source in sources])
        return sources, shares / shares.sum()


def load_material(data: Path, cache: Path, hold_out: int = 0) -> Material:
    """Decode the clips that `data/manifest.jsonl` lists into `cache` (once), and sort them.

    Args:
        hold_out: how many speakers of LibriSpeech and of speechocean762 each to hold out.

    Raises:
        OptionsError: no manifest, or a damaged one.
        AudioError: a clip that cannot be read, or no talkers.
    """
    index = cache / "spectra.json"
    if not index.exists():
        _decode(data, cache)
    entries = json.loads(index.read_text("utf-8"))
    spectra = np.memmap(cache / "spectra.f16", np.float16, "r").reshape(-1, BANDS)
    talking = np.memmap(cache / "talking.b1", np.bool_, "r")
    by_speaker: dict[tuple[str, str, float], list[tuple[int, int]]] = {}
    vocal: list[Clip] = []
    noise: list[Clip] = []
    for entry in entries:
        place = (entry["start"], entry["end"])
        if entry["label"] is not None:
            (vocal if entry["label"] in VOCAL_LABELS else noise).append(Clip(*place, None))
        elif entry["speaker"] is not None:
            by_speaker.setdefault((entry["source"], entry["speaker"], entry["speed"]), []).append(place)
    kept_out = {
        (source, name)
        for source in ("librispeech", "speechocean762")
        for name in sorted({key[1] for key in by_speaker if key[0] == source})[:hold_out]
    }
    speakers: dict[str, list[list[Clip]]] = {}
    held_out: list[list[Clip]] = []
    count = 0
    for (source, name, speed), places in sorted(by_speaker.items()):
        if (source, name) in kept_out:
            if speed == 1.0:
                held_out.append([Clip(*place, None) for place in places])
            continue
        usable = [Clip(*place, count) for place in places if talking[slice(*place)].sum() >= 30]
        if usable:
            speakers.setdefault(source, []).append(usable)
            count += 1
    if not speakers:
        raise AudioError(f"{data / 'manifest.jsonl'} names no speakers of {sorted(TALKER_SHARES)}")
    return Material(spectra, talking, speakers, held_out, vocal, noise, count)


def talking_frames(spectra: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Where a clip of one talker has speech: by level, against the clip's own noise and its own peaks."""
    level = np.log(np.exp(spectra.astype(np.float32)).mean(1) + 1e-10)
    quiet, loud = np.percentile(level, 5), np.percentile(level, 95)
    threshold = max(min(quiet + 2.0, loud - 2.0), loud - 7.5)  # nepers of power: 2.0 is 9 dB, 7.5 is 33 dB
    closed = binary_closing(binary_opening(np.pad(level > threshold, 20), np.ones(5)), np.ones(40))
    return np.asarray(closed, np.bool_)[20:-20]


def _decode(data: Path, cache: Path) -> None:
    import soxr

    listed = read_manifest(data)
    cache.mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, object]] = []
    position = 0
    with (cache / "spectra.f16").open("wb") as spectra, (cache / "talking.b1").open("wb") as talking:
        for clip in listed:
            audio = read_audio(clip.path).to_mono()
            # A clip of other sounds has no talker.
            speaker = clip.speaker if clip.source in TALKER_SHARES and clip.label is None else None
            for speed in SPEEDS if speaker is not None else SPEEDS[:1]:
                mono = soxr.resample(audio.samples, audio.sample_rate * speed, SAMPLE_RATE, quality="MQ")
                mel = log_mel(mono.astype(np.float32)).astype(np.float16)
                spectra.write(mel.tobytes())
                talking.write(talking_frames(mel).tobytes())
                what = {"source": clip.source, "speaker": speaker, "label": clip.label, "speed": speed}
                entries.append({**what, "start": position, "end": position + len(mel)})
                position += len(mel)
    (cache / "spectra.json").write_text(json.dumps(entries), "utf-8")
