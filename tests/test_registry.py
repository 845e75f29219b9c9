"""Names of backends, and how they are made: ours, and those of installed packages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from hybrid_tok import registry
from hybrid_tok.core.interfaces import STAGES
from hybrid_tok.core.local_models import model_hash
from hybrid_tok.errors import BackendError, ModelError, OptionsError
from hybrid_tok.options import TokenizerOptions
from hybrid_tok.registry import BACKENDS, BackendEntry, Choice, all_backends, choose, find_backend


def test_each_stage_is_an_option() -> None:
    assert set(STAGES) <= {field.name for field in fields(TokenizerOptions)}
    assert {stage for stage, _ in BACKENDS} == set(STAGES)


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(OptionsError, match=r"no recognizer is called 'kaldi'; there are: .*whisper"):
        find_backend("recognizer", "kaldi")


def test_missing_backend_names_the_command_that_gets_it() -> None:
    for missing in ("surely_not_installed", "surely_not_installed.part"):
        entry = BackendEntry("recognizer", "x", "nowhere:X", (missing,), "pip install x")
        with pytest.raises(BackendError, match=f"{missing}, which is not installed: pip install x"):
            entry.make()


def test_backends_are_made_with_options_of_the_tokenizer() -> None:
    known = {field.name for field in fields(TokenizerOptions)}
    assert all(set(entry.options) <= known for entry in BACKENDS.values())
    recognizer = find_backend("recognizer", "whisper")
    made = recognizer.make(model="tiny.en", language="en", windows="packed", device="cpu")
    assert (made.options.model, made.options.language, made.options.windows.form) == ("tiny.en", "en", "packed")
    assert set(recognizer.options) == {"model", "language", "windows", "device"}


def test_only_codecs_have_an_identity() -> None:
    identity = find_backend("codec", "builtin").identify()
    assert (identity.sample_rate, identity.hop) == (16_000, 320)
    assert all(entry.identity for entry in BACKENDS.values() if entry.stage == "codec")
    with pytest.raises(BackendError, match="tagger 'builtin' has no identity"):
        find_backend("tagger", "builtin").identify()


@pytest.mark.parametrize(
    ("stage", "chosen", "message"),
    [
        ("codec", "builtin:./x", "codec 'builtin' takes no model, but was given './x'"),
        ("recognizer", "whisper:small", r"takes no model: its model is the option model \(--model\)"),
        ("codec", "none", "no codec is called 'none'"),
    ],
)
def test_a_choice_that_is_none_is_refused(stage: registry.Stage, chosen: str, message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        choose(stage, chosen)


class Remembering:
    """A backend that keeps what it was made with."""

    def __init__(self, model: str, device: str = "cpu") -> None:
        self.model, self.device = model, device


ENTRY = BackendEntry("tagger", "mine", f"{__name__}:Remembering", (), options=("device",), model="org/tagger")


def made_by(choice: Choice, monkeypatch: pytest.MonkeyPatch) -> Remembering:
    monkeypatch.setattr(registry, "_load", lambda target: Remembering)
    return choice.make(device="cuda:1")


def test_a_backend_gets_its_model_and_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    own, other = made_by(Choice(ENTRY), monkeypatch), made_by(Choice(ENTRY, "./other"), monkeypatch)
    assert (own.model, own.device) == ("org/tagger", "cuda:1")
    assert other.model == "./other"


def test_another_model_of_the_same_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_TOK_MODELS", str(tmp_path))
    monkeypatch.setenv("HYBRID_TOK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "config.json").write_text("{}")
    right = model_hash(tmp_path / "voices")
    assert made_by(Choice(ENTRY, "voices", {"voices": right}), monkeypatch).model == "voices"
    with pytest.raises(ModelError, match="voices is another model than the preset's"):
        made_by(Choice(ENTRY, "voices", {"voices": "0" * 64}), monkeypatch)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package with the file `entry_points.txt` still to be written."""
    package = tmp_path / "acme_backends.py"
    package.write_text(
        "from hybrid_tok.registry import BackendEntry\n"
        "TAGGER = BackendEntry('tagger', 'acme', 'acme_backends:Tagger', ())\n"
        "class Tagger:\n    name = 'acme'\n"
    )
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._entry_points.cache_clear()
    yield info / "entry_points.txt"
    registry._entry_points.cache_clear()
    sys.modules.pop("acme_backends", None)


def test_packages_add_backends_by_an_entry_point(plugin: Path) -> None:
    plugin.write_text("[hybrid_tok.backends]\ntagger.acme = acme_backends:TAGGER\n")
    assert find_backend("tagger", "builtin").name == "builtin"
    assert "acme_backends" not in sys.modules, "what is not asked for is not imported"
    assert choose("tagger", "acme").make().name == "acme"
    assert ("tagger", "acme") in all_backends()
    with pytest.raises(OptionsError, match="there are: acme, audioset, builtin"):
        find_backend("tagger", "other")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("tagger.acme = acme_backends:Tagger", "acme_backends:Tagger is no BackendEntry of tagger 'acme'"),
        ("tagger.other = acme_backends:TAGGER", "acme_backends:TAGGER is no BackendEntry of tagger 'other'"),
        ("tagger.acme = acme_backends:NOTHING", "acme_backends:NOTHING cannot be imported"),
        ("tagger.acme = nowhere:TAGGER", "nowhere:TAGGER cannot be imported"),
        ("acme = acme_backends:TAGGER", "'acme' of hybrid_tok.backends is not STAGE.NAME"),
        ("tagger.builtin = acme_backends:TAGGER", "tagger 'builtin' is registered twice"),
    ],
)
def test_a_wrong_entry_point_is_named(plugin: Path, line: str, message: str) -> None:
    plugin.write_text(f"[hybrid_tok.backends]\n{line}\n")
    with pytest.raises(BackendError, match=message):
        all_backends()
