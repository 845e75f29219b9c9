"""The process in which espeak-ng runs (GPL-3: nothing but this process ever loads its library).

Speaks words and reports where each begins, or transcribes them. Interface: `speak_lib.h` of espeak-ng 1.52.

espeak-ng's own word events do not do: their text positions are off at the start of a clause, a number or a symbol
gives any number of them, and a pair like "of the" gives one. So a `<mark>` is put before each word. Marks need SSML,
hence everything else is escaped, and what gives commands outside SSML (control characters) is taken out.
"""

from __future__ import annotations

import ctypes
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias
from xml.sax.saxutils import escape

from hybrid_tok.backends.protocol import Handler, Message, serve

Spoken: TypeAlias = "tuple[bytes, list[int]]"
"""16-bit samples, and for each word the sample at which it starts."""

_OUTPUT_SYNCHRONOUS = 2
_POSITION_CHARACTER = 1
_CHARS_UTF8, _SSML = 0x01, 0x10  # and not 0x100, PHONEMES: [[...]] is text
_EVENT_END_OF_LIST, _EVENT_MARK = 0, 3
_PARAMETER_RATE, _PARAMETER_PITCH = 1, 3
_TIE = 0x0361
_TIED_IPA = 0x02 | 0x80 | _TIE << 8

_LONGEST_CLAUSE = 120
"""Spoken words (by `_weight`) in one call: beyond some 170 espeak-ng drops words without a sign."""

_SENTENCE_PAUSE = 0.3
"""Seconds between sentences: the end of a call ends without a pause."""

_SENTENCE_END = tuple(".!?。！？")
_SILENT = frozenset("!\"'(),-.:;?[]{}…—–¡¿“”‘’«»。，、！？；：（）《》")
"""Characters that make no sound: espeak-ng drops the mark of a word made of them now and then, which does no harm."""


class _Event(ctypes.Structure):
    """`espeak_EVENT`; the union at its end is 8 bytes, for a mark the pointer to its name."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def make_handler() -> Handler:
    """Load the library and its data."""
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    sample_rate = library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, str(espeakng_loader.get_data_path()).encode(), 0)
    if sample_rate <= 0:
        raise RuntimeError(f"espeak_Initialize failed with {sample_rate}")

    def handle(request: Message) -> Message:
        """{words, voice, rate, pitch} to {sample_rate, starts} and 16-bit samples; {read, voice} to {ipa}."""
        voice: str = request.header["voice"]
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}; try one like en-us, de or cmn")
        if "read" in request.header:
            words = [_clean(word) for word in request.header["read"]]
            return Message({"ipa": transcribe_all(words, lambda text: _transcribe(library, text))})
        for parameter, key in ((_PARAMETER_RATE, "rate"), (_PARAMETER_PITCH, "pitch")):
            if library.espeak_SetParameter(parameter, int(request.header[key]), 0) != 0:
                raise ValueError(f"espeak-ng refuses {key} {request.header[key]}")
        words = [_clean(word) for word in request.header["words"]]
        samples, starts = bytearray(), []
        for clause in clauses(words):
            if samples and words[len(starts) - 1].endswith(_SENTENCE_END):
                samples += bytes(2 * round(_SENTENCE_PAUSE * sample_rate))
            sound, begins = speak_all(clause, lambda part: _speak(library, part))
            starts += [len(samples) // 2 + begin for begin in begins]
            samples += sound
        return Message({"sample_rate": sample_rate, "starts": starts}, bytes(samples))

    return handle


def speak_all(words: Sequence[str], speak: Callable[[Sequence[str]], tuple[bytes, dict[int, int]]]) -> Spoken:
    """Speak words and know where each begins, although some marks get lost ("Dr. 1999" has only one).

    Before a lost mark the words are divided and spoken again in two parts: the first word of a part begins at 0.
    """
    sound, marks = speak(words)
    lost = [i for i, word in enumerate(words) if i and i not in marks and not _SILENT.issuperset(word.strip())]
    if lost:
        left, left_starts = speak_all(words[: lost[0]], speak)
        right, right_starts = speak_all(words[lost[0] :], speak)
        return left + right, left_starts + [len(left) // 2 + start for start in right_starts]
    starts = [0] * len(words)
    begin = len(sound) // 2
    for i in range(len(words) - 1, 0, -1):
        starts[i] = begin = min(marks.get(i, begin), begin)
    return sound, starts


def transcribe_all(words: Sequence[str], transcribe: Callable[[str], list[str]]) -> list[str]:
    """The IPA of each word, as it is said in its clause.

    Args:
        transcribe: text to its spoken words. It joins some words ("of the") and makes several of others ("21"), so
            what it gives for a clause is taken only where there are as many as its words have one by one.
    """
    alone = {word: transcribe(word) for word in dict.fromkeys(words)}

    def read(part: Sequence[str]) -> list[str]:
        spoken = transcribe(" ".join(part)) if len(part) > 1 else alone[part[0]]
        counts = [len(alone[word]) for word in part]
        if len(spoken) == sum(counts):
            ends = [sum(counts[: i + 1]) for i in range(len(part))]
            return [" ".join(spoken[end - count : end]) for end, count in zip(ends, counts, strict=True)]
        middle = len(part) // 2
        return read(part[:middle]) + read(part[middle:])

    return [ipa for clause in clauses(words) for ipa in read(clause)]


def clauses(words: Sequence[str]) -> list[list[str]]:
    """Words divided after sentences, and before they grow too long for one call."""
    parts: list[list[str]] = []
    room = 0
    for word in words:
        if not parts or room < _weight(word) or (parts[-1][-1].endswith(_SENTENCE_END) and word[:1].isupper()):
            parts.append([])
            room = _LONGEST_CLAUSE
        parts[-1].append(word)
        room -= _weight(word)
    return parts


def _weight(word: str) -> int:
    """About how many words are spoken for a word: several for a digit or a symbol, one for letters."""
    return 1 + sum(1 for char in word if not char.isalpha() or ord(char) > 0x2E80)


def _clean(word: str) -> str:
    """The word without control characters and lone surrogates: espeak-ng takes U+0001 for the start of a command."""
    return "".join(" " if unicodedata.category(char) in ("Cc", "Cs") else char for char in word)


def _transcribe(library: ctypes.CDLL, text: str) -> list[str]:
    """The spoken words of a text in IPA, diphthongs and affricates tied. Markup and phonemes in it are text."""
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    characters = ctypes.create_string_buffer(text.encode())
    rest = ctypes.c_void_p(ctypes.addressof(characters))
    spoken: list[str] = []
    while rest.value:
        clause: bytes = library.espeak_TextToPhonemes(ctypes.byref(rest), _CHARS_UTF8, _TIED_IPA) or b""
        # where it takes a word for one of another language, it says so: "(en)", with ties inside
        spoken += re.sub(rf"\([a-z\-{chr(_TIE)}]+\)", "", clause.decode()).split()
    return spoken


def _speak(library: ctypes.CDLL, words: Sequence[str]) -> tuple[bytes, dict[int, int]]:
    """16-bit samples, and the marks that came: index of a word -> sample."""
    sound = bytearray()
    marks: dict[int, int] = {}

    def receive(samples: Any, count: int, event: Any) -> int:
        if samples and count > 0:
            sound.extend(ctypes.string_at(samples, 2 * count))
        index = 0
        while event and event[index].type != _EVENT_END_OF_LIST:
            if event[index].type == _EVENT_MARK:
                marks.setdefault(int(event[index].name), event[index].sample)
            index += 1
        return 0

    callback = _Callback(receive)
    library.espeak_SetSynthCallback(callback)
    text = " ".join(f'<mark name="{i}"/>{escape(word)}' for i, word in enumerate(words)).encode()
    size = ctypes.c_size_t(len(text) + 1)
    status = library.espeak_Synth(text, size, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8 | _SSML, None, None)
    if status != 0:
        raise RuntimeError(f"espeak_Synth failed with {status}")
    return bytes(sound), marks


if __name__ == "__main__":
    serve(make_handler)
