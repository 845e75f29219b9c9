"""`.hyt` files: a JSON header and ids, checked as a whole.

    magic    8 bytes   89 'H' 'Y' 'T' 0D 0A 1A 0A   (as PNG's: text-mode transfers and 7-bit links damage it visibly)
    version  uint16
    width    uint16    bytes per id: 2 or 4
    header   uint32    length of the header in bytes
    count    uint64    number of ids
    header   JSON, UTF-8
    ids      little-endian
    digest   32 bytes  SHA-256 of everything before

All integers are little-endian. Sizes are checked against the file before anything is allocated.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.core.audio import RATES, SourceInfo
from hybrid_tok.errors import ContainerError, FingerprintError, OptionsError, printable
from hybrid_tok.tokens.block_layout import BlockLayout, OutsideChannel

MAGIC = b"\x89HYT\r\n\x1a\n"
VERSION = 1
MAX_HEADER = 1 << 20
"""Bytes; no real header comes near, so a longer one is damage."""

_MOST_SAMPLES, _MOST_CHANNELS, _LONGEST_NAME = 1 << 40, 1024, 200
"""Bounds of what a header says."""

_BLOCK = 1 << 20

_FIXED = struct.Struct("<8sHHIQ")
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a file.

    Attributes:
        preset: name of the preset that wrote it.
        options: the tokenizer options it was written with.
        fingerprint: hash per part, as `Vocabulary.fingerprint`.
        source: rate, samples and channels of the recording.
        codec_rate: rate of the codec, in Hz.
        blocks: the shape of the blocks that the ids are (`tokens.blocks`); None where they are a stream as
            `Vocabulary.encode` writes it.
    """

    preset: str
    options: Mapping[str, Any]
    fingerprint: Mapping[str, str]
    source: SourceInfo
    codec_rate: int
    blocks: BlockLayout | None = None


@dataclass(frozen=True, slots=True)
class HybridFile:
    """A `.hyt` file.

    Attributes:
        header: who wrote it, and how.
        ids: the tokens.
        name: where it was read from, for messages.
    """

    header: Header
    ids: tuple[int, ...]
    name: str = field(default="", compare=False)


def write_file(path: str | Path, file: HybridFile) -> None:
    """Write a `.hyt` file, whole or not at all; the same content gives the same bytes.

    Raises:
        ContainerError: a header of more than `MAX_HEADER` bytes, or ids that 32 bits do not hold.
        OSError: the file cannot be written.
    """
    fields = asdict(file.header)
    if file.header.blocks is None:
        del fields["blocks"]  # as before there were any
    fields["options"] = {name: "inf" if value == math.inf else value for name, value in fields["options"].items()}
    header = json.dumps(fields, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()
    if len(header) > MAX_HEADER:
        raise ContainerError(f"{path}: a header of {len(header)} bytes is longer than {MAX_HEADER}")
    if file.ids and not 0 <= min(file.ids) <= max(file.ids) < 1 << 32:
        raise ContainerError(f"{path}: ids must be in 0..{(1 << 32) - 1}, not {min(file.ids)}..{max(file.ids)}")
    width = 2 if max(file.ids, default=0) < 1 << 16 else 4
    body = _FIXED.pack(MAGIC, VERSION, width, len(header), len(file.ids)) + header
    body += np.asarray(file.ids, f"<u{width}").tobytes()
    with atomic_write(path) as target:
        target.write(body)
        target.write(hashlib.sha256(body).digest())


def read_file(path: str | Path) -> HybridFile:
    """Read a `.hyt` file; "-" is standard input.

    What is in it is checked for damage and against bounds, but may be anyone's: that `options` are options is up to
    `hybrid_tok.options.options_of_file`.

    Raises:
        ContainerError: it is not such a file, has another version, is truncated or damaged.
        OSError: it does not exist, or cannot be read.
    """
    with nullcontext(sys.stdin.buffer) if str(path) == "-" else Path(path).open("rb") as file:
        fixed = _read_up_to(file, _FIXED.size)
        header_length, count, width = _read_sizes(path, fixed)
        expected = header_length + count * width + _DIGEST
        rest = _read_up_to(file, expected + 1)
    if len(rest) != expected:
        length = f"{'over ' if len(rest) > expected else ''}{_FIXED.size + min(len(rest), expected)}"
        raise ContainerError(
            f"{path}: {length} bytes long instead of {_FIXED.size + expected}: cut off or damaged; encode it again"
        )
    content, digest = fixed + rest[:-_DIGEST], rest[-_DIGEST:]
    if hashlib.sha256(content).digest() != digest:
        raise ContainerError(f"{path}: damaged (its checksum does not match); encode the recording again")
    ids = np.frombuffer(content, f"<u{width}", count, _FIXED.size + header_length)
    try:
        header = _read_header(content[_FIXED.size : _FIXED.size + header_length])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OptionsError) as error:
        cause = printable(f"{error}"[:200])  # it has names of the header's
        raise ContainerError(f"{path}: its header is not one this release knows ({cause})") from None
    return HybridFile(header, tuple(ids.tolist()), str(path))


def _read_up_to(file: BinaryIO, size: int) -> bytes:
    """So many bytes, or what there is; however many are asked for, no more memory is taken than there is."""
    parts: list[bytes] = []
    while size > 0 and (part := file.read(min(size, _BLOCK))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _read_sizes(path: str | Path, fixed: bytes) -> tuple[int, int, int]:
    """Length of the header, number of ids and bytes per id."""
    if not fixed or fixed[: len(MAGIC)] != MAGIC[: len(fixed)]:
        raise ContainerError(f"{path}: not a .hyt file (it starts with {fixed[:8].hex(' ') or 'nothing: it is empty'})")
    if len(fixed) < _FIXED.size:
        raise ContainerError(f"{path}: cut off inside its first {_FIXED.size} bytes; encode the recording again")
    _, version, width, header_length, count = _FIXED.unpack(fixed)
    if version != VERSION:
        raise ContainerError(f"{path}: version {version} of the format, but this release reads version {VERSION}")
    if width not in (2, 4) or header_length > MAX_HEADER:
        raise ContainerError(f"{path}: damaged (its first {_FIXED.size} bytes are invalid); encode it again")
    return header_length, count, width


def _read_header(data: bytes) -> Header:
    fields = json.loads(data)
    options = {name: math.inf if value == "inf" else value for name, value in fields["options"].items()}
    blocks = _read_layout(fields["blocks"]) if "blocks" in fields else None
    header = Header(**{**fields, "options": options, "source": SourceInfo(**fields["source"]), "blocks": blocks})
    source = header.source
    for name, number, (low, high) in (
        ("codec_rate", header.codec_rate, RATES),
        ("sample_rate", source.sample_rate, RATES),
        ("num_samples", source.num_samples, (0, _MOST_SAMPLES)),
        ("channels", source.channels, (1, _MOST_CHANNELS)),
    ):
        if type(number) is not int or not low <= number <= high:
            raise ValueError(f"{name} is {number!r:.40}, not from {low} to {high}")
    for name in (header.preset, *header.fingerprint, *header.fingerprint.values()):
        if not isinstance(name, str) or len(name) > _LONGEST_NAME or not name.isprintable():
            raise ValueError(f"{name!r:.40} where a name should be")
    return header


def _read_layout(fields: Mapping[str, Any]) -> BlockLayout:
    outside = tuple(OutsideChannel(**one) for one in fields["outside"])
    layout = BlockLayout(**{**fields, "outside": outside})
    numbers = [layout.channels, layout.frames, *(number for one in outside for number in (one.size, one.offset))]
    if not all(type(number) is int for number in numbers) or layout.rows > _MOST_CHANNELS:
        raise ValueError(f"blocks are {layout!r:.100}")
    return layout


def check_fingerprint(path: str | Path, written: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Refuse a file of another vocabulary, codec or text tokenizer.

    Raises:
        FingerprintError: naming each part that differs.
    """
    differing = [part for part in {**expected, **written} if written.get(part) != expected.get(part)]
    if differing:
        parts = ", ".join(f"{part} ({written.get(part)} in the file, {expected.get(part)} here)" for part in differing)
        raise FingerprintError(f"{path}: written with another {parts}; decode it with what it was written with")
