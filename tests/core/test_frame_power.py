"""Powers of frames."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.core import frame_power
from hybrid_tok.core.frame_power import frame_powers


def test_what_the_last_frame_lacks_is_silence_but_has_no_part_in_the_variance() -> None:
    samples = np.concatenate([np.full(320, 0.5), np.tile([0.5, -0.5], 40), np.full(80, 0.3)]).astype(np.float32)
    assert frame_powers(samples[:400], 16_000) == pytest.approx([0.25, 0.25 / 4])
    assert frame_powers(samples[:400], 16_000, centred=True) == pytest.approx([0.0, 0.25], abs=1e-15)
    assert frame_powers(samples, 8_000)[2:] == pytest.approx([0.25 / 2 + 0.09 / 2])
    assert frame_powers(np.zeros(0, np.float32), 16_000).shape == (0,)


def test_powers_are_the_same_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.random.default_rng(0).standard_normal(10_000).astype(np.float32)
    whole = [frame_powers(samples, 16_000, centred) for centred in (False, True)]
    monkeypatch.setattr(frame_power, "_AT_ONCE", 7)
    for powers, centred in zip(whole, (False, True), strict=True):
        np.testing.assert_array_equal(frame_powers(samples, 16_000, centred), powers)
