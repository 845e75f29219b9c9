"""The diarizer with the library itself, and segmentation-3.0's published weights."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from backends.pyannote.pipelines import write_pipeline

from hybrid_tok.audio import read_mono
from hybrid_tok.backends.pyannote import PyannoteDiarizer
from hybrid_tok.bench.metrics.diarization import diarization_errors, spoken
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import Backend
from hybrid_tok.core.timeline import Span, count_frames
from hybrid_tok.errors import BackendError, ModelError
from real_audio import recording

LAYOUTS = ("3.1", "community-1")
EVERYTHING = (Span(0, 1_000_000),)
SECONDS = 12


@pytest.fixture(scope="module", params=LAYOUTS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pipeline(tmp_path_factory.mktemp("pipeline"), request.param)


@pytest.fixture(scope="module")
def diarizer(folder: Path) -> PyannoteDiarizer:
    return PyannoteDiarizer(str(folder))


@pytest.fixture(autouse=True)
def without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object, **more: object) -> None:
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def beginning(path: str) -> Audio:
    audio, _ = read_mono(recording(path))
    return Audio(audio.samples[: SECONDS * 16_000], 16_000)


def test_a_meeting(diarizer: PyannoteDiarizer) -> None:
    """Where someone speaks, and where two do, is the published network's; who, that of random weights."""
    audio = beginning("diarization/dev00.flac")
    turns = diarizer.diarize(audio, EVERYTHING, 2)
    rows = [line.split() for line in recording("diarization/dev00.rttm").read_text("utf-8").splitlines()]
    times = [(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in rows]
    truth = [(start, min(end, SECONDS), speaker) for start, end, speaker in times if start < SECONDS]
    errors = diarization_errors(truth, spoken(turns), collar=0.25)
    assert (errors.missed + errors.false_alarm) / errors.total < 0.12
    assert sorted(turns, key=lambda turn: turn.span) == list(turns)
    assert {turn.speaker for turn in turns} == {0, 1} and turns[0].speaker == 0
    assert diarizer.diarize(audio, EVERYTHING, 2) == turns


def test_turns_without_speech_are_left_out(diarizer: PyannoteDiarizer) -> None:
    audio = beginning("dialogues/dialogue03.flac")
    every = diarizer.diarize(audio, EVERYTHING)
    last = max(every, key=lambda turn: turn.span)
    found = diarizer.diarize(audio, [last.span])
    assert len(every) > len(found)
    assert [turn.span for turn in found] == [turn.span for turn in every if turn.span.overlap(last.span)]


@pytest.mark.parametrize("samples", [1, 160, 8_000, 40_000])
def test_silence_and_short_recordings(samples: int, diarizer: PyannoteDiarizer) -> None:
    noise = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    frames = count_frames(samples, 16_000)
    for sound in (0.0 * noise, 0.1 * noise):
        for speakers in (None, 3):
            turns = diarizer.diarize(Audio(sound, 16_000), EVERYTHING, speakers)
            assert all(turn.span.end <= frames for turn in turns)


def test_other_recordings_between_change_nothing(diarizer: PyannoteDiarizer) -> None:
    audio = beginning("dialogues/dialogue03.flac")
    before = diarizer.diarize(audio, EVERYTHING)
    diarizer.diarize(Audio(audio.samples[::-1].copy(), 16_000), EVERYTHING, 3)
    assert before and diarizer.diarize(audio, EVERYTHING) == before


def test_it_is_a_backend_and_sends_nothing(diarizer: PyannoteDiarizer) -> None:
    assert isinstance(diarizer, Backend)
    assert diarizer.name == "pyannote" and diarizer.fingerprint.startswith("pyannote:")
    assert os.environ["PYANNOTE_METRICS_ENABLED"] == "false"


def test_the_device_reaches_every_network(folder: Path) -> None:
    pipeline = PyannoteDiarizer(str(folder), device="meta")._pipeline
    networks = (pipeline._segmentation.model, pipeline._embedding.model_)
    devices = {value.device for network in networks for value in (*network.parameters(), *network.buffers())}
    assert devices == {torch.device("meta")}
    assert pipeline._segmentation.device == pipeline._embedding.device == torch.device("meta")


def test_a_wrong_device_is_named(folder: Path) -> None:
    with pytest.raises(BackendError, match="device 'warp'") as error:
        PyannoteDiarizer(str(folder), device="warp")
    assert "\n" not in str(error.value)


def test_networks_of_other_kinds_are_refused(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path / "pipeline", "3.1")
    torch.save({"state_dict": {}}, folder / "segmentation" / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded") as error:
        PyannoteDiarizer(str(folder))
    assert "\n" not in str(error.value)
