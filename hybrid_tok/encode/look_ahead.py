"""How far each stage looks ahead: what a stream waits for, and a file is read with all the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hybrid_tok.core.interfaces import WindowRule
from hybrid_tok.core.windows import WindowOptions
from hybrid_tok.encode.activity import ActivityOptions
from hybrid_tok.encode.passages import PassageOptions
from hybrid_tok.encode.voice import VoiceOptions


@dataclass(frozen=True, slots=True)
class LookAhead:
    """What each stage waits for.

    Attributes:
        windows: of speech, for the recognizer.
        activity: the noise floor.
        passages: what ends where no words do.
        events: frames after a passage that the event tagger hears.
        voice: how much of a speaker is heard before the voice is written.
    """

    windows: WindowOptions = WindowOptions()
    activity: ActivityOptions = ActivityOptions()
    passages: PassageOptions = PassageOptions()
    events: int = 100
    voice: VoiceOptions = VoiceOptions()

    @classmethod
    def of(cls, rule: WindowRule) -> LookAhead:
        """That of a rule of windows; packed windows are made of the same segments."""
        return _RULES[rule]


_RULES: Mapping[WindowRule, LookAhead] = MappingProxyType(
    {
        "segment": LookAhead(),
        "packed": LookAhead(),
        # Nothing but the end of the speech itself is waited for: 0.2 s after a window's end, all of this is known.
        "live": LookAhead(
            windows=WindowOptions.of("live"),
            activity=ActivityOptions(look_ahead=0.0, rise=3, max_hole=2, min_frames=3, margin=1),
            events=8,
            voice=VoiceOptions(look_ahead=1.0, patience=10.0),
        ),
    }
)
