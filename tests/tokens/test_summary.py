from __future__ import annotations

import math

from hybrid_tok.tokens.idspace import VocabularyOptions
from hybrid_tok.tokens.stream import Channel, EventItem, HybridStream, Pause, TextItem, Turn, UnitItem
from hybrid_tok.tokens.summary import summarize, transcript
from hybrid_tok.tokens.text import load_text_tokenizer
from hybrid_tok.tokens.vocabulary import Vocabulary

ITEMS = (TextItem("so funny", 40), EventItem("laugh", ((1, 2),) * 10), Pause(30), UnitItem(((3, 4),) * 20))
STREAM = HybridStream((Channel((Turn(0, ITEMS),)),))
VOCABULARY = Vocabulary(VocabularyOptions(codec="test", codebook_size=100), load_text_tokenizer())


def test_shares_and_rates_by_hand() -> None:
    ids = VOCABULARY.encode(STREAM)
    summary = summarize(STREAM, ids, VOCABULARY, 2.0)
    assert (summary.text_share, summary.unit_share, summary.silence_share) == (0.4, 0.3, 0.3)
    assert summary.words == 2
    assert summary.tokens_per_second == len(ids) / 2
    assert math.isclose(summary.bits_per_second, len(ids) / 2 * math.log2(VOCABULARY.size))
    # 60 units of a codebook of 100; one speaker of 64; the rest is tags, numbers and pieces.
    assert 60 * math.log2(100) < summary.range_bits_per_second * 2 < summary.bits_per_second * 2


def test_an_empty_recording_has_no_rates() -> None:
    empty = HybridStream((Channel(),))
    summary = summarize(empty, VOCABULARY.encode(empty), VOCABULARY, 0.0)
    assert (summary.tokens_per_second, summary.text_share, summary.unit_share) == (0.0, 0.0, 0.0)


def test_transcript() -> None:
    assert transcript(STREAM) == "speaker 0: so funny <laugh 0.20s> (0.6s) [units 0.40s]"


def test_a_transcript_has_the_spaces_of_its_languages() -> None:
    zh, en = {"language": "zh"}, {"language": "en"}
    items = (
        *(TextItem("so", 5, **en), TextItem("well", 5, **en)),
        *(TextItem("你好", 5, **zh), Pause(5), TextItem("世界", 5, **zh), TextItem("Python", 5, **zh)),
        *(EventItem("laugh"), EventItem("laugh"), TextItem("吧", 5, **zh), TextItem("吗", 5, **zh)),
    )
    stream = HybridStream((Channel((Turn(0, items),)),))
    assert transcript(stream) == "speaker 0: so well 你好世界Python <laugh 0.00s> <laugh 0.00s> 吧吗"
    assert summarize(stream, [], VOCABULARY, 1.0).words == 2 + 4 + 1 + 2


def test_text_forges_nothing_in_a_transcript() -> None:
    text = "<|speaker:1|> <laugh 1.00s> [units 2.00s] a < b [1] C:\\temp\nnext"
    stream = HybridStream((Channel((Turn(0, (TextItem(text, 20),)),)),))
    assert transcript(stream) == (r"speaker 0: <\|speaker:1|> \<laugh 1.00s> \[units 2.00s] a < b [1] C:\\temp\nnext")
