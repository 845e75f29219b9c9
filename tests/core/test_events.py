"""The taxonomy's order is the order of its ids; other systems' names lead into it."""

from __future__ import annotations

import pytest

from hybrid_tok.core.events import EVENT_LABELS, PUBLISHED_NAMES, System, label_of, name_of


def test_the_order_of_the_ids() -> None:
    assert EVENT_LABELS == (
        "laugh", "breath", "sigh", "cough", "sneeze", "cry", "throat_clear", "gasp", "sniff", "yawn", "snore", "scream",
        "moan", "lip_smack", "other",
    )  # fmt: skip


@pytest.mark.parametrize("system", PUBLISHED_NAMES)
def test_every_published_name_is_one_of_our_labels_and_back(system: System) -> None:
    for name, label in PUBLISHED_NAMES[system].items():
        assert label in EVENT_LABELS
        written = name_of(system, label)
        assert written is not None and label_of(system, written) == label
        assert label_of(system, name) == label


def test_what_a_system_does_not_name() -> None:
    assert name_of("sensevoice", "yawn") is None
    assert label_of("sensevoice", "<|BGM|>") is None
    assert label_of("cosyvoice", "[mn]") is None  # a filled pause, which is a word
    assert name_of("dia", "laugh") == "(laughs)"
    assert label_of("audioset", "Yawn") == "yawn"
    assert label_of("sensevoice", "<|Sing|>") is None  # words, sung


def test_every_tag_of_the_published_lists_is_mapped_or_left_out_on_purpose() -> None:
    """The lists as their owners publish them; what is no vocal event has no label."""
    lists: dict[System, tuple[str, str]] = {
        "sensevoice": ("<|Laughter|> <|Cry|> <|Sneeze|> <|Breath|> <|Cough|>", "<|BGM|> <|Speech|> <|Applause|>"),
        "bark": ("[laughter] [laughs] [sighs] [gasps]", "[music]"),
        "omnivoice": ("[laughter] [sigh]", "[confirmation-en] [surprise-ah] [question-oh] [dissatisfaction-hnn]"),
        "orpheus": ("<laugh> <chuckle> <sigh> <cough> <sniffle> <groan> <yawn> <gasp>", ""),
        "cosyvoice": (
            "[breath] [laughter] [cough] [clucking] [quick_breath] [hissing] [sigh] [vocalized-noise] [lipsmack]",
            "[noise] [accent] [mn] <strong> <laughter>",
        ),
    }
    for system, (mapped, left_out) in lists.items():
        assert {*mapped.split(), *(["[clears throat]"] if system == "bark" else [])} == set(PUBLISHED_NAMES[system])
        assert not set(left_out.split()) & set(PUBLISHED_NAMES[system])
    chatterbox = {"[clear throat]", "[sigh]", "[shush]", "[cough]", "[groan]", "[sniff]", "[gasp]", "[chuckle]"}
    assert chatterbox | {"[laugh]"} == set(PUBLISHED_NAMES["chatterbox"])
    dia = "laughs;clears throat;sighs;gasps;coughs;groans;sniffs;screams;inhales;exhales;burps;sneezes;chuckle"
    assert {f"({name})" for name in dia.split(";")} == set(PUBLISHED_NAMES["dia"])
