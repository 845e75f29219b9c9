"""What runs and what is read: no network, no code from model files, weights by their hashes, versions pinned."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import soundfile
from no_network import run_offline
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import hybrid_tok
from hybrid_tok.errors import WeightsError
from hybrid_tok.nn.arrays import load_arrays
from hybrid_tok.tokens.text import BUNDLED_MODEL
from real_audio import recording

PACKAGE = Path(hybrid_tok.__file__).parent
ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = sorted(PACKAGE.rglob("*.safetensors"))
COMMAND = (sys.executable, "-m", "hybrid_tok")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of speech."""
    samples, rate = soundfile.read(recording("dev/ljspeech/LJ001-0014.flac"), frames=44_100)
    soundfile.write(tmp_path / "clip.wav", samples, rate)
    return tmp_path / "clip.wav"


def test_nothing_reaches_for_the_network(clip: Path) -> None:
    done = run_offline(
        clip.parent,
        (*COMMAND, "encode", clip),
        (*COMMAND, "decode", clip.with_suffix(".hyt")),
        (*COMMAND, "decode", clip.with_suffix(".hyt"), "--set", "synthesizer=espeak", "-o", "espeak.wav"),
        (*COMMAND, "say", "Hello there. <laugh>", "-o", "said.wav"),
        (*COMMAND, "info"),
    )
    assert done.returncode == 0, done.output
    assert done.attempts == ()
    assert done.packets == 0
    assert done.left == (), "what reports to somebody keeps an identifier and a queue"


@pytest.mark.parametrize("library", ["python", "C"])
def test_an_attempt_would_be_seen(library: str, tmp_path: Path) -> None:
    script = {
        "python": "import socket; socket.getaddrinfo('example.org', 80)",
        "C": "import ctypes; print(ctypes.CDLL(None).getaddrinfo(b'192.0.2.1.example.org', None, None, bytes(8)))",
    }[library]
    done = run_offline(tmp_path, (sys.executable, "-c", script))
    assert (len(done.attempts), done.returncode) == ((1, 1) if library == "python" else (0, 0)), done.output
    assert (done.packets > 0) == (library == "C")


_LOADED_TWICE = """
import json, os, sys
from hybrid_tok import HybridTokenizer

RUNS_CODE = {"exec", "compile", "import", "pickle.find_class", "marshal.loads", "code.__new__", "ctypes.dlopen"}
seen, weights, watched = [], [], {"pickle.find_class"}

def watch(event, args):
    if event in watched:
        seen.append(f"{event} {args!r}")
    if event == "open" and str(args[0]).endswith(".safetensors"):
        frame, names = sys._getframe(1), set()
        while frame is not None:
            names.add(frame.f_code.co_name)
            frame = frame.f_back
        weights.append([os.path.basename(args[0]), "read_tensors" in names])

sys.addaudithook(watch)
for turn in range(2):
    for options in ({"prosody": "word"}, {"layout": "units"}):
        with HybridTokenizer.from_preset(**options) as tokenizer:
            tokenizer.decode(tokenizer.encode(sys.argv[1]))
    watched |= RUNS_CODE  # all modules have been imported by now: what comes is the models, once more
watched.clear()
print(json.dumps({"seen": seen, "weights": weights}))
"""


def test_loading_models_runs_no_code(clip: Path) -> None:
    command = [sys.executable, "-c", _LOADED_TWICE, str(clip)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["seen"] == []
    assert {name for name, _ in found["weights"]} >= {"codec.safetensors", "events.safetensors", "speaker.safetensors"}
    assert all(checked for _, checked in found["weights"]), "weights are read by `read_tensors`, which checks the hash"


def test_no_module_can_unpickle_or_evaluate() -> None:
    """But for training and benchmarks, which read what they wrote, and judges that are not ours. Checkpoints of others
    are read as weights and nothing else."""
    forbidden = {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] in ("train", "bench"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None) or ""}
                assert not {name.partition(".")[0] for name in names} & forbidden, path
                assert not names & {"safe_open", "load_file"}, f"{path} reads weights without their hash"
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in {"eval", "exec", "compile", "np.load", "os.system"}, path
                told = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert called != "torch.load" or told.get("weights_only") == "True", path
                assert not any(keyword.arg == "shell" for keyword in node.keywords), path


def test_weights_are_what_their_descriptions_say() -> None:
    assert len(WEIGHTS) >= 7
    for path in WEIGHTS:
        about = json.loads(path.with_suffix(".json").read_text("utf-8"))
        assert hashlib.sha256(path.read_bytes()).hexdigest() == about["sha256"], path
    fingerprint = json.loads(BUNDLED_MODEL.with_suffix(".json").read_text("utf-8"))["fingerprint"]
    assert hashlib.sha256(BUNDLED_MODEL.read_bytes()).hexdigest()[:16] == fingerprint
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    page = {path for path in files if path.parent == PACKAGE / "report" and path.suffix in (".html", ".css", ".js")}
    kinds = {path.suffix for path in files if path not in page}
    assert kinds == {".py", ".typed", ".json", ".md", ".safetensors", ".model", ".gz"}


@pytest.mark.parametrize("path", WEIGHTS, ids=lambda path: path.stem)
def test_changed_weights_are_refused(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    copy.with_suffix(".json").write_bytes(path.with_suffix(".json").read_bytes())
    with pytest.raises(WeightsError, match="SHA-256"):
        load_arrays(copy)


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    found = [re.fullmatch(r"([\w.-]+)==([\w.+!-]+)", line) for line in lines if not line.startswith("#")]
    assert all(found), "every line is a name and the one version"
    return {canonicalize_name(pin[1]): pin[2] for pin in found if pin is not None}


def required(extras: tuple[str, ...]) -> dict[str, set[str]]:
    """Every installed package that hybrid-tok and some of its extras need, with the versions that are asked for."""
    asked: dict[str, set[str]] = {}
    todo = [("hybrid-tok", extra) for extra in ("", *extras)]
    done: set[tuple[str, str]] = set()
    while todo:
        name, extra = todo.pop()
        if (name, extra) in done:
            continue
        done.add((name, extra))
        for line in metadata.distribution(name).requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                needed = canonicalize_name(requirement.name)
                asked.setdefault(needed, set()).add(str(requirement.specifier))
                todo += [(needed, one) for one in ("", *requirement.extras)]
    return {name: versions for name, versions in asked.items() if name != "hybrid-tok"}


def test_every_package_that_is_needed_is_pinned() -> None:
    pinned = pins()
    needed = required(("models", "dev"))
    assert len(needed) > 60
    loose = {
        name
        for name, versions in needed.items()
        if name not in pinned and not any(version.startswith("==") for version in versions)
    }
    assert loose == set()


@pytest.mark.skipif(not os.environ.get("CI"), reason="only CI promises to have installed the pinned versions")
def test_what_is_installed_is_what_is_pinned() -> None:
    for name, version in pins().items():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # of an extra that is not here
        assert SpecifierSet(f"=={version}").contains(installed, prereleases=True), f"{name} {installed}"
