"""NeMo's manifests: a line of JSON per recording, or per part of one.

    {"audio_filepath": "talks/a.flac", "duration": 3.2, "text": "hello", "lang": "en", "speaker": "ann"}

https://docs.nvidia.com/nemo-framework, "Preparing Custom ASR Data". With `offset`, a line is about a part, and all
other times in it are from the start of that part.
"""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_tok.corpus.entries import AudioPlace, BadLine, Entry
from hybrid_tok.corpus.sources.files import file_name, folder_of, parse_line, read_lines, resolve
from hybrid_tok.corpus.sources.known import bad_line, describe, line_node, read_id, read_seconds
from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.json_text import Node


def read(address: str) -> Iterator[Entry | BadLine]:
    """The entries of a manifest; relative paths begin in its folder.

    Raises:
        CorpusError: it cannot be read.
    """
    name, base = file_name(address), folder_of(address)
    for number, line in read_lines(address):
        where = f"{name}, line {number}"
        try:
            value = parse_line(line)
        except ValueError as error:
            yield BadLine(where, str(error))
            continue
        yield read_line(value, where, base)


def read_line(value: object, where: str, base: str) -> Entry | BadLine:
    """The entry of a line.

    Args:
        value: the line's JSON.
        where: the line, for messages.
        base: folder of relative paths; empty is the current one.
    """
    try:
        node = line_node(value, where)
        written = node.need("audio_filepath").text()
        if not written or "\0" in written:
            raise AnnotationError(f"{where}, $.audio_filepath: is no path")
        offset, duration = read_seconds(node, "offset"), read_seconds(node, "duration")
        described = describe(node, duration, where)
        whole = duration is not None and offset is None
        audio = AudioPlace(resolve(base, written), offset=offset or 0.0, duration=duration, whole=whole)
        id = read_id(node, "id", "utt_id") or _path_id(node, written, base, offset)
        return Entry(id, audio, where, described.known, described.language, described.speakers)
    except (AnnotationError, ValueError) as error:
        return bad_line(where, error)


def _path_id(node: Node, written: str, base: str, offset: float | None) -> str:
    """The path from the manifest on, without its ending, and the offset where there is one."""
    path = written.removeprefix(f"{base}/") if base else written
    folder, slash, name = path.rpartition("/")
    stem = name.rpartition(".")[0] or name
    at = "" if offset is None else f"@{offset:.6f}".rstrip("0").rstrip(".")
    return f"{folder}{slash}{stem}{at}".removeprefix("./") or node.where
