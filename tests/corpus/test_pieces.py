"""Long recordings in pieces: where they are cut, and that joined they are the whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from corpora import RATE, fake_step
from fakes import FakeCodec
from hybrid_tok.core.annotations import Event, KnownAnnotations, SpeakerTurn, Word
from hybrid_tok.core.timeline import DEFAULT_GRID, FRAME_RATE, Span
from hybrid_tok.corpus.batches import BatchOptions, count_pieces
from hybrid_tok.corpus.entries import AudioPlace, Entry
from hybrid_tok.corpus.pieces import Piece, encode_piece, join_pieces, piece_edge
from hybrid_tok.corpus.rows import Failure, Row
from hybrid_tok.corpus.step import EncodeStep, Heard
from hybrid_tok.presets import find_preset
from hybrid_tok.tokenizer import HybridTokenizer, TokenizerOptions
from hybrid_tok.tokens.stream import Channel, HybridStream, Pause, TextItem, Turn

SHORT = BatchOptions(piece=4.0, longest=8.0, search=1.0)


def write_talk(path: Path, seconds: float, pauses: Sequence[float], rate: int = RATE) -> Path:
    """Hiss, with pauses of half a second at some times."""
    samples = np.random.default_rng(1).normal(0, 0.1, round(seconds * rate))
    for pause in pauses:
        samples[round(pause * rate) : round((pause + 0.5) * rate)] *= 1e-4
    soundfile.write(path, samples, rate)
    return path


def entry_of(path: Path, seconds: float, known: KnownAnnotations | None = None) -> Entry:
    return Entry("talk", AudioPlace(str(path), duration=seconds), "line 1", known or KnownAnnotations())


def pieces_of(step: EncodeStep, entry: Entry) -> list[Piece]:
    count = count_pieces(entry, SHORT, DEFAULT_GRID)
    found = [encode_piece(step, entry, piece, count, SHORT) for piece in range(count)]
    assert not any(isinstance(piece, Failure) for piece in found), found
    return [piece for piece in found if isinstance(piece, Piece)]


def test_a_piece_ends_in_the_pause_around_its_nominal_end(tmp_path: Path) -> None:
    entry = entry_of(write_talk(tmp_path / "talk.wav", 12.3, [3.4, 8.2]), 12.3)
    edges = [piece_edge(entry, edge, 3, SHORT, DEFAULT_GRID) for edge in range(4)]
    assert edges[0] == 0 and edges[3] is None
    for edge, pause in zip(edges[1:3], (3.4, 8.2), strict=True):
        assert edge is not None and pause < edge < pause + 0.5
        assert (edge * FRAME_RATE).denominator == 1


def test_nothing_that_is_known_is_cut(tmp_path: Path) -> None:
    path = write_talk(tmp_path / "talk.wav", 12.0, [3.4])
    word = Word("across", Span(165, 230), 0.9)
    edge = piece_edge(entry_of(path, 12.0, KnownAnnotations(words=(word,))), 1, 3, SHORT, DEFAULT_GRID)
    assert edge is not None and not 3.3 < edge < 4.6


@pytest.mark.parametrize("seconds", [9.0, 12.3, 21.337])
@pytest.mark.parametrize("rate", [16_000, 22_050, 11_025])
def test_pieces_joined_are_the_units_of_the_whole(seconds: float, rate: int, tmp_path: Path) -> None:
    step = fake_step()
    path = write_talk(tmp_path / "talk.wav", seconds, [3.5, 8.1, 11.6], rate)
    entry = entry_of(path, seconds)
    row = join_pieces(entry, pieces_of(step, entry), step.tokenizer.vocabulary, DEFAULT_GRID)
    whole = step.encode_one(entry)
    assert isinstance(whole, Row)
    assert (row.id, row.seconds, len(row.ids)) == (whole.id, whole.seconds, len(whole.ids))
    assert row.columns.num_samples == whole.columns.num_samples
    assert row.columns.codec_samples == whole.columns.codec_samples
    if rate == RATE:  # else the filter that resamples starts anew at each piece
        assert row.ids.tolist() == whole.ids.tolist()


def test_words_and_events_stay_in_their_places(tmp_path: Path) -> None:
    options = TokenizerOptions(diarize=False, voice=False, events=False)
    step = EncodeStep(HybridTokenizer(find_preset("default"), options, backends={"codec": FakeCodec()}))
    path = write_talk(tmp_path / "talk.wav", 12.0, [3.5, 7.8])
    words = tuple(Word(f"w{k}", Span(50 * k + 10, 50 * k + 35), 0.99, language="en") for k in range(12))
    events = (Event("laugh", Span(287, 309), 0.99),)
    known = KnownAnnotations(words=words, events=events, speech=(Span(0, 600),), active=(Span(0, 600),))
    entry = entry_of(path, 12.0, known)
    pieces = pieces_of(step, entry)
    row = join_pieces(entry, pieces, step.tokenizer.vocabulary, DEFAULT_GRID)
    whole = step.encode_one(entry)
    assert isinstance(whole, Row)
    assert row.columns.text == whole.columns.text and row.columns.words == 12
    assert row.columns.events == ("laugh",) and row.columns.confidence == pytest.approx(0.99)
    spans = [placed.span for placed in step.tokenizer.vocabulary.decode(row.ids.tolist()).placed()]
    assert spans[-1].end == 600


def said(speakers: Sequence[int]) -> HybridStream:
    """A second of each speaker."""
    turns = tuple(Turn(speaker, (TextItem(f"s{speaker}", 50, language="en"),)) for speaker in speakers)
    return HybridStream((Channel(turns),))


def test_speakers_are_who_sounds_alike() -> None:
    tokenizer = HybridTokenizer(find_preset("default"), TokenizerOptions(), backends={"codec": FakeCodec()})
    ann, bo = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
    pieces = [
        Piece(
            tuple(tokenizer.vocabulary.encode(said(range(len(voices))))),
            len(voices) * RATE,
            RATE,
            1,
            Heard(samples=len(voices) * RATE),
            {speaker: (voice, 5.0) for speaker, voice in enumerate(voices)},
        )
        for voices in ([ann, bo], [bo], [bo, ann])
    ]
    entry = entry_of(Path("talk.wav"), 5.0)
    row = join_pieces(entry, pieces, tokenizer.vocabulary, DEFAULT_GRID)
    stream = tokenizer.vocabulary.decode(row.ids.tolist())
    assert [turn.speaker for turn in stream.channels[0].turns] == [0, 1, 0]
    assert [item.text for turn in stream.channels[0].turns for item in turn.items if isinstance(item, TextItem)] == [
        *("s0", "s1", "s0", "s0", "s1")
    ]


@given(st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=4), min_size=1, max_size=5), st.integers(0, 319))
def test_pauses_at_the_ends_of_pieces_become_one(lengths: list[list[int]], remainder: int) -> None:
    tokenizer = HybridTokenizer(
        find_preset("default"), TokenizerOptions(diarize=False, voice=False), backends={"codec": FakeCodec()}
    )
    pieces: list[Piece] = []
    for place, piece in enumerate(lengths):
        items: list[Any] = []
        for number, length in enumerate(piece):
            if length:
                items.append(Pause(length))
            items.append(TextItem(f"t{number}", 20, language="en"))
        items.append(Pause(5))
        frames = sum(piece) + 20 * len(piece) + 5
        last = place == len(lengths) - 1
        stream = HybridStream((Channel((Turn(0, tuple(items)),)),), "locked", remainder if last else 0)
        samples = DEFAULT_GRID.length(frames, remainder if last else 0)
        ids = tuple(tokenizer.vocabulary.encode(stream))
        pieces.append(Piece(ids, samples, RATE, 1, Heard(samples=samples), {}))
    row = join_pieces(entry_of(Path("x"), 1.0), pieces, tokenizer.vocabulary, DEFAULT_GRID)
    stream = tokenizer.vocabulary.decode(row.ids.tolist())
    assert DEFAULT_GRID.length(stream.frames, stream.remainder or 0) == sum(piece.samples for piece in pieces)
    assert row.columns.text.split() == [f"t{number}" for piece in lengths for number in range(len(piece))]


def test_speakers_that_are_known_are_not_linked_by_ear(tmp_path: Path) -> None:
    several = KnownAnnotations(turns=(SpeakerTurn(0, Span(0, 100)), SpeakerTurn(1, Span(100, 200))))
    assert count_pieces(entry_of(tmp_path / "x", 100.0, several), SHORT, DEFAULT_GRID) == 1
    tokenizer = HybridTokenizer(find_preset("default"), TokenizerOptions(), backends={"codec": FakeCodec()})
    pieces = [
        Piece(tuple(tokenizer.vocabulary.encode(said([0]))), RATE, RATE, 1, Heard(samples=RATE), {0: (voice, 5.0)})
        for voice in ((1.0, 0.0), (0.0, 1.0))
    ]
    entry = entry_of(Path("talk.wav"), 2.0, KnownAnnotations(turns=(SpeakerTurn(0, Span(0, 100)),)))
    row = join_pieces(entry, pieces, tokenizer.vocabulary, DEFAULT_GRID)
    assert row.columns.speakers == ("0",)


def test_a_piece_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    found = encode_piece(fake_step(), entry_of(tmp_path / "missing.wav", 12.0), 1, 3, SHORT)
    assert isinstance(found, Failure) and found.reason == "missing" and found.id == "talk"
