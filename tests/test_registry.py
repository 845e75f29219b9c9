from __future__ import annotations

import pytest

from hybrid_tok.errors import BackendError, OptionsError
from hybrid_tok.registry import BACKENDS, PRESETS, BackendEntry, find_backend, find_preset


def test_every_preset_names_backends_that_exist() -> None:
    for preset in PRESETS.values():
        for stage, name in preset.backends.items():
            assert find_backend(stage, name).stage == stage


def test_embedded_backends_are_installed() -> None:
    for stage, name in PRESETS["default"].backends.items():
        assert BACKENDS[stage, name].missing == ()


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(OptionsError, match="there are: embedded, whisper"):
        find_preset("embeded")
    with pytest.raises(OptionsError, match="there are: pocketsphinx, whisper"):
        find_backend("recognizer", "kaldi")


def test_missing_backend_names_the_command_that_gets_it() -> None:
    entry = BackendEntry("recognizer", "x", "nowhere:X", ("surely_not_installed",), "pip install x")
    with pytest.raises(BackendError, match="surely_not_installed, which is not installed: pip install x"):
        entry.make()
