"""DNSMOS P.835 (Reddy et al. 2022): how listeners would rate speech, guessed by a network, without a reference.

The network is in the `speechmos` package (MIT), which is not imported: its own module wants librosa.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hybrid_tok.backends  # noqa: F401 - without onnxruntime's telemetry
from hybrid_tok.core.packaged import packaged_file

SAMPLE_RATE = 16_000

_WINDOW = round(9.01 * SAMPLE_RATE)
"""Samples that the network hears at once; windows start every second."""

_SHA256 = "269fbebdb513aa23cddfbb593542ecc540284a91849ac50516870e1ac78f6edd"

_CURVES = (
    (-0.08397278, 1.22083953, 0.0052439),
    (-0.13166888, 1.60915514, -0.39604546),
    (-0.06766283, 1.11546468, 0.04602535),
)
"""Polynomials from the network's outputs to ratings: of signal, background and the whole."""


@dataclass(frozen=True, slots=True)
class Rating:
    """Ratings from 1 (bad) to 5 (excellent): of the speech signal, of the background (5: nothing disturbs), of both."""

    signal: float
    background: float
    overall: float

    @classmethod
    def mean(cls, ratings: Iterable[Rating]) -> Rating:
        """Of several, each counting the same; NaN without any."""
        rows = np.array([astuple(rating) for rating in ratings]).reshape(-1, 3)
        return cls(*(rows.mean(axis=0).tolist() if len(rows) else [float("nan")] * 3))


class Dnsmos:
    """Rates speech, mono at 16 kHz.

    Raises:
        BackendError: `speechmos` is not installed.
    """

    def __init__(self) -> None:
        import onnxruntime

        install = "pip install 'hybrid-tok[bench]'"
        model = packaged_file("speechmos", "dnsmos_models/sig_bak_ovr.onnx", _SHA256, install)
        self._session: Any = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])

    def rate(self, samples: NDArray[np.float32]) -> Rating:
        """The mean over windows; a recording shorter than one is repeated. Not empty."""
        samples = np.clip(samples, -1.0, 1.0).astype(np.float32)
        if len(samples) < _WINDOW:
            samples = np.resize(samples, _WINDOW)
        starts = range(0, len(samples) - _WINDOW + 1, SAMPLE_RATE)
        raw = [self._session.run(None, {"input_1": samples[None, s : s + _WINDOW]})[0][0] for s in starts]
        rated = [[float(np.polyval(curve, x)) for curve, x in zip(_CURVES, row, strict=True)] for row in raw]
        return Rating(*np.mean(rated, axis=0).tolist())
