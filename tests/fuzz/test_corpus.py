"""The fuzzer's corpus, seeds and past findings, goes through its targets; and each target notices what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fuzz import run, targets
from fuzz.seeds import CORPUS, seeds
from hybrid_tok.errors import AnnotationError, AudioError, ContainerError, HybridTokError, OptionsError

INPUTS = sorted(path for path in CORPUS.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_inputs_are_no_findings(path: Path, tmp_path: Path) -> None:
    targets.TARGETS[path.parent.name](path.read_bytes(), tmp_path)


def test_every_target_has_a_corpus_and_is_run() -> None:
    assert {path.parent.name for path in INPUTS} == set(targets.TARGETS) == set(run.NAMES)
    assert sum(path.stat().st_size for path in INPUTS) < 300_000


@pytest.mark.filterwarnings("ignore::hybrid_tok.errors.AnnotationWarning")
def test_seeds_are_valid_and_the_ones_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is read to the end, by one reader at least where there are several, so that the fuzzer starts behind the
    first checks. What an encoder of audio makes depends on its version."""
    refused: list[Exception] = []

    @contextmanager
    def noted(*kinds: type[HybridTokError], file: Path | None = None) -> Iterator[None]:
        try:
            yield
        except kinds as error:
            refused.append(error)

    monkeypatch.setattr(targets, "may_refuse", noted)
    for target, name, content in seeds():
        refused.clear()
        targets.TARGETS[target](content, tmp_path)
        allowed = {"annotations": 5, "script": name == "script-2"}.get(target, 0)
        assert len(refused) <= allowed, (target, name, refused)
        assert target == "audio" or (CORPUS / target / name).read_bytes() == content, "run tests/fuzz/seeds.py"


def fails(kind: type[Exception], message: str = "x") -> Callable[..., Any]:
    def spoiled(*_: Any, **__: Any) -> Any:
        raise kind(message)

    return spoiled


TWO_LINES = "talk.hyt talk.audio talk.srt:\nwrong"


@pytest.mark.parametrize(
    ("name", "seed", "place", "spoiled"),
    [
        ("container", "hybrid-locked.hyt", "hybrid_tok.tokenizer.options_of_file", fails(ValueError)),
        ("container", "hybrid-locked.hyt", "hybrid_tok.tokenizer.options_of_file", fails(ContainerError, "no name")),
        ("container", "hybrid-locked.hyt", "hybrid_tok.decode.pipeline.plan", fails(MemoryError)),
        ("container", "hybrid-locked.hyt", "fuzz.targets.format_stream", lambda *_, **__: "one\x85two"),
        ("ids", "hybrid-locked-0", "hybrid_tok.tokens.vocabulary.parse", fails(ValueError)),
        ("ids", "hybrid-locked-0", "hybrid_tok.tokens.vocabulary.serialize", lambda *_: [0]),
        ("annotations", "srt-1", "hybrid_tok.formats.srt.read", fails(ValueError)),
        ("annotations", "srt-1", "hybrid_tok.formats.srt.read", fails(AnnotationError, TWO_LINES)),
        ("annotations", "srt-1", "hybrid_tok.formats.srt.read", fails(AnnotationError, "no name")),
        ("audio", "pcm16.wav", "hybrid_tok.audio.reading.mix", fails(ValueError)),
        ("audio", "pcm16.wav", "hybrid_tok.audio.reading.mix", lambda block: block[0] * np.nan),
        ("audio", "pcm16.wav", "hybrid_tok.audio.reading.mix", fails(AudioError, "no name")),
        ("script", "script-0", "hybrid_tok.tokenizer.read_script", fails(ValueError)),
        ("script", "script-0", "hybrid_tok.tokenizer.read_script", fails(OptionsError, TWO_LINES)),
    ],
)
def test_targets_notice_what_is_wrong(
    name: str, seed: str, place: str, spoiled: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (CORPUS / name / seed).read_bytes()
    targets.TARGETS[name](content, tmp_path)
    monkeypatch.setattr(place, spoiled)
    with pytest.raises((AssertionError, ValueError, MemoryError)):
        targets.TARGETS[name](content, tmp_path)
