"""The diarizer with the networks of others, with their real weights on real recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from torch import nn

from hybrid_tok.backends.silero import SileroDetector
from hybrid_tok.bench.metrics.diarization import diarization_errors, spoken
from hybrid_tok.core.annotations import SpeakerTurn
from hybrid_tok.core.audio import Audio
from hybrid_tok.diarizer.backend import BuiltinDiarizer
from hybrid_tok.diarizer.conversation import SEGMENTATION, ConversationDiarizer, _weights
from hybrid_tok.diarizer.segmentation import Segmentation
from hybrid_tok.presets import PRESETS
from hybrid_tok.testing import SPEECH, Check, checks_of, talk
from hybrid_tok.tokenizer import HybridTokenizer
from real_audio import recording


@pytest.fixture(scope="module")
def diarizer() -> ConversationDiarizer:
    return ConversationDiarizer()


@pytest.mark.parametrize("check", checks_of("diarizer"), ids=lambda check: check.__name__)
def test_contract(check: Check, diarizer: ConversationDiarizer) -> None:
    check(diarizer)


def heard(folder: Path, name: str) -> Audio:
    samples, rate = soundfile.read(folder / f"{name}.flac", dtype="float32")
    return Audio(samples, rate)


def truth_of(path: Path) -> Sequence[tuple[float, float, str]]:
    """Start, end and speaker of each line of an RTTM file."""
    lines = (line.split() for line in path.read_text("utf-8").splitlines())
    return [(float(start), float(start) + float(length), who) for _, _, _, start, length, _, _, who, *_ in lines]


def test_a_meeting_has_fewer_errors_than_with_our_networks(diarizer: ConversationDiarizer) -> None:
    folder = recording("diarization")
    audio, truth = heard(folder, "dev01"), truth_of(folder / "dev01.rttm")
    speech = SileroDetector().detect(audio)

    def error_rate(turns: Sequence[SpeakerTurn]) -> float:
        errors = diarization_errors(truth, spoken(turns), 0.25)
        return errors.errors / errors.total

    ours, theirs = error_rate(BuiltinDiarizer().diarize(audio, speech)), error_rate(diarizer.diarize(audio, speech))
    assert theirs < 0.3 < ours


def test_blocks_change_nothing_but_the_context_of_the_voices(diarizer: ConversationDiarizer) -> None:
    """The first turns of a recording do not depend on what follows beyond the block after them."""
    audio = heard(recording("diarization"), "dev00")
    speech = SileroDetector().detect(audio)
    twice = Audio(np.concatenate([audio.samples, audio.samples[:80_000]]), 16_000)
    whole, longer = diarizer.diarize(audio, speech), diarizer.diarize(twice, speech)
    edge = 500
    assert [turn for turn in whole if turn.span.end < edge] == [turn for turn in longer if turn.span.end < edge]


def test_talkers_of_a_recording() -> None:
    """Golden: means of the probabilities, as pyannote.audio 4.0.7 has them of the same weights."""
    audio = heard(recording("diarization"), "dev00")
    found = Segmentation(_weights(SEGMENTATION)).talkers(audio.samples[: 12 * 16_000], 25)
    assert found.shape == (300, 2)
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_allclose(found.mean(axis=0), GOLDEN, atol=1e-5)


GOLDEN = (0.76803, 0.01292)


def test_everything_is_on_the_device() -> None:
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        ConversationDiarizer(device="meta").diarize(talk(), SPEECH)
    for network in ("_segmentation", "_voices"):
        part = vars(getattr(ConversationDiarizer(device="meta"), network))
        held = [one for value in part.values() if isinstance(value, nn.Module) for one in value.parameters()]
        assert held and {one.device.type for one in held} == {"meta"}


def test_the_preset_has_it() -> None:
    assert PRESETS["conversation"].backends["diarizer"] == "conversation"
    with HybridTokenizer.from_preset("conversation") as tokenizer:
        assert tokenizer.encoder.annotator.diarizer is not None
        assert isinstance(tokenizer.encoder.annotator.diarizer(), ConversationDiarizer)
