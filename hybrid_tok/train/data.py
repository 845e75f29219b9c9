"""Training audio: clips decoded once into one memory-mapped array, and batches of segments drawn from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio import read_mono
from hybrid_tok.core.manifest import read_manifest
from hybrid_tok.errors import AudioError

SAMPLE_RATE = 16_000

SOURCE_WEIGHTS: dict[str, float] = {
    "librispeech": 0.36,
    "speechocean762": 0.20,
    "aishell1": 0.16,
    "picovoice-s2i": 0.06,
    "speech-commands": 0.06,
    "esc10": 0.08,
    "covid19-cough": 0.08,
}
"""Share of the segments per source: mostly many speakers, with a fixed share of Mandarin and of non-verbal sounds."""


@dataclass(frozen=True, slots=True)
class Clips:
    """All clips of a data folder as int16 in one array.

    Attributes:
        samples: (N,) int16, memory-mapped, 16 kHz.
        spans: per source, (clips, 2) start and end in `samples`.
    """

    samples: NDArray[np.int16]
    spans: dict[str, NDArray[np.int64]]

    def floats(self, start: int, end: int) -> NDArray[np.float32]:
        """Samples from `start` to `end` as float32 within [-1, 1)."""
        return np.divide(self.samples[start:end], 32768, dtype=np.float32)


def load_clips(data: Path, cache: Path) -> Clips:
    """Decode the clips that `data/manifest.jsonl` lists into `cache` (once), and map them.

    Raises:
        OptionsError: no manifest, or a damaged one.
        AudioError: a clip cannot be read.
    """
    index = cache / "clips.json"
    if not index.exists():
        _decode(data, cache)
    spans = {source: np.array(s, dtype=np.int64) for source, s in json.loads(index.read_text())["spans"].items()}
    return Clips(np.memmap(cache / "clips.i16", dtype=np.int16, mode="r"), spans)


def _decode(data: Path, cache: Path) -> None:
    listed = read_manifest(data)
    cache.mkdir(parents=True, exist_ok=True)
    spans: dict[str, list[tuple[int, int]]] = {}
    position = 0
    partial = cache / "clips.i16.part"
    with partial.open("wb") as out:
        for clip in listed:
            samples = read_mono(clip.path, SAMPLE_RATE)[0].samples
            pcm = np.clip(np.rint(samples * 32767), -32768, 32767).astype(np.int16)
            out.write(pcm.tobytes())
            spans.setdefault(clip.source, []).append((position, position + len(pcm)))
            position += len(pcm)
    partial.rename(cache / "clips.i16")
    (cache / "clips.json").write_text(json.dumps({"spans": spans}))


class SegmentSampler:
    """Draws segments: a source by weight, a clip by length, a place at random.

    Args:
        clips: the decoded data.
        seconds: length of a segment; shorter clips are padded with silence at a random place.
        weights: share of each source; sources that `clips` lacks are left out.
    """

    def __init__(self, clips: Clips, num_samples: int, weights: dict[str, float] | None = None) -> None:
        weights = SOURCE_WEIGHTS if weights is None else weights
        self.num_samples = num_samples
        self._clips = clips
        self._sources = sorted(s for s in clips.spans if weights.get(s, 0) > 0)
        if not self._sources:
            raise AudioError(f"none of the sources {sorted(clips.spans)} has a weight; known are {sorted(weights)}")
        share = np.array([weights[s] for s in self._sources])
        self._share = share / share.sum()
        lengths = [clips.spans[s][:, 1] - clips.spans[s][:, 0] for s in self._sources]
        self._within = [np.cumsum(n) / n.sum() for n in lengths]

    def draw(self, rng: np.random.Generator, speed: float = 1.0, source: str | None = None) -> NDArray[np.float32]:
        """One segment (num_samples,), played `speed` times as fast (linear interpolation)."""
        which = int(rng.choice(len(self._sources), p=self._share)) if source is None else self._sources.index(source)
        spans = self._clips.spans[self._sources[which]]
        clip = min(int(np.searchsorted(self._within[which], rng.random())), len(spans) - 1)
        start, end = (int(v) for v in spans[clip])
        wanted = int(np.ceil(self.num_samples * speed)) + 1
        if end - start > wanted:
            start += int(rng.integers(end - start - wanted))
            end = start + wanted
        samples = self._clips.floats(start, end)
        if speed != 1.0:
            count = int(len(samples) / speed)
            samples = np.interp(np.arange(count) * speed, np.arange(len(samples)), samples).astype(np.float32)
        if len(samples) >= self.num_samples:
            return samples[: self.num_samples]
        out = np.zeros(self.num_samples, np.float32)
        offset = int(rng.integers(self.num_samples - len(samples) + 1))
        out[offset : offset + len(samples)] = samples
        return out

    @property
    def noises(self) -> list[str]:
        """Sources that may be mixed with speech."""
        return [s for s in self._sources if s == "esc10"]
