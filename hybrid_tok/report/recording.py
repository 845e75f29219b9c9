"""The page of a recording: two tracks on one time axis, lanes of what the gate chose and why, and the tokens.

From a recording everything is shown. A `.hyt` file holds neither confidences nor reasons; its page has the places of
its items, and the original if that is given.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from hybrid_tok.audio import read_mono
from hybrid_tok.core.annotations import Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import FRAME_RATE
from hybrid_tok.encode.gate import Decision
from hybrid_tok.errors import OptionsError
from hybrid_tok.report.choices import choices
from hybrid_tok.report.page import Page, printable_name
from hybrid_tok.report.tracks import page_rate, track_data
from hybrid_tok.tokenizer import Analysis, Decoding, HybridTokenizer
from hybrid_tok.tokens.blocks import stream_of_file
from hybrid_tok.tokens.container import HybridFile
from hybrid_tok.tokens.idspace import IdSpace
from hybrid_tok.tokens.kinds import KINDS, kinds_of
from hybrid_tok.tokens.stream import EventItem, HybridStream, Pause, TextItem, UnitItem
from hybrid_tok.tokens.summary import Summary, summarize
from hybrid_tok.tokens.vocabulary import Vocabulary


def recording_page(
    tokenizer: HybridTokenizer, source: str | Path | Audio, analysis: Analysis, decoding: Decoding, name: str
) -> Page:
    """The page of a recording that was analyzed and decoded.

    Args:
        source: what was analyzed.
        name: of the recording, for people.

    Raises:
        AudioError: the recording cannot be read again.
    """
    audio, _ = tokenizer.read(source)
    chosen = choices(tokenizer, audio, analysis)
    words = analysis.annotations.words
    speakers = _word_speakers(analysis.decisions)
    place = {word: index for index, word in reversed(list(enumerate(words)))}
    reasons: dict[str, int] = {}
    data = {
        **_about(tokenizer, name, analysis.summary.seconds, FRAME_RATE),
        "words": [
            [
                word.span.start,
                word.span.end,
                word.text,
                round(word.confidence, 3),
                speakers.get(word, word.speaker or 0),
            ]
            for word in words
        ],
        "events": [
            [event.span.start, event.span.end, event.label, round(event.confidence, 3)]
            for event in analysis.annotations.events
        ],
        "forms": [
            {
                "weight": None if math.isinf(one.weight) else one.weight,
                "summary": _summary(one.summary),
                "kinds": _count_kinds(tokenizer.vocabulary.space, one.ids),
                "segments": [_segment(decision, place, reasons) for decision in one.decisions],
            }
            for one in chosen
        ],
        "chosen": next(index for index, one in enumerate(chosen) if one.ids is analysis.ids),
        "reasons": list(reasons),
        "tokens": _tokens(tokenizer.vocabulary, analysis.ids),
        "tracks": track_data(
            [("Original", _playable(tokenizer, source)), ("Decoded", _mono(decoding.audio))],
        ),
    }
    return Page("recording", name, data)


def file_page(
    tokenizer: HybridTokenizer, file: HybridFile, decoding: Decoding, name: str, recording: str | Path | None = None
) -> Page:
    """The page of a `.hyt` file.

    Args:
        file: as `tokenizer.load` gives it.
        recording: what the file was made from.

    Raises:
        OptionsError: the recording has another rate or length than the file's.
        AudioError: it cannot be read.
    """
    stream = stream_of_file(tokenizer.vocabulary, file)
    tracks = [("Decoded", _mono(decoding.audio))]
    seconds = file.header.source.num_samples / file.header.source.sample_rate
    if recording is not None:
        original = _original_of(tokenizer, file, recording)
        tracks.insert(0, ("Original", original))
    words, segments = _placed(stream)
    data = {
        **_about(tokenizer, name, seconds, float(tokenizer.codec_identity.grid.frame_rate)),
        "words": words,
        "events": [],
        "forms": [
            {
                "weight": None if math.isinf(tokenizer.options.rate_weight) else tokenizer.options.rate_weight,
                "summary": _summary(summarize(stream, file.ids, tokenizer.vocabulary, seconds)),
                "kinds": _count_kinds(tokenizer.vocabulary.space, file.ids),
                "segments": segments,
            }
        ],
        "chosen": 0,
        "reasons": [],
        "tokens": _tokens(tokenizer.vocabulary, file.ids),
        "tracks": track_data(tracks),
    }
    return Page("recording", name, data)


def _about(tokenizer: HybridTokenizer, name: str, seconds: float, frame_rate: float) -> dict[str, Any]:
    """What a page says of its tokenizer and of its times: frames per second."""
    return {
        "name": printable_name(name),
        "seconds": round(seconds, 6),
        "frameRate": frame_rate,
        "timing": tokenizer.vocabulary.options.timing,
        "layout": tokenizer.vocabulary.options.layout,
        "codebooks": tokenizer.vocabulary.options.num_codebooks,
        "kindNames": list(KINDS),
    }


def _segment(decision: Decision, place: Mapping[Word, int], reasons: dict[str, int]) -> list[Any]:
    """A decision as the script reads it: start, end, kind, speaker, label, number of the reason, cost, cost of the next
    best form, numbers of its words and of those of other speakers under them."""
    return [
        decision.span.start,
        decision.span.end,
        decision.kind,
        decision.speaker,
        decision.label,
        reasons.setdefault(decision.reason, len(reasons)),
        round(decision.cost, 3),
        round(decision.alternative, 3) if math.isfinite(decision.alternative) else None,
        [place[word] for word in decision.words],
        [place[word] for word in decision.under],
    ]


def _word_speakers(decisions: Iterable[Decision]) -> dict[Word, int]:
    """Who says each word, as the gate has it."""
    found: dict[Word, int] = {}
    for decision in decisions:
        found.update(dict.fromkeys(decision.words, decision.speaker))
        found.update((word, word.speaker or 0) for word in decision.under)
    return found


def _placed(stream: HybridStream) -> tuple[list[list[Any]], list[list[Any]]]:
    """Text runs and segments of a stream, in its places; free timing has none."""
    words: list[list[Any]] = []
    segments: list[list[Any]] = []
    if stream.timing == "free":
        return words, segments
    for placed in stream.placed():
        item, span = placed.item, placed.span
        numbers: list[int] = []
        label = None
        if isinstance(item, TextItem):
            kind = "text"
            numbers.append(len(words))
            words.append([span.start, span.end, item.text, None, placed.speaker])
        elif isinstance(item, EventItem):
            kind, label = "event" if item.units else "tag", item.label
        elif isinstance(item, UnitItem):
            kind = "units"
        elif isinstance(item, Pause):
            kind = "pause"
        else:
            continue
        segments.append([span.start, span.end, kind, placed.speaker, label, None, None, None, numbers, []])
    return words, segments


def _summary(summary: Summary) -> dict[str, float]:
    return {
        "tokens": summary.tokens,
        "tokensPerSecond": round(summary.tokens_per_second, 3),
        "bitsPerSecond": round(summary.bits_per_second, 2),
        "rangeBitsPerSecond": round(summary.range_bits_per_second, 2),
        "textShare": round(summary.text_share, 4),
        "unitShare": round(summary.unit_share, 4),
        "silenceShare": round(summary.silence_share, 4),
        "words": summary.words,
    }


def _count_kinds(space: IdSpace, ids: Sequence[int]) -> list[int]:
    """How many ids are of each of `KINDS`."""
    kinds = kinds_of(space, ids)
    return [kinds.count(number) for number in range(len(KINDS))]


def _tokens(vocabulary: Vocabulary, ids: Sequence[int]) -> list[list[Any]]:
    """The ids in order, for reading: number of the kind, name, count. A run of units or a voice code is one entry."""
    found: list[list[Any]] = []
    for number, run in groupby(zip(kinds_of(vocabulary.space, ids), ids, strict=True), key=lambda one: one[0]):
        group = [token for _, token in run]
        if KINDS[number] in ("units", "voice") and len(group) > 1:
            found.append([number, KINDS[number], len(group)])
        else:
            found += [[number, vocabulary.token_name(token), 1] for token in group]
    return found


def _original_of(tokenizer: HybridTokenizer, file: HybridFile, recording: str | Path) -> Audio:
    held = file.header.source
    audio, info = read_mono(recording, page_rate(held.sample_rate), allow_truncated=tokenizer.options.allow_truncated)
    if (info.sample_rate, info.num_samples) != (held.sample_rate, held.num_samples):
        raise OptionsError(
            f"{recording} has {info.num_samples} samples at {info.sample_rate} Hz, but {file.name} was made from "
            f"{held.num_samples} at {held.sample_rate} Hz: give the recording that it was made from"
        )
    return audio


def _playable(tokenizer: HybridTokenizer, source: str | Path | Audio) -> Audio:
    """A recording as it is played: mono, with its own bandwidth."""
    if isinstance(source, Audio):
        return _mono(source)
    audio, info = read_mono(source, 48_000, allow_truncated=tokenizer.options.allow_truncated)
    if page_rate(info.sample_rate) == audio.sample_rate:
        return audio
    return read_mono(source, page_rate(info.sample_rate), allow_truncated=tokenizer.options.allow_truncated)[0]


def _mono(audio: Audio) -> Audio:
    return audio if audio.samples.ndim == 1 else audio.to_mono()
