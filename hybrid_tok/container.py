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
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_tok.audio import SourceInfo
from hybrid_tok.errors import ContainerError, FingerprintError
from hybrid_tok.files import atomic_write

MAGIC = b"\x89HYT\r\n\x1a\n"
VERSION = 1
MAX_HEADER = 1 << 20
"""No header is nearly as long; a longer one is damage."""

_FIXED = struct.Struct("<8sHHIQ")
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about its ids.

    Attributes:
        preset: name of the preset that wrote it.
        options: the tokenizer options it was written with.
        fingerprint: hash per part (text, codec, vocabulary).
        source: rate, samples and channels of the recording.
        codec_rate: rate of the codec, in Hz.
    """

    preset: str
    options: Mapping[str, Any]
    fingerprint: Mapping[str, str]
    source: SourceInfo
    codec_rate: int


@dataclass(frozen=True, slots=True)
class HybridFile:
    """Header and ids of a `.hyt` file."""

    header: Header
    ids: tuple[int, ...]


def write_file(path: str | Path, file: HybridFile) -> None:
    """Write a `.hyt` file, whole or not at all; the same content gives the same bytes."""
    fields = asdict(file.header)
    header = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    if len(header) > MAX_HEADER:
        raise ContainerError(f"{path}: a header of {len(header)} bytes is longer than {MAX_HEADER}")
    width = 2 if max(file.ids, default=0) < 1 << 16 else 4
    body = _FIXED.pack(MAGIC, VERSION, width, len(header), len(file.ids)) + header
    body += np.asarray(file.ids, f"<u{width}").tobytes()
    with atomic_write(path) as target:
        target.write(body)
        target.write(hashlib.sha256(body).digest())


def read_file(path: str | Path) -> HybridFile:
    """Read a `.hyt` file.

    Raises:
        ContainerError: it is no such file, of another version, cut off or damaged.
        FileNotFoundError: it is not there.
    """
    data = Path(path).read_bytes()
    if data[: len(MAGIC)] != MAGIC[: len(data)] or not data:
        raise ContainerError(f"{path}: not a .hyt file (its first bytes are {data[:8].hex(' ') or 'missing'})")
    if len(data) < _FIXED.size:
        raise ContainerError(f"{path}: cut off inside its first {_FIXED.size} bytes; encode the recording again")
    _, version, width, header_length, count = _FIXED.unpack_from(data)
    if version != VERSION:
        raise ContainerError(f"{path}: version {version} of the format, but this release reads version {VERSION}")
    length = _FIXED.size + header_length + count * width + _DIGEST
    if width not in (2, 4) or header_length > MAX_HEADER or length != len(data):
        raise ContainerError(f"{path}: {len(data)} bytes long instead of {length}: cut off or damaged; encode it again")
    if hashlib.sha256(data[:-_DIGEST]).digest() != data[-_DIGEST:]:
        raise ContainerError(f"{path}: damaged (its checksum does not match); encode the recording again")
    ids = tuple(np.frombuffer(data, f"<u{width}", count, _FIXED.size + header_length).tolist())
    try:
        fields = json.loads(data[_FIXED.size : _FIXED.size + header_length])
        return HybridFile(Header(**{**fields, "source": SourceInfo(**fields["source"])}), ids)
    except (ValueError, TypeError, KeyError) as error:
        raise ContainerError(f"{path}: its header is not one this release knows ({error})") from error


def check_fingerprint(path: str | Path, written: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Refuse a file of another vocabulary, codec or text tokenizer.

    Raises:
        FingerprintError: naming each part that differs.
    """
    differing = [part for part in expected if written.get(part) != expected[part]]
    if differing:
        parts = ", ".join(f"{part} ({written.get(part)} in the file, {expected[part]} here)" for part in differing)
        raise FingerprintError(f"{path}: written with another {parts}; decode it with what it was written with")
