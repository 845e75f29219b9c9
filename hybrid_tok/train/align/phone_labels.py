"""Phone labels for clips of speech, by pocketsphinx's forced alignment.

A clip's transcript is aligned once for its words (with pauses and alternate pronunciations where they fit) and once
more for the phones in them. A clip without a transcript is recognized first, and only words of which the recognizer is
sure have labels. The labels lie on the 10 ms grid of `models.phones`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.align.phones import HOP, PHONES, SAMPLE_RATE, SILENCE
from hybrid_tok.backends.pocketsphinx_listener import MAX_HMMS, MAX_WORDS, heard_words, is_filler
from hybrid_tok.errors import AudioError

SENTENCES = ("speechocean762",)
"""Sources of transcribed sentences."""

NOISES = ("esc10", "covid19-cough", "speech-commands")
"""Sources of sounds without phones; of some only the clips without a text."""

UNKNOWN = 255
"""Label of a frame of which nothing is known; it does not count in training."""

GAIN = 0.3
"""What pocketsphinx's acoustic model was trained on is quieter than most recordings."""

_DELAY = 1
"""Frames by which the middle of pocketsphinx's 25.6 ms window lies behind the middle of our frame."""


def read_clips(data: Path, sources: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The manifest's entries of some sources, in its order, with `audio` as a full path.

    Raises:
        AudioError: there is no manifest.
    """
    manifest = data / "manifest.jsonl"
    if not manifest.is_file():
        raise AudioError(f"{manifest} is missing: the data folder needs a manifest.jsonl with a line per clip")
    for line in manifest.read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry["source"] in sources:
            yield entry | {"audio": data / entry["audio"]}


def held_out(clips: Iterable[dict[str, Any]], every: int) -> set[str]:
    """Every so manieth speaker of some clips, by name: kept apart from training, for what is fitted on its results."""
    speakers = sorted({str(clip["speaker"]) for clip in clips})
    return set(speakers[::every]) if every else set()


class PhoneAligner:
    """Forced alignment of one utterance after another; each is aligned as if it were the only one."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder  # pyright: ignore[reportAttributeAccessIssue] - compiled, without types

        self._decoder = Decoder(loglevel="FATAL", maxhmmpf=MAX_HMMS, maxwpf=MAX_WORDS)

    def labels(self, samples: NDArray[np.float32], text: str) -> NDArray[np.uint8] | None:
        """Phone labels (T,) of samples (N,) at 16 kHz, T = ceil(N / 160); None where they cannot be had.

        That is when a word is not in the dictionary, or the text does not fit into the time.
        """
        words = re.findall(r"[a-z']+", text.lower())
        if not words or any(self._decoder.lookup_word(word) is None for word in words):
            return None
        return self._aligned(samples, words, frozenset())

    def recognized(self, samples: NDArray[np.float32], sure: float) -> NDArray[np.uint8] | None:
        """Phone labels (T,) of what is recognized; UNKNOWN in words with a posterior below `sure`."""
        decoder = self._decoder
        decoder.activate_search("_default")
        self._decode(_pcm(samples))
        heard = heard_words(decoder)
        if not heard:
            return None
        doubtful = frozenset(k for k, (*_, posterior) in enumerate(heard) if posterior < sure)
        return self._aligned(samples, [word for word, *_ in heard], doubtful)

    def _aligned(
        self, samples: NDArray[np.float32], words: Sequence[str], doubtful: frozenset[int]
    ) -> NDArray[np.uint8] | None:
        decoder, pcm = self._decoder, _pcm(samples)
        try:
            decoder.set_align_text(" ".join(words))
            self._decode(pcm)
            decoder.set_alignment()
            self._decode(pcm)
            alignment = decoder.get_alignment()
        except RuntimeError:
            return None
        if alignment is None:
            return None
        labels = np.full(-(-len(samples) // HOP), SILENCE, np.uint8)
        lexical = -1
        for word in alignment:
            lexical += not is_filler(word.name)
            for phone in word:
                name = phone.name if phone.name in PHONES else "SIL"
                start = phone.start + _DELAY
                known = name == "SIL" or lexical not in doubtful
                labels[start : start + phone.duration] = PHONES.index(name) if known else UNKNOWN
        return labels

    def _decode(self, pcm: bytes) -> None:
        self._decoder.start_utt()
        self._decoder.process_raw(pcm, full_utt=True)
        self._decoder.end_utt()


def _pcm(samples: NDArray[np.float32]) -> bytes:
    return np.clip(np.rint(samples * GAIN * 32767), -32768, 32767).astype("<i2").tobytes()


def read_samples(path: Path) -> NDArray[np.float32]:
    """Mono samples of a 16 kHz clip.

    Raises:
        AudioError: it cannot be read, or has another rate.
    """
    import soundfile

    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{path} cannot be read: {error}") from None
    if rate != SAMPLE_RATE:
        raise AudioError(f"{path} is sampled at {rate} Hz: phones are learnt from clips at {SAMPLE_RATE} Hz")
    return samples.mean(1)
