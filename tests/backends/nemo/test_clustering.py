"""Speakers by embeddings: how many there are, and who is where."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from hybrid_tok.backends.nemo import clustering
from hybrid_tok.backends.nemo.clustering import TitanetDiarizer, TitanetOptions, cluster, cut_windows
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import OptionsError


def voices(count: int, speakers: int, seed: int, noise: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings (n, 192) of unit length by turns of eight windows, and whose they are: one speaker's are at a cosine
    of about 0.6, two speakers' at about 0, as TitaNet's are."""
    rng = np.random.default_rng(seed)
    centres = np.linalg.qr(rng.normal(size=(192, speakers)))[0].T
    who = np.repeat(np.arange(-(-count // 8)) % speakers, 8)[:count]
    found = centres[who] + noise * rng.normal(size=(count, 192)) / np.sqrt(192)
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32), who


class TestCounting:
    @pytest.mark.parametrize("count", [1, 2, 6, 7, 12, 30, 64])
    @pytest.mark.parametrize("speakers", [1, 2, 3])
    def test_short_recordings(self, count: int, speakers: int) -> None:
        found, who = voices(count, speakers, seed=count)
        labels = cluster(found, np.ones(count), TitanetOptions())
        pairs = set(zip(labels.tolist(), who.tolist(), strict=True))
        assert len(pairs) == len(set(labels.tolist())) == len(set(who.tolist()))

    def test_nemo_alone_would_count_wrong(self) -> None:
        found, _ = voices(12, 1, seed=12)
        assert clustering._proposed(found, TitanetOptions(), None).max() > 0

    def test_blocks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clustering, "BLOCK", 40)
        found, who = voices(150, 3, seed=1)
        for speakers, expected in ((None, 3), (3, 3), (2, 2), (1, 1)):
            labels = cluster(found, np.ones(150), TitanetOptions(), speakers)
            assert len(set(labels.tolist())) == expected
            if expected == 3:
                assert len(set(zip(labels.tolist(), who.tolist(), strict=True))) == 3

    @pytest.mark.parametrize("speakers", [1, 2, 3, 5])
    def test_a_known_number(self, speakers: int) -> None:
        found, _ = voices(64, 3, seed=2)
        assert len(set(cluster(found, np.ones(64), TitanetOptions(), speakers).tolist())) == speakers

    def test_more_speakers_than_windows(self) -> None:
        found, _ = voices(3, 3, seed=3)
        assert len(set(cluster(found, np.ones(3), TitanetOptions(), 9).tolist())) == 3

    def test_silence_is_one_speaker(self) -> None:
        assert set(cluster(np.ones((20, 8), np.float32) / 8**0.5, np.ones(20), TitanetOptions()).tolist()) == {0}

    def test_deterministic(self) -> None:
        found, _ = voices(64, 5, seed=4, noise=1.5)
        assert np.array_equal(*(cluster(found, np.ones(64), TitanetOptions()) for _ in range(2)))


class TestWindows:
    def test_all_speech_is_owned_once(self) -> None:
        speech = [Span(3, 4), Span(10, 85), Span(85, 90), Span(120, 420), Span(500, 577), Span(900, 2_000)]
        windows = cut_windows(speech, 950, TitanetOptions())
        owned = [frame for window in windows for frame in range(window.owned.start, window.owned.end)]
        inside = {frame for span in speech for frame in range(span.start, min(span.end, 950))}
        assert owned == sorted(inside)
        assert all(window.owned.frames > 0 for window in windows)

    def test_lengths(self) -> None:
        long = cut_windows([Span(100, 500)], 1_000, TitanetOptions())
        assert {window.heard.frames for window in long} == {75}
        assert long[0].heard.start == 100 and long[-1].heard.end == 500
        assert all(a.heard.start < b.heard.start for a, b in itertools.pairwise(long))
        (short,) = cut_windows([Span(100, 104)], 1_000, TitanetOptions())
        assert short.heard == Span(92, 112) and short.owned == Span(100, 104)
        (first,) = cut_windows([Span(0, 1)], 1, TitanetOptions())
        assert first.heard == Span(0, 20)

    def test_no_speech(self) -> None:
        for speech in ([], [Span(100, 200), Span(5, 5)]):
            assert cut_windows(speech, 100, TitanetOptions()) == []


@pytest.fixture(scope="module")
def diarizer(tiny: Callable[[str], str]) -> TitanetDiarizer:
    return TitanetDiarizer(tiny("titanet"))


class TestDiarizer:
    def test_a_window_does_not_depend_on_the_others(self, diarizer: TitanetDiarizer) -> None:
        samples = np.random.default_rng(0).normal(0, 0.1, 160_000).astype(np.float32)
        spans = [Span(start, start + 75) for start in range(0, 400, 10)] + [Span(450, 480), Span(490, 520)]
        together = diarizer.embed(samples, spans)
        alone = np.concatenate([diarizer.embed(samples, [span]) for span in spans])
        np.testing.assert_allclose(together, alone, atol=1e-4)
        np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)

    def test_who_is_where(self, diarizer: TitanetDiarizer, monkeypatch: pytest.MonkeyPatch) -> None:
        def embed(samples: np.ndarray, windows: list[Span]) -> np.ndarray:
            """Two voices: one before the middle of the recording, one after it."""
            late = np.array([window.start + window.end > 1_000 for window in windows])
            return np.stack([~late, late], 1).astype(np.float32)

        monkeypatch.setattr(diarizer, "embed", embed)
        audio = Audio(np.zeros(16_000 * 20, np.float32), 16_000)
        first, second = diarizer.diarize(audio, [Span(0, 1_000)])
        assert (first.speaker, first.span.start, second.speaker, second.span.end) == (0, 0, 1, 1_000)
        assert first.span.end == second.span.start and abs(first.span.end - 500) <= 38
        (one,) = diarizer.diarize(audio, [Span(0, 1_000)], 1)
        assert one.span == Span(0, 1_000)

    def test_no_speakers_are_refused(self, diarizer: TitanetDiarizer) -> None:
        with pytest.raises(OptionsError, match="speakers=0: give 1 or more"):
            diarizer.diarize(Audio(np.zeros(16_000, np.float32), 16_000), [Span(0, 50)], 0)


@pytest.mark.parametrize("options", [{"hop": 2.0}, {"least": 0.0}, {"same": 1.0}, {"most": 0}])
def test_options(options: dict[str, float]) -> None:
    with pytest.raises(OptionsError):
        TitanetOptions(**options)
