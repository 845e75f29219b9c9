"""The wheel: what it holds, and that it works where there is no checkout."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from no_network import run_offline

import hybrid_tok

PACKAGE = Path(hybrid_tok.__file__).parent
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (made,) = folder.iterdir()
    return made


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    (about,) = {PurePosixPath(name).parts[0] for name in names} - {"hybrid_tok"}
    assert about.endswith(".dist-info") and wheel.name.startswith(about.removesuffix(".dist-info"))
    package = {name for name in names if name.startswith("hybrid_tok/")}
    files = {path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert package == {path.relative_to(PACKAGE.parent).as_posix() for path in files}
    assert "hybrid_tok/py.typed" in package
    rest = {name.removeprefix(f"{about}/") for name in set(names) - package}
    assert rest == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}
    assert wheel.stat().st_size < 25e6


def test_weights_in_the_wheel_are_whole(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        weights = [name for name in archive.namelist() if name.endswith(".safetensors")]
        for name in weights:
            stated = json.loads(archive.read(name.replace(".safetensors", ".json")))["sha256"]
            assert hashlib.sha256(archive.read(name)).hexdigest() == stated
    assert len(weights) == len(list(PACKAGE.rglob("*.safetensors"))) >= 7


def test_installed_outside_a_checkout_the_demo_runs_twice(wheel: Path, tmp_path: Path) -> None:
    """In a fresh environment, which takes its other packages from this one's folder: a path added by a .pth file does
    not bring that folder's own .pth files along, such as that of an editable hybrid-tok."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True, timeout=120)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True, timeout=120)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = (python, "-c", "import hybrid_tok; print(hybrid_tok.__file__)")
    demo = (environment / "bin" / "hybrid-tok", "demo")
    done = run_offline(
        tmp_path, where, demo, ("sh", "-c", "cat demo/* | sha256sum"), demo, ("sh", "-c", "cat demo/* | sha256sum")
    )
    assert done.returncode == 0, done.output
    assert done.output.startswith(f"{site}/hybrid_tok/__init__.py\n"), "it is not the checkout that runs"
    sums = [line for line in done.output.splitlines() if line.endswith("  -")]
    assert len(sums) == 2 and sums[0] == sums[1], "the second run replaces the first one's files by equal ones"
    results = {path.name for path in (tmp_path / "demo").iterdir()}
    assert results >= {"demo.wav", "demo.hyt", "demo.roundtrip.wav", "demo.transcript.txt"}
    told = (tmp_path / "demo" / "demo.transcript.txt").read_text("utf-8").splitlines()
    assert [line.partition(":")[0] for line in told] == ["speaker 0", "speaker 1", "speaker 0", "speaker 1"]
    assert "That is very good." in told[3] and "<laugh" in told[3]
    assert done.attempts == () and done.packets == 0
