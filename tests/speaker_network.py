"""The speaker network that ships, loaded once."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.diarizer.speaker_encoder import SpeakerEncoder


@cache
def _network() -> SpeakerEncoder:
    return SpeakerEncoder()


def embed(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """An embedding, as voices are measured with."""
    return _network().embed(samples)
