"""Presets, and preset files: what they choose, and what they cannot hold."""

from __future__ import annotations

import math
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

from hybrid_tok.core.interfaces import STAGES
from hybrid_tok.core.local_models import model_hash
from hybrid_tok.errors import ModelError, OptionsError
from hybrid_tok.options import TokenizerOptions
from hybrid_tok.presets import PRESETS, find_preset, format_preset, read_preset
from hybrid_tok.registry import find_backend
from hybrid_tok.tokenizer import HybridTokenizer

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_every_preset_is_complete_and_consistent(preset: Any) -> None:
    assert set(preset.backends) == set(STAGES)
    preset.check(preset.with_options({}))


def test_presets_go_into_other_processes() -> None:
    for preset in PRESETS.values():
        assert pickle.loads(pickle.dumps(preset)) == preset


def test_default_backends_are_installed() -> None:
    for name in ("default", "fast", "live"):
        preset = PRESETS[name]
        assert all(preset.choice(stage, TokenizerOptions()).entry.missing == () for stage in STAGES)


def test_unknown_presets_list_the_known_ones() -> None:
    with pytest.raises(OptionsError, match="'embedded'; there are: conversation, default, fast, live, nemo, and"):
        find_preset("embedded")


def test_options_that_are_given_take_the_place_of_the_presets() -> None:
    fast = HybridTokenizer.from_preset("fast")
    assert (fast.options.model, fast.options.windows, fast.synthesizer_name) == ("tiny.en", "packed", "espeak")
    other = HybridTokenizer.from_preset("fast", windows="segment", synthesizer="kokoro")
    assert (other.options.model, other.options.windows, other.synthesizer_name) == ("tiny.en", "segment", "kokoro")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"codec": "none"}, "no codec is called 'none'"),
        ({"diarizer": "builtin:x"}, "diarizer 'builtin' takes no model"),
        ({"tagger": "builtin:"}, "takes no model"),
        ({"loud": True}, "no option is called 'loud'"),
        ({"device": "tpu"}, "device must be cpu, cuda or cuda:N"),
    ],
)
def test_what_cannot_be_chosen_is_refused_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        HybridTokenizer.from_preset(**options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rate_weight": math.inf, "speakers": 2, "language": "de", "events": False},
        {"synthesizer": "espeak", "tagger": "builtin", "num_codebooks": 1, "timing": "free"},
    ],
)
def test_what_is_written_is_read(tmp_path: Path, options: dict[str, Any]) -> None:
    base = PRESETS["default"]
    path = tmp_path / "mine.toml"
    path.write_text(format_preset(base, base.with_options(options), 'for "me"'), "utf-8")
    found = find_preset(str(path))
    assert found.with_options({}) == base.with_options(options)
    assert (found.name, found.description, found.backends) == ("default", 'for "me"', base.backends)


def test_a_model_is_written_by_name_and_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_TOK_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "here" / "pipeline"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("a: 1\n")
    base = PRESETS["default"]
    written = format_preset(base, base.with_options({"diarizer": f"pyannote:{folder}"}), "meetings")
    assert str(tmp_path) not in written
    held = tomllib.loads(written)
    assert held["options"] == {"diarizer": "pyannote:pipeline"}
    assert held["sha256"] == {"pipeline": model_hash(folder)}
    path = tmp_path / "hybrid_tok.toml"
    path.write_text(written)
    monkeypatch.setenv("HYBRID_TOK_MODELS", str(tmp_path / "here"))
    choice = read_preset(path).choice("diarizer", read_preset(path).with_options({}))
    assert (choice.entry, choice.model) == (find_backend("diarizer", "pyannote"), "pipeline")
    choice._check_model()
    (folder / "config.yaml").write_text("a: 2\n")
    with pytest.raises(ModelError, match="pipeline is another model than the preset's"):
        choice._check_model()


def test_a_preset_file_is_not_what_recordings_are_marked_with(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('base = "fast"\n[options]\nspeakers = 2\n')
    tokenizer = HybridTokenizer.from_preset(str(tmp_path / "mine.toml"), language="en")
    assert tokenizer.preset.name == "fast"
    assert (tokenizer.options.speakers, tokenizer.options.model, tokenizer.options.language) == (2, "tiny.en", "en")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("base = ", "is not TOML"),
        ('base = "mine"', "there is no preset 'mine' to build on: conversation, default"),
        ("[backends]\ncodec = 1", "'backends' is nothing that a preset file holds"),
        ("options = 1", "'options' is nothing that a preset file holds"),
        ("[options]\nloud = true", "the option 'loud'"),
        ("[options]\nlayout = 'sideways'", "layout='sideways', which is no value of that option"),
        ("[options]\ncodec = 'mimi:/models/mimi'", "which is no value of that option"),
        ("[options]\ncodec = 'none'", "no codec is called 'none'"),
        ("[options]\nmodel = '../x'", "which is no value of that option"),
        ("[options]\ndevice = 'cuda'", "device is an option of a machine, not of a preset"),
        ("[options]\ntext_tokenizer = 'x'", "text_tokenizer is an option of a machine"),
        ("[sha256]\nmimi = 'abc'", "sha256 of 'mimi' is not 64 hex digits"),
    ],
)
def test_what_a_preset_file_cannot_hold_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(OptionsError, match=message) as caught:
        find_preset(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_preset_file_is_named() -> None:
    with pytest.raises(OptionsError, match=r"nowhere\.toml cannot be read: No such file"):
        find_preset("nowhere.toml")
