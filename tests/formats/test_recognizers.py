"""The JSON of each recognizer, in the layouts in which it is found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hybrid_tok import formats
from hybrid_tok.core.annotations import KnownAnnotations, Segment, Word
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import AnnotationError, AnnotationWarning
from hybrid_tok.formats import DOUBTFUL, UNSTATED

FRAMES = 500


def read(folder: Path, content: Any, recording: str | None = None) -> KnownAnnotations:
    path = folder / "heard.json"
    text = content if isinstance(content, str) else json.dumps(content, indent=1, ensure_ascii=False)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return formats.read_words(path, FRAMES, recording)


def words_of(given: KnownAnnotations) -> list[tuple[str, int, int, float]]:
    return [(word.text, word.span.start, word.span.end, word.confidence) for word in given.words or ()]


# WhisperX


def whisperx(*words: dict[str, Any], text: str = "") -> dict[str, Any]:
    return {
        "segments": [{"start": 0.0, "end": 4.0, "text": text or " ".join(w["word"] for w in words), "words": [*words]}],
        "word_segments": [*words],
        "language": "en",
    }


def test_whisperx_numbers_without_times_lie_between_their_neighbours(tmp_path: Path) -> None:
    heard = whisperx(
        {"word": "on", "start": 0.2, "end": 0.4, "score": 0.75, "speaker": "SPEAKER_01"},
        {"word": "1."},
        {"word": "June", "start": 1.0, "end": 1.4, "score": 0.5, "speaker": "SPEAKER_01"},
        {"word": "2026"},
    )
    with pytest.warns(AnnotationWarning, match="'1.' has no times") as caught:
        given = read(tmp_path, heard)
    assert words_of(given) == [
        ("on", 10, 20, 0.75),
        ("1.", 20, 50, DOUBTFUL),
        ("June", 50, 70, 0.5),
        ("2026", 70, 200, DOUBTFUL),
    ]
    assert "and 1 more" in str(caught[0].message)


def test_whisperx_segments_that_failed_to_align_keep_their_words(tmp_path: Path) -> None:
    heard = whisperx({"word": "Yes", "start": 0.2, "end": 0.4, "score": 0.5})
    heard["segments"].append({"start": 5.0, "end": 6.0, "text": " not aligned", "words": []})
    with pytest.warns(AnnotationWarning, match="no times"):
        given = read(tmp_path, heard)
    assert words_of(given)[1:] == [("not", 250, 275, DOUBTFUL), ("aligned", 275, 300, DOUBTFUL)]


def test_whisperx_speakers_are_numbered_as_they_speak(tmp_path: Path) -> None:
    heard = whisperx(
        {"word": "Hi", "start": 0.2, "end": 0.4, "score": 0.5, "speaker": "SPEAKER_03"},
        {"word": "hi", "start": 0.3, "end": 0.5, "score": 0.5, "speaker": "SPEAKER_00"},
    )
    given = read(tmp_path, heard)
    assert [word.speaker for word in given.words or ()] == [0, 1]
    assert given.turns is not None and [turn.speaker for turn in given.turns] == [0, 1]


# whisper.cpp


def token(text: str, start: int | None, end: int | None, p: float = 0.5) -> dict[str, Any]:
    times = {} if start is None else {"timestamps": {"from": "", "to": ""}, "offsets": {"from": start, "to": end}}
    return {"text": text, **times, "id": 1, "p": p, "t_dtw": -1}


def whisper_cpp(text: str, *tokens: dict[str, Any], end: int = 4000) -> dict[str, Any]:
    segment: dict[str, Any] = {"timestamps": {}, "offsets": {"from": 0, "to": end}, "text": text}
    return {
        "model": {"type": "base"},
        "result": {"language": "en"},
        "transcription": [{**segment, "tokens": [*tokens]}],
    }


def test_whisper_cpp_tokens_are_joined_to_words(tmp_path: Path) -> None:
    heard = whisper_cpp(
        " Don't panic.",
        token("[_BEG_]", 0, 0),
        token(" Don", 100, 300, 0.75),
        token("'t", 300, 400, 0.25),
        token(" panic", 500, 800, 1.0),
        token(".", 800, 800, 0.5),
        token("[_TT_200]", 4000, 4000),
    )
    assert words_of(read(tmp_path, heard)) == [("Don't", 5, 20, 0.5), ("panic.", 25, 40, 0.75)]


def test_whisper_cpp_tokens_without_times_take_those_of_their_word(tmp_path: Path) -> None:
    heard = whisper_cpp(" I love you", token(" I", 0, 200), token(" lo", None, None), token("ve", 400, 600))
    heard["transcription"][0]["tokens"].append(token(" you", None, None, 0.96))
    with pytest.warns(AnnotationWarning, match="'you' has no times"):
        given = read(tmp_path, heard)
    assert words_of(given) == [("I", 0, 10, 0.5), ("love", 20, 30, 0.5), ("you", 30, 200, DOUBTFUL)]


def test_whisper_cpp_characters_cut_between_tokens_meet_again(tmp_path: Path) -> None:
    first, second = "世".encode()[:2], "世".encode()[2:]
    heard = whisper_cpp(
        "你世界。",
        token("你", 0, 200),
        token(first.decode("utf-8", "surrogateescape"), 200, 300, 0.25),
        token(second.decode("utf-8", "surrogateescape"), 300, 400, 0.75),
        token("界", 400, 600),
        token("。", 600, 600, 1.0),
    )
    assert words_of(read(tmp_path, heard)) == [("你", 0, 10, 0.5), ("世", 10, 20, 0.5), ("界。", 20, 30, 0.75)]


def test_whisper_cpp_damaged_tokens_give_way_to_the_text(tmp_path: Path) -> None:
    heard = whisper_cpp("世界 你好", token("\ufffd", 0, 200), token("\ufffd", 200, 300), token("界你好", 400, 600))
    with pytest.warns(AnnotationWarning, match="no times"):
        given = read(tmp_path, heard)
    assert words_of(given) == [("世界", 0, 100, DOUBTFUL), ("你好", 100, 200, DOUBTFUL)]


def test_whisper_cpp_text_without_tokens_is_not_lost(tmp_path: Path) -> None:
    heard = whisper_cpp(" one", token(" one", 0, 400))
    heard["transcription"].append({"offsets": {"from": 5000, "to": 6000}, "text": " two three", "tokens": []})
    with pytest.warns(AnnotationWarning, match="no times"):
        given = read(tmp_path, heard)
    assert [word.text for word in given.words or ()] == ["one", "two", "three"]


def test_whisper_cpp_without_tokens_is_segments(tmp_path: Path) -> None:
    parts = [(0, 2000, " And so, my fellow"), (2000, 4000, " (speaker ?) Americans now")]
    heard = {"transcription": [{"offsets": {"from": a, "to": b}, "text": text} for a, b, text in parts]}
    given = read(tmp_path, heard)
    assert given.segments is not None and [s.text for s in given.segments] == ["And so, my fellow", "Americans now"]


def test_the_server_of_whisper_cpp_lists_tokens_as_words(tmp_path: Path) -> None:
    words = [
        {"word": " That", "start": 0.1, "end": 0.3, "probability": 0.25},
        {"word": "'s", "start": 0.3, "end": 0.4, "probability": 0.75},
        {"word": " one", "start": 0.5, "end": 0.7, "probability": 1.0},
    ]
    heard = {"text": "", "segments": [{"id": 0, "text": " That's one", "start": 0, "end": 5, "words": words}]}
    assert words_of(read(tmp_path, heard)) == [("That's", 5, 20, 0.5), ("one", 25, 35, 1.0)]


# faster-whisper and openai-whisper

WORDS = [
    {"start": 0.1, "end": 0.5, "word": " Hello", "probability": 0.75},
    {"start": 0.5, "end": 0.9, "word": " there.", "probability": 0.5},
]
SEGMENT = {"id": 1, "seek": 0, "start": 0.1, "end": 0.9, "text": " Hello there.", "tokens": [1, 2], "words": WORDS}
TUPLES = [[0.1, 0.5, " Hello", 0.75], [0.5, 0.9, " there.", 0.5]]
EXPECTED = [("Hello", 5, 25, 0.75), ("there.", 25, 45, 0.5)]


@pytest.mark.parametrize(
    "dump",
    [
        {"text": " Hello there.", "segments": [SEGMENT], "language": "en"},
        {"segments": [SEGMENT], "info": {"language": "en", "duration": 10.0}},
        [SEGMENT],
        WORDS,
        {"task": "transcribe", "text": "Hello there.", "words": WORDS, "segments": [{**SEGMENT, "words": None}]},
        {"words": WORDS},
        [{**SEGMENT, "words": TUPLES}],  # `_asdict()` of a segment of named tuples
        [[1, 0, 0.1, 0.9, " Hello there.", [1, 2], -0.3, 1.2, 0.0, TUPLES]],  # named tuples, as `json.dumps` has them
        [[1, 0, 0.1, 0.9, " Hello there.", [1, 2], 0.0, -0.3, 1.2, 0.0, TUPLES]],
        TUPLES,
        json.dumps(SEGMENT),
        json.dumps(WORDS[0]) + "\n" + json.dumps(WORDS[1]) + "\n",
        json.dumps({**SEGMENT, "words": WORDS[:1]}) + "\n\n" + json.dumps({**SEGMENT, "words": WORDS[1:]}) + "\n",
    ],
    ids=range(13),
)
def test_dumps_of_faster_whisper(tmp_path: Path, dump: Any) -> None:
    assert words_of(read(tmp_path, dump)) == EXPECTED


def test_dumps_without_words_are_segments(tmp_path: Path) -> None:
    plain = {name: value for name, value in SEGMENT.items() if name != "words"}
    for dump in ([plain], {"segments": [plain]}, json.dumps(plain) + "\n" + json.dumps({**plain, "start": 0.5})):
        given = read(tmp_path, dump)
        assert given.segments is not None and given.segments[0].text == "Hello there."
        assert given.segments[0].span == Span(5, 45)


# NeMo

STAMPS = [
    {"word": "hello", "start_offset": 1, "end_offset": 6, "start": 0.1, "end": 0.5},
    {"word": "there", "start_offset": 6, "end_offset": 11, "start": 0.5, "end": 0.9},
]
NEMO = [("hello", 5, 25, UNSTATED), ("there", 25, 45, UNSTATED)]


@pytest.mark.parametrize(
    "dump",
    [
        {"audio_filepath": "talk.wav", "pred_text": "hello there", "timestamps_word": STAMPS},
        {"timestep": [1, 6], "char": [], "word": STAMPS, "segment": [{"segment": "hello there", "start": 0, "end": 1}]},
        {"text": "hello there", "timestamp": {"timestep": [], "char": [], "word": STAMPS, "segment": []}},
        STAMPS,
    ],
    ids=["manifest", "timestamp", "hypothesis", "words"],
)
def test_word_times_of_nemo(tmp_path: Path, dump: Any) -> None:
    assert words_of(read(tmp_path, dump)) == NEMO


def test_word_confidences_of_nemo_stand_beside(tmp_path: Path) -> None:
    line = {"audio_filepath": "talk.wav", "timestamps_word": STAMPS, "word_confidence": [0.25, 0.5]}
    assert [word.confidence for word in read(tmp_path, line).words or ()] == [0.25, 0.5]
    with pytest.raises(AnnotationError, match="1 confidences for 2 words"):
        read(tmp_path, {**line, "word_confidence": [0.25]})


def test_the_line_of_a_recording_is_found_in_a_manifest(tmp_path: Path) -> None:
    other = {"audio_filepath": "/data/other.wav", "timestamps_word": [{"word": "no", "start": 0.0, "end": 0.1}]}
    talk = {"audio_filepath": "/data/talk.wav", "timestamps_word": STAMPS}
    lines = json.dumps(other) + "\n" + json.dumps(talk) + "\n"
    assert words_of(read(tmp_path, lines, "talk")) == NEMO
    with pytest.raises(AnnotationError, match="of which 0 are called 'third'"):
        read(tmp_path, lines, "third")


def test_pieces_of_a_recording_lie_where_their_offset_says(tmp_path: Path) -> None:
    lines = "\n".join(
        json.dumps({"audio_filepath": "/data/talk.wav", "offset": offset, "duration": 2.0, "timestamps_word": STAMPS})
        for offset in (0.0, 4.0)
    )
    assert words_of(read(tmp_path, lines, "talk")) == [
        *NEMO,
        ("hello", 205, 225, UNSTATED),
        ("there", 225, 245, UNSTATED),
    ]
    with pytest.raises(AnnotationError, match="give the line of one"):
        read(tmp_path, lines.replace("4.0", "0.0"), "talk")


def test_frames_of_an_encoder_are_no_times(tmp_path: Path) -> None:
    stamps = [{"word": "hello", "start_offset": 1, "end_offset": 6}]
    with pytest.raises(AnnotationError, match="offsets in encoder frames"):
        read(tmp_path, {"audio_filepath": "talk.wav", "timestamps_word": stamps})


def test_segments_of_nemo_and_its_transcripts_with_speakers(tmp_path: Path) -> None:
    line = {"audio_filepath": "a.wav", "timestamps_segment": [{"segment": "hello there", "start": 0.1, "end": 0.9}]}
    given = read(tmp_path, line)
    assert given.segments is not None and (given.segments[0].text, given.segments[0].span) == (
        "hello there",
        Span(5, 45),
    )
    words = [{"word": "hi", "start_time": 0.1, "end_time": 0.3, "speaker": "speaker_1"}]
    assert read(tmp_path, {"session_id": "talk", "words": words}).words == (Word("hi", Span(5, 15), UNSTATED, 0),)
    talkers = [
        {"session_id": "talk", "speaker": "speaker_0", "start_time": 0.1, "end_time": 0.9, "words": "hello there"},
        {"session_id": "talk", "speaker": "speaker_1", "start_time": 0.5, "end_time": 1.0, "words": "hi"},
    ]
    segments = read(tmp_path, talkers).segments
    assert segments is not None and [(s.text, s.span, s.speaker) for s in segments] == [
        ("hello there", Span(5, 45), 0),
        ("hi", Span(25, 50), 1),
    ]
    assert isinstance(segments[0], Segment)


def test_ctm_of_nemos_aligner(tmp_path: Path) -> None:
    path = tmp_path / "talk.ctm"
    path.write_text("talk 1 0.10 0.40 hello<space>there NA lex NA\n")
    with pytest.raises(AnnotationError, match="line 1: a CTM line"):
        formats.read_words(path, FRAMES)
    path.write_text("talk 1 0.10 0.40 hello<space>there\n")
    assert formats.read_words(path, FRAMES).words == (Word("hello there", Span(5, 25), UNSTATED),)


# Languages


def heard_in(**members: Any) -> dict[str, Any]:
    words = [{"word": " so", "start": 0.1, "end": 0.3, "probability": 0.5}]
    return {"segments": [{"start": 0.1, "end": 0.3, "text": " so", "words": words}], **members}


@pytest.mark.parametrize(
    "content, language",
    [
        (heard_in(), None),
        (heard_in(language="de"), "de"),
        (heard_in(language="haitian creole"), "ht"),
        (heard_in(language="de", task="transcribe"), "de"),
        (heard_in(language="de", task="translate"), "en"),
        (heard_in(language="tlh"), None),
        (heard_in(language=["de"]), None),
        (heard_in(language="de")["segments"], None),
        ({"words": [{"word": "so", "start": 0.1, "end": 0.3}], "language": "german", "text": "so"}, "de"),
        ({"segments": [{"start": 0.1, "end": 0.3, "text": " so"}], "language": "de"}, "de"),
        (whisperx({"word": "so", "start": 0.1, "end": 0.3, "score": 0.5}), "en"),
        ({"word_segments": [{"word": "so", "start": 0.1, "end": 0.3, "score": 0.5}], "language": "fr"}, "fr"),
        (whisper_cpp(" so", token(" so", 100, 300)), "en"),
        ({"result": {"language": "de"}, "transcription": [{"offsets": {"from": 0, "to": 900}, "text": " so"}]}, "de"),
        (
            {**whisper_cpp(" so", token(" so", 100, 300)), "result": {"language": "de"}, "params": {"translate": True}},
            "en",
        ),
    ],
)
def test_words_and_segments_have_the_language_of_their_file(tmp_path: Path, content: Any, language: str | None) -> None:
    given = read(tmp_path, content)
    spoken = [*(given.words or ()), *(given.segments or ())]
    assert [(one.text, one.language) for one in spoken] == [("so", language)]


def test_the_characters_of_a_segment_without_words_lie_inside_it(tmp_path: Path) -> None:
    heard = whisperx({"word": "好", "start": 0.2, "end": 0.4, "score": 0.5})
    heard["segments"].append({"start": 5.0, "end": 6.0, "text": "没有对齐", "words": []})
    heard["language"] = "zh"
    with pytest.warns(AnnotationWarning, match="no times"):
        given = read(tmp_path, heard)
    assert [(word, start) for word, start, _, _ in words_of(given)[1:]] == [
        ("没", 250),
        ("有", 263),
        ("对", 275),
        ("齐", 288),
    ]


def test_our_json_refuses_what_is_no_language(tmp_path: Path) -> None:
    word = {"text": "so", "start": 0.1, "end": 0.3, "confidence": 1.0, "language": "English"}
    parts = {"speech": [], "active": [], "words": [word], "events": [], "turns": []}
    content = {
        "format": "hybrid-tok annotations",
        "version": 1,
        "recording": "a",
        "seconds": 10.0,
        "frames": FRAMES,
        **parts,
    }
    with pytest.raises(AnnotationError, match=r"words\[0\]\.language: no language has the code 'English'"):
        read(tmp_path, content)
