"""Mandarin to phonemes, character by character."""

from __future__ import annotations

import builtins
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hybrid_tok.core.spacing import split_words
from hybrid_tok.errors import BackendError
from hybrid_tok.phonemes import mandarin, phonemize, speaks

if sys.version_info >= (3, 13):
    pytest.skip("misaki 0.9.4 is for Python below 3.13", allow_module_level=True)


class NoReader:
    def read(self, words: Sequence[str], language: str) -> tuple[str, ...]:
        raise AssertionError(words)


def said(text: str) -> str:
    return "|".join(phonemize(split_words(text, "zh"), "zh", NoReader()))


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("你好，世界！", "ni↓|xau↓, |ʂɨ↘|ʨje↘!"),
        ("我们在北京。", "wo↓|mən |ʦai↘ |pei↓|ʨi→ŋ."),
        ("他说：“不是。”", "tʰa→ |ʂwo→: |pu↗|ʂɨ↘."),
        ("《红楼梦》……", "xʊ↗ŋ|lou↗|mə↘ŋ…"),
        ("我用Python写代码", "wo↓|jʊ↘ŋ |pˈIθˌɑn |ɕje↓ |tai↘|ma↓"),
        ("machine learning好", "məʃˈin |lˈɜɹnɪŋ |xau↓"),
        ("2024年5月", "ɚ↘li↗ŋɚ↘ sɨ↘|njɛ↗n |u↓|ɥe↘"),
        ("2个人", "lja↓ŋ|kɤ↘ |ɻə↗n"),
        ("3.5元", "sa→ntjɛ↓n u↓|ɥɛ↗n"),
        ("增长10%。", "ʦə→ŋ|ꭧa↓ŋ |pai↓fə→nꭧɨ→ʂɨ↗."),
        ("龘 -- 😀 かな 好", "ta↗ |||||xau↓"),
    ],
)
def test_exactly(text: str, phonemes: str) -> None:
    assert said(text) == phonemes


def test_a_number_too_long_to_have_a_name_is_read_digit_by_digit() -> None:
    assert said("1" * 40).replace(" ", "") == "i→" * 40


def test_the_text_is_that_of_misaki(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kokoro was trained on what misaki makes of a text; its own segmenter would write a cache and messages."""
    text = "今天天气很好我们一起去公园玩吧他觉得这个问题不是很难女儿在银行工作了三年"
    mandarin._require()
    import jieba
    from misaki.zh import ZHG2P

    monkeypatch.setattr(jieba, "lcut", lambda text, cut_all: mandarin._segmenter().lcut(text, cut_all))
    assert said(text).replace("|", "") == ZHG2P()(text)[0]


def test_nothing_is_printed() -> None:
    code = "from hybrid_tok.phonemes import phonemize; print(len(phonemize('你好', 'zh', None)))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("2\n", "")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def fake(name: str, globals: Mapping[str, Any] | None = None, *args: Any) -> Any:
        if name == "jieba":
            raise ModuleNotFoundError("No module named 'jieba'", name="jieba")
        return real(name, globals, *args)

    mandarin._require.cache_clear()
    monkeypatch.setattr(builtins, "__import__", fake)
    with pytest.raises(BackendError, match=r'needs jieba: pip install "hybrid-tok\[zh\]"'):
        phonemize(("好",), "zh", NoReader())
    monkeypatch.setattr(mandarin, "find_spec", lambda name: None if name == "jieba" else object())
    assert not speaks("zh")
