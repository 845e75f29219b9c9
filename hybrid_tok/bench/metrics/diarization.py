"""Who spoke when, and who said what: diarization error rate, and the word error rate of speakers' texts.

Speakers are numbers or names of no meaning: each metric pairs those that were found with the true ones so that the
fewest errors are left.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hybrid_tok.bench.words import normalize
from hybrid_tok.core.annotations import SpeakerTurn
from hybrid_tok.core.timeline import frame_to_seconds
from hybrid_tok.errors import BackendError

Spoken: TypeAlias = tuple[float, float, Hashable]
"""Start and end of a turn in seconds, and who speaks."""


@dataclass(frozen=True, slots=True)
class DiarizationErrors:
    """Seconds that are attributed wrongly; those of several recordings are added.

    Attributes:
        missed: no speaker found, or too few.
        false_alarm: a speaker found in silence, or too many.
        confusion: another speaker found.
        total: of speech; where two speak, both count.
    """

    missed: float = 0.0
    false_alarm: float = 0.0
    confusion: float = 0.0
    total: float = 0.0

    @property
    def errors(self) -> float:
        return self.missed + self.false_alarm + self.confusion

    def __add__(self, other: DiarizationErrors) -> DiarizationErrors:
        return DiarizationErrors(
            self.missed + other.missed,
            self.false_alarm + other.false_alarm,
            self.confusion + other.confusion,
            self.total + other.total,
        )


def spoken(turns: Iterable[SpeakerTurn]) -> list[Spoken]:
    """Turns in seconds."""
    return [(frame_to_seconds(t.span.start), frame_to_seconds(t.span.end), t.speaker) for t in turns]


def diarization_errors(reference: Sequence[Spoken], found: Sequence[Spoken], collar: float = 0.0) -> DiarizationErrors:
    """The parts of the diarization error rate (NIST RT-09), by pyannote.metrics (Bredin 2017); overlap is scored.

    Args:
        collar: seconds around each boundary of the reference that are not scored, half of them on either side.

    Raises:
        BackendError: pyannote.metrics is not installed.
    """
    try:
        from pyannote.core import Segment, Timeline
        from pyannote.metrics.diarization import DiarizationErrorRate
    except ImportError:
        raise _missing("the diarization error rate", "pyannote.metrics") from None
    ends = [end for _, end, _ in (*reference, *found)]
    if not ends:
        return DiarizationErrors()
    # From the start of the recording, as pyannote.metrics has no times of its own.
    scored = Timeline([Segment(0.0, max(ends))])
    metric = DiarizationErrorRate(collar=collar, skip_overlap=False)
    parts: Any = metric(_annotation(reference), _annotation(found), uem=scored, detailed=True)
    names = ("missed detection", "false alarm", "confusion", "total")
    return DiarizationErrors(*(float(parts[name]) for name in names))


def cp_word_errors(reference: Mapping[Any, str], found: Mapping[Any, str], language: str = "en") -> tuple[int, int]:
    """Errors and words of the concatenated minimum-permutation word error rate (Watanabe et al. 2020), by meeteval.

    Each speaker's texts are one; the texts are paired so that the fewest words are wrong. A text without a partner is
    missing or invented as a whole. In languages without spaces, words are characters (`bench.words.normalize`).

    Args:
        reference, found: what each speaker says, in order of time.

    Raises:
        BackendError: meeteval is not installed.
    """
    try:
        from meeteval.wer import cp_word_error_rate
    except ImportError:
        raise _missing("cpWER", "meeteval") from None
    texts = [
        {str(speaker): " ".join(normalize(text, language)) for speaker, text in side.items()}
        for side in (reference, found)
    ]
    if not any(texts[0].values()):
        return sum(len(text.split()) for text in texts[1].values()), 0
    # Without times there is nothing to sort; it would say so.
    score: Any = cp_word_error_rate
    rate = score(texts[0], texts[1] or {"": ""}, reference_sort=False, hypothesis_sort=False)
    return int(rate.errors), int(rate.length)


def _annotation(turns: Sequence[Spoken]) -> Any:
    from pyannote.core import Annotation, Segment

    annotation = Annotation()
    for track, (start, end, speaker) in enumerate(turns):
        annotation[Segment(start, end), track] = speaker
    return annotation


def _missing(metric: str, package: str) -> BackendError:
    return BackendError(f"{metric} needs {package}: pip install 'hybrid-tok[bench]'")
