"""Words become the text that a person would write, and text what can be spoken by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.core.languages import LANGUAGES
from hybrid_tok.core.spacing import join_words, split_words
from strategies import TEXTS


@pytest.mark.parametrize(
    "words, language, text",
    [
        (["so", "funny"], None, "so funny"),
        (["so", "funny"], "en", "so funny"),
        (["이것은", "책이다"], "ko", "이것은 책이다"),
        (["你好", "世界"], "zh", "你好世界"),
        (["你好，", "世界。"], "zh", "你好，世界。"),
        (["你好", "世界"], None, "你好 世界"),
        (["我", "用", "Python", "写"], "zh", "我用Python写"),
        (["学", "machine", "learning", "吧"], "zh", "学machine learning吧"),
        (["Hello,", "world", "。"], "ja", "Hello, world。"),
        (["3", "%"], "zh", "3%"),
        (["今日", "は"], "ja", "今日は"),
        (["สวัสดี", "ครับ"], "th", "สวัสดีครับ"),
        (["བཀྲ་", "ཤིས།"], "bo", "བཀྲ་ཤིས།"),
        ([], "zh", ""),
        ([], "en", ""),
    ],
)
def test_words_joined(words: list[str], language: str | None, text: str) -> None:
    assert join_words(words, language) == text


@pytest.mark.parametrize(
    "text, language, words",
    [
        ("so  very\nfunny", "en", ["so", "very", "funny"]),
        ("你好", None, ["你好"]),
        ("你好，世界。", "zh", ["你", "好，", "世", "界。"]),
        ("「你好」", "yue", ["「你", "好」"]),
        ("我用Python写 3.5 遍", "zh", ["我", "用", "Python", "写", "3.5", "遍"]),
        ("きゃっとスキー", "ja", ["きゃっ", "と", "ス", "キー"]),
        ("สวัสดี ครับผม", "th", ["สวัสดี", "ครับผม"]),
        ("……", "zh", ["……"]),
        (" ", "zh", []),
    ],
)
def test_text_split(text: str, language: str | None, words: list[str]) -> None:
    assert list(split_words(text, language)) == words


@given(TEXTS | st.text("你好 きゃー，「」aB1.", max_size=12), st.sampled_from([None, *LANGUAGES]))
def test_splitting_loses_nothing_but_white_space(text: str, language: str | None) -> None:
    words = split_words(text, language)
    assert "".join(words) == "".join(text.split())
    assert all(word and word == word.strip() for word in words)


@given(st.lists(st.text("你好世界", min_size=1, max_size=3), max_size=4))
def test_texts_of_several_words_join_as_their_words_do(words: list[str]) -> None:
    assert join_words([join_words(words, "zh"), join_words(words, "zh")], "zh") == join_words(words + words, "zh")
