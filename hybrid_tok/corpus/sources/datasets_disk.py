"""Hugging Face `datasets` on disk, as `save_to_disk` writes them: Arrow files, and `state.json` with their names.

https://huggingface.co/docs/datasets. Read with pyarrow alone; nothing but the columns that are needed is touched.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hybrid_tok.corpus.audio import import_arrow, probe_seconds
from hybrid_tok.corpus.entries import AudioPlace, BadLine, Entry
from hybrid_tok.corpus.sources.files import absolute, resolve
from hybrid_tok.corpus.sources.known import LANGUAGE_NAMES, TEXT_NAMES, bad_line, describe, line_node, read_id
from hybrid_tok.corpus.store import local_path
from hybrid_tok.errors import AnnotationError, CorpusError, first_line

_AUDIO_NAMES = ("audio", "audio_filepath", "file", "path")
_SPEAKER_NAMES = ("speaker", "speaker_id")
_WORDS_OF_ROWS = (*TEXT_NAMES, *LANGUAGE_NAMES)


def read(address: str) -> Iterator[Entry | BadLine]:
    """The entries of a `Dataset`, in its order.

    Raises:
        CorpusError: it is no such folder, not on this machine, a `DatasetDict`, or has no recordings.
        BackendError: pyarrow is not installed.
    """
    path = local_path(absolute(address))
    if path is None:
        raise CorpusError(f"{address}: Arrow files are mapped into memory: copy them to a local disk")
    if (path / "dataset_dict.json").is_file():
        splits = _json(path / "dataset_dict.json").get("splits", [])
        raise CorpusError(f"{address}: has several splits: give the folder of one ({', '.join(map(str, splits))})")
    state = _json(path / "state.json")
    if state.get("_indices_files") or state.get("_indices_data_files"):
        raise CorpusError(f"{address}: its rows are chosen by indices: flatten_indices(), then save_to_disk")
    try:
        names = [str(one["filename"]) for one in state["_data_files"]]
    except (KeyError, TypeError):
        raise CorpusError(f"{path}/state.json: has no '_data_files'") from None
    for name in names:
        yield from _read_file(path / name, str(path))


def _read_file(path: Path, folder: str) -> Iterator[Entry | BadLine]:
    arrow = import_arrow()
    row = 0
    try:
        with arrow.memory_map(str(path)) as mapped, arrow.ipc.open_stream(mapped) as reader:
            column = _audio_column(reader.schema, str(path))
            wanted = _wanted(reader.schema)
            for batch in reader:
                audio = batch.column(batch.schema.get_field_index(column))
                for index, value in enumerate(batch.select(wanted).to_pylist()):
                    yield _read_row(value, audio[index], path, row + index, column, folder)
                row += batch.num_rows
    except (OSError, arrow.ArrowInvalid) as error:
        raise CorpusError(f"{path}: cannot be read after row {row} ({first_line(error)})") from None


def _read_row(value: dict[str, Any], audio: Any, path: Path, row: int, column: str, folder: str) -> Entry | BadLine:
    where = f"{path.name}, row {row}"
    try:
        node = line_node(value, where)
        kept = audio.as_py()
        data, name = (kept.get("bytes"), kept.get("path")) if isinstance(kept, dict) else (kept, None)
        if isinstance(data, str):
            data, name = None, data
        if data:
            place = AudioPlace(str(path), row=row, column=column, duration=probe_seconds(io.BytesIO(data)))
        elif name:
            place = AudioPlace(resolve(folder, name))
        else:
            raise AnnotationError(f"{where}: {column!r} has neither bytes nor a path")
        described = describe(node, place.duration, where)
        id = read_id(node, "id") or f"{path.stem}/{row}"
        return Entry(id, place, where, described.known, described.language, described.speakers)
    except (AnnotationError, ValueError) as error:
        return bad_line(where, error)


def _audio_column(schema: Any, where: str) -> str:
    """The column with the recordings: a structure of bytes and path, bytes, or a path with a usual name."""
    types = import_arrow().types
    for field in schema:
        if types.is_struct(field.type) and {"bytes", "path"} <= {one.name for one in field.type}:
            return field.name
    for name in _AUDIO_NAMES:
        if name in schema.names:
            kind = schema.field(name).type
            if any(fits(kind) for fits in (types.is_binary, types.is_large_binary, types.is_string)):
                return name
    raise CorpusError(f"{where}: has no recordings among its columns ({', '.join(schema.names)})")


def _wanted(schema: Any) -> list[str]:
    """Columns of what is said: text that is text (a class of languages is a number), speakers and ids of any kind."""
    types = import_arrow().types
    spoken = [
        name
        for name in _WORDS_OF_ROWS
        if name in schema.names
        and (types.is_string(schema.field(name).type) or types.is_large_string(schema.field(name).type))
    ]
    return [*spoken, *(name for name in ("id", *_SPEAKER_NAMES) if name in schema.names)]


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise CorpusError(f"{path}: is not JSON") from None
    if not isinstance(value, dict):
        raise CorpusError(f"{path}: is not an object of JSON")
    return value
