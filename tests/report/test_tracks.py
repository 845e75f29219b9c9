"""What is drawn and played is what was in the recording, in few bytes."""

from __future__ import annotations

import base64
import io
import zlib

import av
import numpy as np
import pytest

from hybrid_tok.core.audio import Audio
from hybrid_tok.nn.logmel import mel_points
from hybrid_tok.report import tracks
from report_pages import sound


def tone(frequency: float, seconds: float = 1.0, rate: int = 16_000) -> Audio:
    time = np.arange(round(seconds * rate)) / rate
    return Audio((0.5 * np.sin(2 * np.pi * frequency * time)).astype(np.float32), rate)


@pytest.mark.parametrize("frequency", [300.0, 1000.0, 5000.0])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_tone_is_brightest_in_its_band(frequency: float, rate: int) -> None:
    levels, hop = tracks.spectrogram(tone(frequency, rate=rate))
    assert levels.shape == (200, tracks.BANDS) and hop == 0.005
    centres = mel_points(tracks.LOWEST, tracks.HIGHEST, tracks.BANDS + 2)[1:-1]
    expected = int(np.abs(centres - frequency).argmin())
    assert abs(int(levels[100].argmax()) - expected) <= 1
    steps = tracks.quantize(levels, float(levels.max()))
    assert steps.max() == tracks.LEVELS and steps[100, (expected + 48) % 96] <= 5


def test_a_click_is_bright_where_it_is() -> None:
    samples = np.zeros(16_000, np.float32)
    samples[8_000] = 0.9
    levels, hop = tracks.spectrogram(Audio(samples, 16_000))
    assert abs(int(levels.sum(1).argmax()) * hop - 0.5) <= 0.005
    bounds, rate = tracks.peaks(Audio(samples, 16_000))
    assert bounds.shape == (500, 2) and rate == 500
    assert bounds.argmax() == 2 * 250 + 1 and bounds.max() == round(0.9 * 127) and bounds.min() == 0


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 48_000])
def test_the_outline_holds_the_extremes_of_every_step(rate: int) -> None:
    audio = sound(1.3, rate)
    bounds, steps = tracks.peaks(audio)
    assert len(bounds) == round(1.3 * steps)
    assert bounds.max() == round(float(audio.samples.max()) * 127)
    assert bounds.min() == round(float(audio.samples.min()) * 127)


def test_long_recordings_become_coarser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracks, "_MOST_COLUMNS", 100)
    monkeypatch.setattr(tracks, "_MOST_PEAKS", 200)
    levels, hop = tracks.spectrogram(tone(440))
    bounds, rate = tracks.peaks(tone(440))
    assert len(levels) == 100 and hop == 0.01
    assert len(bounds) == 125 and rate == 125


@pytest.mark.parametrize(("rate", "played"), [(8_000, 24_000), (16_000, 24_000), (24_000, 24_000), (44_100, 48_000)])
def test_the_sound_is_opus_of_the_same_length_and_content(rate: int, played: int) -> None:
    audio = tone(440, 1.5, rate)
    made = tracks.encode_audio(audio)
    assert made["type"] == "audio/webm; codecs=opus" and tracks.page_rate(rate) == played
    content = base64.b64decode(made["data"])
    assert len(content) < 1.5 * 72_000 / 8
    with av.open(io.BytesIO(content)) as container:
        assert container.duration is not None
        assert abs(container.duration / 1e6 - 1.5) < 0.03
        blocks = [frame.to_ndarray().mean(0) for frame in container.decode(audio=0)]
    heard = np.concatenate(blocks)
    heard = heard / max(np.abs(heard).max(), 1e-9)
    spectrum = np.abs(np.fft.rfft(heard[:48_000]))
    assert int(spectrum.argmax()) == 440


def test_nothing_is_a_track_too() -> None:
    (made,) = tracks.track_data([("Original", Audio(np.zeros(0, np.float32), 16_000))])
    assert made["seconds"] == 0.0 and zlib.decompress(base64.b64decode(made["peaks"]["data"])) == b""


def test_tracks_share_their_scale() -> None:
    quiet = Audio(0.1 * tone(440).samples, 16_000)
    made = tracks.track_data([("a", tone(440)), ("b", quiet)])
    loud, soft = (max(zlib.decompress(base64.b64decode(one["spectrogram"]["data"]))) for one in made)
    assert loud == tracks.LEVELS and soft == round((tracks.RANGE - 20) / tracks.RANGE * tracks.LEVELS)


def test_a_minute_takes_less_than_three_megabytes() -> None:
    """Both tracks; noise, of which nothing can be left out."""
    noise = np.random.default_rng(0).normal(0, 0.1, 60 * 16_000).clip(-1, 1).astype(np.float32)
    made = tracks.track_data([("Original", Audio(noise, 16_000))])
    assert 2 * sum(len(part) for part in (made[0]["audio"]["data"], made[0]["peaks"]["data"])) < 3e6
    assert 2 * sum(len(made[0][part]["data"]) for part in ("audio", "peaks", "spectrogram")) < 8e6 - 1e6
