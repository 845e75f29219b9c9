from __future__ import annotations

from dataclasses import astuple, replace

import pytest

from hybrid_tok.voice.code import LEVELS, NEUTRAL, NEUTRAL_CODE, SCALES, dequantize, quantize


def test_every_step_comes_back_from_what_it_stands_for() -> None:
    for step in range(LEVELS):
        assert quantize(dequantize((step,) * 8)) == (step,) * 8


def test_half_a_step_is_lost_at_most() -> None:
    for scale in SCALES:
        for share in range(0, 1001):
            value = scale.low + (scale.high - scale.low) * share / 1000
            step = scale.step(value)
            neighbours = [scale.value(other) for other in (step - 1, step + 1) if 0 <= other < LEVELS]
            assert all(abs(value - scale.value(step)) <= abs(value - other) * 1.1 for other in neighbours), scale.name


def test_what_is_beyond_the_scale_is_its_end_and_what_is_unknown_is_neutral() -> None:
    traits = replace(NEUTRAL, pitch=10.0, rate=1e9, clarity=float("nan"), air=float("inf"))
    code = quantize(traits)
    assert code[0] == 0
    assert code[2] == LEVELS - 1
    assert (code[4], code[7]) == (NEUTRAL_CODE[4], NEUTRAL_CODE[7])


def test_the_scales_are_those_of_the_traits_in_their_order() -> None:
    assert tuple(scale.name for scale in SCALES) == tuple(NEUTRAL.__dataclass_fields__)
    assert astuple(dequantize(NEUTRAL_CODE)) == pytest.approx(astuple(NEUTRAL), rel=0.05)


@pytest.mark.parametrize("code", [(), (0,) * 7, (0,) * 9, (-1,) + (0,) * 7, (0,) * 7 + (64,)])
def test_anything_else_is_no_voice_code(code: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="8 integers from 0 to 63"):
        dequantize(code)
