"""Finding and restoring `.nemo` files."""

from __future__ import annotations

import io
import logging
import pickle
import shutil
import subprocess
import sys
import tarfile
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from hybrid_tok.backends.nemo.models import failing_as, find_nemo, fingerprint, quiet, read_config, restore
from hybrid_tok.errors import BackendError, ModelError

SORTFORMER = "nemo.collections.asr.models:SortformerEncLabelModel"
CTC = "nemo.collections.asr.models:EncDecCTCModel"


def archive(path: Path, **files: bytes) -> Path:
    with tarfile.open(path, "w") as out:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("__", "."))
            member.size = len(content)
            out.addfile(member, io.BytesIO(content))
    return path


def repacked(source: str, path: Path, name: str, content: bytes) -> Path:
    """A copy of an archive, with other content in one of its files."""
    with tarfile.open(source) as old, tarfile.open(path, "w") as new:
        for member in old:
            data = old.extractfile(member)
            kept = data.read() if data else b""
            if member.name.endswith(name):
                kept = content
            member.size = len(kept)
            new.addfile(member, io.BytesIO(kept) if member.isfile() else None)
    return path


class TestFinding:
    def test_a_file_its_folder_and_the_cache(
        self, tiny: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = Path(tiny("ctc"))
        assert find_nemo(str(path), "a model") == path
        snapshot = tmp_path / "models--some--one" / "snapshots" / "abc"
        snapshot.mkdir(parents=True)
        copy = Path(shutil.copy(path, snapshot / "other-name.nemo"))
        (snapshot / "README.md").write_text("read me")
        assert find_nemo(str(snapshot), "a model") == copy
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        assert find_nemo("some/one", "a model") == copy
        assert fingerprint("x", [path], ()) == fingerprint("x", [copy], ())

    def test_none_or_several_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"must hold one .nemo file, but there is none"):
            find_nemo(str(tmp_path), "a model")
        for name in ("a.nemo", "b.nemo"):
            (tmp_path / name).write_bytes(b"")
        with pytest.raises(ModelError, match=r"but there is a.nemo, b.nemo; give the file itself"):
            find_nemo(str(tmp_path), "a model")
        with pytest.raises(ModelError, match="a model: there is no file or folder"):
            find_nemo(str(tmp_path / "c.nemo"), "a model")

    def test_fingerprints_tell_models_and_options_apart(self, tiny: Callable[[str], str]) -> None:
        one, other = Path(tiny("ctc")), Path(tiny("rnnt"))
        told = {fingerprint("x", [one], ()), fingerprint("x", [other], ()), fingerprint("x", [one], (1,))}
        assert len(told) == 3 and all(len(text) == len("x:") + 16 for text in told)


class TestConfig:
    def test_is_read_without_torch_and_nemo(self, tiny: Callable[[str], str]) -> None:
        code = (
            "import sys; from pathlib import Path; from hybrid_tok.backends.nemo.models import read_config\n"
            f"print(read_config(Path({tiny('fsq')!r})).samples_per_frame, {{'torch', 'nemo'}} & set(sys.modules))"
        )
        done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout == "512 set()\n" and done.stderr == ""

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "no model of NeMo"),
            (b"no archive at all", "no model of NeMo, or damaged"),
            (None, "there is no model_config.yaml in it"),
        ],
    )
    def test_what_is_none(self, tmp_path: Path, content: bytes | None, message: str) -> None:
        path = tmp_path / "x.nemo"
        if content is None:
            archive(path, readme=b"hello")
        else:
            path.write_bytes(content)
        with pytest.raises(ModelError, match=message) as caught:
            read_config(path)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("text", [b"- a list", b"a: [", b"\xff\xfe", b"a: !!python/object/apply:os.getcwd []"])
    def test_damaged_configurations(self, tmp_path: Path, text: bytes) -> None:
        with pytest.raises(ModelError, match="no model of NeMo") as caught:
            read_config(archive(tmp_path / "x.nemo", model_config__yaml=text))
        assert "\n" not in str(caught.value)


class TestRestoring:
    @pytest.mark.parametrize("name", ["ctc", "rnnt", "sortformer", "titanet", "fsq", "fastpitch", "hifigan"])
    @pytest.mark.parametrize("device", ["cpu", "meta"])
    def test_every_tensor_is_on_the_device(self, tiny: Callable[[str], str], name: str, device: str) -> None:
        model = restore(Path(tiny(name)), "nemo.core.classes:ModelPT", device)
        tensors = [*model.parameters(), *model.buffers()]
        assert tensors and {tensor.device.type for tensor in tensors} == {device}
        assert not model.training and not any(parameter.requires_grad for parameter in model.parameters())

    def test_another_class(self, tiny: Callable[[str], str]) -> None:
        with pytest.raises(ModelError, match="of the kind EncDecCTCModel, and not SortformerEncLabelModel") as caught:
            restore(Path(tiny("ctc")), SORTFORMER, "cpu")
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("target", ["os.system", "nemo.collections.none.Model", "a\x1b[31mb"])
    def test_no_class_of_nemo(self, tmp_path: Path, target: str) -> None:
        text = f'target: "{target}"'.replace("\x1b", "\\e").encode()
        with pytest.raises(ModelError, match="and not EncDecCTCModel") as caught:
            restore(archive(tmp_path / "x.nemo", model_config__yaml=text), CTC, "cpu")
        assert str(caught.value).isprintable()

    def test_a_device_that_is_not_there(self, tiny: Callable[[str], str]) -> None:
        with pytest.raises(BackendError, match="device 'nowhere' is unknown to torch"):
            restore(Path(tiny("ctc")), CTC, "nowhere")

    def test_half_a_file(self, tiny: Callable[[str], str], tmp_path: Path) -> None:
        whole = Path(tiny("ctc")).read_bytes()
        path = tmp_path / "half.nemo"
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ModelError) as caught:
            restore(path, CTC, "cpu")
        assert "\n" not in str(caught.value)

    def test_weights_of_another_model(self, tiny: Callable[[str], str], tmp_path: Path) -> None:
        weights = io.BytesIO()
        torch.save({"something": torch.zeros(3)}, weights)
        path = repacked(tiny("ctc"), tmp_path / "x.nemo", "model_weights.ckpt", weights.getvalue())
        with pytest.raises(ModelError, match="cannot be restored by NeMo on cpu") as caught:
            restore(path, CTC, "cpu")
        assert "\n" not in str(caught.value)

    def test_a_checkpoint_runs_no_code(
        self, tiny: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Bomb:
            def __reduce__(self) -> tuple[object, ...]:
                return Path.touch, (tmp_path / "fired",)

        weights = io.BytesIO()
        torch.save({"something": Bomb()}, weights)
        path = repacked(tiny("ctc"), tmp_path / "x.nemo", "model_weights.ckpt", weights.getvalue())
        # With it torch, and so NeMo, would unpickle anything.
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
        with pytest.raises(ModelError, match="cannot be restored"):
            restore(path, CTC, "cpu")
        assert not (tmp_path / "fired").exists()
        with pytest.raises(pickle.UnpicklingError):
            monkeypatch.delenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
            weights.seek(0)
            torch.load(weights, weights_only=True)

    def test_not_a_word(self, tiny: Callable[[str], str]) -> None:
        code = (
            "from pathlib import Path; from hybrid_tok.backends.nemo.models import restore\n"
            f"restore(Path({tiny('sortformer')!r}), {SORTFORMER!r}, 'cpu')"
        )
        done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ("", "")


def test_quiet_ends_with_its_block() -> None:
    with pytest.raises(RuntimeError, match="loud"), quiet():
        warnings.warn("unheard", stacklevel=1)
        assert not logging.getLogger("anything").isEnabledFor(logging.ERROR)
        raise RuntimeError("loud")
    assert logging.getLogger("anything").isEnabledFor(logging.ERROR)
    with pytest.warns(UserWarning, match="heard"):
        warnings.warn("heard", stacklevel=1)


def test_errors_are_one_line() -> None:
    with pytest.raises(BackendError, match=r"^it failed: first$"), failing_as("it"):
        raise ValueError("first\nsecond")
    with pytest.raises(BackendError, match=r"^it failed: KeyError$"), failing_as("it"):
        raise KeyError
    with pytest.raises(ModelError, match=r"^as it is$"), failing_as("it"):
        raise ModelError("as it is")
