"""lhotse's cuts: a line of JSON per cut, with the recording and the supervisions inside.

https://lhotse.readthedocs.io, "Cuts". The JSON is read here, since lhotse would open what a line names as a command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hybrid_tok.corpus.entries import AudioPlace, BadLine, Entry
from hybrid_tok.corpus.sources.files import absolute, file_name, folder_of, parse_line, read_lines, resolve
from hybrid_tok.corpus.sources.known import bad_line, language_code, line_node, place, read_events, read_seconds
from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.json_text import Node
from hybrid_tok.formats.records import Document, SegmentRecord, TurnRecord, WordRecord
from hybrid_tok.formats.whisper_json import read_speaker

InShard = Callable[[str], tuple[str, tuple[int, int]]]
"""The tar and the byte range of a cut's recording, by the cut's id; raises `AnnotationError` where there is none."""

_SINGLE = frozenset({"MonoCut", "MultiCut", "Cut"})
_SAVE = "save it as audio first (CutSet.save_audios)"
_SLACK = 1e-3
"""Seconds by which a cut of a whole recording may differ from it."""


def read(address: str) -> Iterator[Entry | BadLine]:
    """The entries of a file of cuts. Relative paths begin in the current folder, as for lhotse; in its own folder where
    the file is not on this machine.

    Raises:
        CorpusError: it cannot be read.
    """
    base = folder_of(address) if "://" in address else ""
    yield from read_cuts(address, base, None)


def read_cuts(address: str, base: str, in_shard: InShard | None) -> Iterator[Entry | BadLine]:
    """The entries of a file of cuts.

    Args:
        base: folder of relative paths; empty is the current one.
        in_shard: where the recordings of Shar are.

    Raises:
        CorpusError: it cannot be read.
    """
    name = file_name(address)
    for number, line in read_lines(address):
        where = f"{name}, line {number}"
        try:
            yield _read_cut(line_node(parse_line(line), where), where, base, in_shard)
        except (AnnotationError, ValueError) as error:
            yield bad_line(where, error)


def _read_cut(node: Node, where: str, base: str, in_shard: InShard | None) -> Entry:
    kind = node.get("type")
    if kind is not None and kind.text() not in _SINGLE:
        raise AnnotationError(f"{where}: a {kind.text()} is put together by lhotse: {_SAVE}")
    id = node.need("id").text()
    start, duration = read_seconds(node, "start") or 0.0, read_seconds(node, "duration")
    if duration is None:
        raise AnnotationError(f"{where}: has no 'duration'")
    recording = node.get("recording")
    if recording is None:
        raise AnnotationError(f"{where}: has no recording, only features: give the cuts with their audio")
    whole = start == 0.0 and abs((read_seconds(recording, "duration") or 0.0) - duration) < _SLACK
    audio = _audio(node, recording, id, base, in_shard, AudioPlace("", offset=start, duration=duration, whole=whole))
    supervisions = list(listed.items()) if (listed := node.get("supervisions")) is not None else []
    document = _document(supervisions, node.get("custom"))
    described = place(document, duration, where)
    return Entry(id, audio, where, described.known, described.language, described.speakers)


def _audio(cut: Node, recording: Node, id: str, base: str, in_shard: InShard | None, audio: AudioPlace) -> AudioPlace:
    """Where the samples of a cut are."""
    if recording.get("transforms") is not None and recording.value["transforms"]:
        raise AnnotationError(f"{recording.where}.transforms: the recording is to be changed by lhotse: {_SAVE}")
    wanted = _channels(cut.get("channel"))
    sources = list(recording.need("sources").items())
    channels, source = _source(sources, wanted, recording.where)
    channel = channels.index(wanted[0]) if len(wanted) == 1 and len(channels) > 1 else None
    kind, written = source.need("type").text(), source.get("source")
    if kind == "shar" and in_shard is not None:
        address, byte_range = in_shard(id)
    elif kind in ("file", "url") and written is not None and written.text():
        address, byte_range = written.text(), None
        address = absolute(address) if kind == "file" and not base else resolve(base, address)
    elif kind == "command":
        raise AnnotationError(f"{source.where}: a command, which is not run here: {_SAVE}")
    else:
        raise AnnotationError(f"{source.where}: audio of type {kind!r} is in no file: {_SAVE}")
    return AudioPlace(address, byte_range, None, None, audio.offset, audio.duration, audio.whole, channel)


def _source(sources: list[Node], wanted: list[int], where: str) -> tuple[list[int], Node]:
    """The one file that has all channels of a cut, and its channels; all of them are mixed if they are several."""
    for source in sources:
        channels = _channels(source.get("channels"))
        if wanted == channels or not wanted or (len(wanted) == 1 and wanted[0] in channels):
            if not wanted and len(sources) > 1:
                break
            return channels, source
    raise AnnotationError(f"{where}.sources: not one file with the channels {wanted} and no others: {_SAVE}")


def _channels(node: Node | None) -> list[int]:
    if node is None:
        return []
    return [one.whole() for one in node.items()] if node.is_array else [node.whole()]


def _document(supervisions: list[Node], custom: Node | None) -> Document:
    """What supervisions say, with times from the start of the cut."""
    segments: list[SegmentRecord] = []
    words: list[WordRecord] = []
    turns: list[TurnRecord] = []
    languages: set[str | None] = set()
    aligned = True
    for one in supervisions:
        start = one.need("start").number()
        end = start + one.need("duration").number()
        speaker = read_speaker(one)
        if speaker is not None:
            turns.append(TurnRecord(speaker, start, end, one.where))
        if (language := one.get("language")) is not None:
            languages.add(language_code(language.text()))
        if (text := one.get("text")) is None or not text.text().strip():
            continue
        segments.append(SegmentRecord(text.text(), start, end, speaker, one.where))
        found = _aligned(one, speaker)
        aligned = aligned and bool(found)
        words += found
    return Document(
        "lhotse cuts",
        words=tuple(words) if words and aligned else None,
        segments=tuple(segments) if segments and not (words and aligned) else None,
        labels=None if custom is None else read_events(custom),
        turns=tuple(turns) if turns and len(turns) == len(supervisions) else None,
        language=languages.pop() if len(languages) == 1 else None,
    )


def _aligned(supervision: Node, speaker: str | None) -> list[WordRecord]:
    """The words of a supervision: [symbol, start, duration, score], the score of any kind."""
    alignment = supervision.get("alignment")
    listed = None if alignment is None else alignment.get("word")
    words: list[WordRecord] = []
    for item in [] if listed is None else listed.items():
        fields = list(item.items())
        if len(fields) < 3:
            raise AnnotationError(f"{item.where}: must be [word, start, duration, score]")
        start = fields[1].number()
        score = fields[3].value if len(fields) > 3 else None
        sure = float(score) if isinstance(score, int | float) and 0.0 <= score <= 1.0 else None
        if fields[0].text().strip():  # some aligners write pauses as empty words
            words.append(WordRecord(fields[0].text(), start, start + fields[2].number(), sure, speaker, item.where))
    return words
