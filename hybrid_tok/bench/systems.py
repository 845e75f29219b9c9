"""Speech through each system that is compared: the tokenizer in its modes, and other codecs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from hybrid_tok.bench import peers
from hybrid_tok.core.annotations import Annotations
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.manifest import Clip
from hybrid_tok.tokenizer import Analysis, HybridTokenizer

RECORDING = "the recording itself"
LOCKED = "hybrid-tok"
FREE = "hybrid-tok, free timing"
TEXT = "hybrid-tok, text only"
ESPEAK = "hybrid-tok, espeak-ng"
UNITS = "hybrid-tok, units only"

MODES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        LOCKED: {},
        FREE: {"timing": "free"},
        TEXT: {"layout": "text"},
        ESPEAK: {"synthesizer": "espeak"},
        UNITS: {"layout": "units"},
    }
)
"""Options of the tokenizer that are not the default's."""

_Transcode = Callable[[NDArray[Any], Any], "tuple[NDArray[Any], int]"]

PEERS: Mapping[str, tuple[_Transcode, Any]] = MappingProxyType(
    {
        "Opus 6 kbps": (peers.opus, 6_000),
        "Codec 2 3200": (peers.codec2, "3200"),
        "Codec 2 1400": (peers.codec2, "1400"),
    }
)

SYSTEMS = (RECORDING, *MODES, *PEERS)


@dataclass(frozen=True, slots=True, eq=False)
class Rendering:
    """A recording after a system.

    Attributes:
        audio: mono at 16 kHz.
        tokens: written, of all kinds; None where a system writes none.
        bits: as an entropy coder that follows the grammar would need at worst (`Summary.range_bits_per_second`), or
            those that a codec wrote; None for the recording itself.
        analysis: of the recording; None where no tokenizer was at work.
    """

    audio: Audio
    tokens: int | None = None
    bits: float | None = None
    analysis: Analysis | None = None


class Systems:
    """Renders recordings, each once per system; each is recognized once."""

    def __init__(self) -> None:
        self.tokenizers = {name: HybridTokenizer.from_preset(**options) for name, options in MODES.items()}
        self._annotated: dict[Path, tuple[Audio, Annotations]] = {}
        self._rendered: dict[tuple[str, Path], Rendering] = {}

    def annotate(self, clip: Clip) -> tuple[Audio, Annotations]:
        """A recording at 16 kHz, and what the default tokenizer hears in it."""
        if clip.path not in self._annotated:
            audio, _ = self.tokenizers[LOCKED].read(clip.path)
            self._annotated[clip.path] = audio, self.tokenizers[LOCKED].annotate(audio)
        return self._annotated[clip.path]

    def render(self, system: str, clip: Clip) -> Rendering:
        """A recording after one of `SYSTEMS`."""
        key = (system, clip.path)
        if key not in self._rendered:
            self._rendered[key] = self._render(system, *self.annotate(clip))
        return self._rendered[key]

    def _render(self, system: str, audio: Audio, annotations: Annotations) -> Rendering:
        if system in PEERS:
            transcode, setting = PEERS[system]
            samples, bits = transcode(audio.samples, setting)
            return Rendering(Audio(samples, audio.sample_rate), None, bits)
        if system == RECORDING:
            return Rendering(audio)
        analysis = self.tokenizers[system].analyze(audio, annotations=annotations)
        # A decoder depends on the synthesizer alone: one of each is enough.
        decoder = self.tokenizers[system if "synthesizer" in MODES[system] else LOCKED].decoder
        return Rendering(
            decoder.decode(analysis.stream),
            len(analysis.ids),
            analysis.summary.range_bits_per_second * analysis.summary.seconds,
            analysis,
        )
