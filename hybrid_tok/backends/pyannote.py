"""Speakers by a pipeline of pyannote.audio 4 (https://github.com/pyannote/pyannote-audio, MIT).

A pipeline is a folder with a `config.yaml`, as `pyannote/speaker-diarization-community-1` and
`pyannote/speaker-diarization-3.1` are published; the networks that it names are in the folder, beside it, or in the
Hugging Face cache. Its segmentation network says for 10 s at a time who of up to three talkers speaks in each frame of
17 ms (Plaquet and Bredin 2023, "Powerset multi-class cross entropy loss for neural speaker diarization"); speaker
embeddings of these local talkers are clustered over the whole recording (Bredin 2023, "pyannote.audio 2.1 speaker
diarization pipeline").

Nothing is downloaded, and the telemetry of pyannote.audio is switched off for the process. The library unpickles its
checkpoints without restrictions, so the names in each are looked at first: one that needs any class but those of
published checkpoints is refused.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hybrid_tok.core.annotations import SpeakerTurn, check_speaker_count
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.local_models import find_local, model_hash
from hybrid_tok.core.timeline import Span, count_frames, merge_spans, overlapping, seconds_to_frame
from hybrid_tok.errors import BackendError, ModelError, first_line, printable

SAMPLE_RATE = 16_000
WHAT = "a diarizer of pyannote.audio"
CONFIG = "config.yaml"

_PIPELINE = "SpeakerDiarization"
_UNDERSTOOD = frozenset(("dependencies", "version", "pipeline", "params", "freeze", "device"))
_NETWORKS = ("segmentation", "embedding")
_SCORED = "VBxClustering"
"""The clustering of `SpeakerDiarization` that is its default and needs a PLDA."""

_WEIGHTS = "pytorch_model.bin"
_HELD = frozenset(
    (
        "pyannote.audio.core.task.Problem",
        "pyannote.audio.core.task.Resolution",
        "pyannote.audio.core.task.Specifications",
        "torch.torch_version.TorchVersion",
    )
)
"""Classes that published checkpoints hold beside tensors; none of them runs anything."""


class PyannoteDiarizer:
    """A `Diarizer`: any number of speakers, overlap included.

    pyannote.audio finds speech by itself, and more of it than the voice activity detector in meetings. A turn is left
    out only if none of the given speech is in it: it is then mostly a laugh or another sound. To cut turns to the
    speech was worse on conversations and meetings (`benchmarks/pyannote_audio.py`).

    Args:
        model: a pipeline's folder or its `config.yaml`, or a name in the Hugging Face cache.
        device: "cpu", "cuda" or "cuda:N". The pipeline's own choice of a device is not followed.

    Raises:
        ModelError: there is no such pipeline, one of its parts is missing or damaged, or it would run code of its own.
    """

    def __init__(self, model: str, *, device: str = "cpu") -> None:
        config, parts = read_pipeline(model)
        digest = hashlib.sha256(" ".join(map(model_hash, parts)).encode()).hexdigest()
        self.fingerprint = f"{self.name}:{digest[:16]}"
        self._model = model
        self._pipeline = load_pipeline(model, config, device)

    @property
    def name(self) -> str:
        return "pyannote"

    def diarize(self, audio: Audio, speech: Sequence[Span], speakers: int | None = None) -> tuple[SpeakerTurn, ...]:
        """Who speaks when, sorted by start; speakers are numbered in order of first appearance.

        Args:
            audio: mono at 16 kHz.
            speech: where there is talk; turns without any are left out.
            speakers: how many there are, where that is known. Fewer are found where too little is said.

        Raises:
            OptionsError: `speakers` is less than 1.
            BackendError: the pipeline failed.
        """
        import torch

        check_speaker_count(speakers)
        samples = audio.mono_at(SAMPLE_RATE, self.name)
        if len(samples) == 0 or not speech:
            return ()
        try:
            with _quiet():
                found = self._pipeline(
                    {"waveform": torch.from_numpy(samples)[None], "sample_rate": SAMPLE_RATE}, num_speakers=speakers
                )
        except Exception as error:  # of torch, scikit-learn and pyannote.audio, which have no common class
            raise BackendError(f"{WHAT}: {self._model} failed ({first_line(error)})") from None
        tracks = getattr(found, "speaker_diarization", found).itertracks(yield_label=True)
        return turns_of(
            ((segment.start, segment.end, str(label)) for segment, _, label in tracks),
            speech,
            count_frames(len(samples), SAMPLE_RATE),
        )


def turns_of(
    tracks: Iterable[tuple[float, float, str]], speech: Sequence[Span], frames: int
) -> tuple[SpeakerTurn, ...]:
    """Turns on the 20 ms grid, within the recording, that share a frame with the speech.

    Args:
        tracks: start and end in seconds, and the speaker's label, in any order; those of two speakers may overlap.
        frames: length of the recording.
    """
    spans: dict[str, list[Span]] = {}
    for start, end, label in tracks:
        first = min(max(0, seconds_to_frame(start)), frames)
        spans.setdefault(label, []).append(Span(first, max(first, min(seconds_to_frame(end), frames))))
    talk = merge_spans(speech)
    found: list[tuple[Span, str]] = []
    for label, own in spans.items():
        merged = merge_spans(own)
        for span, within in zip(merged, overlapping(merged, talk, lambda other: other), strict=True):
            if any(other.overlap(span) for other in within):
                found.append((span, label))
    order: dict[str, int] = {}
    return tuple(SpeakerTurn(order.setdefault(label, len(order)), span) for span, label in sorted(found))


def read_pipeline(model: str) -> tuple[dict[str, Any], list[Path]]:
    """A pipeline's configuration with the places of its parts filled in, and all files and folders it consists of.

    Raises:
        ModelError: it is no diarization pipeline, or one of its parts is missing.
    """
    import yaml

    path = find_local(model, WHAT)
    file = path / CONFIG if path.is_dir() else path
    try:
        config = yaml.safe_load(file.read_text("utf-8"))
        pipeline = config["pipeline"]
        name, params = str(pipeline["name"]), dict(pipeline.get("params") or {})
    except (OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise ModelError(
            f"{WHAT}: {file} is missing, or no pipeline's configuration ({first_line(error)}): give the folder of one"
        ) from None
    if not name.startswith("pyannote.audio.pipelines.") or name.rpartition(".")[2] != _PIPELINE:
        raise ModelError(f"{WHAT}: {model} is a pipeline {printable(name)}, and must be a {_PIPELINE}")
    if unknown := set(config) - _UNDERSTOOD:
        raise ModelError(f"{WHAT}: {file} has {', '.join(sorted(map(printable, map(str, unknown))))}: take it out")
    parts = [file]
    scored = params.get("clustering", _SCORED) == _SCORED
    for key in (*_NETWORKS, *(("plda",) if scored or "plda" in params else ())):
        if key not in params:
            raise ModelError(f"{WHAT}: {file} names no {key}: add its place to the pipeline's params")
        part = _place(params[key], file.parent)
        # As a mapping: pyannote.audio guesses the kind of an embedding from words in a plain path.
        params[key] = {"checkpoint": str(part), **({"strict": False} if key in _NETWORKS else {})}
        parts.append(part)
    kept = {key: value for key, value in config.items() if key != "device"}
    return {**kept, "pipeline": {"name": name, "params": params}}, parts


def load_pipeline(model: str, config: dict[str, Any], device: str) -> Any:
    """The pipeline, ready for use on the device.

    Raises:
        ModelError: a part is damaged, or holds more than weights.
    """
    from hybrid_tok.nn.device import torch_device

    os.environ["PYANNOTE_METRICS_ENABLED"] = "false"
    where = torch_device(device)
    params = config["pipeline"]["params"]
    for key in _NETWORKS:
        _check_weights(Path(params[key]["checkpoint"]))
    try:
        with _quiet():
            from pyannote.audio import Pipeline
            from pyannote.audio.core.plda import PLDA

            # One without parameters where none is needed: in place of none at all, the library downloads its own.
            params.setdefault("plda", object.__new__(PLDA))
            pipeline = Pipeline.from_pretrained(config)
            if pipeline is None:
                raise ValueError("pyannote.audio gives none")
            return pipeline.to(where)
    except Exception as error:  # of torch, yaml and pyannote.audio, which have no common class
        raise ModelError(f"{WHAT}: {model} cannot be loaded ({first_line(error)})") from None


def _place(given: object, folder: Path) -> Path:
    """Where a part of a pipeline is: `$model/NAME`, a path, a name in the Hugging Face cache, or a mapping of these."""
    if isinstance(given, Mapping):
        base, inside = str(given.get("checkpoint", "")), str(given.get("subfolder") or "")
    else:
        base, inside = str(given), ""
    base = base.partition("@")[0]
    if base.startswith("$model/"):
        base = str(folder / base.removeprefix("$model/"))
    elif base and (folder / base).exists():
        base = str(folder / base)
    return find_local(str(find_local(base, WHAT) / inside), WHAT) if inside else find_local(base, WHAT)


def _check_weights(path: Path) -> None:
    """Raises ModelError for a checkpoint that is missing, damaged, or would run something when it is unpickled."""
    from torch.serialization import get_unsafe_globals_in_checkpoint

    file = path / _WEIGHTS if path.is_dir() else path
    try:
        names = set(get_unsafe_globals_in_checkpoint(file))
    except Exception as error:  # of torch, pickle and zipfile, which have no common class
        raise ModelError(f"{WHAT}: {file} is missing, or no checkpoint ({first_line(error)})") from None
    if more := sorted(names - _HELD):
        raise ModelError(f"{WHAT}: {file} holds {printable(more[0])} beside weights, which could run code: not loaded")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's warnings: of torchcodec, which is not needed, and of statistics of too few frames."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
