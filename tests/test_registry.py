"""Names of backends and presets, and how they are made."""

from __future__ import annotations

from dataclasses import fields

import pytest

from hybrid_tok.errors import BackendError, OptionsError
from hybrid_tok.options import TokenizerOptions
from hybrid_tok.registry import BACKENDS, PRESETS, BackendEntry, find_backend, find_preset


def test_every_preset_names_backends_that_exist() -> None:
    for preset in PRESETS.values():
        for stage, name in preset.backends.items():
            assert find_backend(stage, name).stage == stage


def test_default_backends_are_installed() -> None:
    for stage, name in PRESETS["default"].backends.items():
        assert BACKENDS[stage, name].missing == ()


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(OptionsError, match=r"there are: default$"):
        find_preset("embedded")
    with pytest.raises(OptionsError, match=r"there are: whisper$"):
        find_backend("recognizer", "kaldi")


def test_missing_backend_names_the_command_that_gets_it() -> None:
    entry = BackendEntry("recognizer", "x", "nowhere:X", ("surely_not_installed",), "pip install x")
    with pytest.raises(BackendError, match="surely_not_installed, which is not installed: pip install x"):
        entry.make()


def test_backends_are_made_with_options_of_the_tokenizer() -> None:
    known = {field.name for field in fields(TokenizerOptions)}
    assert all(set(entry.options) <= known for entry in BACKENDS.values())
    recognizer = find_backend("recognizer", "whisper")
    made = recognizer.make(model="tiny.en", language="en", windows="packed")
    assert (made.options.model, made.options.language, made.options.windows.rule) == ("tiny.en", "en", "packed")
    assert set(recognizer.options) == {"model", "language", "windows"}


def test_only_codecs_have_an_identity() -> None:
    identity = find_backend("codec", "builtin").identify()
    assert (identity.sample_rate, identity.hop) == (16_000, 320)
    with pytest.raises(BackendError, match="events 'builtin' has no identity"):
        find_backend("events", "builtin").identify()
