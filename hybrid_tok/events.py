"""The event taxonomy and the names other systems give the same sounds."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

EventLabel: TypeAlias = Literal[
    "laugh",
    "breath",
    "sigh",
    "cough",
    "sneeze",
    "cry",
    "throat_clear",
    "gasp",
    "sniff",
    "yawn",
    "snore",
    "scream",
    "moan",
    "lip_smack",
    "other",
]
"""A labelled non-lexical vocalization. Filled pauses (um, uh) are words, not events."""

EVENT_LABELS: tuple[EventLabel, ...] = get_args(EventLabel)
"""The taxonomy in the order of its ids."""

System: TypeAlias = Literal["sensevoice", "cosyvoice", "dia", "orpheus", "chatterbox", "audioset"]

PUBLISHED_NAMES: Mapping[System, Mapping[str, EventLabel]] = MappingProxyType(
    {
        # FunAudioLLM/SenseVoice, rich transcription.
        "sensevoice": MappingProxyType(
            {
                "<|Laughter|>": "laugh",
                "<|Breath|>": "breath",
                "<|Cough|>": "cough",
                "<|Sneeze|>": "sneeze",
                "<|Cry|>": "cry",
            }
        ),
        # FunAudioLLM/CosyVoice, special tokens of CosyVoice 2 and 3. [mn] is a filled pause, [noise] no vocalization.
        "cosyvoice": MappingProxyType(
            {
                "[laughter]": "laugh",
                "[breath]": "breath",
                "[quick_breath]": "breath",
                "[sigh]": "sigh",
                "[cough]": "cough",
                "[lipsmack]": "lip_smack",
                "[clucking]": "other",
                "[hissing]": "other",
                "[vocalized-noise]": "other",
            }
        ),
        # nari-labs/dia, README. Singing, mumbling and humming are left to units; claps are no vocalization.
        "dia": MappingProxyType(
            {
                "(laughs)": "laugh",
                "(chuckle)": "laugh",
                "(inhales)": "breath",
                "(exhales)": "breath",
                "(sighs)": "sigh",
                "(coughs)": "cough",
                "(sneezes)": "sneeze",
                "(clears throat)": "throat_clear",
                "(gasps)": "gasp",
                "(sniffs)": "sniff",
                "(screams)": "scream",
                "(groans)": "moan",
                "(burps)": "other",
            }
        ),
        # canopyai/Orpheus-TTS, README.
        "orpheus": MappingProxyType(
            {
                "<laugh>": "laugh",
                "<chuckle>": "laugh",
                "<sigh>": "sigh",
                "<cough>": "cough",
                "<gasp>": "gasp",
                "<sniffle>": "sniff",
                "<yawn>": "yawn",
                "<groan>": "moan",
            }
        ),
        # resemble-ai/chatterbox, event tags of the Turbo model.
        "chatterbox": MappingProxyType(
            {
                "[laugh]": "laugh",
                "[chuckle]": "laugh",
                "[sigh]": "sigh",
                "[cough]": "cough",
                "[clear throat]": "throat_clear",
                "[gasp]": "gasp",
                "[sniff]": "sniff",
                "[groan]": "moan",
                "[shush]": "other",
            }
        ),
        # AudioSet (Gemmeke et al. 2017), display names below "Human voice" and "Respiratory sounds".
        "audioset": MappingProxyType(
            {
                "Laughter": "laugh",
                "Baby laughter": "laugh",
                "Giggle": "laugh",
                "Snicker": "laugh",
                "Belly laugh": "laugh",
                "Chuckle, chortle": "laugh",
                "Breathing": "breath",
                "Wheeze": "breath",
                "Pant": "breath",
                "Sigh": "sigh",
                "Cough": "cough",
                "Sneeze": "sneeze",
                "Crying, sobbing": "cry",
                "Baby cry, infant cry": "cry",
                "Whimper": "cry",
                "Throat clearing": "throat_clear",
                "Gasp": "gasp",
                "Sniff": "sniff",
                "Snoring": "snore",
                "Screaming": "scream",
                "Wail, moan": "moan",
                "Groan": "moan",
                "Snort": "other",
                "Grunt": "other",
                "Burping, eructation": "other",
                "Hiccup": "other",
            }
        ),
    }
)
"""Per system, its names for the sounds of the taxonomy; the first name of a label is the one to write."""


def label_of(system: System, name: str) -> EventLabel | None:
    """Our label for another system's name; None for what is no event here."""
    return PUBLISHED_NAMES[system].get(name)


def name_of(system: System, label: EventLabel) -> str | None:
    """Another system's name for a label; None where it has none."""
    return next((name for name, ours in PUBLISHED_NAMES[system].items() if ours == label), None)
