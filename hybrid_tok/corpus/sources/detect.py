"""Which kind of manifest an address is, by what is there."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from hybrid_tok.corpus.sources.files import is_folder, parse_line, read_lines
from hybrid_tok.corpus.sources.shar import CUTS
from hybrid_tok.corpus.store import Store
from hybrid_tok.errors import CorpusError

SourceKind: TypeAlias = Literal["nemo", "lhotse", "shar", "webdataset", "datasets", "folder"]
"""Of manifests; see the modules of the same names."""

KINDS: tuple[SourceKind, ...] = get_args(SourceKind)

_LINES = 20
"""Lines of a file that are looked at."""

_CUTS = frozenset({"MonoCut", "MultiCut", "MixedCut", "PaddingCut", "Cut"})


def find_kind(address: str) -> SourceKind:
    """The kind of a manifest.

    Raises:
        CorpusError: it is not there, or of no known kind.
    """
    if is_folder(address):
        return _of_folder(Store(address).names())
    if "{" in address or ".tar" in address.rpartition("/")[2].lower():
        return "webdataset"
    for count, (_, line) in enumerate(read_lines(address)):
        if count == _LINES:
            break
        kind = _of_line(line)
        if kind is not None:
            return kind
    raise CorpusError(
        f"{address}: of no kind that is known by its content: a line of a NeMo manifest has 'audio_filepath', one of "
        f"lhotse's cuts a 'type'; or name the kind, {', '.join(KINDS)} (--kind)"
    )


def _of_folder(names: list[str]) -> SourceKind:
    if "state.json" in names or "dataset_dict.json" in names:
        return "datasets"
    if any(CUTS.fullmatch(name) for name in names):
        return "shar"
    return "webdataset" if any(name.endswith(".tar") for name in names) else "folder"


def _of_line(line: bytes | None) -> SourceKind | None:
    try:
        value = parse_line(line)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    if "audio_filepath" in value:
        return "nemo"
    kind = value.get("type")
    is_cut = isinstance(kind, str) and kind in _CUTS
    return "lhotse" if is_cut or {"recording", "start"} <= value.keys() else None
