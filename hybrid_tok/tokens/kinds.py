"""What each id of a stream is: a word, a unit, an event's tag, a voice code, or what holds them together."""

from __future__ import annotations

from collections.abc import Sequence

from hybrid_tok.tokens.idspace import IdSpace

KINDS = ("words", "units", "events", "voice", "structure")
"""`voice` is voice codes and prosody; `structure` speakers, languages, pauses, lengths, the end."""


def kinds_of(space: IdSpace, ids: Sequence[int]) -> list[int]:
    """The number in `KINDS` of each id."""
    kind_of = {
        space.text_range: "words",
        **dict.fromkeys((*space.units, space.merged), "units"),
        **dict.fromkeys((space.event_open, space.event_close), "events"),
        **dict.fromkeys((space.voice_open, space.voice_codes, *space.prosody), "voice"),
    }
    ranges = (space.range_of(token) for token in ids)
    return [KINDS.index("structure" if part is None else kind_of.get(part, "structure")) for part in ranges]
