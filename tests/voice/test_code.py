from __future__ import annotations

import math
from dataclasses import replace

import pytest

from hybrid_tok.tokens.stream import VOICE_CODES
from hybrid_tok.voice.code import COORDINATES, LEVELS, NEUTRAL, NEUTRAL_CODE, SCALES, dequantize, quantize


def test_every_step_comes_back_from_what_it_stands_for() -> None:
    for step in range(LEVELS):
        assert quantize(dequantize((step,) * VOICE_CODES)) == (step,) * VOICE_CODES


def test_half_a_step_is_lost_at_most() -> None:
    for scale in SCALES:
        for share in range(0, 1001):
            value = scale.low + (scale.high - scale.low) * share / 1000
            step = scale.step(value)
            neighbours = [scale.value(other) for other in (step - 1, step + 1) if 0 <= other < LEVELS]
            assert all(abs(value - scale.value(step)) <= abs(value - other) * 1.1 for other in neighbours), scale.name


def test_loudness_survives_within_a_decibel() -> None:
    for level in range(-500, -99):
        assert dequantize(quantize(replace(NEUTRAL, level=level / 10))).level == pytest.approx(level / 10, abs=0.5)


def test_what_is_beyond_the_scale_is_its_end_and_what_is_unknown_is_neutral() -> None:
    timbre = (float("nan"), *NEUTRAL.timbre[1:])
    code = quantize(replace(NEUTRAL, pitch=10.0, rate=1e9, level=float("nan"), timbre=timbre))
    assert code[0] == 0
    assert code[2] == LEVELS - 1
    assert code[3:] == NEUTRAL_CODE[3:]
    far = replace(NEUTRAL, timbre=(99.0, -99.0) * (COORDINATES // 2))
    assert set(quantize(far)[4:]) == {56}


def test_the_neutral_code_is_the_mean_voice() -> None:
    traits = dequantize(NEUTRAL_CODE)
    assert traits.timbre == pytest.approx((0.0,) * COORDINATES, abs=1e-9)
    assert math.isclose(traits.pitch, NEUTRAL.pitch, rel_tol=0.02)
    assert traits.level == pytest.approx(NEUTRAL.level, abs=0.4)


def test_coordinates_share_tokens_in_pairs() -> None:
    assert len(SCALES) + COORDINATES // 2 == VOICE_CODES
    traits = replace(NEUTRAL, timbre=tuple(index / 8 - 1.5 for index in range(COORDINATES)))
    assert dequantize(quantize(traits)).timbre == pytest.approx(traits.timbre, abs=0.41)


@pytest.mark.parametrize("code", [(), (0,) * 15, (0,) * 17, (-1,) + (0,) * 15, (0,) * 15 + (64,)])
def test_anything_else_is_no_voice_code(code: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="16 integers from 0 to 63"):
        dequantize(code)
