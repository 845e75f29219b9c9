"""Finding a user's model, and telling two apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybrid_tok.core.local_models import find_local, is_name, model_hash
from hybrid_tok.errors import ModelError


@pytest.fixture(autouse=True)
def empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HYBRID_TOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HYBRID_TOK_MODELS", raising=False)
    monkeypatch.chdir(tmp_path)


def model(folder: Path, weights: bytes = b"weights") -> Path:
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_text("{}")
    return folder


def test_a_path_comes_first(tmp_path: Path) -> None:
    own = model(tmp_path / "mine")
    assert find_local(str(own), "a codec") == own
    assert find_local("./mine", "a codec") == Path("mine")
    assert find_local(str(own / "config.json"), "a codec") == own / "config.json"


def test_a_name_is_found_in_the_users_models_and_in_the_cache_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = model(tmp_path / "hub" / "models--org--mimi" / "snapshots" / ("0" * 40))
    assert find_local("org/mimi", "a codec") == cached
    own = model(tmp_path / "models" / "org" / "mimi")
    monkeypatch.setenv("HYBRID_TOK_MODELS", str(tmp_path / "models"))
    assert find_local("org/mimi", "a codec") == own


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "a codec needs a model: give a file, a folder, or"),
        ("org/mimi", "org/mimi is not in the Hugging Face cache .*: get it by|`hf download org/mimi`"),
        ("mimi", "a codec: there is no file or folder mimi"),
        ("./mimi", "a codec: there is no file or folder ./mimi"),
    ],
)
def test_a_missing_model_says_what_gets_it(name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        find_local(name, "a codec")


def test_a_name_is_what_other_machines_know_too(tmp_path: Path) -> None:
    model(tmp_path / "mine")
    assert is_name("org/mimi")
    assert not any(map(is_name, ("mine", "./other", "/models/other", "~/other")))


def test_the_hash_is_of_the_contents_and_not_of_the_place(tmp_path: Path) -> None:
    one, same = model(tmp_path / "one"), model(tmp_path / "same")
    other = model(tmp_path / "other", b"Weights")
    assert model_hash(one) == model_hash(same) != model_hash(other)
    (same / "README.md").write_text("Two models that differ in this alone are the same.")
    assert model_hash(one) == model_hash(same)
    (same / "config.json").write_text('{"rate": 1}')
    assert model_hash(one) != model_hash(same)
    assert model_hash(one / "config.json") == model_hash(other / "config.json")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing else")
    with pytest.raises(ModelError, match="holds no model"):
        model_hash(tmp_path)
