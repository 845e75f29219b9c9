"""Styles in plain words, there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.core.events import EVENT_LABELS, PUBLISHED_NAMES, System
from hybrid_tok.errors import OptionsError
from hybrid_tok.lm.style import Style, describe, read_style, styles_of, tag_text
from hybrid_tok.tokens.script import Tag, read_script
from hybrid_tok.tokens.stream import Channel, EventItem, HybridStream, Item, Prosody, TextItem, Turn

WHISPERED, PLAIN = Prosody(3, 0, 5), Prosody(3, 4, 3)


def stream(*items: Item) -> HybridStream:
    return HybridStream((Channel((Turn(0, items),)),), "free", None)


def said(prosody: Prosody, text: str = "so") -> TextItem:
    return TextItem(text, prosody=prosody, language="en")


def test_whispering_fast_then_laughs() -> None:
    whole = stream(said(WHISPERED), said(WHISPERED, "funny"), EventItem("laugh", ((1,),)))
    assert describe(whole) == "whispering, fast, then laughs"
    assert describe(whole, "zh") == "耳语，快，然后笑"
    assert read_style("whispering, fast, then laughs") == styles_of(whole) == read_style("耳语，快，然后笑")


def test_plain_speech_needs_no_words() -> None:
    assert describe(stream(said(PLAIN))) == ""
    assert describe(stream(TextItem("so"), EventItem("sigh"))) == "sighs"


styles = st.builds(
    Style,
    st.sampled_from(["", "very low", "low", "high", "very high"]),
    st.sampled_from(["", "whispering", "quiet", "loud", "shouting"]),
    st.sampled_from(["", "very slow", "slow", "fast", "very fast"]),
) | st.builds(Style, sound=st.sampled_from(EVENT_LABELS))


@given(st.lists(styles.filter(lambda style: style != Style()), max_size=5), st.sampled_from(["en", "zh"]))
def test_described_and_read_back(wanted: list[Style], words: str) -> None:
    wanted = [style for number, style in enumerate(wanted) if style != (wanted[number - 1] if number else None)]
    items: list[Item] = []
    for style in wanted:
        if items and isinstance(items[-1], TextItem) and style.sound is None:
            return  # two ways to speak without a sound between them are one mean
        items.append(EventItem(style.sound) if style.sound else said(style.prosody))
    whole = stream(*items)
    assert styles_of(whole) == wanted
    assert read_style(describe(whole, words)) == wanted if wanted else not describe(whole, words)  # type: ignore[arg-type]


def test_what_people_write() -> None:
    assert read_style("Whispers, quickly") == [Style(energy="whispering", rate="fast")]
    assert read_style("low and slow, then coughs") == [Style(pitch="low", rate="slow"), Style(sound="cough")]
    with pytest.raises(OptionsError, match="'sleepy' is no known style: there are very low"):
        read_style("sleepy")
    with pytest.raises(OptionsError, match="'fast' and 'slow' at once"):
        read_style("fast, slow")


@pytest.mark.parametrize("system", [name for name in PUBLISHED_NAMES if name != "audioset"])
def test_tags_of_other_systems_are_read_back(system: System) -> None:
    whole = stream(said(PLAIN, "so (funny) <3 [really]"), EventItem("laugh"), said(PLAIN, "I can't"))
    (line,) = read_script(tag_text(whole, system))
    first, tag, last = line.parts
    assert (first, last) == ("so (funny) <3 [really]", "I can't")
    assert isinstance(tag, Tag) and tag.label == "laugh"


def test_audioset_has_no_tags() -> None:
    with pytest.raises(OptionsError, match="no tags"):
        tag_text(stream(EventItem("laugh")), "audioset")
