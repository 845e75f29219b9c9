"""English speech by NeMo's FastPitch and HiFi-GAN.

    words -> spoken words -> tokens -> durations -> mel spectrogram -> samples
                                       to places

FastPitch: Lancucki 2021. HiFi-GAN: Kong et al. 2020. FastPitch predicts how many frames of the spectrogram each token
lasts; these are scaled before the spectrogram is made, so that a phrase fills its place and each word's samples are
known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.kokoro_timing import fit
from hybrid_tok.backends.nemo.models import failing_as, find_nemo, fingerprint, quiet, read_config, restore
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.utterance import Speech, Utterance
from hybrid_tok.errors import BackendError, ModelError, OptionsError
from hybrid_tok.normalize import read_words
from hybrid_tok.normalize.tables import ABBREVIATIONS

SEPARATOR = "+"
"""Between the two models."""

_MARKS = ".,?!;:"
"""Punctuation that is spoken as a pause or a melody, the rest is left out."""

_FADE = 0.01
"""Seconds over which speech is faded out where its place ends within a frame."""


def speaks(language: str | None) -> bool:
    """Whether FastPitch speaks a language."""
    return language in (None, "en")


@dataclass(frozen=True, slots=True)
class _Token:
    """A symbol of FastPitch: its number, and the index of the word it belongs to; None of the spaces between."""

    number: int
    word: int | None


class NemoSynthesizer:
    """A `Synthesizer` of English. The same words give the same samples, whatever was spoken before.

    Phrases lie in their places to half a frame of the spectrogram (6 ms), whole utterances exactly. A model of several
    speakers gives each speaker of a conversation another voice; voice codes and deliveries are not followed.

    Args:
        model: both models, "FASTPITCH+HIFIGAN", each as `models.find_nemo` takes it.
        device: of the networks.

    Raises:
        ModelError: a model is missing, damaged, of another kind, or the two do not belong together.
    """

    name = "nemo"

    def __init__(self, model: str, *, device: str = "cpu") -> None:
        names = model.split(SEPARATOR)
        if len(names) != 2:
            raise ModelError(f"a synthesizer of NeMo needs two models: give FASTPITCH{SEPARATOR}HIFIGAN, not {model!r}")
        acoustic, vocoder = (find_nemo(one, "a synthesizer of NeMo") for one in names)
        self.fingerprint = fingerprint(self.name, [acoustic, vocoder], ())
        reader = (read_config(acoustic).get("text_tokenizer") or {}).get("g2p") or {}
        if str(reader.get("_target_", "")).endswith(".EnglishG2p") and not reader.get("phoneme_dict"):
            raise ModelError(f"{acoustic} holds no dictionary, and NeMo would download one: give another model")
        self._pitch = restore(acoustic, "nemo.collections.tts.models:FastPitchModel", device)
        self._vocoder = restore(vocoder, "nemo.collections.tts.models:HifiGanModel", device)
        # Only training needs them, and they are larger than the generator.
        self._vocoder.mpd = self._vocoder.msd = None
        own, other = self._pitch.cfg.preprocessor, self._vocoder.cfg.preprocessor
        self.sample_rate = int(own.sample_rate)
        self._hop = int(own.n_window_stride)
        told = (self.sample_rate, self._hop, int(self._pitch.cfg.n_mel_channels))
        heard = (int(other.sample_rate), int(other.n_window_stride), self._vocoder.generator.conv_pre.in_channels)
        if told != heard:
            raise ModelError(
                f"{acoustic} and {vocoder} do not belong together: rate, hop and bands of the spectrogram are {told} "
                f"in one and {heard} in the other"
            )
        if self._pitch.vocab is None or not hasattr(self._pitch.vocab, "space"):
            raise ModelError(f"{acoustic} has no tokenizer of words: give a FastPitch of NeMo 1.8 or later")
        if self._pitch.fastpitch.speaker_encoder is not None:
            raise ModelError(f"{acoustic} needs recordings of its speakers: give a FastPitch with voices of its own")

    def synthesize(self, utterance: Utterance) -> Speech:
        """Speak an utterance, mono at `sample_rate`.

        Phrases that touch are spoken together, each in its place. A word without sound ("--", a word in letters the
        model does not have) has an empty range.

        Raises:
            BackendError: the language is not English, or NeMo failed.
            OptionsError: the voice is a name: the model has none by name.
        """
        if isinstance(utterance.voice, str):
            raise OptionsError(f"FastPitch has no voice {utterance.voice!r}: leave --voice out")
        if not speaks(utterance.language):
            raise BackendError(
                f"FastPitch speaks English, not {utterance.language}: have it spoken as English by --speak-as en, or "
                "choose another synthesizer"
            )
        words = self._read(utterance.words)
        place = utterance.span
        if place is None:
            samples, ranges = self._speak(words, [len(words)], None, utterance.speaker)
            return Speech(Audio(samples, self.sample_rate), (0, len(samples)), tuple(ranges))
        out = np.zeros(utterance.samples_of(place, self.sample_rate)[1], np.float32)
        found: list[tuple[int, int]] = []
        first = 0
        for phrases in _touching(utterance):
            counts = [len(phrase.words) for phrase in phrases]
            places = [utterance.samples_of(phrase.span, self.sample_rate) for phrase in phrases if phrase.span]
            start = places[0][0]
            ends = [end - start for _, end in places]
            samples, ranges = self._speak(words[first : first + sum(counts)], counts, ends, utterance.speaker)
            out[start : start + len(samples)] = samples
            found += ((start + low, start + high) for low, high in ranges)
            first += sum(counts)
        return Speech(Audio(out, self.sample_rate), (0, len(out)), _in_order(found))

    def _read(self, words: Sequence[str]) -> list[list[int]]:
        """The tokens of each word, without spaces around; none where it has no sound."""
        vocabulary = self._pitch.vocab
        found: list[list[int]] = []
        for word in words:
            spoken = " ".join(piece for one in read_words(word) if one.spoken for piece in one.spoken[0])
            mark = _last_mark(word)
            with quiet(), failing_as("FastPitch's reader of words"):  # it logs every letter that it does not have
                found.append(_without(self._encode(spoken + mark), vocabulary.space) if spoken else [])
        letters = {vocabulary.space, *(number for mark in _MARKS for number in _numbers(vocabulary, mark))}
        return [own if set(own) - letters else [] for own in found]

    def _encode(self, text: str) -> list[int]:
        vocabulary = self._pitch.vocab
        if hasattr(vocabulary, "set_phone_prob"):  # else it would draw between phonemes and letters at random
            with vocabulary.set_phone_prob(prob=1.0):
                return list(vocabulary.encode(text))
        return list(vocabulary.encode(text))

    def _speak(
        self, words: Sequence[list[int]], counts: Sequence[int], ends: Sequence[int] | None, speaker: int
    ) -> tuple[NDArray[np.float32], list[tuple[int, int]]]:
        """Samples, and the range of each word.

        Args:
            words: the tokens of each.
            counts: how many words each phrase has.
            ends: the sample at which each phrase ends; None leaves the pace to FastPitch.
        """
        tokens = _joined(words, self._pitch.vocab.space)
        length = ends[-1] if ends else 0
        if not tokens:
            return np.zeros(length, np.float32), [(0, 0)] * len(words)
        with failing_as("FastPitch"):
            widths = self._widths(tokens, speaker)
            if ends is None:
                frames = fit(widths, max(len(tokens), round(float(widths.sum()))))
            else:
                frames = self._placed(tokens, widths, counts, ends)
            sound = self._sound(tokens, frames, speaker)
        samples = sound if ends is None else np.zeros(length, np.float32)
        if ends is not None:
            sound = sound[:length]
            samples[: len(sound)] = sound
            fade = min(length, round(_FADE * self.sample_rate))
            samples[length - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
        borders = np.concatenate([[0], np.cumsum(frames)]) * self._hop
        ranges: dict[int, tuple[int, int]] = {}
        for index, token in enumerate(tokens):
            if token.word is not None:
                start = ranges.get(token.word, (int(borders[index]), 0))[0]
                ranges[token.word] = (min(start, len(samples)), min(int(borders[index + 1]), len(samples)))
        return samples, _filled(ranges, len(words))

    def _placed(
        self, tokens: Sequence[_Token], widths: NDArray[np.float64], counts: Sequence[int], ends: Sequence[int]
    ) -> NDArray[np.int64]:
        """Frames of each token with which every phrase fills its place. A phrase without sound leaves its place to the
        one before it, or to the first that has sound."""
        phrase_of = [phrase for phrase, count in enumerate(counts) for _ in range(count)]
        owners: list[int] = []
        for token in tokens:  # a space belongs to the word before it
            owners.append(phrase_of[token.word] if token.word is not None else owners[-1] if owners else -1)
        if owners[0] < 0:
            owners[0] = owners[1]
        frames = np.zeros(len(tokens), np.int64)
        before = 0
        runs = [(phrase, [index for index, _ in run]) for phrase, run in groupby(enumerate(owners), lambda one: one[1])]
        for number, (_, indices) in enumerate(runs):
            last = len(ends) - 1 if number + 1 == len(runs) else runs[number + 1][0] - 1
            # The last frame is cut where the place ends, so that none is missing.
            border = -(-ends[last] // self._hop) if number + 1 == len(runs) else round(ends[last] / self._hop)
            frames[indices] = fit(widths[indices], border - before)
            before = border
        return frames

    def _widths(self, tokens: Sequence[_Token], speaker: int) -> NDArray[np.float64]:
        """Frames (n,) that each token lasts at FastPitch's own pace, not rounded."""
        import torch

        module = self._pitch.fastpitch
        with torch.inference_mode():
            text, voice = self._inputs(tokens, speaker)
            voice = module.get_speaker_embedding(1, voice, None, None)
            encoded, mask = module.encoder(input=text, conditioning=voice)
            logs = module.duration_predictor(encoded, mask, conditioning=voice)
            widths = torch.clamp(torch.exp(logs) - 1.0, module.min_token_duration, module.max_token_duration)
        return widths[0].double().cpu().numpy()

    def _sound(self, tokens: Sequence[_Token], frames: NDArray[np.int64], speaker: int) -> NDArray[np.float32]:
        """Samples (sum of frames * hop,) of tokens that last so many frames each."""
        import torch

        if not frames.sum():
            return np.zeros(0, np.float32)
        with torch.inference_mode():
            text, voice = self._inputs(tokens, speaker)
            durations = torch.from_numpy(frames.astype(np.float32)).to(text.device)[None]
            spectrogram, *_ = self._pitch(text=text, durs=durations, pitch=None, speaker=voice, pace=1.0)
            samples = self._vocoder.convert_spectrogram_to_audio(spec=spectrogram)[0].float().cpu().numpy()
        wanted = int(frames.sum()) * self._hop
        return np.pad(samples[:wanted], (0, max(wanted - len(samples), 0)))

    def _inputs(self, tokens: Sequence[_Token], speaker: int) -> tuple[Any, Any]:
        """The tokens (1, n), and the speaker's number (1,) where the model has several."""
        import torch

        device = self._pitch.device
        text = torch.tensor([[token.number for token in tokens]], device=device)
        voices = self._pitch.fastpitch.speaker_emb
        return text, None if voices is None else torch.tensor([speaker % voices.num_embeddings], device=device)


def _touching(utterance: Utterance) -> list[list[Any]]:
    """The phrases of an utterance with a place, those together that touch."""
    runs: list[list[Any]] = []
    for phrase in utterance.phrases:
        if runs and phrase.span is not None and runs[-1][-1].span.end == phrase.span.start:
            runs[-1].append(phrase)
        else:
            runs.append([phrase])
    return runs


def _joined(words: Sequence[list[int]], space: int) -> list[_Token]:
    """The tokens of words with spaces between and around, as FastPitch was trained; none if no word has any."""
    tokens = [_Token(space, None)]
    for index, numbers in enumerate(words):
        if numbers:
            tokens += (*(_Token(number, index) for number in numbers), _Token(space, None))
    return tokens if len(tokens) > 1 else []


def _last_mark(word: str) -> str:
    """The punctuation after a word; that of an abbreviation is none."""
    tail = re.search(r"[^\w\s]*\Z", word.strip())
    marks = [char for char in (tail[0] if tail else "") if char in _MARKS]
    if not marks or word.strip().lower().rstrip(_MARKS) in ABBREVIATIONS:
        return ""
    return marks[-1]


def _without(numbers: list[int], space: int) -> list[int]:
    """Tokens without the spaces at their start and end."""
    inner = [index for index, number in enumerate(numbers) if number != space]
    return numbers[inner[0] : inner[-1] + 1] if inner else []


def _numbers(vocabulary: Any, mark: str) -> list[int]:
    return [vocabulary.tokens.index(mark)] if mark in vocabulary.tokens else []


def _filled(ranges: dict[int, tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """The range of each word; one without sound has an empty one after the word before it."""
    found: list[tuple[int, int]] = []
    cursor = 0
    for index in range(count):
        start, cursor = ranges.get(index, (cursor, cursor))
        found.append((start, cursor))
    return found


def _in_order(ranges: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Ranges of which none starts before the one before it ends; only those of words without sound could."""
    found: list[tuple[int, int]] = []
    cursor = 0
    for start, end in ranges:
        cursor = max(cursor, end)
        found.append((max(start, found[-1][1] if found else 0), cursor))
    return tuple(found)
