"""Stores, local and remote: whole files or none, names, errors, and tries again."""

from __future__ import annotations

import errno
import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.corpus import store as module
from hybrid_tok.corpus.store import Store
from hybrid_tok.errors import BackendError, CorpusError


class Shaky(LocalFileSystem):
    """A local file system whose operations fail `faults` times."""

    protocol = "shaky"
    cachable = False
    faults = 0
    error: OSError = OSError(errno.EIO, "the bucket throws")

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if Shaky.faults:
            Shaky.faults -= 1
            raise Shaky.error
        return super()._open(path, mode, **options)


@pytest.fixture
def shaky(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Shaky]]:
    fsspec.register_implementation("shaky", Shaky, clobber=True)
    monkeypatch.setattr(module, "_WAIT", 0.0)
    Shaky.faults, Shaky.error = 0, OSError(errno.EIO, "the bucket throws")
    yield Shaky


@pytest.fixture(params=["local", "file", "memory", "shaky"])
def store(request: pytest.FixtureRequest, tmp_path: Path, shaky: type[Shaky]) -> Iterator[Store]:
    addresses = {
        "local": str(tmp_path / "c"),
        "file": f"file://{tmp_path / 'c'}",
        "memory": "memory://test/c",
        "shaky": f"shaky://{tmp_path / 'c'}",
    }
    yield Store(addresses[request.param])
    fsspec.filesystem("memory").store.clear()


def test_files_are_written_read_listed_and_removed(store: Store) -> None:
    assert store.names() == [] and not store.exists("a")
    store.write_bytes("a", b"one")
    store.write_bytes("b/c", b"two")
    store.write_bytes("b/c", b"three")
    assert store.exists("a") and store.read("b/c") == b"three"
    assert store.names() == ["a", "b"] and store.names("b") == ["c"] and store.names("none") == []
    with store.open("b/c") as file:
        file.seek(2)
        assert file.read() == b"ree"
    assert store.read_range("b/c", 1, 3) == b"hre" and store.read_range("b/c", 4, 9) == b"e"
    assert store.is_folder() and not Store(store.join("a")).is_folder()
    assert store.below() == ["a", "b/c"]
    store.remove("b")
    store.remove("none")
    assert store.names() == ["a"]


def test_what_fails_is_not_there(store: Store) -> None:
    store.write_bytes("a", b"old")
    with pytest.raises(ZeroDivisionError), store.write("a") as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert store.read("a") == b"old" and store.names() == ["a"]


def test_it_goes_to_other_processes(store: Store) -> None:
    store.write_bytes("a", b"x")
    assert pickle.loads(pickle.dumps(store)).read("a") == b"x"


def test_what_is_missing_is_named(store: Store) -> None:
    with pytest.raises(CorpusError, match=r"c/nothing: is not there"):
        store.read("nothing")
    with pytest.raises(CorpusError, match=r"c/nothing: is not there"), store.open("nothing"):
        pass


def test_a_bucket_that_throws_now_and_then_is_tried_again(shaky: type[Shaky], tmp_path: Path) -> None:
    store = Store(f"shaky://{tmp_path}")
    shaky.faults = 2
    store.write_bytes("a", b"x")
    shaky.faults = 3
    assert store.read("a") == b"x" and shaky.faults == 0


def test_a_bucket_that_goes_on_throwing_is_an_error_and_leaves_nothing(shaky: type[Shaky], tmp_path: Path) -> None:
    store = Store(f"shaky://{tmp_path}")
    shaky.faults = 99
    with pytest.raises(CorpusError, match=r"shaky://.*/a: .*the bucket throws"):
        store.write_bytes("a", b"x")
    shaky.faults = 0
    assert store.names() == [] and list(tmp_path.iterdir()) == []


def test_a_right_that_is_missing_is_not_tried_again(shaky: type[Shaky], tmp_path: Path) -> None:
    store = Store(f"shaky://{tmp_path}")
    shaky.faults, shaky.error = 2, PermissionError(errno.EACCES, "no")
    with pytest.raises(CorpusError, match="there is no right to it"):
        store.write_bytes("a", b"x")
    assert shaky.faults == 1


def test_a_local_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CorpusError, match=r"file/a: cannot be written"):
        Store(tmp_path / "file").write_bytes("a", b"x")


def test_a_protocol_that_is_not_there_is_named() -> None:
    with pytest.raises(CorpusError, match=r"nope://b"):
        Store("nope://b/c")
    with pytest.raises(BackendError, match=r"s3://b/c: .*s3fs"):
        Store("s3://b/c")


def test_no_space_is_said_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    @contextmanager
    def full(path: Path) -> Iterator[Any]:
        with atomic_write(path) as file:
            yield file
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "atomic_write", full)
    with pytest.raises(CorpusError, match=r"a: cannot be written \(No space left on device\)"):
        Store(tmp_path).write_bytes("a", b"x")
    assert list(tmp_path.iterdir()) == []
