"""Mandarin as it is compared."""

from __future__ import annotations

import pytest

pytest.importorskip("opencc", reason="opencc is not installed (bench extra)")
pytest.importorskip("cn2an", reason="cn2an is not installed (zh extra)")

from hybrid_tok.bench.mandarin import read_mandarin


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("硬幣總共1.2萬元", "硬币总共一点二万元"),
        ("1300259848", "一三零零二五九八四八"),
        ("300多斤", "三百多斤"),
        ("没有数字", "没有数字"),
        ("", ""),
    ],
)
def test_simplified_and_read(written: str, read: str) -> None:
    assert read_mandarin(written) == read
