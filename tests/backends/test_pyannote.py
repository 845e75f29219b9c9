"""What is ours in the diarizer of pyannote.audio: its turns, its folders, and what it refuses to load.

Networks are in `backends/pyannote`, which needs the library.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from pyannote.core import Annotation, Segment

from hybrid_tok.backends import pyannote as backend
from hybrid_tok.backends.pyannote import PyannoteDiarizer, read_pipeline, turns_of
from hybrid_tok.core.annotations import SpeakerTurn
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import BackendError, ModelError, OptionsError

PIPELINE = "pyannote.audio.pipelines.SpeakerDiarization"
ALL = (Span(0, 500),)
TEN_SECONDS = Audio(np.full(160_000, 0.1, np.float32), 16_000)


def write_folder(folder: Path, params: Mapping[str, Any], name: str = PIPELINE, **more: object) -> Path:
    """A pipeline's folder with networks that are only names of files."""
    for part in ("segmentation", "embedding"):
        (folder / part).mkdir(parents=True)
        torch.save({"state_dict": {"w": torch.zeros(1)}, "part": part}, folder / part / "pytorch_model.bin")
    config = {"pipeline": {"name": name, "params": dict(params)}, **more}
    (folder / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    return folder


OLD = {"clustering": "AgglomerativeClustering", "segmentation": "$model/segmentation", "embedding": "$model/embedding"}


class Pipeline:
    """Stands for a pipeline: gives the tracks it was made with, and keeps what it was asked."""

    def __init__(self, tracks: list[tuple[float, float, str]], legacy: bool = False) -> None:
        self.tracks, self.legacy, self.asked = tracks, legacy, []

    def __call__(self, file: dict[str, Any], num_speakers: int | None) -> Any:
        self.asked.append((tuple(file["waveform"].shape), file["sample_rate"], num_speakers))
        found = Annotation()
        for start, end, label in self.tracks:
            found[Segment(start, end), label] = label
        return found if self.legacy else type("DiarizeOutput", (), {"speaker_diarization": found})()


def diarizer(folder: Path, monkeypatch: pytest.MonkeyPatch, pipeline: Any) -> PyannoteDiarizer:
    monkeypatch.setattr(backend, "load_pipeline", lambda model, config, device: pipeline)
    return PyannoteDiarizer(str(write_folder(folder / "pipeline", OLD)))


def test_speakers_are_numbered_by_appearance_and_overlaps_are_kept() -> None:
    tracks = [(2.0, 4.0, "SPEAKER_00"), (0.5, 2.5, "SPEAKER_07"), (6.0, 7.0, "SPEAKER_00")]
    assert turns_of(tracks, ALL, 500) == (
        SpeakerTurn(0, Span(25, 125)),
        SpeakerTurn(1, Span(100, 200)),
        SpeakerTurn(1, Span(300, 350)),
    )


def test_turns_without_speech_are_left_out() -> None:
    """A turn with some speech is kept whole, and a speaker of nothing but laughter gets no number."""
    speech = (Span(260, 300), Span(100, 150), Span(150, 160))
    tracks = [(0.0, 2.0, "laughs"), (2.0, 5.6, "a"), (5.4, 9.0, "b"), (9.2, 9.9, "a")]
    assert turns_of(tracks, speech, 500) == (SpeakerTurn(0, Span(100, 280)), SpeakerTurn(1, Span(270, 450)))
    assert turns_of(tracks, (Span(100, 100),), 500) == turns_of(tracks, (), 500) == ()


def test_turns_lie_in_the_recording_and_a_speaker_is_counted_once() -> None:
    """The library's last window reaches beyond the end; tracks of one speaker may touch or overlap."""
    tracks = [
        (-0.1, 1.0, "a"),
        (1.0, 1.5, "a"),
        (1.2, 1.6, "a"),
        (9.9, 10.4, "a"),
        (11.0, 12.0, "b"),
        (3.0, 3.005, "b"),
    ]
    assert turns_of(tracks, (Span(0, 1000),), 500) == (SpeakerTurn(0, Span(0, 80)), SpeakerTurn(0, Span(495, 500)))


@pytest.mark.parametrize("legacy", [False, True])
def test_what_the_pipeline_is_given(legacy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline([(1.0, 2.0, "B"), (3.0, 4.0, "A")], legacy)
    found = diarizer(tmp_path, monkeypatch, pipeline)
    turns = (SpeakerTurn(0, Span(50, 100)), SpeakerTurn(1, Span(150, 200)))
    assert found.diarize(TEN_SECONDS, ALL) == found.diarize(TEN_SECONDS, ALL, 2) == turns
    assert pipeline.asked == [((1, 160_000), 16_000, None), ((1, 160_000), 16_000, 2)]
    assert found.name == "pyannote"


def test_the_pipeline_is_not_asked_without_speech(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline([(0.0, 9.0, "A")])
    found = diarizer(tmp_path, monkeypatch, pipeline)
    assert found.diarize(TEN_SECONDS, ()) == found.diarize(Audio(np.zeros(0, np.float32), 16_000), ()) == ()
    assert pipeline.asked == []


def test_errors_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(file: object, num_speakers: object) -> None:
        raise RuntimeError("out of memory\nat 0x1234")

    found = diarizer(tmp_path, monkeypatch, fail)
    with pytest.raises(BackendError, match=r"pipeline failed \(out of memory\)$"):
        found.diarize(TEN_SECONDS, ALL)
    with pytest.raises(OptionsError, match="speakers=0"):
        found.diarize(TEN_SECONDS, ALL, 0)
    with pytest.raises(BackendError, match="pyannote needs mono at 16000 Hz"):
        found.diarize(Audio(np.zeros(8_000, np.float32), 8_000), ALL)


def test_the_fingerprint_follows_the_files_and_not_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "load_pipeline", lambda model, config, device: None)
    first, second = (write_folder(tmp_path / place, OLD) for place in ("here", "there"))
    fingerprint = PyannoteDiarizer(str(first)).fingerprint
    assert PyannoteDiarizer(str(second)).fingerprint == PyannoteDiarizer(str(first / "config.yaml")).fingerprint
    assert (
        PyannoteDiarizer(str(second)).fingerprint
        == fingerprint
        == PyannoteDiarizer(str(first), device="meta").fingerprint
    )
    torch.save({"state_dict": {"w": torch.ones(1)}}, second / "embedding" / "pytorch_model.bin")
    assert PyannoteDiarizer(str(second)).fingerprint != fingerprint


def test_every_part_is_found_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By `$model/NAME`, a path beside the configuration, a mapping, or a name in the Hugging Face cache."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    hub, whole = (
        tmp_path / "hub" / f"models--pyannote--{name}" / "snapshots" / "e66f3d3b"
        for name in ("segmentation-3.0", "speaker-diarization-community-1")
    )
    hub.mkdir(parents=True)
    (whole / "embedding").mkdir(parents=True)
    params = {
        **OLD,
        "segmentation": "pyannote/segmentation-3.0@main",
        "embedding": {"checkpoint": "pyannote/speaker-diarization-community-1", "subfolder": "embedding"},
        "embedding_batch_size": 32,
    }
    folder = write_folder(tmp_path / "pipeline", params, version="3.1.0", device="cuda")
    config, parts = read_pipeline(str(folder))
    assert parts == [folder / "config.yaml", hub, whole / "embedding"]
    assert config == {
        "version": "3.1.0",
        "pipeline": {
            "name": PIPELINE,
            "params": {
                "clustering": "AgglomerativeClustering",
                "segmentation": {"checkpoint": str(hub), "strict": False},
                "embedding": {"checkpoint": str(whole / "embedding"), "strict": False},
                "embedding_batch_size": 32,
            },
        },
    }
    beside = write_folder(tmp_path / "beside", {**OLD, "segmentation": "segmentation/pytorch_model.bin"})
    assert read_pipeline(str(beside))[1][1] == beside / "segmentation" / "pytorch_model.bin"


@pytest.mark.parametrize(
    ("params", "name", "more", "message"),
    [
        (OLD, "pyannote.audio.pipelines.VoiceActivityDetection", {}, "must be a SpeakerDiarization"),
        (OLD, "os.path.SpeakerDiarization", {}, "must be a SpeakerDiarization"),
        (OLD, PIPELINE, {"preprocessors": {"audio": {"name": "os.system"}}}, "has preprocessors: take it out"),
        ({**OLD, "embedding": "pyannote/embedding-of-no-one"}, PIPELINE, {}, "not in the Hugging Face cache"),
        ({**OLD, "embedding": "$model/speaker"}, PIPELINE, {}, "there is no file or folder"),
        ({**OLD, "clustering": "VBxClustering"}, PIPELINE, {}, "names no plda"),
        ({"embedding": "$model/embedding"}, PIPELINE, {}, "names no segmentation"),
    ],
)
def test_what_is_no_local_diarization_pipeline_is_refused(
    params: dict[str, Any], name: str, more: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=message) as error:
        read_pipeline(str(write_folder(tmp_path / "pipeline", params, name, **more)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", [None, "", "pipeline: 3", "pipeline: {name", "- a", "pipeline: {params: {}}"])
def test_a_folder_without_a_configuration_is_refused(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "config.yaml").write_text(text, "utf-8")
    with pytest.raises(ModelError, match="give the folder of one") as error:
        read_pipeline(str(tmp_path))
    assert "\n" not in str(error.value)


class Harmful:
    """What a pickle can hold: a call of any function."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("ran"),))


def test_a_checkpoint_that_could_run_code_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = write_folder(tmp_path / "pipeline", OLD)
    torch.save({"state_dict": {}, "extra": Harmful()}, folder / "embedding" / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"beside weights, which could run code: not loaded$"):
        PyannoteDiarizer(str(folder))
    assert not Path("ran").exists()
    (folder / "embedding" / "pytorch_model.bin").write_bytes(b"no checkpoint")
    with pytest.raises(ModelError, match="or no checkpoint"):
        PyannoteDiarizer(str(folder))
    (folder / "embedding" / "pytorch_model.bin").rename(folder / "embedding" / "other.bin")
    with pytest.raises(ModelError, match="is missing, or no checkpoint"):
        PyannoteDiarizer(str(folder))
