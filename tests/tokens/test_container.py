"""A `.hyt` file comes back as it was, or says in one line what is wrong with it."""

from __future__ import annotations

import hashlib
import json
import math
import struct
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.core.audio import SourceInfo
from hybrid_tok.errors import ContainerError, FingerprintError
from hybrid_tok.tokens.block_layout import BlockLayout, OutsideChannel
from hybrid_tok.tokens.container import Header, HybridFile, check_fingerprint, read_file, write_file

HEADER = Header(
    preset="default",
    options={"layout": "hybrid", "rate_weight": math.inf, "run_length": False, "recognizer_model": None},
    fingerprint={"text": "aa", "codec": "bb", "vocabulary": "cc"},
    source=SourceInfo(sample_rate=44_100, num_samples=123_457, channels=2),
    codec_rate=16_000,
)


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "talk.hyt"
    write_file(path, HybridFile(HEADER, (0, 7, 65_535)))
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=st.lists(st.integers(0, 70_000) | st.integers(0, (1 << 32) - 1)))
def test_what_was_written_comes_back(ids: list[int], tmp_path: Path) -> None:
    path = tmp_path / "talk.hyt"
    file = HybridFile(HEADER, tuple(ids))
    write_file(path, file)
    assert read_file(path) == file


def test_the_same_content_is_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.hyt"
    write_file(other, read_file(whole))
    assert other.read_bytes() == whole.read_bytes()


def test_ids_take_two_bytes_where_they_fit(tmp_path: Path) -> None:
    sizes = []
    for top in (65_535, 65_536):
        path = tmp_path / f"{top}.hyt"
        write_file(path, HybridFile(HEADER, (top,) * 1000))
        sizes.append(path.stat().st_size)
    assert sizes[1] - sizes[0] == 2000


def test_the_header_is_json_that_any_reader_takes(whole: Path) -> None:
    """No `Infinity`, which is not JSON."""
    data = whole.read_bytes()
    length = struct.unpack_from("<I", data, 12)[0]
    fields = json.loads(data[24 : 24 + length], parse_constant=lambda name: pytest.fail(name))
    assert fields["options"]["rate_weight"] == "inf"
    assert fields["source"] == {"sample_rate": 44_100, "num_samples": 123_457, "channels": 2}


def test_cut_anywhere(whole: Path) -> None:
    data = whole.read_bytes()
    for length in range(len(data)):
        whole.write_bytes(data[:length])
        refused(whole, "not a .hyt file|cut off")
    whole.write_bytes(data + b"\0")
    refused(whole, "cut off or damaged")


def test_one_bit_flipped_anywhere(whole: Path) -> None:
    data = whole.read_bytes()
    for position in range(len(data)):
        whole.write_bytes(data[:position] + bytes([data[position] ^ 1 << position % 8]) + data[position + 1 :])
        refused(whole, "damaged|not a .hyt file|version")


def test_another_version(whole: Path) -> None:
    data = whole.read_bytes()
    whole.write_bytes(data[:8] + struct.pack("<H", 2) + data[10:])
    refused(whole, "version 2 of the format, but this release reads version 1")


def test_sizes_are_checked_before_anything_is_allocated(whole: Path) -> None:
    data = whole.read_bytes()
    tracemalloc.start()
    whole.write_bytes(data[:16] + struct.pack("<Q", 1 << 62) + data[24:])
    refused(whole, "cut off or damaged")
    assert tracemalloc.get_traced_memory()[1] < 1 << 23
    tracemalloc.stop()
    whole.write_bytes(data[:12] + struct.pack("<I", 0xFFFF_FFFF) + data[16:])
    refused(whole, "are invalid")


def forged(**fields: object) -> bytes:
    """A header that is right but for some fields."""
    source = {"sample_rate": 16_000, "num_samples": 1, "channels": 1}
    right = {"preset": "default", "options": {}, "fingerprint": {}, "source": source, "codec_rate": 16_000}
    return json.dumps({**right, **fields}).encode()


def write_forged(path: Path, header: bytes) -> None:
    """Whole and well summed, whatever its header says."""
    body = struct.pack("<8sHHIQ", b"\x89HYT\r\n\x1a\n", 1, 2, len(header), 0) + header
    path.write_bytes(body + hashlib.sha256(body).digest())


@pytest.mark.parametrize(
    "header",
    [
        b"{}",
        b"[]",
        b"nonsense",
        b"[" * 100_000,
        b'{"preset":"a","options":{},"fingerprint":{},"source":{},"codec_rate":1}',
        b'{"preset":"a","options":{},"fingerprint":{},"source":{"sample_rate":1,"num_samples":-1,"channels":1},"codec_rate":1}',
        forged(preset=1),
        forged(preset="x" * 300),
        forged(preset="a\nb"),
        forged(options=[]),
        forged(fingerprint={"text": 1}),
        forged(fingerprint=["text"]),
        forged(source=[1, 2, 3]),
        forged(source={"sample_rate": 0, "num_samples": 1, "channels": 1}),
        forged(source={"sample_rate": 2_000_000_000, "num_samples": 1, "channels": 1}),
        forged(source={"sample_rate": "16000", "num_samples": 1, "channels": 1}),
        forged(source={"sample_rate": 16_000.0, "num_samples": 1, "channels": 1}),
        forged(source={"sample_rate": 16_000, "num_samples": 1 << 60, "channels": 1}),
        forged(source={"sample_rate": 16_000, "num_samples": 1, "channels": 0}),
        forged(source={"sample_rate": 16_000, "num_samples": 1, "channels": True}),
        forged(codec_rate=0),
        forged(codec_rate=None),
        forged(further=1),
        forged(blocks=None),
        forged(blocks=[2, 8]),
        forged(blocks={"channels": 2, "frames": 8}),
        forged(blocks={"channels": 2, "frames": 0, "outside": []}),
        forged(blocks={"channels": True, "frames": 8, "outside": []}),
        forged(blocks={"channels": 5000, "frames": 8, "outside": []}),
        forged(blocks={"channels": 2, "frames": 8.0, "outside": []}),
        forged(blocks={"channels": 2, "frames": 8, "outside": [], "further": 1}),
        forged(blocks={"channels": 2, "frames": 8, "outside": [{"name": 1, "size": 5, "offset": 9}]}),
        forged(blocks={"channels": 2, "frames": 8, "outside": [{"name": "a", "size": 1.5, "offset": 9}]}),
        forged(blocks={"channels": 2, "frames": 8, "outside": [{"name": "a\nb", "size": 5, "offset": 9}]}),
        forged(blocks={"channels": 2, "frames": 8, "outside": [{"name": "a", "size": 5, "offset": 9}] * 2}),
        forged(**{"further\n\x1b[1m" + "x" * 500: 1}),
    ],
)
def test_a_header_that_is_none(header: bytes, whole: Path) -> None:
    write_forged(whole, header)
    refused(whole, "its header is not one this release knows")


def test_a_right_header_is_read(whole: Path) -> None:
    write_forged(whole, forged())
    assert read_file(whole).header.preset == "default"


def test_the_shape_of_blocks_comes_back_and_is_named_only_where_there_are_any(tmp_path: Path) -> None:
    path = tmp_path / "call.hyt"
    for blocks in (
        BlockLayout(2, 8),
        BlockLayout(1, 3, (OutsideChannel("image", 5, 9), OutsideChannel("é", 1, 70_000))),
    ):
        file = HybridFile(replace(HEADER, blocks=blocks), (0, 70_000))
        write_file(path, file)
        assert read_file(path) == file
    write_file(path, HybridFile(HEADER, ()))
    assert b"blocks" not in path.read_bytes(), "what has none is as it was before there were any"
    write_forged(path, forged(blocks={"channels": 2, "frames": 8, "outside": []}))
    assert read_file(path).header.blocks == BlockLayout(2, 8)


def test_other_files(tmp_path: Path) -> None:
    path = tmp_path / "talk.hyt"
    path.write_text("not tokens at all")
    refused(path, "not a .hyt file")
    path.write_bytes(b"")
    refused(path, "it is empty")
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "absent.hyt")


@pytest.mark.parametrize("ids", [(-1,), (1 << 32,)])
def test_ids_that_do_not_fit_leave_the_old_file(ids: tuple[int, ...], whole: Path) -> None:
    before = whole.read_bytes()
    with pytest.raises(ContainerError, match="ids must be in"):
        write_file(whole, HybridFile(HEADER, ids))
    assert whole.read_bytes() == before
    assert list(whole.parent.iterdir()) == [whole]


def test_a_header_too_long(whole: Path) -> None:
    with pytest.raises(ContainerError, match="longer than"):
        write_file(whole, HybridFile(replace(HEADER, preset="x" * (1 << 20)), ()))


def test_the_fingerprint_says_which_part_differs() -> None:
    check_fingerprint("a.hyt", HEADER.fingerprint, dict(HEADER.fingerprint))
    with pytest.raises(
        FingerprintError, match=r"a\.hyt: written with another codec \(bb in the file, zz here\)"
    ) as caught:
        check_fingerprint("a.hyt", HEADER.fingerprint, {**HEADER.fingerprint, "codec": "zz"})
    assert "text" not in str(caught.value)
    with pytest.raises(FingerprintError, match="vocabulary"):
        check_fingerprint("a.hyt", {"text": "aa", "codec": "bb"}, HEADER.fingerprint)


def test_an_interrupted_write_leaves_nothing(whole: Path) -> None:
    before = whole.read_bytes()
    with pytest.raises(KeyboardInterrupt), atomic_write(whole) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert whole.read_bytes() == before
    assert list(whole.parent.iterdir()) == [whole]


def refused(path: Path, message: str) -> None:
    with pytest.raises(ContainerError, match=message) as caught:
        read_file(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable() and len(str(caught.value)) < len(str(path)) + 300
