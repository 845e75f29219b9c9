from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hybrid_tok.errors import OptionsError, WeightsError
from hybrid_tok.nn.arrays import load_arrays, save_arrays
from hybrid_tok.voice.code import COORDINATES
from hybrid_tok.voice.space import SPACE, STYLE, TIMBRE, is_voice, parse_mixture, voice_space


def test_the_published_voices_are_there() -> None:
    space = voice_space()
    assert len(space.names) == 54
    assert {"af_heart", "am_onyx", "zm_yunxi"} <= set(space.names)
    assert SPACE.stat().st_size < 200_000
    assert space.basis.shape == (COORDINATES, TIMBRE)


def test_a_mixture_is_between_its_voices() -> None:
    space = voice_space()
    one, other = space.style({"af_heart": 1.0}, 40), space.style({"am_onyx": 1.0}, 40)
    assert one.shape == (STYLE,)
    mixed = space.style({"af_heart": 0.25, "am_onyx": 0.75}, 40)
    np.testing.assert_allclose(mixed, 0.25 * one + 0.75 * other, atol=1e-6)


def test_coordinates_are_deviations_of_the_published_voices() -> None:
    space = voice_space()
    timbres = np.stack([space.style({name: 1.0}, 30)[:TIMBRE] for name in space.names])
    np.testing.assert_allclose(space.timbre((), 30), timbres.mean(axis=0), atol=1e-6)
    offsets = (timbres - timbres.mean(axis=0)) @ np.linalg.pinv(space.basis)
    np.testing.assert_allclose(offsets.std(axis=0), 1.0, atol=0.01)
    nearest = np.linalg.norm(space.timbre(offsets[3], 30) - timbres, axis=1).argmin()
    assert nearest == 3


def test_styles_follow_the_number_of_phonemes_alike() -> None:
    space = voice_space()
    changes = [space.style({name: 1.0}, 5) - space.style({name: 1.0}, 200) for name in ("af_heart", "am_onyx")]
    np.testing.assert_allclose(changes[0], changes[1], atol=1e-6)
    assert np.linalg.norm(changes[0]) > 1.0
    np.testing.assert_array_equal(space.timbre((), 10_000), space.timbre((), 509))


def test_each_language_has_its_prosody_and_others_have_english() -> None:
    space = voice_space()
    assert space.default("zh")[0] == "z"
    assert space.default(None) == space.default("en") == space.default("de")
    assert [space.default("en", speaker)[:2] for speaker in range(7)] == ["af", "am", "af", "am", "bf", "am", "af"]
    assert len({space.default(language, speaker) for language in ("fr", "zh") for speaker in range(6)}) > 6
    assert space.prosody("zh", 200.0).voice == space.default("zh")
    assert {language for language, own in space.languages.items() if own[0].timbre_share} == {"en", "zh"}
    assert [space.prosody("en", pitch).voice[:2] for pitch in (60.0, 120.0, 180.0, 400.0)] == ["am", "am", "af", "af"]
    for language in ("en", "es", "fr", "hi", "it", "pt", "zh"):
        for prosody in space.languages[language]:
            assert 80.0 < prosody.pitch < 350.0 and 0.5 < prosody.pitch_range < 8.0 and 2.0 < prosody.rate < 8.0


@pytest.mark.parametrize(
    "text", ["af_heart", "af_heart:0.6+am_onyx:0.4", "xx_nobody", "AF_Heart", "af_heart:x+am_onyx"]
)
def test_what_is_written_like_a_voice(text: str) -> None:
    assert is_voice(text)


@pytest.mark.parametrize("text", ["", "other.wav", "af_heart.wav", "./af_heart", "voices/af_heart", "a:b", "heart+two"])
def test_what_is_not_written_like_a_voice(text: str) -> None:
    assert not is_voice(text)


def test_mixtures_by_name() -> None:
    assert parse_mixture("af_heart") == {"af_heart": 1.0}
    assert parse_mixture(" AF_heart : 0.6 + am_onyx:.4 ") == pytest.approx({"af_heart": 0.6, "am_onyx": 0.4})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("af_hart", "no voice 'af_hart'; near it: af_heart"),
        ("", "no voice ''"),
        ("af_heart+am_onyx", "af_heart has no weight"),
        ("af_heart:0.5", "add up to 0.5, not 1"),
        ("af_heart:0.6+am_onyx:0.6", "add up to 1.2, not 1"),
        ("af_heart:-0.5+am_onyx:1.5", "weights are positive"),
        ("af_heart:nan", "weights are positive"),
        ("af_heart:half+am_onyx:0.5", "'half', not a number"),
        ("af_heart:0.5+af_heart:0.5", "there twice"),
    ],
)
def test_a_mixture_that_is_none_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(OptionsError) as error:
        parse_mixture(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_table_of_another_version_is_refused(tmp_path: Path) -> None:
    arrays, about = load_arrays(SPACE)
    del arrays["basis"]
    save_arrays(tmp_path / "space.safetensors", arrays, about)
    with pytest.raises(WeightsError, match="no table of voices"):
        voice_space(tmp_path / "space.safetensors")
