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
        # The other tags of that list (<|BGM|>, <|Applause|>, <|Sing|>, <|Speech_Noise|>, ...) are no vocal events.
        "sensevoice": MappingProxyType(
            {
                "<|Laughter|>": "laugh",
                "<|Breath|>": "breath",
                "<|Cough|>": "cough",
                "<|Sneeze|>": "sneeze",
                "<|Cry|>": "cry",
            }
        ),
        # [mn] is a filled pause, [noise] no vocalization; <laughter> </laughter> stand around laughed words.
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
        # Singing, mumbling, humming and whistling are left to units; claps, applause and beeps are no vocalization.
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
        # Below "Human voice", "Respiratory sounds" and "Digestive".
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
                "Yawn": "yawn",
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
"""Per system, its names for the sounds of the taxonomy; the first name of a label is the one to write.

Each follows what the system itself publishes:

- sensevoice: the event tags of FunAudioLLM/SenseVoice, `webui.py`;
- cosyvoice: the special tokens of CosyVoice 2 and 3, FunAudioLLM/CosyVoice, `cosyvoice/tokenizer/tokenizer.py`;
- dia: the non-verbal tags in the README of nari-labs/dia;
- orpheus: the emotive tags of the English model in the README of canopyai/Orpheus-TTS;
- chatterbox: the event tags of the Turbo model, resemble-ai/chatterbox, `gradio_tts_turbo_app.py`;
- audioset: names in `ontology.json` of audioset/ontology (Gemmeke et al. 2017).
"""


def label_of(system: System, name: str) -> EventLabel | None:
    """Our label for another system's name; None for what is no event here."""
    return PUBLISHED_NAMES[system].get(name)


def name_of(system: System, label: EventLabel) -> str | None:
    """Another system's name for a label; None where it has none."""
    return next((name for name, ours in PUBLISHED_NAMES[system].items() if ours == label), None)
