"""Audio that does not fit memory lies in a file; everything else is as before."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from fakes import FakeCodec, FakeSynthesizer
from hybrid_tok.audio import resample
from hybrid_tok.core import long_arrays
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import DEFAULT_GRID
from hybrid_tok.decode.pipeline import Decoder
from hybrid_tok.errors import AudioError
from hybrid_tok.tokens.stream import Channel, HybridStream, Pause, TextItem, Turn, UnitItem


def decoded() -> list[np.ndarray]:
    items = (UnitItem(tuple((number, 3, 5, 7) for number in range(100))), Pause(30), TextItem("so funny", 50))
    stream = HybridStream((Channel((Turn(0, items),)), Channel((Turn(1, items[:1]),))))
    codec, speaker = FakeCodec(), FakeSynthesizer()
    audio = Decoder(lambda _: speaker, lambda: codec, DEFAULT_GRID).decode(stream)
    return [audio.samples, resample(audio, 44_100).samples, resample(Audio(audio.samples[0], 16_000), 8_000).samples]


def test_the_same_samples_wherever_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = decoded()
    monkeypatch.setattr(long_arrays, "IN_MEMORY", 0)
    for before, after in zip(expected, decoded(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_no_room_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(long_arrays.os, "posix_fallocate", full)
    with pytest.raises(AudioError, match=r"no room for 0\.5 GB of decoded audio in .*: set TMPDIR") as caught:
        long_arrays.silence(1, 1 << 27)
    assert tempfile.gettempdir() in str(caught.value)


HOURS = """
import resource, sys
from hybrid_tok import Audio, HybridStream
from hybrid_tok.audio import resample, write_wav
from hybrid_tok.core.timeline import DEFAULT_GRID
from hybrid_tok.decode.pipeline import Decoder
from hybrid_tok.tokens.stream import Channel, Pause, Turn

resource.setrlimit(resource.RLIMIT_DATA, (500 << 20, 500 << 20))
stream = HybridStream((Channel((Turn(0, (Pause(50 * 3600 * 3),)),)),))
audio = Decoder(None, None, DEFAULT_GRID).decode(stream)
write_wav(sys.argv[1], resample(audio, 24_000))
"""


def test_hours_are_decoded_in_little_memory(tmp_path: Path) -> None:
    """Three hours, 690 MB and 1 GB of samples, in a process that may have 500 MB of its own."""
    path = tmp_path / "long.wav"
    result = subprocess.run([sys.executable, "-c", HOURS, str(path)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert path.stat().st_size == 44 + 2 * 24_000 * 3 * 3600
