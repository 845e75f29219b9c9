"""Reading, mixing, resampling and writing recordings."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hybrid_tok.audio import read_audio, read_channels, read_mono, resample, resampled_length, write_wav
from hybrid_tok.core.audio import Audio, SourceInfo
from hybrid_tok.errors import AudioError, AudioWarning

RATES = st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 192_000])


def noise(count: int, channels: int | None = None, seed: int = 0) -> NDArray[np.float32]:
    shape = count if channels is None else (channels, count)
    return np.random.default_rng(seed).uniform(-0.5, 0.5, shape).astype(np.float32)


def encode(path: Path, samples: NDArray[np.float32], codec: str, rate: int, **options: str) -> None:
    """Write (channels, N) with ffmpeg."""
    import av

    layout = {1: "mono", 2: "stereo"}[len(samples)]
    with av.open(str(path), "w", options=options) as container:
        stream: Any = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        frame.sample_rate = rate
        convert = av.AudioResampler(stream.codec_context.format, layout, rate, stream.codec_context.frame_size or 1024)
        for piece in [*convert.resample(frame), *convert.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def error_of(source: Any) -> str:
    with pytest.raises(AudioError) as caught:
        read_mono(source)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("suffix", "subtype", "exact"),
    [
        ("wav", "PCM_16", True),
        ("wav", "PCM_24", True),
        ("wav", "FLOAT", True),
        ("flac", "PCM_16", True),
        ("aiff", "PCM_16", True),
        ("ogg", "VORBIS", False),
        ("ogg", "OPUS", False),
        ("mp3", "MPEG_LAYER_III", False),
    ],
)
def test_formats_of_libsndfile(tmp_path: Path, suffix: str, subtype: str, exact: bool) -> None:
    samples = (np.rint(noise(24_000, 2) * 32768) / 32768).astype(np.float32)
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, samples.T, 48_000, subtype=subtype)
    audio = read_audio(path)
    assert (audio.sample_rate, audio.samples.shape, audio.samples.dtype) == (48_000, (2, 24_000), np.float32)
    if exact:
        np.testing.assert_array_equal(audio.samples, samples)


@pytest.mark.parametrize(
    ("suffix", "codec"), [("m4a", "aac"), ("mp4", "aac"), ("webm", "libopus"), ("mka", "aac"), ("opus", "libopus")]
)
def test_formats_of_ffmpeg(tmp_path: Path, suffix: str, codec: str) -> None:
    tone = (0.4 * np.sin(2 * np.pi * 440 * np.arange(96_000) / 48_000)).astype(np.float32)
    path = tmp_path / f"a.{suffix}"
    encode(path, np.stack([tone, tone]), codec, 48_000)
    audio, info = read_mono(path, 16_000)
    assert info.channels == 2 and info.sample_rate == 48_000
    assert info.num_samples == pytest.approx(96_000, abs=2_048)
    assert audio.num_samples == resampled_length(info.num_samples, 48_000, 16_000)
    spectrum = np.abs(np.fft.rfft(audio.samples[8_000:24_000]))
    assert int(spectrum.argmax()) == 440


def test_read_mono_is_read_audio_mixed_and_resampled(tmp_path: Path) -> None:
    """Contract: in memory or block by block, the samples are the same."""
    path = tmp_path / "eight.wav"
    soundfile.write(path, noise(200_123, 8).T, 192_000, subtype="FLOAT")
    audio, info = read_mono(path, 16_000)
    assert info == SourceInfo(192_000, 200_123, 8)
    whole = resample(read_audio(path).to_mono(), 16_000)
    np.testing.assert_array_equal(audio.samples, whole.samples)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_channels_are_read_beside_their_mix(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "three.wav"
    soundfile.write(path, noise(150_123, 3).T, rate, subtype="FLOAT")
    mono, info, channels = read_channels(path)
    mixed, same = read_mono(path)
    np.testing.assert_array_equal(mono.samples, mixed.samples)
    assert info == same == SourceInfo(rate, 150_123, 3)
    whole = resample(read_audio(path), 16_000)
    assert [channel.sample_rate for channel in channels] == [16_000] * 3
    np.testing.assert_array_equal(np.stack([channel.samples for channel in channels]), whole.samples)
    again = read_channels(io.BytesIO(path.read_bytes()), 8_000, 16_000)
    assert again[0].num_samples == resampled_length(150_123, rate, 8_000)
    np.testing.assert_array_equal(again[2][2].samples, channels[2].samples)


@pytest.mark.parametrize(("count", "channels"), [(0, 2), (1, 2), (1_000, 1)])
def test_next_to_no_channels(tmp_path: Path, count: int, channels: int) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, noise(count, channels).T, 48_000)
    mono, info, apart = read_channels(path)
    assert info == SourceInfo(48_000, count, channels) and mono.num_samples == resampled_length(count, 48_000, 16_000)
    assert [one.num_samples for one in apart] == ([mono.num_samples] * channels if channels > 1 else [])


def test_channels_of_a_damaged_recording(tmp_path: Path) -> None:
    path = tmp_path / "nan.wav"
    samples = noise(100_000, 2)
    samples[1, 90_000] = np.nan
    soundfile.write(path, samples.T, 16_000, subtype="FLOAT")
    with pytest.raises(AudioError, match="NaN"):
        read_channels(path)


@pytest.mark.parametrize("block", [1_000, 4_097, 1 << 20])
def test_block_size_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(150_000, 2).T, 44_100)
    expected = read_mono(path, 16_000)[0].samples
    monkeypatch.setattr("hybrid_tok.audio.decode.BLOCK", block)
    monkeypatch.setattr("hybrid_tok.audio.resampling.BLOCK", block)
    np.testing.assert_array_equal(read_mono(path, 16_000)[0].samples, expected)
    np.testing.assert_array_equal(resample(read_audio(path).to_mono(), 16_000).samples, expected)


@given(count=st.integers(0, 3_000), rate=RATES, other=RATES, channels=st.sampled_from([None, 1, 3]))
@settings(max_examples=60, deadline=None)
def test_resampling_is_exact_in_length_there_and_back(count: int, rate: int, other: int, channels: int | None) -> None:
    audio = Audio(noise(count, channels), rate)
    there = resample(audio, other)
    assert there.num_samples == -(-count * other // rate)
    back = resample(there, rate, count)
    assert back.samples.shape == audio.samples.shape


def test_resampling_keeps_the_signal_and_its_place() -> None:
    time = np.arange(44_100) / 44_100
    audio = Audio((0.5 * np.sin(2 * np.pi * 1_000 * time)).astype(np.float32), 44_100)
    resampled = resample(audio, 16_000)
    expected = 0.5 * np.sin(2 * np.pi * 1_000 * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(resampled.samples[500:-500], expected[500:-500], atol=2e-3)


def test_resampling_refuses_the_length_of_another_recording() -> None:
    with pytest.raises(AudioError, match="not 47000"):
        resample(Audio(noise(16_000), 16_000), 48_000, 47_000)


def test_tail_of_an_odd_ratio_is_not_lost() -> None:
    """soxr alone rounds the length to nearest, which loses up to half a sample's worth of a recording."""
    assert resample(Audio(noise(12_346), 44_100), 16_000).num_samples == 4_480  # 4479.27 by arithmetic


@pytest.mark.parametrize("count", [0, 1, 160])
def test_nothing_and_ten_milliseconds(tmp_path: Path, count: int) -> None:
    path = tmp_path / "short.wav"
    write_wav(path, Audio(noise(count), 16_000))
    audio, info = read_mono(path)
    assert audio.num_samples == info.num_samples == count


def test_standard_input_and_streams() -> None:
    buffer = io.BytesIO()
    write_wav(buffer, Audio(noise(5_000, 2), 44_100))
    expected = read_audio(io.BytesIO(buffer.getvalue()))
    script = "import sys; from hybrid_tok.audio import read_audio, write_wav; write_wav('-', read_audio('-'))"
    result = subprocess.run([sys.executable, "-c", script], input=buffer.getvalue(), capture_output=True, check=True)
    assert result.stdout == buffer.getvalue()
    assert expected.samples.shape == (2, 5_000)


def test_wav_from_a_pipe_has_no_length_in_its_header() -> None:
    buffer = io.BytesIO()
    write_wav(buffer, Audio(noise(5_000), 16_000))
    data = bytearray(buffer.getvalue())
    data[4:8] = data[40:44] = b"\xff" * 4
    assert read_audio(io.BytesIO(bytes(data))).num_samples == 5_000


@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [
        ("wav", "PCM_16"),
        ("aiff", "PCM_16"),
        ("au", "PCM_16"),
        ("w64", "PCM_16"),
        ("rf64", "PCM_16"),
        ("caf", "PCM_16"),
        ("flac", "PCM_16"),
        ("ogg", "VORBIS"),
        ("ogg", "OPUS"),
        ("mp3", "MPEG_LAYER_III"),
    ],
)
@pytest.mark.parametrize("part", [0.5, 0.95])
def test_truncated_files_of_libsndfile(tmp_path: Path, suffix: str, subtype: str, part: float) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, noise(240_000), 48_000, format=suffix.upper(), subtype=subtype)
    assert read_mono(path)[1].num_samples == 240_000
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    message = error_of(path)
    assert str(path) in message and "truncated" in message
    with pytest.warns(AudioWarning, match="truncated") as warned:
        kept = read_mono(path, allow_truncated=True)[1].num_samples
    assert len(warned) == 1
    assert 0.75 * part * 240_000 < kept < 240_000  # Ogg loses up to a page


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("m4a", "aac"), ("mp4", "aac"), ("webm", "libopus"), ("mka", "aac"), ("opus", "libopus"), ("avi", "pcm_s16le")],
)
@pytest.mark.parametrize("part", [0.5, 0.95])
def test_truncated_files_of_ffmpeg(tmp_path: Path, suffix: str, codec: str, part: float) -> None:
    path = tmp_path / f"a.{suffix}"
    options = {"movflags": "faststart"} if suffix == "mp4" else {}
    encode(path, noise(480_000, 2), codec, 48_000, **options)
    read_mono(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    assert str(path) in error_of(path)


def test_what_is_no_recording(tmp_path: Path) -> None:
    assert "no such file" in error_of(tmp_path / "none.wav")
    assert "is a folder" in error_of(tmp_path)
    for name, data, cause in (
        ("empty.wav", b"", "is empty"),
        ("notes.wav", b"just some text\n" * 30, "no audio"),
        ("notes.txt", b"just some text\n" * 30, "no audio"),
        ("notes.raw", b"\0\1" * 500, "no audio"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "no audio"),
        ("list.wav", b"ffconcat version 1.0\nfile '/etc/passwd'\n", "no audio"),
        ("head.wav", b"RIFF\x24\0\0\0WAVE", "head.wav"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        message = error_of(path)
        assert str(path) in message and cause in message


@pytest.mark.parametrize("rate", [1, 999, 384_001, 2**31 - 1])
def test_impossible_rates(tmp_path: Path, rate: int) -> None:
    """At 1 Hz a recording of 4 kB is half an hour; at GHz, resampling never seems to end."""
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(2_000), rate)
    assert f"a sample rate of {rate} Hz" in error_of(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_samples_that_are_not_finite(tmp_path: Path, value: float) -> None:
    samples = noise(100_000, 2)
    samples[1, 80_000] = value
    path = tmp_path / "a.wav"
    soundfile.write(path, samples.T, 16_000, subtype="FLOAT")
    assert "the first at 5.000 s" in error_of(path)
    with pytest.raises(AudioError, match="NaN or infinite"):
        Audio.from_samples(samples, 16_000)
    with pytest.raises(AudioError, match=r"NaN or infinite|beyond full scale"):
        write_wav(tmp_path / "out.wav", Audio(samples, 16_000))
    assert not (tmp_path / "out.wav").exists()


def test_from_samples() -> None:
    ints = Audio.from_samples(np.array([-32768, 0, 16384], np.int16), 16_000)
    np.testing.assert_array_equal(ints.samples, np.array([-1, 0, 0.5], np.float32))
    assert Audio.from_samples([[0.0, 1.0], [1.0, 0.0]], 8_000).to_mono().samples.tolist() == [0.5, 0.5]
    assert Audio.from_samples(np.zeros((2, 100)), 8_000).num_channels == 2
    for samples in (np.zeros((48_000, 2)), np.zeros((2, 2, 2)), np.zeros(3, np.uint8), np.array([1e300])):
        with pytest.raises(AudioError):
            Audio.from_samples(samples, 16_000)
    with pytest.raises(AudioError, match="sample rate"):
        Audio.from_samples(np.zeros(3), 0)


def test_sixteen_bits_come_back_unchanged(tmp_path: Path) -> None:
    every = np.arange(-32768, 32768, dtype=np.int16)
    path = tmp_path / "a.wav"
    soundfile.write(path, every, 16_000, subtype="PCM_16")
    write_wav(tmp_path / "b.wav", read_audio(path))
    np.testing.assert_array_equal(soundfile.read(tmp_path / "b.wav", dtype="int16")[0], every)


def test_clipping_is_asked_for(tmp_path: Path) -> None:
    loud = Audio(np.array([1.5, -2.0, 1.0, -1.0], np.float32), 16_000)
    with pytest.raises(AudioError, match="beyond full scale"):
        write_wav(tmp_path / "a.wav", loud)
    assert list(tmp_path.iterdir()) == []
    write_wav(tmp_path / "a.wav", loud, clip=True)
    assert soundfile.read(tmp_path / "a.wav", dtype="int16")[0].tolist() == [32767, -32768, 32767, -32768]


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, Audio(noise(100), 16_000))
    before = path.read_bytes()

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_wav(path, Audio(noise(200), 16_000))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("read", ["read_mono", "read_channels"])
def test_memory_of_a_long_recording(tmp_path: Path, read: str) -> None:
    """Four minutes of 48 kHz stereo are 92 MB as floats; reading them as 16 kHz mono must take far less, with the
    channels too, which lie on disk until they are looked at."""
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 48_000, 2, "PCM_16") as file:
        second = (noise(48_000, 2).T * 0.1).astype(np.float32)
        for _ in range(240):
            file.write(second)
    script = (
        f"import resource, sys; from hybrid_tok.audio import {read} as read; import soxr, soundfile, numpy;"
        "base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        f"a, i, *channels = read({str(path)!r}); assert i.num_samples == 11_520_000 and a.num_samples == 3_840_000;"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert int(result.stdout) * 1024 < 46_000_000  # the result itself is 15 MB
