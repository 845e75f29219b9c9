"""Ids to audio while they come.

ids -> incremental parser -> units: live_vocode -> live mixer -> live room -> limiter -> samples
                             text: phrases -> speak

Units are heard some 60 ms after their ids, text as soon as its first phrase is spoken. What was given out cannot be
changed: the decoder gives out what nothing can change any more.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.interfaces import Synthesizer, UnitCodec
from hybrid_tok.core.spacing import split_words
from hybrid_tok.core.timeline import FRAME_RATE, Span
from hybrid_tok.core.utterance import Phrase, Utterance
from hybrid_tok.decode.heard import Heard, HeardLog, SpokenText
from hybrid_tok.decode.live_mixer import LiveMixer, LiveSegment
from hybrid_tok.decode.live_room import LiveRoom
from hybrid_tok.decode.live_vocode import LiveRun
from hybrid_tok.decode.phrases import (
    PhraseOptions,
    divided,
    ends_phrase,
    first_words,
    going_on,
    last_words,
    next_phrase,
)
from hybrid_tok.decode.pipeline import Decoder, speaking_level
from hybrid_tok.decode.plan import UTTERANCE_GAP, TextSegment, Voice
from hybrid_tok.decode.speak import speak
from hybrid_tok.errors import OptionsError, SpeechWarning, StreamError
from hybrid_tok.tokens.incremental import (
    ChannelOpened,
    Ended,
    FramesRead,
    IncrementalParser,
    Paused,
    RunClosed,
    RunOpened,
    Step,
    SteppedBack,
    TextOpened,
    TextRead,
    TurnOpened,
    VoiceRead,
)
from hybrid_tok.tokens.stream import Frame
from hybrid_tok.tokens.vocabulary import Vocabulary
from hybrid_tok.voice.prosody import from_bins

_AT_ONCE = 50
"""Frames of units that are decoded at a time."""

_AHEAD = 2
"""Words after a phrase that are spoken with it."""

_PAUSE = 0.2
"""Seconds: words of their own items with a longer pause between them are phrases of their own."""


@dataclass(frozen=True, slots=True)
class StreamDecodeOptions:
    """How a stream is decoded while it comes.

    Attributes:
        first_words: words of the first phrase of a text; the fewer, the sooner it is heard.
        least_words, most_words: words of later phrases, where no punctuation ends them.
        context_words: words before a phrase that are spoken again with it and left out, so that it goes on from them;
            at most two after it, where they are known, are spoken with it in advance.
        hold: seconds of output that are kept back, so that what overlaps with them (`Back`) is mixed in in its place.
    """

    first_words: int = 4
    least_words: int = 8
    most_words: int = 12
    context_words: int = 4
    hold: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.hold <= 60.0:
            raise OptionsError(f"hold must be 0 to 60 s, not {self.hold}")
        if self.context_words < 0:
            raise OptionsError(f"context_words must be at least 0, not {self.context_words}")
        _ = self.phrases

    @property
    def phrases(self) -> PhraseOptions:
        return PhraseOptions(self.first_words, self.least_words, self.most_words)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A phrase that is not spoken yet, and the text it is of."""

    phrase: Phrase
    text: SpokenText


class StreamDecoder:
    """Decodes one stream id by id: one channel, to samples that are final.

        dec = tok.stream_decoder()
        for i in ids:
            play(dec.push([i]))
        play(dec.flush())

    The samples do not depend on how the ids were cut. In locked timing there are exactly as many in all as the offline
    decoder gives; where a stream has units and pauses only, they are the same to 1e-5, but for the tone of the room.
    It differs from the offline decoder where that looks ahead: a text is spoken phrase by phrase; an overlap (`Back`)
    with what was given out already comes late; the room is known only from the units before. Not for several threads.

    Args:
        decoder: of whole streams, whose backends and options are used.
        vocabulary: of the ids.
        voices: speakers whose text is spoken in another voice.
        options: how.

    Attributes:
        late: seconds by which something came too late at most, since its place was given out already.

    Raises:
        OptionsError: the vocabulary and the decoder have different frames.
        StreamError: `voices` has a speaker that no stream of this vocabulary has.
    """

    def __init__(
        self,
        decoder: Decoder,
        vocabulary: Vocabulary,
        voices: Mapping[int, Voice] = MappingProxyType({}),
        options: StreamDecodeOptions | None = None,
    ) -> None:
        if vocabulary.options.hop != decoder.grid.hop:
            raise OptionsError(
                f"the vocabulary has frames of {vocabulary.options.hop} samples, the decoder of {decoder.grid.hop}"
            )
        speakers = vocabulary.options.max_speakers
        if unknown := sorted(speaker for speaker in voices if not 0 <= speaker < speakers):
            raise StreamError(f"no stream has a speaker {unknown[0]} to give a voice to: they are 0..{speakers - 1}")
        self._decoder, self._vocabulary = decoder, vocabulary
        self._voices = dict(voices)
        self._options = options or StreamDecodeOptions()
        self._locked = vocabulary.options.timing == "locked"
        # Where each word is an item of its own, several of them are spoken together.
        self._by_word = vocabulary.options.prosody or (self._locked and vocabulary.options.durations == "word")
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next id is the first of another stream."""
        decoder = self._decoder
        options = decoder.options
        self._state: Literal["open", "busy", "flushed", "cancelled"] = "open"
        self._parser = IncrementalParser(self._vocabulary.grammar)
        room = LiveRoom(decoder.sample_rate) if options.room_tone else None
        self._mixer = LiveMixer(decoder.overhang, options.ceiling, decoder.sample_rate, room)
        self._log = HeardLog(self._vocabulary.space)
        self._owed: list[NDArray[np.float32]] = []
        """Samples of ids before one that was refused."""
        self._codec: UnitCodec | None = None
        self._synthesizers: dict[str | None, Synthesizer] = {}
        self._speaker = 0
        self._spoken: set[int] = set()
        self._codes: dict[int, tuple[int, ...]] = {}
        self._cursor = self._furthest = 0
        """Locked timing: frames."""
        self._end = 0
        """Free timing: samples of the segments so far."""
        self._before: int | None = None
        """Free timing: the speaker of the segment before."""
        self._utterance: tuple[int, str | None] | None = None
        """Free timing: speaker and language of the text before, if nothing was heard since."""
        self._run: tuple[LiveRun, LiveSegment] | None = None
        self._in_run = False
        self._text: SpokenText | None = None
        """The text that is being read."""
        self._taken = 0
        """How many of its words are spoken, where that is before it is whole."""
        self._waiting: list[_Waiting] = []
        self._context: list[Phrase] = []
        """The last words that were spoken, of the same speaker."""
        self._context_language: str | None = None
        self._began = False
        """Whether words of the text that is waiting were spoken already."""
        self._overlapped = 0
        """Frames up to which something was there already when the cursor stepped back."""
        self._natural = 0
        """Where the last segment should have started."""
        self._contiguous: tuple[int, int] | None = None
        """Where the last segment should have ended, and where it did."""
        self._whole = self._flushing = False
        self._late = 0

    @property
    def sample_rate(self) -> int:
        """Of the output, in Hz."""
        return self._decoder.sample_rate

    @property
    def position(self) -> float:
        """Seconds of the stream's clock up to which samples were given out or skipped."""
        return self._mixer.place_of(self._given) / self.sample_rate

    @property
    def late(self) -> float:
        return self._late / self.sample_rate

    @property
    def _given(self) -> int:
        return self._mixer.total - sum(map(len, self._owed))

    def push(self, ids: Iterable[int]) -> NDArray[np.float32]:
        """More ids to the samples (n,) that are final now.

        Raises:
            GrammarError: an id is out of place; its position is counted from the start of the stream. It and those
                after it are not taken; what the ids before it made final comes with the next call.
            StreamError: the decoder was flushed or cancelled, the stream has several channels, or would be longer than
                the decoder's `max_seconds`.
            BackendError: a backend is missing or failed. After this, as after a `StreamError`, `cancel` or `reset`.
        """
        for samples in self.push_pieces(ids):
            self._owed.append(samples)
        return self._collect()

    def push_pieces(self, ids: Iterable[int]) -> Iterator[NDArray[np.float32]]:
        """The same in pieces, each as soon as it is ready: phrase by phrase of text.

        They are made while they are taken: take all of them, or `cancel`.
        """
        self._check_open()
        return self._push(ids)

    def flush(self) -> NDArray[np.float32]:
        """The end of the stream: the samples that are left.

        Raises:
            GrammarError: it may not end here; `cancel` ends it all the same.
            StreamError: as of `push`.
        """
        for samples in self.flush_pieces():
            self._owed.append(samples)
        return self._collect()

    def flush_pieces(self) -> Iterator[NDArray[np.float32]]:
        """The same in pieces, as of `push_pieces`."""
        self._check_open()
        return self._flush()

    def skip_to(self, seconds: float) -> None:
        """Give out nothing that is before a time of the stream's clock, and do not speak the text before it.

        What was given out already stays; after the gap the output is faded in.

        Raises:
            OptionsError: a negative time, or free timing, where nothing has a time before it is spoken.
            StreamError: as of `push`.
        """
        self._check_open()
        if not self._locked:
            raise OptionsError("skip_to needs timing='locked': in free timing nothing has a time before it is spoken")
        if not 0.0 <= seconds < float("inf"):
            raise OptionsError(f"skip_to needs a time of at least 0 s, not {seconds}")
        self._mixer.skip_to(round(seconds * self.sample_rate))

    def cancel(self, played: float | None = None) -> Heard:
        """End the stream where it is: someone interrupts.

        Args:
            played: seconds of the samples given out that were played, where playing is behind; None is all of them.

        Returns:
            What was heard, with a few samples to play so that it stops without a click.

        Raises:
            OptionsError: more was played than was given out.
            StreamError: it was cancelled already.
        """
        if self._state == "cancelled":
            raise StreamError("the stream decoder was cancelled already: reset() it for another stream")
        given = self._given
        count = given if played is None else round(played * self.sample_rate)
        if not 0 <= count <= given:
            raise OptionsError(f"played must be 0 to {given / self.sample_rate:g} s, what was given out, not {played}")
        self._state = "cancelled"
        place = self._mixer.place_of(count)
        return Heard(
            seconds=place / self.sample_rate,
            words=self._log.words_before(place, self._mixer.skipped),
            consumed=self._log.consumed,
            heard=self._log.ids_before(place, self._parser.open_ids),
            tail=self._mixer.fade_out(count),
        )

    def _check_open(self) -> None:
        if self._state == "busy":
            raise StreamError("the pieces of the ids before were not all taken, or failed: cancel() or reset()")
        if self._state != "open":
            raise StreamError(f"the stream decoder was {self._state}: reset() it for another stream")

    def _collect(self) -> NDArray[np.float32]:
        samples = np.concatenate([np.zeros(0, np.float32), *self._owed])
        self._owed = []
        return samples

    def _push(self, ids: Iterable[int]) -> Iterator[NDArray[np.float32]]:
        for token in ids:
            self._check_open()
            steps = self._parser.push(token)
            self._state = "busy"
            for step in steps:
                yield from self._take(step)
            yield from self._read_on()
            self._mark(steps)
            self._state = "open"

    def _flush(self) -> Iterator[NDArray[np.float32]]:
        steps = self._parser.finish()
        self._state, self._flushing = "busy", True
        for step in steps:
            yield from self._take(step)
        if not self._whole:
            yield from self._speak_all()
            yield from self._finish(self._end)
        self._state = "flushed"
        if silent := sorted(self._voices.keys() - self._spoken):
            there = ", ".join(map(str, sorted(self._spoken))) or "none"
            warnings.warn(
                f"no speaker {silent[0]} in the stream to give a voice to; there were: {there}",
                SpeechWarning,
                stacklevel=3,
            )

    def _take(self, step: Step) -> Iterator[NDArray[np.float32]]:
        """What a step of the stream makes final."""
        if isinstance(step, ChannelOpened):
            raise StreamError("the stream has several channels, one after the other: decode it whole, or one at a time")
        if isinstance(step, TurnOpened):
            yield from self._speak_all()
            self._speaker, self._context = step.speaker, []
            self._spoken.add(step.speaker)
        elif isinstance(step, VoiceRead):
            self._codes[self._speaker] = step.codes
        elif isinstance(step, TextOpened):
            yield from self._end_run()
            self._text, self._taken = self._log.text(self._log.consumed, step.language), 0
        elif isinstance(step, TextRead):
            yield from self._take_text(step)
        elif isinstance(step, RunOpened | RunClosed):
            self._in_run = isinstance(step, RunOpened)
        elif isinstance(step, FramesRead):
            yield from self._speak_all()
            yield from self._take_frames(step.frames)
        elif isinstance(step, Paused):
            yield from self._end_run()
            self._move(step.frames)
            last = self._waiting[-1].phrase.span if self._waiting else None
            if last is not None and (self._cursor - last.end) / self._decoder.grid.frame_rate >= _PAUSE:
                yield from self._speak_all()
            yield from self._release()
        elif isinstance(step, SteppedBack):
            yield from self._end_run()
            yield from self._speak_all()
            self._overlapped = self._furthest
            self._contiguous, self._context = None, []
            self._move(-step.frames)
        else:
            yield from self._take_end(step)

    def _take_end(self, step: Ended) -> Iterator[NDArray[np.float32]]:
        yield from self._speak_all()
        num_samples = self._decoder.grid.length(self._furthest, step.remainder)
        self._decoder.check_length(num_samples)
        yield from self._finish(num_samples)

    def _finish(self, num_samples: int) -> Iterator[NDArray[np.float32]]:
        """The rest of an output that long."""
        self._whole = True
        self._render_run_end()
        yield from self._mixer.finish(num_samples)

    # Units

    def _take_frames(self, frames: Sequence[Frame]) -> Iterator[NDArray[np.float32]]:
        """More frames of a run. Runs that touch are one, as they are offline, if their frames have as many units."""
        hop = self._decoder.grid.hop
        if self._run is not None and self._run[0].width != len(frames[0]):
            self._render_run_end()
        if self._run is None:
            if self._codec is None:
                self._codec = self._decoder.load_codec()
            run = LiveRun(self._codec, self._decoder.options.warm_up, self._decoder.overhang)
            self._run = run, self._open(self._start(self._speaker), is_units=True)
        run, segment = self._run
        for start in range(0, len(frames), _AT_ONCE):
            part = frames[start : start + _AT_ONCE]
            self._move(len(part), len(part) * hop)
            for samples in run.push(part):
                segment.write(samples)
            yield from self._release()
        self._before, self._utterance = self._speaker, None

    def _end_run(self) -> Iterator[NDArray[np.float32]]:
        """Nothing follows the run that was read last."""
        self._render_run_end()
        yield from self._release()

    def _render_run_end(self) -> None:
        if self._run is not None:
            run, segment = self._run
            segment.write(run.finish())
            self._close(segment)
            self._run = None

    # Text

    def _take_text(self, step: TextRead) -> Iterator[NDArray[np.float32]]:
        item, text = step.item, self._text
        assert text is not None, "a text is opened before it is read"
        text.ids, self._text = step.ids, None
        start = self._cursor
        self._move(item.frames or 0)
        words = split_words(item.text, item.language)
        if len(words) > self._taken:
            if self._waiting and self._waiting[-1].text.language != item.language:
                yield from self._speak_all()
            phrase = Phrase(
                words[self._taken :],
                Span(start, self._cursor) if self._locked else None,
                from_bins(item.prosody) if item.prosody else None,
            )
            self._waiting += (_Waiting(part, text) for part in self._parts(phrase, item.language))
            yield from self._speak_ready()
        if self._locked:
            self._log.mark(self._log.consumed, self._cursor * self._decoder.grid.hop)
        elif not any(waiting.text is text for waiting in self._waiting):
            self._log.mark(self._log.consumed, text.ends[-1] if text.ends else self._end)
        yield from self._release()

    def _parts(self, phrase: Phrase, language: str | None) -> list[Phrase]:
        """The rest of a text in phrases."""
        options = self._options.phrases
        return divided(phrase, options, language, first=self._taken == 0 and not self._began)

    def _read_on(self) -> Iterator[NDArray[np.float32]]:
        """Free timing: speak what is certain of a text that is not whole. Its last word may go on."""
        if self._locked or self._text is None or self._by_word:
            return
        words = split_words(self._parser.open_text, self._text.language)[self._taken : -1]
        first = self._taken == 0
        count = next_phrase(words, self._options.phrases, language=self._text.language, first=first, whole=False)
        if count is not None and count < len(words):
            self._taken += count
            yield from self._speak([_Waiting(Phrase(words[:count]), self._text)], [Phrase(words[count:])])

    def _speak_ready(self) -> Iterator[NDArray[np.float32]]:
        """Speak what is waiting, as far as it makes phrases."""
        while self._waiting and not self._by_word:
            phrase = self._waiting.pop(0)
            yield from self._speak([phrase], [waiting.phrase for waiting in self._waiting])
        while self._waiting:
            words = [word for waiting in self._waiting for word in waiting.phrase.words]
            language = self._waiting[0].text.language
            wanted = next_phrase(words, self._options.phrases, language=language, first=not self._began, whole=False)
            if wanted is None:
                return
            yield from self._speak_first(wanted)

    def _speak_all(self) -> Iterator[NDArray[np.float32]]:
        """Speak all that is waiting: nothing joins it."""
        while self._waiting:
            yield from self._speak_first(sum(len(waiting.phrase.words) for waiting in self._waiting))
        self._began = False

    def _speak_first(self, words: int) -> Iterator[NDArray[np.float32]]:
        """Speak the first of what is waiting, at least so many words."""
        taken: list[_Waiting] = []
        while self._waiting and sum(len(waiting.phrase.words) for waiting in taken) < words:
            taken.append(self._waiting.pop(0))
        self._began = True
        yield from self._speak(taken, [waiting.phrase for waiting in self._waiting])

    def _speak(self, phrases: Sequence[_Waiting], after: Sequence[Phrase]) -> Iterator[NDArray[np.float32]]:
        """Speak phrases in one go.

        Args:
            after: what will be spoken next, as far as it is known.
        """
        utterance = self._utterance_of(phrases)
        hop, place = self._decoder.grid.hop, utterance.span
        if place is not None and self._mixer.skips(place.end * hop + self._decoder.overhang):
            for waiting in phrases:
                assert waiting.phrase.span is not None, "an utterance with a place has one for every phrase"
                waiting.text.ends += [waiting.phrase.span.end * hop] * len(waiting.phrase.words)
            return
        key = (utterance.speaker, utterance.language)
        if utterance.language not in self._synthesizers:
            self._synthesizers[utterance.language] = self._decoder.load_synthesizer(utterance.language)
        level = speaking_level(TextSegment(0, utterance), self._codes.get(utterance.speaker))
        synthesizer = self._synthesizers[utterance.language]
        before, after = self._context_of(utterance, after)
        own = utterance.phrases
        if not after and not self._flushing:
            own = going_on(own, utterance.language)
        whole = replace(utterance, phrases=(*before, *own, *after))
        context = len(before), len(after)
        pieces = speak(whole, synthesizer, self.sample_rate, level, self._decoder.overhang, context)
        self._context = last_words((*before, *utterance.phrases), self._options.context_words)
        self._context_language = utterance.language
        owners = [(waiting.text, word) for waiting in phrases for word in waiting.phrase.words]
        for piece in pieces:
            start = self._start(utterance.speaker, key) if piece.start is None else piece.start * hop
            length = len(piece.samples) - 2 * self._decoder.overhang
            if piece.start is None:
                self._end = start + length
                self._decoder.check_length(self._end)
                self._before, self._utterance = utterance.speaker, key
                self._mixer.reach(self._end)
            if length > 0:
                segment = self._open(start)
                segment.write(piece.samples)
                self._close(segment)
                start = segment.start
            self._log_words(start, piece.ends, owners[: len(piece.ends)])
            owners = owners[len(piece.ends) :]
        yield from self._release()

    def _context_of(self, utterance: Utterance, after: Sequence[Phrase]) -> tuple[list[Phrase], list[Phrase]]:
        """The words around an utterance that are spoken with it: those before and after.

        The first phrase of a text is spoken alone, so that it is heard soon.
        """
        before, last = self._context, utterance.phrases[-1]
        follow = [] if ends_phrase(last.words[-1]) else first_words(after, min(_AHEAD, self._options.context_words))
        if not before or self._context_language != utterance.language:
            return [], []
        if utterance.span is None:
            return (before if self._utterance == (utterance.speaker, utterance.language) else []), follow
        ended = before[-1].span
        assert ended is not None, "all phrases of a stream in locked timing have places"
        longest = UTTERANCE_GAP * utterance.frame_rate / FRAME_RATE
        return (before if 0 <= utterance.span.start - ended.end <= longest else []), follow

    def _log_words(self, start: int, ends: Sequence[int], owners: Sequence[tuple[SpokenText, str]]) -> None:
        begins = start
        for (text, word), end in zip(owners, ends, strict=True):
            text.ends.append(start + end)
            self._log.word(begins, start + end, word)
            begins = start + end

    def _utterance_of(self, phrases: Sequence[_Waiting]) -> Utterance:
        speaker, language = self._speaker, phrases[0].text.language
        voice = self._voices.get(speaker, self._codes.get(speaker))
        own = tuple(waiting.phrase for waiting in phrases)
        utterance = Utterance(own, language, voice, speaker, self._decoder.grid.frame_rate)
        spoken_as = self._decoder.speak_as
        return utterance if spoken_as is None else replace(utterance, language=spoken_as)

    # Places

    def _move(self, frames: int, samples: int = 0) -> None:
        """The cursor moves; in free timing the output grows by so many samples."""
        grid = self._decoder.grid
        if not self._locked:
            self._end += samples
            self._decoder.check_length(self._end)
            self._mixer.reach(self._end)
            return
        self._cursor += frames
        self._furthest = max(self._furthest, self._cursor)
        self._decoder.check_length(self._shortest)
        self._mixer.reach(self._furthest * grid.hop)

    def _start(self, speaker: int, utterance: tuple[int, str | None] | None = None) -> int:
        """Where a segment starts that begins at the cursor."""
        if self._locked:
            return self._cursor * self._decoder.grid.hop
        options = self._decoder.options
        if self._before is None or (utterance is not None and utterance == self._utterance):
            return self._end
        gap = options.gap if self._before == speaker else options.turn_gap
        self._end += round(gap * self.sample_rate)
        return self._end

    def _open(self, start: int, is_units: bool = False) -> LiveSegment:
        """A segment in its place. Where that was given out it comes later, and so does what follows it at once, as far
        as it overlaps with what was there already."""
        wanted = start
        before = self._contiguous
        overlaps = self._locked and start < self._overlapped * self._decoder.grid.hop
        if overlaps and before is not None and before[0] == start:
            wanted = max(start, before[1])
        segment = self._mixer.open(wanted, is_units)
        self._late = max(self._late, segment.start - start)
        self._natural = start
        return segment

    def _close(self, segment: LiveSegment) -> None:
        segment.close()
        self._contiguous = self._natural + segment.end - segment.start, segment.end

    @property
    def _shortest(self) -> int:
        """Samples that the output has at least: the last frame may have only one."""
        if not self._locked:
            return self._end
        return (self._furthest - 1) * self._decoder.grid.hop + 1 if self._furthest else 0

    def _release(self) -> Iterator[NDArray[np.float32]]:
        """Give out what nothing can change any more."""
        if self._whole:
            return
        hop = self._decoder.grid.hop
        final = self._cursor * hop if self._locked else self._end
        if self._waiting and (place := self._waiting[0].phrase.span) is not None:
            final = min(final, place.start * hop)
        final -= self._decoder.overhang + round(self._options.hold * self.sample_rate)
        if self._run is not None:
            final = min(final, self._run[1].settled)
        yield from self._mixer.release(final, self._shortest)

    def _mark(self, steps: Sequence[Step]) -> None:
        """Note when the id that was just read has been heard."""
        known = self._text is None and not self._waiting
        if self._in_run and not any(isinstance(step, FramesRead | RunOpened) for step in steps):
            known = False  # a frame is not whole
        end = self._cursor * self._decoder.grid.hop if self._locked else self._end
        if self._run is not None:
            end += self._run[1].start - self._natural
        self._log.read(end if known else None)
