"""Small honest backends for tests: a waveform codec, and a synthesizer that beeps.

Both keep every promise of their interfaces; only their sound is simple, so that tests can say exactly what must
come out.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.bench.suites import Entry
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.codes import checked_codes, checked_samples
from hybrid_tok.core.utterance import Speech, Utterance


@dataclass
class FakeCodec:
    """Writes each frame as mu-law coded averages of its `num_codebooks` equal parts; decoding holds each level.

    Attributes:
        hop: a multiple of `num_codebooks`.
        encoded, decoded: how many frames went through, call by call.
    """

    sample_rate: int = 16_000
    hop: int = 320
    num_codebooks: int = 4
    codebook_size: int = 256
    encoded: list[int] = field(default_factory=list)
    decoded: list[int] = field(default_factory=list)

    name = "fake codec"
    fingerprint = "fake-codec-1"

    def encode(self, samples: NDArray[np.float32]) -> NDArray[np.int64]:
        samples = checked_samples(samples)
        frames = -(-len(samples) // self.hop)
        self.encoded.append(frames)
        padded = np.zeros(frames * self.hop)
        padded[: len(samples)] = samples
        means = padded.reshape(frames, self.num_codebooks, self.hop // self.num_codebooks).mean(axis=2)
        steps = np.sign(means) * np.log1p(255.0 * np.minimum(np.abs(means), 1.0)) / np.log(256.0)
        return np.floor((steps + 1.0) / 2.0 * (self.codebook_size - 1) + 0.5).astype(np.int64)

    def encoder_stream(self, state: bytes = b"") -> FakeEncoderStream:
        return FakeEncoderStream(self, np.frombuffer(state, np.float32))

    def decode(self, codes: NDArray[np.integer]) -> NDArray[np.float32]:
        codes = checked_codes(codes, self.num_codebooks, self.codebook_size)
        self.decoded.append(len(codes))
        steps = codes / (self.codebook_size - 1) * 2.0 - 1.0
        means = np.sign(steps) * (256.0 ** np.abs(steps) - 1.0) / 255.0
        held = np.repeat(means, -(-self.hop // codes.shape[1]), axis=1)[:, : self.hop]
        return held.reshape(-1).astype(np.float32)


@dataclass
class FakeEncoderStream:
    """Encodes the frames of a `FakeCodec` as they become whole."""

    codec: FakeCodec
    rest: NDArray[np.float32]

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.int64]:
        rest = np.concatenate([self.rest, samples])
        whole = len(rest) // self.codec.hop * self.codec.hop
        self.rest = rest[whole:]
        return self.codec.encode(rest[:whole])

    def finish(self) -> NDArray[np.int64]:
        return self.codec.encode(self.rest)

    def state(self) -> bytes:
        return self.rest.tobytes()


@dataclass
class FakeSynthesizer:
    """Speaks each word as a tone of 0.1 s plus 0.05 s a letter, or as long as its share of the phrase's place; its
    letters choose its pitch. Words without a letter or digit are silent. 50 ms of silence before and after.

    Attributes:
        spoken: the utterances asked for.
    """

    sample_rate: int = 16_000
    amplitude: float = 0.1
    spoken: list[Utterance] = field(default_factory=list)

    name = "fake synthesizer"
    fingerprint = "fake-synthesizer-1"

    @staticmethod
    def pitch(word: str) -> float:
        """Hz, from 200 to 575 in steps of 25."""
        return 200.0 + 25.0 * (sum(map(ord, word)) % 16)

    def duration(self, word: str) -> int:
        """In samples."""
        return round((0.1 + 0.05 * len(word)) * self.sample_rate)

    def synthesize(self, utterance: Utterance) -> Speech:
        self.spoken.append(utterance)
        margin = self.sample_rate // 20
        place = utterance.span
        words = [(word, phrase) for phrase in utterance.phrases for word in phrase.words]
        free = sum(self.duration(word) for word, _ in words)
        length = utterance.samples_of(place, self.sample_rate)[1] if place else free
        samples = np.zeros(length + 2 * margin, np.float32)
        ranges: list[tuple[int, int]] = []
        cursor = margin
        for phrase in utterance.phrases:
            lengths = [self.duration(word) for word in phrase.words]
            if place is not None and phrase.span is not None:
                start, end = utterance.samples_of(phrase.span, self.sample_rate)
                cursor = margin + start
                lengths = np.diff(np.cumsum([0, *lengths]) * (end - start) // sum(lengths)).tolist()
            for word, length in zip(phrase.words, lengths, strict=True):
                heard = length if any(map(str.isalnum, word)) else 0
                tone = np.sin(2 * np.pi * self.pitch(word) * np.arange(heard) / self.sample_rate)
                samples[cursor : cursor + heard] = self.amplitude * tone
                ranges.append((cursor, cursor + heard))
                cursor += length
        return Speech(Audio(samples, self.sample_rate), (margin, len(samples) - margin), tuple(ranges))


@dataclass(frozen=True, slots=True)
class DeadlyEntry(Entry):
    """A recording of a suite that takes its process down, as a crash of native code would."""

    def read(self) -> Audio:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("the process has ended")
