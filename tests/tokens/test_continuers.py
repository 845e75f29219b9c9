"""What is nothing but a listener's "go on", and what is more."""

from __future__ import annotations

import pytest

from hybrid_tok.tokens.continuers import CONTINUERS, ContinuerSet

KNOWN = ContinuerSet()


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Yeah.",
            "Mm-hmm.",
            "MMMM",
            "Hmmm...",
            "uh-huh",
            "Oh, I see!",
            "okay okay",
            "All right.",
            "yeah, right",
            "Ooh",
        ),
        *(
            "Ja, genau.",
            "D'accord.",
            "C\u2019est ça",
            "对对对。",
            "嗯嗯",
            "是的，没错",
            "そうですね。",
            "はい、はい",
            "네네",
            "Ага",
        ),
        *("", " ", "...", "\u2026"),
    ],
)
def test_continuers(text: str) -> None:
    assert text in KNOWN


@pytest.mark.parametrize(
    "text", ["yeah but", "I saw", "no", "right now", "I", "see", "对不起", "そうじゃない", "ohright", "7", "ok then"]
)
def test_other_words(text: str) -> None:
    assert text not in KNOWN


def test_each_of_the_list_is_one_and_only_those_given_are() -> None:
    assert all(one in KNOWN for one in CONTINUERS)
    own = ContinuerSet(["Roger that", "!"])
    assert "roger THAT, roger that" in own and "roger" not in own and "yeah" not in own
    assert "yeah" not in ContinuerSet([]) and "" in ContinuerSet([])


def test_a_long_text_takes_no_long_time() -> None:
    # With a pattern of alternatives in place of the prefixes this would never end.
    assert "mm hm " * 20_000 + "no" not in ContinuerSet(["mm", "hm", "mm hm", "mm hm mm"])
    assert "mm hm " * 20_000 in ContinuerSet(["mm", "hm", "mm hm", "mm hm mm"])
