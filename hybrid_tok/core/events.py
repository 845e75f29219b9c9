"""The event taxonomy and the names other systems give the same sounds."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

EventLabel: TypeAlias = Literal[
    "laugh", "breath", "sigh", "cough", "sneeze", "cry", "throat_clear", "gasp", "sniff", "yawn", "snore", "scream",
    "moan", "lip_smack", "other",
]  # fmt: skip
"""A labelled non-lexical vocalization. Filled pauses (um, uh) are words, not events."""

EVENT_LABELS: tuple[EventLabel, ...] = get_args(EventLabel)
"""The taxonomy in the order of its ids."""

System: TypeAlias = Literal["sensevoice", "cosyvoice", "dia", "orpheus", "chatterbox", "bark", "omnivoice", "audioset"]

_NAMES: dict[System, dict[EventLabel, tuple[str, ...]]] = {
    # The other tags of that list (<|BGM|>, <|Applause|>, <|Sing|>, <|Speech_Noise|>, ...) are no vocal events.
    "sensevoice": {
        "laugh": ("<|Laughter|>",),
        "breath": ("<|Breath|>",),
        "cough": ("<|Cough|>",),
        "sneeze": ("<|Sneeze|>",),
        "cry": ("<|Cry|>",),
    },
    # [mn] is a filled pause, [noise] no vocalization; <laughter> </laughter> stand around laughed words.
    "cosyvoice": {
        "laugh": ("[laughter]",),
        "breath": ("[breath]", "[quick_breath]"),
        "sigh": ("[sigh]",),
        "cough": ("[cough]",),
        "lip_smack": ("[lipsmack]",),
        "other": ("[clucking]", "[hissing]", "[vocalized-noise]"),
    },
    # Singing, mumbling, humming and whistling are left to units; claps, applause and beeps are no vocalization.
    "dia": {
        "laugh": ("(laughs)", "(chuckle)"),
        "breath": ("(inhales)", "(exhales)"),
        "sigh": ("(sighs)",),
        "cough": ("(coughs)",),
        "sneeze": ("(sneezes)",),
        "throat_clear": ("(clears throat)",),
        "gasp": ("(gasps)",),
        "sniff": ("(sniffs)",),
        "scream": ("(screams)",),
        "moan": ("(groans)",),
        "other": ("(burps)",),
    },
    "orpheus": {
        "laugh": ("<laugh>", "<chuckle>"),
        "sigh": ("<sigh>",),
        "cough": ("<cough>",),
        "gasp": ("<gasp>",),
        "sniff": ("<sniffle>",),
        "yawn": ("<yawn>",),
        "moan": ("<groan>",),
    },
    "chatterbox": {
        "laugh": ("[laugh]", "[chuckle]"),
        "sigh": ("[sigh]",),
        "cough": ("[cough]",),
        "throat_clear": ("[clear throat]",),
        "gasp": ("[gasp]",),
        "sniff": ("[sniff]",),
        "moan": ("[groan]",),
        "other": ("[shush]",),
    },
    # [music] and the notes around sung words are no vocalization.
    "bark": {
        "laugh": ("[laughter]", "[laughs]"),
        "sigh": ("[sighs]",),
        "throat_clear": ("[clears throat]",),
        "gasp": ("[gasps]",),
    },
    # Its other tags are interjections (surprise-ah, question-oh, ..), which are words here.
    "omnivoice": {"laugh": ("[laughter]",), "sigh": ("[sigh]",)},
    # Below "Human voice", "Respiratory sounds" and "Digestive".
    "audioset": {
        "laugh": ("Laughter", "Baby laughter", "Giggle", "Snicker", "Belly laugh", "Chuckle, chortle"),
        "breath": ("Breathing", "Wheeze", "Pant"),
        "sigh": ("Sigh",),
        "cough": ("Cough",),
        "sneeze": ("Sneeze",),
        "cry": ("Crying, sobbing", "Baby cry, infant cry", "Whimper"),
        "throat_clear": ("Throat clearing",),
        "gasp": ("Gasp",),
        "sniff": ("Sniff",),
        "yawn": ("Yawn",),
        "snore": ("Snoring",),
        "scream": ("Screaming",),
        "moan": ("Wail, moan", "Groan"),
        "other": ("Snort", "Grunt", "Burping, eructation", "Hiccup"),
    },
}

PUBLISHED_NAMES: Mapping[System, Mapping[str, EventLabel]] = MappingProxyType(
    {
        system: MappingProxyType({name: label for label, names in labels.items() for name in names})
        for system, labels in _NAMES.items()
    }
)
"""Per system, its names for the sounds of the taxonomy; the first name of a label is the one to write.

Each follows what the system itself publishes:

- sensevoice: the event tags of FunAudioLLM/SenseVoice, `webui.py`;
- cosyvoice: the special tokens of CosyVoice 2 and 3, FunAudioLLM/CosyVoice, `cosyvoice/tokenizer/tokenizer.py`;
- dia: the non-verbal tags in the README of nari-labs/dia;
- orpheus: the emotive tags of the English model in the README of canopyai/Orpheus-TTS;
- chatterbox: the event tags of the Turbo model, resemble-ai/chatterbox, `gradio_tts_turbo_app.py`;
- bark: the non-speech sounds in the README of suno-ai/bark;
- omnivoice: the non-verbal symbols in the README of k2-fsa/OmniVoice;
- audioset: names in `ontology.json` of audioset/ontology (Gemmeke et al. 2017).
"""


def label_of(system: System, name: str) -> EventLabel | None:
    """Our label for another system's name; None for what is no event here."""
    return PUBLISHED_NAMES[system].get(name)


def name_of(system: System, label: EventLabel) -> str | None:
    """Another system's name for a label; None where it has none."""
    return next((name for name, ours in PUBLISHED_NAMES[system].items() if ours == label), None)
