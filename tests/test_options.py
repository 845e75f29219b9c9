"""Options that contradict each other are refused, and so is what a file's header claims to be options."""

from __future__ import annotations

import math
from typing import Any

import pytest

from hybrid_tok.errors import ContainerError, OptionsError
from hybrid_tok.options import TokenizerOptions, options_of_file, written_options


@pytest.mark.parametrize(
    "options",
    [
        TokenizerOptions(),
        TokenizerOptions(rate_weight=math.inf, num_codebooks=1, layout="text", model="tiny.en", language="en"),
        TokenizerOptions(model="someone/whisper-small.en", speakers=3, prosody="word", timing="free"),
    ],
)
def test_what_is_written_is_read(options: TokenizerOptions) -> None:
    assert TokenizerOptions(**options_of_file("a.hyt", written_options(options))) == options


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("text_tokenizer", "/etc/passwd"),
        ("speak_as", "de"),
        ("max_seconds", 1e9),
        ("no_such_option", 1),
        ("__class__", "x"),
        ("model", "/etc/passwd"),
        ("model", "../../secret"),
        ("model", "~/model"),
        ("model", "a\nb"),
        ("model", ["base"]),
        ("layout", "sideways"),
        ("layout", None),
        ("rate_weight", "0.5"),
        ("rate_weight", True),
        ("num_codebooks", 2.0),
        ("num_codebooks", {}),
        ("diarize", 1),
        ("speakers", "2"),
    ],
)
def test_a_header_cannot_choose_what_a_file_does_not_hold(option: str, value: Any) -> None:
    with pytest.raises(ContainerError, match=r"^a\.hyt: its header has ") as caught:
        options_of_file("a.hyt", {option: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"speakers": 2, "diarize": False}, "needs diarize=True"),
        ({"max_seconds": 0.0}, "max_seconds must be above 0"),
        ({"max_seconds": math.nan}, "max_seconds must be above 0"),
    ],
)
def test_what_would_be_ignored_is_refused(chosen: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        TokenizerOptions(**chosen)
