"""How speech sounds in plain words, for models that follow instructions: "whispering, fast, then laughs".

`describe` says it of a stream, in English or Chinese; `read_style` reads such words back. Tags for the sounds inside a
text, in the writing of other systems, are `tag_text` and, back, `tokens.script`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from hybrid_tok.core.events import EventLabel, System, name_of
from hybrid_tok.core.spacing import join_words
from hybrid_tok.errors import OptionsError
from hybrid_tok.tokens.stream import EventItem, HybridStream, Item, Prosody, TextItem

Words: TypeAlias = Literal["en", "zh"]

_SCALES: Mapping[str, tuple[tuple[float, dict[Words, str]], ...]] = MappingProxyType(
    {
        # Mean bins of the words up to which a word holds; `voice.prosody` has their values. Above the last and below
        # the first there is nothing to say.
        "pitch": (
            (1.5, {"en": "very low", "zh": "非常低沉"}),
            (2.5, {"en": "low", "zh": "低沉"}),
            (4.2, {"en": "", "zh": ""}),
            (5.2, {"en": "high", "zh": "高亢"}),
            (7.0, {"en": "very high", "zh": "非常高亢"}),
        ),
        "energy": (
            (1.0, {"en": "whispering", "zh": "耳语"}),
            (2.5, {"en": "quiet", "zh": "轻声"}),
            (5.5, {"en": "", "zh": ""}),
            (6.3, {"en": "loud", "zh": "大声"}),
            (7.0, {"en": "shouting", "zh": "喊叫"}),
        ),
        "rate": (
            (1.2, {"en": "very slow", "zh": "非常慢"}),
            (2.4, {"en": "slow", "zh": "慢"}),
            (4.3, {"en": "", "zh": ""}),
            (5.3, {"en": "fast", "zh": "快"}),
            (7.0, {"en": "very fast", "zh": "非常快"}),
        ),
    }
)

_SOUNDS: Mapping[EventLabel, dict[Words, str]] = MappingProxyType(
    {
        "laugh": {"en": "laughs", "zh": "笑"},
        "breath": {"en": "breathes", "zh": "呼吸"},
        "sigh": {"en": "sighs", "zh": "叹气"},
        "cough": {"en": "coughs", "zh": "咳嗽"},
        "sneeze": {"en": "sneezes", "zh": "打喷嚏"},
        "cry": {"en": "cries", "zh": "哭"},
        "throat_clear": {"en": "clears the throat", "zh": "清嗓子"},
        "gasp": {"en": "gasps", "zh": "倒吸气"},
        "sniff": {"en": "sniffs", "zh": "吸鼻子"},
        "yawn": {"en": "yawns", "zh": "打哈欠"},
        "snore": {"en": "snores", "zh": "打鼾"},
        "scream": {"en": "screams", "zh": "尖叫"},
        "moan": {"en": "moans", "zh": "呻吟"},
        "lip_smack": {"en": "smacks the lips", "zh": "咂嘴"},
        "other": {"en": "makes a sound", "zh": "发出声音"},
    }
)

_THEN: Mapping[Words, str] = MappingProxyType({"en": "then ", "zh": "然后"})
_COMMA: Mapping[Words, str] = MappingProxyType({"en": ", ", "zh": "，"})


@dataclass(frozen=True, slots=True)
class Style:
    """How a stretch of speech is said; or a sound.

    Attributes:
        pitch, energy, rate: a word of the scale, in English; empty for nothing special.
        sound: what is heard instead of words.
    """

    pitch: str = ""
    energy: str = ""
    rate: str = ""
    sound: EventLabel | None = None

    @property
    def prosody(self) -> Prosody:
        """Bins in the middle of what the words say, to write before words."""
        return Prosody(*(_middle(name, getattr(self, name)) for name in ("pitch", "energy", "rate")))


def styles_of(stream: HybridStream) -> list[Style]:
    """What there is to say about a stream, in order: words by their prosody, where it was written, and sounds. Equal
    neighbours are one, and plain speech is left out unless it stands between sounds."""
    styles: list[Style] = []
    said: list[Prosody] = []
    for item in _items(stream):
        if isinstance(item, EventItem):
            _add(styles, _style(said))
            said = []
            _add(styles, Style(sound=item.label))
        elif isinstance(item, TextItem) and item.prosody is not None:
            said.append(item.prosody)
    _add(styles, _style(said))
    return styles


def describe(stream: HybridStream, words: Words = "en") -> str:
    """A stream in plain words: "whispering, fast, then laughs"; empty where nothing is special."""
    steps: list[str] = []
    for style in styles_of(stream):
        if style.sound is not None:
            steps.append(_SOUNDS[style.sound][words])
            continue
        named = [_in(words, name, getattr(style, name)) for name in ("pitch", "energy", "rate")]
        steps.append(_COMMA[words].join(word for word in named if word))
    steps = [step for step in steps if step]
    return f"{_COMMA[words]}{_THEN[words]}".join(steps)


def read_style(text: str) -> list[Style]:
    """The styles that plain words say, English or Chinese.

    Raises:
        OptionsError: a word that says nothing known; the message lists what there is.
    """
    styles: list[Style] = []
    for step in re.split(r"[,，、;；]?\s*(?:\bthen\b|然后|接着)\s*", text.strip()):
        chosen: dict[str, str] = {}
        for part in filter(None, (one.strip().strip(".。").lower() for one in re.split(r"[,，、;；]|\band\b", step))):
            if (label := _sound(part)) is not None:
                _flush(styles, chosen)
                styles.append(Style(sound=label))
                continue
            kind, meaning = _meaning(part)
            if kind in chosen:
                raise OptionsError(f"{text!r} says {chosen[kind]!r} and {meaning!r} at once: write 'then' between them")
            chosen[kind] = meaning
        _flush(styles, chosen)
    return styles


def tag_text(stream: HybridStream, system: System) -> str:
    """The words of a stream with its sounds as another system writes them: "so funny (laughs)". Sounds for which the
    system has no tag are left out; `tokens.script.read_script` reads the text back.

    Raises:
        OptionsError: the system has names, but no tags to write inside a text.
    """
    if system == "audioset":
        raise OptionsError("AudioSet names classes of sounds; it has no tags to write inside a text")
    parts: list[str] = []
    run: list[TextItem] = []
    for item in (*_items(stream), None):
        if isinstance(item, TextItem):
            run.append(item)
            continue
        if run:
            parts.append(join_words([_escaped(one.text) for one in run], run[0].language))
            run = []
        if isinstance(item, EventItem) and (name := name_of(system, item.label)):
            parts.append(name)
    return " ".join(parts)


def _items(stream: HybridStream) -> Sequence[Item]:
    return [item for channel in stream.channels for turn in channel.turns for item in turn.items]


def _add(styles: list[Style], style: Style | None) -> None:
    if style is not None and styles[-1:] != [style]:
        styles.append(style)


def _style(said: Sequence[Prosody]) -> Style | None:
    """The style of words; None where there are none, or nothing is special."""
    if not said:
        return None
    means = {name: sum(getattr(one, name) for one in said) / len(said) for name in ("pitch", "energy", "rate")}
    words = {
        name: next(word["en"] for limit, word in _SCALES[name] if mean <= limit or limit == 7.0)
        for name, mean in means.items()
    }
    return Style(words["pitch"], words["energy"], words["rate"]) if any(words.values()) else None


def _flush(styles: list[Style], chosen: dict[str, str]) -> None:
    if chosen:
        _add(styles, Style(chosen.get("pitch", ""), chosen.get("energy", ""), chosen.get("rate", "")))
        chosen.clear()


def _in(words: Words, scale: str, english: str) -> str:
    return next(word[words] for _, word in _SCALES[scale] if word["en"] == english)


def _middle(scale: str, english: str) -> int:
    """The bin in the middle of those that a word stands for."""
    low = 0.0
    for limit, word in _SCALES[scale]:
        if word["en"] == english:
            return round((low + limit) / 2)
        low = limit
    raise OptionsError(f"{english!r} is no word for {scale}")


_OTHER_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "whisper": ("energy", "whispering"),
        "whispers": ("energy", "whispering"),
        "whispered": ("energy", "whispering"),
        "低语": ("energy", "whispering"),
        "soft": ("energy", "quiet"),
        "softly": ("energy", "quiet"),
        "quietly": ("energy", "quiet"),
        "小声": ("energy", "quiet"),
        "loudly": ("energy", "loud"),
        "shouts": ("energy", "shouting"),
        "slowly": ("rate", "slow"),
        "quickly": ("rate", "fast"),
        "缓慢": ("rate", "slow"),
        "快速": ("rate", "fast"),
        "high-pitched": ("pitch", "high"),
        "low-pitched": ("pitch", "low"),
    }
)


def _sound(part: str) -> EventLabel | None:
    """The label of a sound that is named."""
    for label, names in _SOUNDS.items():
        if part in names.values() or part in (label, label.replace("_", " "), names["en"].rstrip("s")):
            return label
    return None


def _meaning(part: str) -> tuple[str, str]:
    """The scale and the word."""
    for scale, words in _SCALES.items():
        for _, word in words:
            if part and part in word.values():
                return scale, word["en"]
    if part in _OTHER_WORDS:
        return _OTHER_WORDS[part]
    known = [word["en"] for words in _SCALES.values() for _, word in words if word["en"]]
    sounds = [names["en"] for names in _SOUNDS.values()]
    raise OptionsError(f"{part!r} is no known style: there are {', '.join(known)}; and {', '.join(sounds)}")


def _escaped(text: str) -> str:
    """Text in which nothing is read as a tag."""
    return re.sub(r"[<\[(\\](?=[^\s])", lambda found: f"\\{found[0]}" if found[0] != "\\" else "\\", text)
