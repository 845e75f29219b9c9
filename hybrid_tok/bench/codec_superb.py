"""The tokenizer as a codec of Codec-SUPERB (Wu et al. 2024, arXiv 2402.13071), run by its own scripts.

    python -m hybrid_tok.bench.codec_superb scripts/benchmarking.py --dataset FOLDER --models hybrid_tok

Run it in a checkout of Codec-SUPERB, with what that needs installed. The script is run unchanged: before it starts, the
codecs of `SETTINGS` are put among those that it knows. Its metrics compare waveforms, so all settings are of locked
timing; speech that is spoken again by a synthesizer is still scored as if it should have been the same waveform, which
is what a hybrid stream does not try to be.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np

from hybrid_tok.core.audio import Audio
from hybrid_tok.errors import BackendError, OptionsError
from hybrid_tok.tokenizer import HybridTokenizer

SETTINGS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "hybrid_tok": {},
        "hybrid_tok_text": {"layout": "text"},
        "hybrid_tok_units_1": {"layout": "units", "num_codebooks": 1},
        "hybrid_tok_units_2": {"layout": "units", "num_codebooks": 2},
        "hybrid_tok_units_4": {"layout": "units", "num_codebooks": 4},
    }
)
"""Options of the tokenizer, by the codec's name in the harness."""

_PACKAGE = "SoundCodec"
"""The harness's own; nothing of it is imported before a codec is asked for."""


@cache
def codec_class(setting: str = "hybrid_tok") -> type:
    """A class as the harness wants it: `Codec(BaseCodec)`, made without arguments.

    Its units are the ids of the stream, one after another (T,); those of all codebooks count.

    Raises:
        BackendError: the harness cannot be imported.
        OptionsError: no such setting.
    """
    if setting not in SETTINGS:
        raise OptionsError(f"no codec is called {setting!r}; there are: {', '.join(SETTINGS)}")
    try:
        import torch
        from SoundCodec.base_codec.general import (  # pyright: ignore[reportMissingImports]
            BaseCodec,
            BatchExtractedUnit,
            ExtractedUnit,
        )
    except ImportError as error:
        raise BackendError(
            f"{error.name or error} cannot be imported: run this in a checkout of Codec-SUPERB, with its requirements"
        ) from error

    class Codec(BaseCodec):
        """The tokenizer, one recording at a time or several."""

        supports_decode = True

        def config(self) -> None:
            self.setting = setting
            self._tokenizer = HybridTokenizer.from_preset(**SETTINGS[setting])
            self.sampling_rate = self._tokenizer.codec_identity.sample_rate

        def extract_unit(self, data: Mapping[str, Any]) -> Any:
            return _extracted(self._tokenizer.encode(recording_of(data)))

        def decode_unit(self, stuff_for_synth: Sequence[int]) -> np.ndarray:
            return self._tokenizer.decode(stuff_for_synth).samples

        def batch_extract_unit(self, data_list: Sequence[Mapping[str, Any]]) -> Any:
            rows = self._tokenizer.encode_batch(map(recording_of, data_list))
            units = [_extracted(ids).unit for ids in rows]
            return BatchExtractedUnit(units=units, stuff_for_synth=rows, batch_size=len(rows))

        def batch_decode_unit(self, batch_extracted_unit: Any) -> list[np.ndarray]:
            return [audio.samples for audio in self._tokenizer.decode_batch(batch_extracted_unit.stuff_for_synth)]

    def _extracted(ids: Sequence[int]) -> Any:
        return ExtractedUnit(unit=torch.tensor(ids, dtype=torch.long), stuff_for_synth=list(ids))

    return Codec


def recording_of(data: Mapping[str, Any]) -> Audio:
    """The recording of an entry `{"audio": {"array", "sampling_rate"}}`; several channels (N, C) are mixed to one."""
    entry = data["audio"]
    samples = np.asarray(entry["array"], np.float32)
    if samples.ndim == 2:
        samples = samples.mean(axis=int(np.argmin(samples.shape)), dtype=np.float32)
    return Audio.from_samples(samples, int(entry["sampling_rate"]))


def add_codecs() -> None:
    """Put the codecs among those that the harness knows, where its `load_codec` looks for them."""
    for setting in SETTINGS:
        module = _CodecModule(f"{_PACKAGE}.codec.{setting}")
        module.setting = setting
        sys.modules[module.__name__] = module


class _CodecModule(ModuleType):
    """A module with a `Codec`, which is made when it is asked for: the harness may not be imported before."""

    setting: str

    def __getattr__(self, name: str) -> Any:
        if name == "Codec":
            return codec_class(self.setting)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def __getattr__(name: str) -> Any:
    if name == "Codec":
        return codec_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def main(arguments: Sequence[str]) -> None:
    """Run a script of the harness with our codecs in it."""
    if not arguments or not Path(arguments[0]).is_file():
        raise SystemExit(f"usage: python -m {__spec__.name} scripts/benchmarking.py [its own arguments]")
    script = Path(arguments[0]).resolve()
    sys.path.insert(0, str(script.parent.parent))
    sys.argv = [str(script), *arguments[1:]]
    add_codecs()
    runpy.run_path(str(script), run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
