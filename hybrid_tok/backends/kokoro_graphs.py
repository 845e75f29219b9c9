"""Kokoro-82M (https://huggingface.co/hexgrad/Kokoro-82M, Apache-2.0) in three graphs.

The released ONNX file goes from phonemes to samples in one step. Cut in three, it lets durations, pitch and energy be
read and set in between, inside the vocoder, so that nothing has to be stretched or pitch-shifted afterwards:

    tokens, style                       -> durations            in frames of 25 ms, at Kokoro's own pace
    tokens, style, durations            -> encoding, pitch, energy
    encoding, pitch, energy, style      -> samples              24 kHz, 600 per frame

The file is cut once, with `onnx`, into the cache; a file there lists the hashes of the graphs, and they are checked
before they are loaded. No graph holds a random node: the same input gives the same samples.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.atomic_write import atomic_folder
from hybrid_tok.core.model_cache import cache_folder, file_sha256
from hybrid_tok.core.model_files import MODELS
from hybrid_tok.core.model_sources import find_model
from hybrid_tok.core.threads import thread_count
from hybrid_tok.errors import BackendError, ModelError

SAMPLE_RATE = 24_000
FRAME_SAMPLES = 600
"""Samples of a frame of Kokoro's: 25 ms."""

_DURATIONS = "/encoder/predictor/ReduceSum_output_0"
"""Expected frames of each token, before they are divided by the speed and rounded."""
_ROUNDED = "/encoder/Clip_output_0"
"""The same after that: the frames that each token gets."""
_ENCODING = "/encoder/MatMul_1_output_0"
_PITCH = "/encoder/Reshape_output_0"
_ENERGY = "/encoder/Reshape_1_output_0"


@dataclass(frozen=True, slots=True)
class _Graph:
    """A part of the released graph: names of its tensors."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


_GRAPHS: Mapping[str, _Graph] = MappingProxyType(
    {
        "durations": _Graph(("tokens", "style"), (_DURATIONS,)),
        "prosody": _Graph(("tokens", "style", _ROUNDED), (_ENCODING, _PITCH, _ENERGY)),
        "vocoder": _Graph(("style", _ENCODING, _PITCH, _ENERGY), ("audio",)),
    }
)

_INDEX = "graphs.json"
_FORMAT = 1
"""Changes whenever the file is cut in another way."""


@dataclass(frozen=True, slots=True, eq=False)
class Contours:
    """What the vocoder speaks, frame by frame.

    Attributes:
        encoding: (1, 512, frames), the phonemes.
        pitch: (2 * frames,), Hz; below about 10 where nothing is voiced.
        energy: (2 * frames,), a logarithm of the level.
    """

    encoding: NDArray[np.float32]
    pitch: NDArray[np.float32]
    energy: NDArray[np.float32]

    def without(self, first: int, last: int) -> Contours:
        """All but so many frames at the start and at the end."""
        end = self.encoding.shape[2] - last
        encoding = np.ascontiguousarray(self.encoding[:, :, first:end])
        return Contours(encoding, self.pitch[2 * first : 2 * end], self.energy[2 * first : 2 * end])


class KokoroGraphs:
    """The three graphs, each loaded when it is first needed and kept.

    Args:
        threads: of onnxruntime's; None is `thread_count()`.
        device: "cpu", "cuda" or "cuda:N".

    Raises:
        ModelError: the model is not on this machine, or its bytes are not those of the release.
        BackendError: onnxruntime is missing or has no CUDA where that is asked for, or onnx is missing when the model
            has yet to be cut.
    """

    def __init__(self, threads: int | None = None, device: str = "cpu") -> None:
        self._providers = _providers(device)
        _cut_model()
        self._threads = threads or thread_count()
        self._sessions: dict[str, Any] = {}

    def durations(self, tokens: Sequence[int], style: NDArray[np.float32]) -> NDArray[np.float32]:
        """Expected frames of each token (n,), not rounded.

        Args:
            tokens: (n,), phonemes with a 0 at both ends.
            style: (256,).
        """
        (frames,) = self._run("durations", {"tokens": _row(tokens), "style": style[None]})
        return frames.reshape(-1)

    def contours(self, tokens: Sequence[int], style: NDArray[np.float32], frames: NDArray[np.integer]) -> Contours:
        """Pitch, energy and encoding of tokens that last so many frames each, (n,)."""
        inputs = {"tokens": _row(tokens), "style": style[None], _ROUNDED: frames.astype(np.float32)[None]}
        encoding, pitch, energy = self._run("prosody", inputs)
        return Contours(encoding, pitch.reshape(-1), energy.reshape(-1))

    def speak(self, contours: Contours, style: NDArray[np.float32]) -> NDArray[np.float32]:
        """Samples (600 * frames,) at 24 kHz."""
        inputs = {
            "style": style[None],
            _ENCODING: contours.encoding,
            _PITCH: contours.pitch[None],
            _ENERGY: contours.energy[None],
        }
        (samples,) = self._run("vocoder", inputs)
        return samples.reshape(-1)

    def _run(self, graph: str, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        if graph not in self._sessions:  # cut again if the cache was deleted meanwhile
            self._sessions[graph] = _open_session(_cut_model() / f"{graph}.onnx", self._threads, self._providers)
        return self._sessions[graph].run(None, dict(inputs))


def _row(tokens: Sequence[int]) -> NDArray[np.int64]:
    return np.asarray(tokens, np.int64)[None]


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise BackendError('Kokoro needs onnxruntime: pip install "hybrid-tok[models]"') from None
    return onnxruntime


def _providers(device: str) -> list[tuple[str, dict[str, int]]]:
    """What onnxruntime computes with on a device."""
    kind, _, index = device.partition(":")
    if kind == "cpu":
        return [("CPUExecutionProvider", {})]
    if kind != "cuda" or "CUDAExecutionProvider" not in _onnxruntime().get_available_providers():
        raise BackendError(
            f"Kokoro cannot run on {device!r}: this onnxruntime has no CUDA; pip uninstall onnxruntime, then "
            "pip install onnxruntime-gpu"
        )
    return [("CUDAExecutionProvider", {"device_id": int(index or 0)}), ("CPUExecutionProvider", {})]


def _open_session(path: Path, threads: int, providers: list[tuple[str, dict[str, int]]]) -> Any:
    onnxruntime = _onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # its notes about unused initializers are none of the user's concern
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # of types of its own: the file was deleted just now, or memory is short
        reason = str(error).splitlines()[0]
        raise BackendError(f"{path} cannot be loaded by onnxruntime ({reason}): try again") from None


def _cut_model() -> Path:
    """The folder of the three graphs, which are made if they are not there yet.

    Raises:
        ModelError: see `KokoroGraphs`; or a graph in the cache is not the one that was written.
        BackendError: onnx is missing.
    """
    source = find_model("kokoro", "kokoro") / MODELS["kokoro"].files[0].name
    folder = cache_folder() / "models" / f"kokoro-{MODELS['kokoro'].files[0].sha256[:8]}-graphs{_FORMAT}"
    if not folder.is_dir():
        _cut(source, folder)
    try:
        hashes = json.loads((folder / _INDEX).read_text("utf-8"))
        right = all(file_sha256(folder / f"{graph}.onnx") == hashes[graph] for graph in _GRAPHS)
    except (OSError, ValueError, LookupError, TypeError, ModelError):
        right = False
    if not right:
        raise ModelError(f"{folder} is damaged: delete that folder and try again")
    return folder


def _cut(source: Path, folder: Path) -> None:
    """Write the graphs and the list of their hashes; the folder appears when all are written. Of several processes that
    do so at once, the first one's stays."""
    try:
        import onnx
    except ImportError:
        raise BackendError(
            'Kokoro\'s file is cut in three once, which needs onnx: pip install "hybrid-tok[models]"'
        ) from None
    try:
        model = onnx.load(str(source))
    except OSError as error:
        raise ModelError(f"{source} cannot be read: {error.strerror}") from None
    try:
        with atomic_folder(folder) as made:
            hashes: dict[str, str] = {}
            for name, graph in _GRAPHS.items():
                data = _part(model, name, graph).SerializeToString(deterministic=True)
                (made / f"{name}.onnx").write_bytes(data)
                hashes[name] = hashlib.sha256(data).hexdigest()
            (made / _INDEX).write_text(json.dumps(hashes, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise ModelError(
            f"model cache {cache_folder()} cannot be written to ({error.strerror}): make 120 MB of space there, or set "
            "HYBRID_TOK_CACHE to another folder"
        ) from None


def _part(model: Any, name: str, graph: _Graph) -> Any:
    """The part of an ONNX model that leads from the graph's inputs to its outputs."""
    from onnx import TensorProto, helper

    makers = {output: node for node in model.graph.node for output in node.output}
    wanted, found, used = list(graph.outputs), set[str](), set[str]()
    while wanted:
        tensor = wanted.pop()
        if tensor in found or tensor in graph.inputs:
            continue
        found.add(tensor)
        used.add(tensor)
        if tensor in makers:
            wanted += makers[tensor].input
    nodes = [node for node in model.graph.node if not found.isdisjoint(node.output)]
    arrays = [array for array in model.graph.initializer if array.name in used]
    types = {"tokens": TensorProto.INT64}
    part = helper.make_graph(
        nodes,
        f"kokoro {name}",
        [helper.make_tensor_value_info(tensor, types.get(tensor, TensorProto.FLOAT), None) for tensor in graph.inputs],
        [helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None) for tensor in graph.outputs],
        arrays,
    )
    return helper.make_model(part, opset_imports=model.opset_import, ir_version=model.ir_version)
