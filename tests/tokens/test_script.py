"""Texts with tags: what is spoken, what is a sound, what is an error; no text whatever does anything else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.core.events import EVENT_LABELS, PUBLISHED_NAMES, EventLabel
from hybrid_tok.errors import OptionsError, TextError
from hybrid_tok.tokens.script import Line, Tag, read_script, stream_of_script
from hybrid_tok.tokens.stream import EventItem, Frame, HybridStream, TextItem


def spoken(text: str) -> list[str]:
    return [part for line in read_script(text) for part in line.parts if isinstance(part, str)]


def labels(text: str) -> list[str]:
    return [part.label for line in read_script(text) for part in line.parts if isinstance(part, Tag)]


def test_texts_and_sounds_in_their_order() -> None:
    laugh = Tag("laugh", "<laugh>")
    assert read_script("so funny <laugh> I can't") == (Line(0, ("so funny", laugh, "I can't")),)
    assert read_script("<laugh><laugh>") == (Line(0, (laugh, laugh)),)
    assert read_script(" one\n\n two\tthree ") == (Line(0, ("one two three",)),)


def test_every_name_of_every_system_is_understood() -> None:
    for label in EVENT_LABELS:
        assert labels(f"a<{label}>b") == labels(f"<{label.replace('_', ' ')}>") == [label]
    for system, names in PUBLISHED_NAMES.items():
        for name, label in names.items():
            tag = f"<{name}>" if system == "audioset" else name
            assert (labels(f"well {tag} yes"), spoken(f"well {tag} yes")) == ([label], ["well", "yes"]), tag
    assert labels("<LAUGH> <Clear-Throat> <|cough|> <chuckle/>") == ["laugh", "throat_clear", "cough", "laugh"]


def test_names_without_brackets_and_brackets_without_names_are_text() -> None:
    text = "Laughter (or a cough) [sic] is a sigh (laughed) [laughed]"
    assert spoken(text) == [text]


@pytest.mark.parametrize(
    "text", ["a < b", "a<b", "x < 3 > y", "I <3 you", "<- there ->", "1<2>0", "<>", "a <b", "b> c"]
)
def test_less_than_is_text(text: str) -> None:
    assert spoken(text) == [text]


def test_a_backslash_makes_text_of_a_tag() -> None:
    assert spoken(r"write \<laugh>, \[laugh] or \(laughs)") == ["write <laugh>, [laugh] or (laughs)"]
    assert spoken(r"C:\new \ \\x") == [r"C:\new \ \\x"]


def test_speakers() -> None:
    lines = read_script("<speaker:1> a <speaker:1> b <speaker: 0> c <|speaker:2|> <speaker:0> d <speaker:1>")
    assert lines == (Line(1, ("a b",)), Line(0, ("c d",)))
    assert read_script("a <speaker:1> <speaker:0> b") == (Line(0, ("a b",)),)
    with pytest.raises(OptionsError, match="<speaker:64>: speakers are numbered from 0 to 63"):
        read_script("<speaker:64> a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a <lauhg> b", r"no tag is called <lauhg>: did you mean <laugh>\?"),
        ("</laugh>", "no tag is called </laugh>: did you mean <laugh>"),
        ("<b>bold</b>", "no tag is called <b>: there are: <laugh>, <breath>"),
        ("<speaker:one>", "no tag is called <speaker:one>"),
        ("<|0.00|> hello", "no tag is called"),
        ('<break time="1s"/>', "no tag is called"),
        (f"<{'x' * 500}>", r"no tag is called <x{35}\.\.>"),
        ("<lauhg\x1c\x1b[1m>", r"no tag is called <lauhg \\x1b\[1m>"),
        ("<speaker:\n64>", "<speaker: 64>: speakers are numbered"),
        ("", "there is nothing to say"),
        (" \n", "there is nothing to say"),
        ("<speaker:3>", "there is nothing to say"),
    ],
)
def test_what_is_no_script_is_one_line(text: str, message: str) -> None:
    with pytest.raises(OptionsError, match=message) as caught:
        read_script(text)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 400


def test_a_text_that_is_not_unicode() -> None:
    with pytest.raises(TextError, match="character 2"):
        read_script("a \ud800")


def units(label: EventLabel, before: int) -> tuple[Frame, ...]:
    return ((EVENT_LABELS.index(label), before),)


def test_the_stream() -> None:
    stream = stream_of_script(read_script("a <cough> b <cough> <sigh> <speaker:1> c <cough>"), "de", units)
    first, second = stream.channels[0].turns
    assert (stream.timing, first.speaker, second.speaker) == ("free", 0, 1)
    assert first.items == (
        TextItem("a", language="de"),
        EventItem("cough", ((3, 0),)),
        TextItem("b", language="de"),
        EventItem("cough", ((3, 1),)),
        EventItem("sigh", ((2, 0),)),
    )
    assert second.items == (TextItem("c", language="de"), EventItem("cough", ((3, 2),)))


PIECES = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["<laugh>", "<", ">", "|", "\\", "[laugh]", "(laughs)", "<speaker:1>", "<speaker:0>", "<|", "</", " "]
    ),
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_any_text_is_a_stream_or_one_of_two_errors(text: str) -> None:
    try:
        lines = read_script(text)
    except (OptionsError, TextError):
        return
    stream = stream_of_script(lines, "en", units)
    assert isinstance(stream, HybridStream)
    if "\\" not in text:  # a backslash makes text of a tag
        said = [item.text for turn in stream.channels[0].turns for item in turn.items if isinstance(item, TextItem)]
        for one in said:
            assert one == " ".join(one.split()) != ""
            assert not re.search(r"<[a-z|][^<>]*\S>|\[laugh]|\(laughs\)", one)


def test_long_texts_take_no_time() -> None:
    assert spoken("x" * 100_000) == ["x" * 100_000]
    assert spoken("<" * 100_000) == ["<" * 100_000]
    assert len(labels("a <laugh> " * 20_000)) == 20_000
    assert spoken("<a " * 50_000) == [("<a " * 50_000).strip()]
