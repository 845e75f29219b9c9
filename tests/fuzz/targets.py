"""What is fuzzed: each target takes any bytes, and raises only where hybrid-tok did something that it must never do.

Bad input may be refused: by an error of `hybrid_tok.errors` whose message is one line, with the name of the file if one
was read. Any other exception is a finding, and so is a result that breaks its promise. Files go into the folder given.

The modules under test are imported here, not in the functions, so that `run.py` can have them instrumented.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from fakes import FakeCodec, FakeSynthesizer
from hybrid_tok import audio as recordings
from hybrid_tok import formats
from hybrid_tok.core.annotations import KnownAnnotations
from hybrid_tok.errors import (
    AnnotationError,
    AnnotationWarning,
    AudioError,
    AudioWarning,
    ContainerError,
    GrammarError,
    HybridTokError,
    OptionsError,
    StreamError,
    TextError,
)
from hybrid_tok.formats.annotation_files import read_transcript
from hybrid_tok.tokenizer import HybridTokenizer
from hybrid_tok.tokens.container import HybridFile, read_file
from hybrid_tok.tokens.idspace import VocabularyOptions
from hybrid_tok.tokens.render import format_stream, stream_from_json, stream_to_json
from hybrid_tok.tokens.stream import HybridStream
from hybrid_tok.tokens.summary import summarize, transcript
from hybrid_tok.tokens.text import load_text_tokenizer
from hybrid_tok.tokens.unit_merges import UnitMerges
from hybrid_tok.tokens.vocabulary import Vocabulary

Target: TypeAlias = Callable[[bytes, Path], None]
"""Called with the input and a folder for files."""

FRAMES = 500
"""Length of the recording that annotations are read for: 10 s."""

SUFFIXES = (".json", ".TextGrid", ".vtt", ".srt", ".rttm", ".ctm", ".tsv", ".labels.txt", "")
"""By the first byte of an annotation file. JSON and text files are told apart by what is in them."""

LONGEST = 5.0
"""Seconds of audio that are decoded of a `.hyt` file."""

MOST_IDS = 100
"""Of a list that are read: longer ones only take longer."""

MOST_REPEATS = 10_000
"""Repetitions of frames in a list of ids that is decoded. A few ids may ask for a day of them, which takes seconds."""

_PLAIN = VocabularyOptions("fuzz", 300)
_MERGES = UnitMerges("fuzz", ((1, 1), (0, 0), (2, 1)), ((1, 1), (0, 1), (3, 3), (4, 2), (2, 2)))

VOCABULARIES = (
    replace(_PLAIN, prosody=True),
    replace(_PLAIN, codebook_size=3, run_length=True, prosody=True),
    replace(_PLAIN, codebook_size=2, num_codebooks=1, timing="free", run_length=True, prosody=True),
    replace(_PLAIN, num_codebooks=1, layout="text"),
    replace(_PLAIN, codebook_size=3, num_codebooks=3, layout="units", run_length=True),
    replace(_PLAIN, codebook_size=2, num_codebooks=1, layout="units", timing="free"),
    replace(_PLAIN, codebook_size=3, unit_merges=_MERGES),
    replace(_PLAIN, codebook_size=3, layout="units", timing="free", unit_merges=_MERGES),
)
"""By the first byte of a list of ids."""


@contextmanager
def may_refuse(*kinds: type[HybridTokError], file: Path | None = None) -> Iterator[None]:
    """Errors of these kinds are no findings if their message is one line that names the file; nor are warnings."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("error")
        for kind in (AnnotationWarning, AudioWarning):
            warnings.simplefilter("always", kind)
        said: list[Warning | HybridTokError | str] = []
        try:
            yield
        except kinds as error:
            said.append(error)
    for message in map(str, [*said, *(one.message for one in warned)]):
        assert message and message.isprintable(), f"not one line that a terminal can show: {message!r}"
        assert file is None or str(file) in message, f"does not name {file}: {message!r}"


def container(data: bytes, folder: Path) -> None:
    """A `.hyt` file: as it is, and with sizes and checksum that fit, is refused or decoded."""
    file = folder / "talk.hyt"
    for content in (data, with_right_sizes(data)):
        file.write_bytes(content)
        with may_refuse(ContainerError, file=file):
            _decode(read_file(file))


def _decode(file: HybridFile) -> None:
    """All that `decode` and `show` do, with a codec and a synthesizer that are fast and take any unit and text."""
    backends = {"codec": _codec(), "synthesizer": FakeSynthesizer()}
    with may_refuse(OptionsError, GrammarError, StreamError, AudioError):
        made = HybridTokenizer.for_file(file, max_seconds=LONGEST)
        tokenizer = HybridTokenizer(made.preset, made.options, backends=backends)
        with may_refuse(ContainerError, file=Path(file.name)):
            tokenizer.load(file)
        right = replace(file, header=replace(file.header, fingerprint=tokenizer.vocabulary.fingerprint))
        audio = tokenizer.decode_file(right).audio
        assert np.isfinite(audio.samples).all() and audio.sample_rate == file.header.source.sample_rate
        if made.options.timing == "locked":
            assert audio.num_samples == file.header.source.num_samples
        _show(tokenizer.vocabulary, tokenizer.vocabulary.decode(file.ids), file.ids)


def with_right_sizes(data: bytes) -> bytes:
    """The bytes as a `.hyt` file that is whole: all but the fixed fields is header and ids."""
    magic, rest = b"\x89HYT\r\n\x1a\n\1\0", data[24:-32]
    width = 4 if data[10:11] == b"\4" else 2
    length = min(int.from_bytes(data[12:16], "little"), len(rest))
    count = (len(rest) - length) // width
    fields = width.to_bytes(2, "little") + length.to_bytes(4, "little") + count.to_bytes(8, "little")
    content = magic + fields + rest[: length + count * width]
    return content + hashlib.sha256(content).digest()


def ids(data: bytes, folder: Path) -> None:
    """Ids of one of the vocabularies: refused by the grammar, or a stream that spells them; repaired, a stream."""
    if not data:
        return
    vocabulary = _vocabulary(data[0] % len(VOCABULARIES))
    given = _ids(vocabulary, data[1:])
    repaired = vocabulary.repair(given)
    if _repeats(vocabulary, repaired.ids) > MOST_REPEATS:
        return
    with may_refuse(GrammarError):
        _show(vocabulary, vocabulary.decode(given), given)
    stream = vocabulary.decode(repaired.ids)
    _show(vocabulary, stream, repaired.ids)
    again = vocabulary.repair(repaired.ids)
    assert again.ids == repaired.ids and not again.actions


def _ids(vocabulary: Vocabulary, data: bytes) -> list[int]:
    """Three bytes an id: the number of its range and its number in the range; or 255 and any number."""
    read = np.frombuffer(data, [("range", "u1"), ("number", "<i2")], min(len(data) // 3, MOST_IDS)).tolist()
    found = ((at, vocabulary.ranges[at % len(vocabulary.ranges)], number) for at, number in read)
    return [number if at == 255 else part.start + number % part.size for at, part, number in found]


def _show(vocabulary: Vocabulary, stream: HybridStream, given: list[int] | tuple[int, ...]) -> None:
    """The stream is that of the ids, and all ways to show it work."""
    assert vocabulary.encode(stream) == list(given)
    assert stream_from_json(stream_to_json(stream)) == stream
    turns = sum(len(channel.turns) for channel in stream.channels)
    tags = len(stream.channels) if len(stream.channels) > 1 else 0
    lines = format_stream(stream, max_frames=2)
    assert len(lines.splitlines()) == turns + tags + (stream.timing == "locked")
    said = transcript(stream)
    assert len(said.splitlines()) == turns + tags
    assert f"{lines}{said}".replace("\n", "").isprintable()
    figures = summarize(stream, given, vocabulary, 1.0)
    assert figures.tokens == len(given) and 0.0 <= figures.text_share <= 1.0


def _repeats(vocabulary: Vocabulary, given: tuple[int, ...]) -> int:
    """Repetitions of frames."""
    state = vocabulary.grammar.start
    for token in given:
        state = vocabulary.grammar.advance(state, token)
    return state.place.repeats


def annotations(data: bytes, folder: Path) -> None:
    """A file of any annotation format: read within the recording, or refused, by every function that reads it."""
    if not data:
        return
    file = folder / f"talk{SUFFIXES[data[0] % len(SUFFIXES)]}"
    frames = 0 if data[0] & 0x80 else FRAMES
    file.write_bytes(data[1:])
    for read in (formats.read_words, formats.read_speakers, formats.read_events):
        with may_refuse(AnnotationError, file=file):
            _check_placed(read(file, frames, "talk"), frames)
    with may_refuse(AnnotationError, file=file):
        _check_placed(formats.read_annotations(file, frames), frames)
    with may_refuse(AnnotationError, file=file):
        numbers = formats.speaker_numbers(file, "talk")
        assert len(set(numbers.values())) == len(numbers)
    with may_refuse(AnnotationError, file=file):
        assert read_transcript(file).text.strip()


def _check_placed(heard: KnownAnnotations, frames: int) -> None:
    for part in (heard.words, heard.segments, heard.events, heard.turns):
        for said in part or ():
            assert said.span is not None and 0 <= said.span.start <= said.span.end <= frames
    for word in heard.words or ():
        assert word.span.start < frames and word.text.strip() and word.text.encode()


def audio(data: bytes, folder: Path) -> None:
    """A recording of any format: finite samples, or refused; what there is of it, if that is asked for."""
    file = folder / "talk.audio"  # without a suffix that some library would believe
    file.write_bytes(data)
    rate = 16_000
    for allow_truncated in (False, True):
        with may_refuse(AudioError, file=file):
            mono, info = recordings.read_mono(file, rate, allow_truncated=allow_truncated)
            assert mono.samples.ndim == 1 and mono.sample_rate == rate and np.isfinite(mono.samples).all()
            assert mono.num_samples == recordings.resampled_length(info.num_samples, info.sample_rate, rate)
            mixed, same, channels = recordings.read_channels(file, rate, rate, allow_truncated=allow_truncated)
            assert np.array_equal(mixed.samples, mono.samples) and same == info
            assert len(channels) == (0 if info.channels == 1 else info.channels)
            assert all(len(channel.samples) == len(mono.samples) for channel in channels)


def script(data: bytes, folder: Path) -> None:
    """A text for `say`: a stream that has ids, or refused."""
    text = data.decode("utf-8", "surrogateescape")
    tokenizer = _speaking_tokenizer()
    with may_refuse(OptionsError, TextError):
        stream = tokenizer.script(text)
        given = tokenizer.vocabulary.encode(stream)
        assert tokenizer.vocabulary.decode(given) == stream
        _show(tokenizer.vocabulary, stream, given)


@cache
def _codec() -> FakeCodec:
    return FakeCodec(codebook_size=16, num_codebooks=2)


@cache
def _vocabulary(number: int) -> Vocabulary:
    return Vocabulary(VOCABULARIES[number], load_text_tokenizer())


@cache
def _speaking_tokenizer() -> HybridTokenizer:
    return HybridTokenizer.from_preset("default", timing="free")


TARGETS: Mapping[str, Target] = MappingProxyType(
    {target.__name__: target for target in (container, ids, annotations, audio, script)}
)
"""By name."""
