"""Texts laid over real recordings by Whisper base, and by whichever aligner reads their language."""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pytest

from hybrid_tok.align.aligner import BuiltinAligner
from hybrid_tok.audio import read_mono
from hybrid_tok.backends.silero import SileroDetector
from hybrid_tok.backends.transcript_aligner import TranscriptAligner
from hybrid_tok.backends.whisper_aligner import WhisperAligner
from hybrid_tok.core.annotations import Segment, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import AnnotationWarning, BackendError
from real_audio import recording, transcript

RATE = 16_000
MANDARIN = tuple(f"dev/aishell1/BAC009S0150W{number}.flac" for number in ("0140", "0200", "0320"))
ENGLISH = "dev/ljspeech/LJ001-0002.flac"


@pytest.fixture(scope="module")
def aligner() -> TranscriptAligner:
    return TranscriptAligner("base")


def load(path: str) -> tuple[Audio, str]:
    return read_mono(recording(path), RATE)[0], transcript(path)


def align(aligner: TranscriptAligner | WhisperAligner, audio: Audio, *segments: Segment) -> tuple[Word, ...]:
    return aligner.align(audio, segments, SileroDetector().detect(audio))


def plain(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("path", MANDARIN)
def test_characters_come_back_in_order_and_in_place(aligner: TranscriptAligner, path: str) -> None:
    audio, text = load(path)
    words = align(aligner, audio, Segment(text))
    assert "".join(word.text for word in words) == plain(text)
    assert all(len(word.text) == 1 for word in words)
    assert {word.language for word in words} == {"zh"}
    assert all(a.span.end <= b.span.start for a, b in pairwise(words))
    assert all(word.span.frames for word in words) and words[-1].span.end <= -(-audio.num_samples // 320)
    assert np.mean([word.confidence > 0.9 for word in words]) > 0.9
    assert words == align(aligner, audio, Segment(text))


def test_another_recordings_text_is_warned_about(aligner: TranscriptAligner) -> None:
    for path, other in zip(MANDARIN, (*MANDARIN[1:], MANDARIN[0]), strict=True):
        with pytest.warns(AnnotationWarning, match=r"b\.txt does not seem to be what is said"):
            words = align(aligner, load(path)[0], Segment(transcript(other), source="b.txt"))
        assert "".join(word.text for word in words) == plain(transcript(other))
        assert max(word.confidence for word in words) <= 0.01


def test_what_was_not_said_has_a_frame_and_little_confidence(aligner: TranscriptAligner) -> None:
    audio, text = load(MANDARIN[0])
    middle = len(text) // 2
    words = align(aligner, audio, Segment(f"{text[:middle]}葡萄藤{text[middle:]}"))
    ghosts = words[middle : middle + 3]
    assert "".join(word.text for word in ghosts) == "葡萄藤"
    # A character of three may pass for one that was said: which, depends on the processor's arithmetic.
    assert sum(word.confidence < 0.5 and word.span.frames == 1 for word in ghosts) >= 2
    assert np.mean([word.confidence > 0.9 for word in (*words[:middle], *words[middle + 3 :])]) > 0.8


def test_several_texts_are_found_each_in_its_place(aligner: TranscriptAligner) -> None:
    clips = [load(path) for path in MANDARIN]
    pause = np.zeros(RATE, np.float32)
    audio = Audio(np.concatenate([part for clip, _ in clips for part in (clip.samples, pause)]), RATE)
    edges = np.cumsum([0, *(len(clip.samples) + RATE for clip, _ in clips)]) // 320
    spans = [Span(int(start), int(end)) for start, end in pairwise(edges)]
    whole = align(aligner, audio, Segment("".join(text for _, text in clips)))
    timed = align(aligner, audio, *(Segment(text, span) for (_, text), span in zip(clips, spans, strict=True)))
    for words in (whole, timed):
        at = 0
        for (_, text), span in zip(clips, spans, strict=True):
            own = words[at : at + len(plain(text))]
            at += len(own)
            assert "".join(word.text for word in own) == plain(text)
            assert np.mean([span.overlap(word.span) == word.span.frames for word in own]) > 0.95


def test_a_segments_own_language_is_read_by_whisper_beside_english(aligner: TranscriptAligner) -> None:
    (mandarin, text), (english, other) = load(MANDARIN[0]), load(ENGLISH)
    border = mandarin.num_samples // 320
    audio = Audio(np.concatenate([mandarin.samples, english.samples]), RATE)
    segments = [
        Segment(text, Span(0, border), language="zh"),
        Segment(other, Span(border, audio.num_samples // 320), language="en"),
    ]
    words = align(aligner, audio, *segments)
    assert [word.language for word in words] == ["zh"] * len(plain(text)) + ["en"] * len(other.split())
    assert " ".join(word.text for word in words[len(plain(text)) :]) == other
    assert np.mean([word.confidence > 0.9 for word in words]) > 0.85


def test_english_is_read_by_our_own_aligner(aligner: TranscriptAligner) -> None:
    audio, text = load(ENGLISH)
    expected = BuiltinAligner().align(audio, [Segment(text)], ())
    assert align(aligner, audio, Segment(text)) == expected
    unloaded = TranscriptAligner("no-such-model", language="en")
    assert unloaded.align(audio, [Segment(text)], ()) == expected
    assert TranscriptAligner("no-such-model").align(audio, [Segment(text, language="en")], ()) == expected


def test_what_no_aligner_reads_is_refused(aligner: TranscriptAligner) -> None:
    audio, text = load(MANDARIN[0])
    with pytest.raises(BackendError, match=r"a\.txt is in a script that no aligner reads: 'ᚠᚢᚦ'") as caught:
        align(aligner, audio, Segment("ᚠᚢᚦ", source="a.txt"))
    assert "\n" not in str(caught.value)
    with pytest.raises(BackendError, match=r"is in Cantonese, which Whisper base does not know"):
        align(TranscriptAligner("base", language="yue"), audio, Segment(text))
    with pytest.raises(BackendError, match=r"is in Chinese, which Whisper tiny\.en does not know"):
        align(TranscriptAligner("tiny.en"), audio, Segment(text))


@pytest.mark.parametrize("text", ["。。。", "你好 world --", "word " * 700])
def test_nothing_is_dropped_whatever_the_text(text: str) -> None:
    quiet = Audio(np.zeros(RATE, np.float32), RATE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AnnotationWarning)
        words = WhisperAligner("base").align(quiet, [Segment(text, language="zh")], ())
    assert "".join(plain(word.text) for word in words) == plain(text)
    assert all(0 <= word.span.start <= word.span.end <= 50 and word.confidence < 0.1 for word in words)


def test_empty_recordings_and_other_rates(aligner: TranscriptAligner) -> None:
    with pytest.warns(AnnotationWarning, match="empty recording"):
        assert aligner.align(Audio(np.zeros(0, np.float32), RATE), [Segment("你好")], ()) == ()
    with pytest.warns(AnnotationWarning, match="has no words"):
        assert aligner.align(Audio(np.zeros(RATE, np.float32), RATE), [Segment(" ", language="zh")], ()) == ()
    with pytest.raises(BackendError, match="8000"):
        WhisperAligner("base").align(Audio(np.zeros(10, np.float32), 8000), [Segment("你好", language="zh")], ())


def test_the_number_of_workers_changes_nothing_and_progress_is_told() -> None:
    audio, text = load(MANDARIN[1])
    told: list[tuple[float, float]] = []
    segment = Segment(text, language="zh")
    one = WhisperAligner("base", workers=1).align(audio, [segment], (), lambda done, total: told.append((done, total)))
    assert one == WhisperAligner("base", workers=3).align(audio, [segment], ())
    assert [done for done, _ in told] == sorted(done for done, _ in told) and told[-1][0] == told[-1][1]


def test_fingerprints_follow_model_and_language() -> None:
    prints = {
        TranscriptAligner(model, language).fingerprint for model in ("base", "tiny.en") for language in (None, "de")
    }
    assert len(prints) == 4 and not any("\n" in one for one in prints)
