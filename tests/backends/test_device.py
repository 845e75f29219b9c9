"""`device` reaches every network and everything that goes into it.

On torch's meta device tensors have shapes and no values: a network, or an input, that stayed on the CPU raises an error
about two devices, and one that is right gets as far as copying its result back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from torch import nn

from hybrid_tok.backends.kokoro import KokoroSynthesizer
from hybrid_tok.backends.transcript_aligner import TranscriptAligner
from hybrid_tok.backends.whisper import WhisperRecognizer
from hybrid_tok.codec.backend import BuiltinCodec
from hybrid_tok.core.timeline import Span
from hybrid_tok.diarizer.backend import BuiltinDiarizer
from hybrid_tok.diarizer.speaker_encoder import SpeakerEncoder
from hybrid_tok.errors import BackendError
from hybrid_tok.registry import BACKENDS
from hybrid_tok.tagger.backend import BuiltinTagger
from hybrid_tok.testing import talk
from hybrid_tok.tokenizer import HybridTokenizer

RUNS: dict[str, tuple[Callable[[str], Any], Callable[[Any], Any]]] = {
    "codec, encode": (lambda device: BuiltinCodec(device=device), lambda one: one.encode(talk().samples)),
    "codec, decode": (lambda device: BuiltinCodec(device=device), lambda one: one.decode(np.zeros((9, 2), np.int64))),
    "tagger": (lambda device: BuiltinTagger(device=device), lambda one: one.tag(talk())),
    "diarizer": (lambda device: BuiltinDiarizer(device=device), lambda one: one.diarize(talk(), (Span(0, 90),))),
    "speaker encoder": (lambda device: SpeakerEncoder(device=device), lambda one: one.embed(talk().samples)),
}


def networks(one: Any, depth: int = 3) -> list[nn.Module]:
    """The networks that an object holds, itself or in the objects it holds."""
    if isinstance(one, nn.Module):
        return [one]
    held = vars(one).values() if depth and hasattr(one, "__dict__") else ()
    return [network for value in held for network in networks(value, depth - 1)]


@pytest.mark.parametrize(("make", "use"), RUNS.values(), ids=RUNS)
def test_everything_is_on_the_device(make: Callable[[str], Any], use: Callable[[Any], Any]) -> None:
    backend = make("meta")
    held = [parameter for network in networks(backend) for parameter in network.parameters()]
    assert held and {parameter.device.type for parameter in held} == {"meta"}
    with pytest.raises(RuntimeError, match=r"Cannot copy out of meta tensor|cannot be called on meta tensors"):
        use(backend)
    assert use(make("cpu")) is not None


def test_ctranslate2_and_onnxruntime_get_the_device() -> None:
    with pytest.raises(BackendError, match="unsupported device meta"):
        _ = WhisperRecognizer(device="meta").model
    with pytest.raises(BackendError, match="unsupported device meta"):
        _ = TranscriptAligner(device="meta")._whisper.model
    with pytest.raises(BackendError, match="Kokoro cannot run on 'cuda:1': this onnxruntime has no CUDA"):
        KokoroSynthesizer(device="cuda:1")


def test_a_device_that_is_not_here_is_one_line() -> None:
    for make in (BuiltinCodec, BuiltinTagger, BuiltinDiarizer, SpeakerEncoder):
        with pytest.raises(BackendError, match=r"^device 'cuda:99' is not here: torch .*; leave --device out$"):
            make(device="cuda:99")
        with pytest.raises(BackendError, match="device 'nowhere' is unknown to torch"):
            make(device="nowhere")


def test_the_tokenizer_passes_it_on() -> None:
    with HybridTokenizer.from_preset(device="meta") as tokenizer:
        for stage in ("codec", "tagger", "diarizer"):
            assert {one.device.type for part in networks(tokenizer._backend(stage)) for one in part.parameters()} == {
                "meta"
            }
    without = {key for key, entry in BACKENDS.items() if "device" not in entry.options}
    # Silero is a 2 MB network in faster-whisper's wheel, which runs it on the CPU; espeak-ng has none.
    assert without == {("voice_activity", "silero"), ("synthesizer", "espeak")}
