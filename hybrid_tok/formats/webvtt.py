"""WebVTT subtitles (W3C): cues as SRT's, with tags for voices, `<v Ann>`, and for times inside a cue, `<00:00:01.500>`.

A cue with times inside has words (karaoke; the automatic captions of video sites); without, it is a segment. The files
written here have the start of every word, and its end if a pause follows, but no confidences: a player would show them.
Events are notes in brackets.
"""

from __future__ import annotations

import html
import re
from dataclasses import replace

from hybrid_tok.core.annotations import Annotations
from hybrid_tok.formats.captions import Caption, captions, space_before
from hybrid_tok.formats.records import Document, SegmentRecord, WordRecord
from hybrid_tok.formats.source import Source
from hybrid_tok.formats.speakers import speaker_name
from hybrid_tok.formats.srt import Cue, clock, clock_text, plain, read_cues, time_range
from hybrid_tok.formats.wording import as_words, named_speaker, without_notes

_TAG = re.compile(r"<([^<>]*)>")
_VOICE = re.compile(r"v(?:\.\S*)?\s+(.+)", re.DOTALL)
_STAMP = re.compile(r"<\s*\d[\d:.]*\s*>")


def recognizes(source: Source) -> bool:
    """Whether it has the signature."""
    return re.match(r"WEBVTT(?:\s|$)", source.text) is not None


def read(source: Source, recording: str | None = None) -> Document:
    """The cues as words where they have times inside, else as segments; notes in brackets are labels.

    Raises:
        AnnotationError: a range of times is invalid.
    """
    cues = list(read_cues(source))
    timed = any(_STAMP.search(line) for cue in cues for line in cue.lines)
    pieces: list[SegmentRecord] = []
    shown: set[str] = set()
    for cue in cues:
        if timed:  # captions that roll up show their last lines again, without times
            lines = tuple(line for line in cue.lines if _STAMP.search(line) or plain(line).strip() not in shown)
            shown = {plain(line).strip() for line in cue.lines}
            cue = replace(cue, lines=lines)
        pieces.extend(_pieces(source, cue))
    spoken, notes = without_notes(pieces)
    words = as_words(spoken) if spoken else None
    longer = sum(len(piece.text.split()) > 1 for piece in spoken)
    if words is None and timed and spoken and longer * 5 <= len(spoken):
        words = tuple(word for piece in spoken for word in _split(piece))
    return Document("WebVTT", words=words, segments=spoken if words is None else None, labels=notes, notes=notes)


def write(annotations: Annotations, name: str) -> str:
    """The words as captions with their times, and the events between them in brackets."""
    blocks = ["WEBVTT\n"]
    for caption in captions(annotations):
        voice = "" if caption.speaker is None else f"<v {speaker_name(caption.speaker)}>"
        text = _timed_text(caption) if caption.words else caption.text
        blocks.append(f"{time_range(caption.span, '.')}\n{voice}{text}\n")
    return "\n".join(blocks)


def _pieces(source: Source, cue: Cue) -> list[SegmentRecord]:
    """A cue cut at the times and voices inside it."""
    pieces: list[SegmentRecord] = []
    voice: str | None = None
    start = cue.start
    text = "\n".join(cue.lines)

    def finish(until: float, content: str) -> None:
        nonlocal start
        spoken = html.unescape(content)
        if spoken.strip():
            speaker, spoken = (voice, spoken) if voice else named_speaker(spoken)
            pieces.append(SegmentRecord(spoken, start, until, speaker, source.at(cue.line)))

    content, cursor = "", 0
    open_pieces = 0  # pieces since the last time, which all end at the next
    for tag in _TAG.finditer(text):
        content += text[cursor : tag.start()]
        cursor = tag.end()
        stamp, spoken_by = clock(tag[1]), _VOICE.fullmatch(tag[1])
        if stamp is not None:
            finish(stamp, content)
            pieces[open_pieces:] = [replace(piece, end=stamp) for piece in pieces[open_pieces:]]
            open_pieces, start, content = len(pieces), stamp, ""
        elif spoken_by or tag[1].strip() == "/v":
            finish(cue.end, content)
            voice, content = (" ".join(spoken_by[1].split()) if spoken_by else None), ""
    finish(cue.end, content + text[cursor:])
    return pieces


def _split(piece: SegmentRecord) -> list[WordRecord]:
    """The words of a piece: one word with times, or several without."""
    texts = piece.text.split()
    if len(texts) == 1:
        return [WordRecord(piece.text, piece.start, piece.end, None, piece.speaker, piece.where)]
    inside = (piece.start, piece.end)
    return [WordRecord(text, None, None, None, piece.speaker, piece.where, inside) for text in texts]


def _timed_text(caption: Caption) -> str:
    """Words with their times. Times inside a cue must rise, and lie inside it."""
    text, latest = "", caption.span.start
    for number, word in enumerate(caption.words):
        text += space_before(number, caption.words)
        if latest < word.span.start < caption.span.end:
            text += f"<{clock_text(word.span.start, '.')}>"
            latest = word.span.start
        text += html.escape(" ".join(word.text.split()), quote=False)
        if latest < word.span.end < caption.span.end:
            text += f"<{clock_text(word.span.end, '.')}>"
            latest = word.span.end
    return text
