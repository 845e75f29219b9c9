"""What every backend must keep, of all adapters of NeMo."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from hybrid_tok.backends.nemo.clustering import TitanetDiarizer
from hybrid_tok.backends.nemo.codec import NemoCodec
from hybrid_tok.backends.nemo.recognizer import NemoRecognizer
from hybrid_tok.backends.nemo.sortformer import SortformerDiarizer
from hybrid_tok.backends.nemo.synthesizer import NemoSynthesizer
from hybrid_tok.core.interfaces import Stage
from hybrid_tok.errors import ModelError
from hybrid_tok.testing import Check, checks_of

MADE: dict[str, tuple[Stage, type, str]] = {
    "sortformer": ("diarizer", SortformerDiarizer, "sortformer"),
    "streaming sortformer": ("diarizer", SortformerDiarizer, "streaming"),
    "titanet": ("diarizer", TitanetDiarizer, "titanet"),
    "grouped FSQ": ("codec", NemoCodec, "fsq"),
    "grouped RVQ": ("codec", NemoCodec, "rvq"),
    "ctc": ("recognizer", NemoRecognizer, "ctc"),
    "rnnt": ("recognizer", NemoRecognizer, "rnnt"),
    "tdt": ("recognizer", NemoRecognizer, "tdt"),
    "hybrid of word pieces": ("recognizer", NemoRecognizer, "hybrid"),
    "fastpitch": ("synthesizer", NemoSynthesizer, "fastpitch+hifigan"),
    "fastpitch of three": ("synthesizer", NemoSynthesizer, "fastpitch-3+hifigan"),
}


def model_of(names: str, tiny: Callable[[str], str]) -> str:
    return "+".join(map(tiny, names.split("+")))


@pytest.fixture(scope="module")
def backend_of(tiny: Callable[[str], str]) -> Callable[[str], Any]:
    return cache(lambda title: MADE[title][1](model_of(MADE[title][2], tiny)))


@pytest.mark.parametrize(
    ("title", "check"),
    [
        pytest.param(title, check, id=f"{title}: {check.__name__}")
        for title, (stage, _, _) in MADE.items()
        for check in checks_of(stage)
    ],
)
def test_contract(title: str, check: Check, backend_of: Callable[[str], Any]) -> None:
    check(backend_of(title))


@pytest.mark.parametrize(("stage", "backend", "names"), MADE.values(), ids=MADE)
def test_the_device_reaches_every_network(stage: Stage, backend: type, names: str, tiny: Callable[[str], str]) -> None:
    from torch import nn

    networks = [
        one for one in vars(backend(model_of(names, tiny), device="meta")).values() if isinstance(one, nn.Module)
    ]
    held = [parameter for network in networks for parameter in network.parameters()]
    assert held and {parameter.device.type for parameter in held} == {"meta"}


@pytest.mark.parametrize(("stage", "backend", "names"), MADE.values(), ids=MADE)
def test_other_models_are_refused(stage: Stage, backend: type, names: str, tiny: Callable[[str], str]) -> None:
    other = "titanet" if names != "titanet" else "ctc"
    with pytest.raises(ModelError, match="of the kind EncDec") as caught:
        backend(model_of("+".join(other for _ in names.split("+")), tiny))
    assert "\n" not in str(caught.value)
