from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid_tok.errors import OptionsError
from hybrid_tok.train.voice.channels import recorded
from hybrid_tok.train.voice.fit import Measured, fit_estimator
from hybrid_tok.train.voice.renderings import Points
from hybrid_tok.train.voice.table import ROWS, read_voices, voice_table
from hybrid_tok.voice.estimate import INPUTS
from hybrid_tok.voice.space import STYLE, TIMBRE, VoiceSpace
from tones import vowel


def voices(count: int = 8) -> NDArray[np.float32]:
    """Styles that have their rows' curve in common, and a little of their own."""
    rng = np.random.default_rng(0)
    curve = np.exp(-np.arange(ROWS) / 50.0)[:, None] * rng.normal(0.0, 0.3, STYLE)
    own = rng.normal(0.0, 0.01, (count, ROWS, STYLE))
    return (rng.normal(0.0, 0.2, (count, 1, STYLE)) + curve + own).astype(np.float32)


def test_voices_are_read_by_name(tmp_path: Path) -> None:
    styles = voices(2)
    for name, style in zip(("am_b", "af_a"), styles, strict=True):
        (tmp_path / f"{name}.bin").write_bytes(style.astype("<f4").tobytes())
    names, read = read_voices(tmp_path)
    assert names == ("af_a", "am_b")
    np.testing.assert_array_equal(read, styles[::-1])


def test_what_is_no_folder_of_voices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="no voices"):
        read_voices(tmp_path)
    for name in ("af_a", "af_b"):
        (tmp_path / f"{name}.bin").write_bytes(bytes(100))
    with pytest.raises(OptionsError, match="25 numbers"):
        read_voices(tmp_path)


def test_the_table_has_the_voices_but_for_what_their_rows_have_of_their_own() -> None:
    styles = voices()
    table = voice_table(styles, 7)
    again = table["styles"][:, None] + table["row_weights"] @ table["row_basis"]
    assert np.sqrt(np.square(again - styles).mean()) < 0.011
    timbres = table["styles"][:, :TIMBRE] - table["styles"][:, :TIMBRE].mean(axis=0)
    points = timbres @ np.linalg.pinv(table["basis"])
    np.testing.assert_allclose(points.std(axis=0), 1.0, rtol=1e-3)
    np.testing.assert_allclose(points @ table["basis"], timbres, atol=1e-4)


def test_points_are_drawn_wider_than_the_voices_with_a_pitch_that_fits() -> None:
    styles = voices(30)
    table = voice_table(styles, 20)
    names = tuple(f"a{'fm'[index % 2]}_{index}" for index in range(30))
    points = Points(VoiceSpace("", names, table["styles"], styles.mean(axis=0), table["basis"], {}))
    rng = np.random.default_rng(0)
    drawn = np.stack([points.draw(rng, published=False) for _ in range(400)])
    assert drawn.std() == pytest.approx(1.3, rel=0.05)
    published = np.stack([points.draw(rng, published=True) for _ in range(400)])
    assert len(np.unique(published.round(4), axis=0)) <= 30
    assert all(75.0 <= points.pitch(point, rng) <= 330.0 for point in drawn[:50])


def test_another_microphone_changes_the_sound_and_not_its_length() -> None:
    speech = vowel(120.0, 1.0).astype(np.float32)
    one, same, other = (recorded(speech, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert one.shape == other.shape == speech.shape and one.dtype == np.float32
    assert np.abs(one - other).max() > 0.01


def measured(values: NDArray[np.float64]) -> Measured:
    return Measured(values, np.full(len(values), 5.0))


def test_the_estimator_finds_points_though_recordings_are_different_from_what_is_spoken() -> None:
    """Half of the inputs follow the point; in recordings all are shifted."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(0.0, 1.0, (3, INPUTS)) * (np.arange(INPUTS) % 2)
    points = rng.normal(0.0, 1.3, (500, 3))
    spoken = points @ mixing + rng.normal(0.0, 0.5, (500, INPUTS))
    real = rng.normal(0.0, 1.3, (200, 3))
    first, second = (5.0 + real @ mixing + rng.normal(0.0, 0.5, (200, INPUTS)) for _ in range(2))
    first[0, 7] = np.nan
    estimator = fit_estimator(measured(spoken), points, measured(first), measured(second), 3)
    found = estimator.point(second)
    assert min(np.corrcoef(found[:, axis], real[:, axis])[0, 1] for axis in range(3)) > 0.9
    assert found.std() == pytest.approx(1.3 * 1.25, rel=0.15)
    assert 0.0 < estimator.doubt < 2.0
    assert np.isfinite(estimator.point(first)).all()
