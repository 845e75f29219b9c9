"""Sortformer's probabilities, alone and in blocks, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from hybrid_tok.backends.nemo.models import quiet
from hybrid_tok.backends.nemo.sortformer import SortformerDiarizer, SortformerOptions, _active, _matching
from hybrid_tok.core.annotations import SpeakerTurn
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import OptionsError


@pytest.fixture(scope="module", params=["sortformer", "streaming"])
def diarizer(request: pytest.FixtureRequest, tiny: Callable[[str], str]) -> SortformerDiarizer:
    return SortformerDiarizer(tiny(request.param))


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(count).normal(0, 0.1, count).astype(np.float32)


def as_nemo(model: Any, samples: np.ndarray, capfd: pytest.CaptureFixture[str]) -> np.ndarray:
    with torch.inference_mode(), quiet():
        found = model(audio_signal=torch.from_numpy(samples)[None], audio_signal_length=torch.tensor([len(samples)]))
    capfd.readouterr()  # NeMo draws a progress bar
    return found[0].numpy()


@pytest.mark.parametrize("count", [16_000, 98_123, 200_000])
def test_the_probabilities_are_nemos(
    diarizer: SortformerDiarizer, count: int, capfd: pytest.CaptureFixture[str]
) -> None:
    samples = noise(count)
    found, theirs = diarizer.probabilities(samples), as_nemo(diarizer._model, samples, capfd)
    np.testing.assert_allclose(found[: len(theirs)], theirs[: len(found)], atol=1e-5)
    assert np.ptp(found) > 0.01


@pytest.mark.parametrize("count", [0, 1, 160, 1279, 1280, 1281, 8_000, 33_333])
def test_a_row_per_80_ms(diarizer: SortformerDiarizer, count: int, capfd: pytest.CaptureFixture[str]) -> None:
    found = diarizer.probabilities(noise(count))
    assert found.shape == (-(-count // 1280), 4) and found.dtype == np.float32
    assert ((found >= 0) & (found <= 1)).all()
    assert capfd.readouterr() == ("", "")


def test_streaming_is_an_option(tiny: Callable[[str], str]) -> None:
    offline = SortformerDiarizer(tiny("streaming"), options=SortformerOptions(streaming=False))
    streaming = SortformerDiarizer(tiny("streaming"))
    samples = noise(64_000)
    assert np.abs(offline.probabilities(samples) - streaming.probabilities(samples)).max() > 1e-4
    assert offline.fingerprint != streaming.fingerprint


def told(monkeypatch: pytest.MonkeyPatch, diarizer: SortformerDiarizer, rows: list[list[float]]) -> None:
    monkeypatch.setattr(diarizer, "probabilities", lambda samples: np.array(rows, np.float32))


def test_turns_lie_in_the_speech(diarizer: SortformerDiarizer, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[0.9, 0.1, 0, 0]] * 10 + [[0.2, 0.8, 0, 0]] * 10 + [[0.7, 0.6, 0, 0]] * 5
    told(monkeypatch, diarizer, rows)
    audio = Audio(np.zeros(25 * 1280, np.float32), 16_000)
    assert diarizer.diarize(audio, [Span(0, 100)]) == (
        SpeakerTurn(0, Span(0, 40)),
        SpeakerTurn(1, Span(40, 100)),
        SpeakerTurn(0, Span(80, 100)),
    )
    assert diarizer.diarize(audio, [Span(10, 30), Span(50, 70)]) == (
        SpeakerTurn(0, Span(10, 30)),
        SpeakerTurn(1, Span(50, 70)),
    )
    # The most active one takes what the others had.
    assert diarizer.diarize(audio, [Span(0, 100)], 1) == (SpeakerTurn(0, Span(0, 100)),)
    assert diarizer.diarize(audio, [Span(0, 100)], 4) == diarizer.diarize(audio, [Span(0, 100)])


@pytest.mark.parametrize("speakers", [0, 5, -1])
def test_more_speakers_than_it_can_tell(diarizer: SortformerDiarizer, speakers: int) -> None:
    with pytest.raises(OptionsError, match=rf"speakers={speakers}: Sortformer tells 1 to 4 apart"):
        diarizer.diarize(Audio(np.zeros(16_000, np.float32), 16_000), [Span(0, 50)], speakers)


def test_fewer_speakers_keep_the_most_active() -> None:
    rows = np.array([[0.9, 0.0, 0.6], [0.9, 0.0, 0.1], [0.2, 0.8, 0.1], [0.3, 0.4, 0.9], [0.1, 0.1, 0.1]])
    assert _active(rows, 0.5, None).T.tolist() == (rows >= 0.5).tolist()
    assert _active(rows, 0.5, 2).T.tolist() == [
        [True, False, True],
        [True, False, False],
        [True, False, False],
        [False, False, True],
        [False, False, False],
    ]
    assert _active(rows, 0.5, 1).T[:, 0].tolist() == [True, True, True, True, False]


class TestBlocks:
    """A head that knows who speaks: speaker k is where the samples are k + 1, and each block numbers its speakers in
    order of arrival, as Sortformer does."""

    @pytest.fixture
    def known(self, tiny: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> SortformerDiarizer:
        diarizer = SortformerDiarizer(
            tiny("sortformer"), options=SortformerOptions(streaming=False, block=8.0, overlap=4.0)
        )
        longest: list[int] = []

        class Head:
            streaming_mode = False
            device = torch.device("cpu")
            heard = longest

            def __call__(self, audio_signal: torch.Tensor, audio_signal_length: torch.Tensor) -> torch.Tensor:
                self.heard.append(audio_signal.shape[1])
                values = audio_signal[0, ::1280].round().int().tolist()
                order = {value: index for index, value in enumerate(dict.fromkeys(v for v in values if v))}
                found = torch.full((1, len(values), 4), 0.01)
                for row, value in enumerate(values):
                    if value:
                        found[0, row, order[value]] = 0.99
                return found

        monkeypatch.setattr(diarizer, "_model", Head())
        return diarizer

    def test_speakers_keep_their_numbers(self, known: SortformerDiarizer) -> None:
        # 24 s in which the speakers of later blocks arrive in another order.
        who = np.repeat([1, 2, 1, 3, 2, 3, 1, 2], 38)
        found = known.probabilities(np.repeat(who, 1280).astype(np.float32))
        assert found.shape == (len(who), 4)
        assert (found.argmax(1) + 1).tolist() == who.tolist()
        assert max(known._model.heard) == 8 * 16_000

    def test_a_block_and_a_bit(self, known: SortformerDiarizer) -> None:
        for count in (100, 101, 149, 150, 151):
            who = np.repeat([2, 1], [60, count - 60])
            found = known.probabilities(np.repeat(who, 1280).astype(np.float32)[:-7])
            assert found.shape == (count, 4)
            assert (found.argmax(1) == (who == 1)).all()


def test_who_is_silent_in_the_overlap_keeps_the_order() -> None:
    before = np.zeros((10, 4), np.float32)
    before[:, 2] = 1.0
    after = np.zeros((10, 4), np.float32)
    after[:, 0] = 1.0
    assert _matching(before, after)[2] == 0 and sorted(_matching(before, after)) == [0, 1, 2, 3]
    assert _matching(before, before).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("options", [{"threshold": 0.0}, {"threshold": 1.0}, {"overlap": 200.0}, {"overlap": 0.5}])
def test_options(options: dict[str, float]) -> None:
    with pytest.raises(OptionsError):
        SortformerOptions(**options)
