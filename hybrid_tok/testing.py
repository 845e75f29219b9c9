"""The contract of each kind of backend, as checks that run over any implementation: ours, and yours.

A backend that passes is one that the tokenizer can use. With pytest:

    import pytest
    from hybrid_tok.testing import checks_of

    @pytest.fixture(scope="module")
    def codec():
        return MyCodec("model.safetensors")

    @pytest.mark.parametrize("check", checks_of("codec"), ids=lambda check: check.__name__)
    def test_contract(check, codec):
        check(codec)

Each check takes the backend, and raises an `AssertionError` that says what was expected and what came.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from functools import cache, wraps
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio import resample
from hybrid_tok.core.annotations import Segment
from hybrid_tok.core.audio import RATES, Audio
from hybrid_tok.core.events import EVENT_LABELS
from hybrid_tok.core.interfaces import STAGES, Backend, Stage
from hybrid_tok.core.timeline import Span, count_frames
from hybrid_tok.core.utterance import Phrase, Utterance
from hybrid_tok.errors import AnnotationWarning, BackendError, OptionsError

Check: TypeAlias = Callable[[Any], None]

_RATE = 16_000
SPEECH = (Span(25, 75), Span(232, 282))
"""Where the voice in `talk` is, at least."""


@cache
def talk() -> Audio:
    """Six seconds and a bit at 16 kHz, the same each time: espeak-ng talks from 0.4 to 1.6 s and from 4.5 to 5.8 s."""
    from hybrid_tok.backends.espeak import EspeakSynthesizer

    synthesizer = EspeakSynthesizer()
    words = Utterance.of(["one", "two", "three", "four", "five", "six"])
    said = resample(synthesizer.synthesize(words).audio, _RATE).samples[:20_000]
    synthesizer.close()
    hiss = np.random.default_rng(0).normal(0, 1e-3, 98_123).astype(np.float32)
    hiss[6_000 : 6_000 + len(said)] += said
    hiss[72_000 : 72_000 + len(said)] += said
    return Audio(hiss, _RATE)


def checks_of(stage: Stage) -> tuple[Check, ...]:
    """The checks that a backend of this stage must pass."""
    return (has_a_name_and_a_fingerprint, *_CHECKS[stage])


def _require(right: bool, expected: str) -> None:
    if not right:
        raise AssertionError(expected)


@contextmanager
def _refused(what: str, *kinds: type[Exception]) -> Iterator[None]:
    """Require that a call is refused with one of these errors, in one line."""
    names = " or ".join(kind.__name__ for kind in kinds)
    try:
        yield
    except kinds as error:
        _require("\n" not in str(error).strip(), f"{what}: the message has several lines: {error}")
        _require(bool(str(error)), f"{what}: the message is empty")
        return
    except Exception as error:
        raise AssertionError(f"{what}: expected {names}, not {type(error).__name__}: {error}") from error
    raise AssertionError(f"{what}: expected {names}, and nothing was raised")


def _still(num_samples: int) -> Audio:
    return Audio(np.zeros(num_samples, np.float32), _RATE)


def _frames(audio: Audio) -> int:
    return count_frames(audio.num_samples, audio.sample_rate)


_LENGTHS = (0, 1, 160, 511, _RATE)
"""Samples of silence that every listener must take: none, one, 10 ms, and others."""


def has_a_name_and_a_fingerprint(backend: Any) -> None:
    """`name` and `fingerprint` are one line each, and the fingerprint is no address in memory."""
    _require(isinstance(backend, Backend), "a backend has a name and a fingerprint")
    for value in (backend.name, backend.fingerprint):
        _require(isinstance(value, str) and bool(value) and value.isprintable(), f"{value!r} is no name in one line")
    _require(backend.fingerprint == backend.fingerprint, "the fingerprint changes from one call to the next")
    _require("0x" not in backend.fingerprint, f"the fingerprint {backend.fingerprint!r} has an address in it")


def _listener_checks(listen: Callable[[Any, Audio], Any], check: Callable[[Any, Audio], None]) -> tuple[Check, ...]:
    """What holds for whatever listens to a recording.

    Args:
        listen: backend and audio to its result, which has an equality.
        check: requires that a result for this audio is well-formed.
    """

    def is_well_formed(backend: Any) -> None:
        check(listen(backend, talk()), talk())

    def takes_silence_of_any_length(backend: Any) -> None:
        for num_samples in _LENGTHS:
            check(listen(backend, _still(num_samples)), _still(num_samples))

    def finds_nothing_in_nothing(backend: Any) -> None:
        found = listen(backend, _still(0))
        _require(found == (), f"an empty recording has nothing in it, not {found!r}")

    def is_deterministic(backend: Any) -> None:
        first = listen(backend, talk())
        listen(backend, _still(3_000))
        _require(listen(backend, talk()) == first, "the same recording gives another result after another recording")

    def is_the_same_in_threads(backend: Any) -> None:
        parts = [Audio(talk().samples[:length], _RATE) for length in (40_000, 98_123, 70_001)]
        alone = [listen(backend, part) for part in parts]
        with ThreadPoolExecutor(len(parts)) as pool:
            together = list(pool.map(lambda part: listen(backend, part), parts))
        _require(together == alone, "several recordings at once, in threads, give other results than one by one")

    def refuses_other_rates_and_channels(backend: Any) -> None:
        for audio in (Audio(np.zeros(100, np.float32), 8_000), Audio(np.zeros((2, 100), np.float32), _RATE)):
            with _refused(f"audio at {audio.sample_rate} Hz, {audio.num_channels} channels", BackendError):
                listen(backend, audio)

    return (
        is_well_formed,
        takes_silence_of_any_length,
        finds_nothing_in_nothing,
        is_deterministic,
        is_the_same_in_threads,
        refuses_other_rates_and_channels,
    )


def _require_spans(spans: Sequence[Span], audio: Audio) -> None:
    for span in spans:
        _require(
            0 <= span.start <= span.end <= _frames(audio),
            f"{span} is outside a recording of {_frames(audio)} frames of 20 ms",
        )
    _require(list(spans) == sorted(spans), f"spans are not in order of time: {spans}")


def _speech(audio: Audio) -> tuple[Span, ...]:
    """The stretches of `SPEECH` that a recording has, or all of it where it ends before them."""
    inside = tuple(span for span in SPEECH if span.end <= _frames(audio))
    return inside or ((Span(0, _frames(audio)),) if audio.num_samples else ())


def _check_speech(found: Any, audio: Audio) -> None:
    _require(isinstance(found, tuple), "speech is a tuple of spans")
    _require_spans(found, audio)
    _require(all(a.end < b.start for a, b in itertools.pairwise(found)), f"stretches of speech touch: {found}")


def _recognize(recognizer: Any, audio: Audio) -> Any:
    return recognizer.recognize(audio, _speech(audio))


def _check_words(words: Any, audio: Audio) -> None:
    _require(isinstance(words, tuple), "words are a tuple")
    _require_spans([word.span for word in words], audio)
    _require(
        all(a.span.end <= b.span.start for a, b in itertools.pairwise(words)), f"words overlap each other: {words}"
    )
    for word in words:
        _require(bool(word.text.strip()) and word.text == word.text.strip(), f"{word.text!r} is no word")
        _require(
            type(word.confidence) is float and 0.0 <= word.confidence <= 1.0,
            f"the confidence {word.confidence!r} of {word.text!r} is no float from 0 to 1",
        )
        _require(
            any(word.span.overlap(span) for span in _speech(audio)), f"{word} lies outside the speech it was given"
        )


def hears_a_stretch_alike_alone_and_after_another(recognizer: Any) -> None:
    """What is heard in a stretch of speech does not depend on the text before it."""
    both = _recognize(recognizer, talk())
    alone = [word for span in SPEECH for word in recognizer.recognize(talk(), (span,))]
    _require(
        [(word.text, word.span) for word in both] == [(word.text, word.span) for word in alone],
        f"a stretch after another is heard as {both}, alone as {alone}",
    )


def recognizes_nothing_without_speech(recognizer: Any) -> None:
    """Without speech there are no words."""
    _require(recognizer.recognize(talk(), ()) == (), "no speech, no words")


def tells_its_progress(recognizer: Any) -> None:
    """Progress is told in order, up to all of it."""
    told: list[tuple[float, float]] = []
    recognizer.recognize(talk(), SPEECH, progress=lambda done, total: told.append((done, total)))
    _require(bool(told), "progress was never told")
    _require([done for done, _ in told] == sorted(done for done, _ in told), f"progress goes back: {told}")
    _require(abs(told[-1][0] - told[-1][1]) <= 1e-6 * told[-1][1], f"progress ends at {told[-1]}")


_TEXT = "One, two, three."


def _align(aligner: Any, audio: Audio) -> Any:
    segments = (Segment(_TEXT, language="en"),) if audio.num_samples else ()
    return aligner.align(audio, segments, _speech(audio))


def _check_aligned(words: Any, audio: Audio) -> None:
    _require(isinstance(words, tuple), "words are a tuple")
    _require_spans([word.span for word in words], audio)
    _require(all(0.0 <= word.confidence <= 1.0 for word in words), "confidences are from 0 to 1")


def keeps_every_word_of_the_text(aligner: Any) -> None:
    """Every word of the text comes back in its order, as written."""
    words = [word.text for word in aligner.align(talk(), (Segment(_TEXT, language="en"),), SPEECH)]
    _require(words == _TEXT.split(), f"the text {_TEXT!r} came back as {words}")


def _unwarned(check: Check) -> Check:
    """A check that lets an aligner doubt a text: nothing was said in silence."""

    @wraps(check)
    def run(backend: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AnnotationWarning)
            check(backend)

    return run


def _check_events(events: Any, audio: Audio) -> None:
    _require(isinstance(events, tuple), "events are a tuple")
    _require_spans([event.span for event in events], audio)
    for event in events:
        _require(event.label in EVENT_LABELS, f"{event.label!r} is not in the taxonomy")
        _require(0.0 <= event.confidence <= 1.0, f"the confidence {event.confidence} is not from 0 to 1")
        _require(event.span.frames > 0, f"{event} has no length")


def _check_turns(turns: Any, audio: Audio) -> None:
    _require(isinstance(turns, tuple), "turns are a tuple")
    _require_spans([turn.span for turn in turns], audio)
    order = list(dict.fromkeys(turn.speaker for turn in turns))
    _require(order == list(range(len(order))), f"speakers are not numbered by first appearance: {order}")
    _require(all(turn.span.frames > 0 for turn in turns), "a turn has no length")


def knows_no_more_speakers_than_it_is_told(diarizer: Any) -> None:
    """With `speakers=1` all turns are one speaker's; without speech there are no turns; 0 speakers are refused."""
    found = {turn.speaker for turn in diarizer.diarize(talk(), SPEECH, 1)}
    _require(found <= {0}, f"one speaker was asked for, and {len(found)} were found")
    _require(diarizer.diarize(talk(), ()) == (), "no speech, no turns")
    with _refused("speakers=0", OptionsError, BackendError):
        diarizer.diarize(talk(), SPEECH, 0)


def _sounds(codec: Any) -> list[NDArray[np.float32]]:
    """Recordings of all the lengths at which a frame may be miscounted, at the codec's rate."""
    hop = codec.hop
    voice = resample(talk(), codec.sample_rate).samples
    lengths = (0, 1, hop - 1, hop, hop + 1, codec.sample_rate // 100, 5 * hop + 3, round(1.3 * codec.sample_rate))
    return [voice[codec.sample_rate // 2 :][:length].copy() for length in lengths]


def describes_itself(codec: Any) -> None:
    """Rate, hop, codebooks and their size are whole numbers in range."""
    for name, (least, most) in {
        "sample_rate": RATES,
        "hop": (1, codec.sample_rate),
        "num_codebooks": (1, 256),
        "codebook_size": (2, 1 << 24),
    }.items():
        value = getattr(codec, name)
        _require(isinstance(value, int) and least <= value <= most, f"{name} is {value!r}, not from {least} to {most}")


def gives_a_frame_per_hop(codec: Any) -> None:
    """N samples are ceil(N / hop) frames of codes in range, and T frames are T * hop samples again."""
    for samples in _sounds(codec):
        codes = codec.encode(samples)
        shape = (-(-len(samples) // codec.hop), codec.num_codebooks)
        _require(codes.shape == shape, f"{len(samples)} samples gave codes {codes.shape}, not {shape}")
        _require(codes.dtype == np.int64, f"codes are {codes.dtype}, not int64")
        _require(bool(((codes >= 0) & (codes < codec.codebook_size)).all()), "codes are outside the codebook")
        decoded = codec.decode(codes)
        _require(
            decoded.shape == (len(codes) * codec.hop,),
            f"{len(codes)} frames gave samples {decoded.shape}, not ({len(codes) * codec.hop},)",
        )
        _require(decoded.dtype == np.float32 and bool(np.isfinite(decoded).all()), "samples are not finite float32")


def decodes_any_prefix_of_the_codebooks(codec: Any) -> None:
    """The first codebooks alone can be decoded."""
    codes = codec.encode(_sounds(codec)[-1])
    for width in range(1, codec.num_codebooks + 1):
        decoded = codec.decode(codes[:, :width])
        _require(decoded.shape == (len(codes) * codec.hop,), f"{width} codebooks gave samples {decoded.shape}")
        _require(bool(np.isfinite(decoded).all()), f"{width} codebooks gave samples that are not finite")


def codes_do_not_depend_on_what_came_before(codec: Any) -> None:
    """Same samples, same codes; same codes, same samples; whatever was coded before, and in threads."""
    sounds = _sounds(codec)[3:]
    coded = [codec.encode(samples) for samples in sounds]
    decoded = [codec.decode(codes) for codes in coded]
    for samples, codes, audio in reversed(list(zip(sounds, coded, decoded, strict=True))):
        _require(np.array_equal(codec.encode(samples), codes), "the same samples give other codes")
        _require(np.array_equal(codec.decode(codes), audio), "the same codes give other samples")
    with ThreadPoolExecutor(len(sounds)) as pool:
        together = list(pool.map(codec.encode, sounds))
    _require(all(map(np.array_equal, together, coded)), "recordings coded at once, in threads, have other codes")


def leaves_its_input_alone(codec: Any) -> None:
    """Neither samples nor codes are written to."""
    samples = _sounds(codec)[-1].copy()
    kept = samples.copy()
    codes = codec.encode(samples)
    given = codes.copy()
    codec.decode(codes)
    _require(np.array_equal(samples, kept) and np.array_equal(codes, given), "the codec writes to its input")


def refuses_codes_that_are_none(codec: Any) -> None:
    """Codes outside the codebook, of another shape or too many codebooks are refused, and so is what is no mono."""
    good = np.zeros((3, codec.num_codebooks), np.int64)
    for what, codes in {
        "a code above the codebook": good + codec.codebook_size,
        "a negative code": good - 1,
        "a codebook too many": np.zeros((3, codec.num_codebooks + 1), np.int64),
        "codes of one dimension": good[:, 0],
    }.items():
        with _refused(what, ValueError, BackendError):
            codec.decode(codes)
    with _refused("two channels", ValueError, BackendError):
        codec.encode(np.zeros((2, 100), np.float32))


_SAID: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "a letter": ("a",),
        "no letter": ("--",),
        "two words": ("hello", "world"),
        "numbers": ("In", "1999,", "she", "--", "well-known", "--", "didn't", "pay", "$3.50", "at", "10:30", "a.m."),
        "other scripts": ("Dr.", "1999", "Smith", "said", "你好", "世界", "😀", "...", "and", "left."),
        "blanks": ("two words", " ", "\n", "x"),
    }
)


def speaks_in_its_place(synthesizer: Any) -> None:
    """The body is exactly as long as its place at any frame rate, and the words' ranges are in order."""
    rate = synthesizer.sample_rate
    for title, words in _SAID.items():
        spans = itertools.accumulate(range(len(words)), lambda at, k: at + 25 + 10 * (k % 2), initial=7)
        placed = tuple(Phrase((word,), Span(at, at + 25)) for word, at in zip(words, spans, strict=False))
        for utterance in (Utterance.of(words), Utterance(placed), Utterance(placed, frame_rate=Fraction(22_050, 1024))):
            speech = synthesizer.synthesize(utterance)
            samples, (start, end) = speech.audio.samples, speech.body
            _require(speech.audio.sample_rate == rate, f"speech at {speech.audio.sample_rate} Hz, not {rate}")
            _require(
                samples.dtype == np.float32 and samples.ndim == 1 and bool(np.isfinite(samples).all()),
                f"{title}: speech is not mono, float32 and finite",
            )
            _require(0 <= start <= end <= len(samples), f"{title}: the body {speech.body} is outside the samples")
            if utterance.span is not None:
                length = utterance.samples_of(utterance.span, rate)[1]
                _require(end - start == length, f"{title}: the body is {end - start} samples long, not {length}")
            bounds = [bound for word in speech.words for bound in word]
            _require(len(speech.words) == len(words), f"{title}: {len(speech.words)} ranges of {len(words)} words")
            _require(
                bounds == sorted(bounds) and all(0 <= bound <= len(samples) for bound in bounds),
                f"{title}: the words' ranges are out of order or outside the samples: {speech.words}",
            )


def speaks_alike_whatever_came_before(synthesizer: Any) -> None:
    """The same utterance gives the same samples after another one."""
    first = synthesizer.synthesize(Utterance.of(["hello", "world"]))
    synthesizer.synthesize(Utterance.of(["something", "else", "1999"]))
    second = synthesizer.synthesize(Utterance.of(["hello", "world"]))
    _require(np.array_equal(first.audio.samples, second.audio.samples), "the same words are spoken differently")
    _require(first.words == second.words, "the same words have other ranges")


_CHECKS: Mapping[Stage, tuple[Check, ...]] = MappingProxyType(
    {
        "voice_activity": _listener_checks(lambda detector, audio: detector.detect(audio), _check_speech),
        "recognizer": (
            *_listener_checks(_recognize, _check_words),
            hears_a_stretch_alike_alone_and_after_another,
            recognizes_nothing_without_speech,
            tells_its_progress,
        ),
        "aligner": tuple(map(_unwarned, (*_listener_checks(_align, _check_aligned), keeps_every_word_of_the_text))),
        "tagger": _listener_checks(lambda tagger, audio: tagger.tag(audio), _check_events),
        "diarizer": (
            *_listener_checks(lambda diarizer, audio: diarizer.diarize(audio, _speech(audio)), _check_turns),
            knows_no_more_speakers_than_it_is_told,
        ),
        "codec": (
            describes_itself,
            gives_a_frame_per_hop,
            decodes_any_prefix_of_the_codebooks,
            leaves_its_input_alone,
            codes_do_not_depend_on_what_came_before,
            refuses_codes_that_are_none,
        ),
        "synthesizer": (speaks_in_its_place, speaks_alike_whatever_came_before),
    }
)
if set(_CHECKS) != set(STAGES):
    raise AssertionError("every stage has a contract")
