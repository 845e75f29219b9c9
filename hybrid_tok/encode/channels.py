"""Diarization of a recording with one speaker or side per channel, where overlap is certain.

Each channel is diarized by itself, so that speakers who talk at the same time on different channels have overlapping
turns. Crosstalk is left out: where it occurs, another channel is far louder.

Most recordings with several channels are different: stereo music, a podcast mixed for two loudspeakers, a meeting in
front of two microphones. Their channels all have every speaker at about the same level, and their mix is diarized.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.annotations import SpeakerTurn
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.interfaces import Diarizer
from hybrid_tok.core.masks import mask_to_spans
from hybrid_tok.core.timeline import Span, subtract_spans
from hybrid_tok.errors import OptionsError

ChannelUse: TypeAlias = Literal["mix", "separate", "auto"]
"""Where speakers are told apart: in the mix of the channels, in each channel, or as found in the recording."""

_SMOOTH = 11
"""Frames (20 ms) over which levels are compared."""


@dataclass(frozen=True, slots=True)
class ChannelOptions:
    """How channels are diarized.

    Attributes:
        use: `mix`; `separate`, each by itself (a speaker on two channels counts twice); `auto`, separate if they are
            sides of a conversation.
        bleed: dB by which another channel must be louder for speech in this one to count as crosstalk.
        apart: share of the speech in which a channel must be louder than all others by `bleed` for `auto` to take the
            channels as separate: near zero in a mix, large in a conversation, a quarter for two people who always talk
            at the same time.
        same: dB; channels whose level difference is constant within this are one signal, whatever `use` is.
    """

    use: ChannelUse = "auto"
    bleed: float = 10.0
    apart: float = 0.2
    same: float = 1.0

    def __post_init__(self) -> None:
        if self.use not in ("mix", "separate", "auto"):
            raise OptionsError(f"channels must be mix, separate or auto, not {self.use!r}")
        if self.bleed <= 0:
            raise OptionsError(f"bleed={self.bleed} dB: another channel must be louder, give more than 0")
        if not 0 <= self.apart <= 1 or self.same < 0:
            raise OptionsError("apart is a share in [0, 1], same is dB of at least 0")


def separate_talk(
    channels: Sequence[Audio],
    speech: Sequence[Span],
    find_speech: Callable[[Audio], Sequence[Span]],
    events: Sequence[Span] = (),
    options: ChannelOptions = ChannelOptions(),
    speakers: int | None = None,
) -> list[list[Span]] | None:
    """Where each channel has speech of its own; None if the mix is to be diarized.

    Args:
        channels: mono, of the same rate and length.
        speech: where the mix has speech.
        find_speech: the speech of a channel.
        events: vocal events of the mix.
        speakers: how many there are, where known: `auto` never takes more channels than that as separate.
    """
    if len(channels) < 2 or options.use == "mix":
        return None
    levels = measure_levels(channels)
    if options.use == "auto" and not are_separate(levels, speech, options):
        return None
    talk = own_talk(levels, [find_speech(channel) for channel in channels], events, options)
    if options.use == "auto" and speakers is not None and speakers < sum(map(bool, talk)):
        return None
    return talk


def measure_levels(channels: Sequence[Audio]) -> NDArray[np.float64]:
    """Levels in dB, smoothed: (channels, T) of mono channels of the same length, T frames of 20 ms."""
    from scipy.ndimage import uniform_filter1d

    powers = np.stack([frame_powers(channel.samples, channel.sample_rate) for channel in channels])
    smooth = uniform_filter1d(powers, _SMOOTH, mode="nearest") if powers.size else powers
    return 10 * np.log10(smooth.clip(1e-12))


def are_separate(
    levels: NDArray[np.float64], speech: Sequence[Span], options: ChannelOptions = ChannelOptions()
) -> bool:
    """Whether the channels are sides of a conversation: in much of the speech, one is far louder than all others.

    Args:
        levels: (channels, T) in dB, as `measure_levels` gives them.
        speech: where the mix has speech.
    """
    spoken = np.concatenate([levels[:, span.start : span.end] for span in speech] or [levels[:, :0]], axis=1)
    if len(levels) < 2 or spoken.shape[1] == 0:
        return False
    second, first = np.sort(spoken, axis=0)[-2:]
    return float(np.mean(first > second + options.bleed)) >= options.apart


def own_talk(
    levels: NDArray[np.float64],
    speech: Sequence[Sequence[Span]],
    events: Sequence[Span] = (),
    options: ChannelOptions = ChannelOptions(),
) -> list[list[Span]]:
    """Where each channel has speech of its own: no crosstalk, no events, not the signal of an earlier channel.

    Args:
        levels: (channels, T) in dB, as `measure_levels` gives them.
        speech: for each channel, where it has speech.
        events: vocal events of the mix; each belongs to the channel that is loudest in it.

    Raises:
        ValueError: speech for another number of channels.
    """
    if len(speech) != len(levels):
        raise ValueError(f"speech of {len(speech)} channels for the levels of {len(levels)}: give both for each")
    events = [event for event in events if event.frames and event.start < levels.shape[1]]
    loudest = [int(levels[:, event.start : event.end].mean(axis=1).argmax()) for event in events]
    talk: list[list[Span]] = []
    for k, spans in enumerate(speech):
        if any(_same_signal(levels[j], levels[k], [*speech[j], *spans], options.same) for j in range(k) if talk[j]):
            talk.append([])
            continue
        others = np.delete(levels, k, axis=0).max(axis=0, initial=-np.inf)
        leaked = [Span(*run) for run in mask_to_spans(others > levels[k] + options.bleed)]
        own_events = [event for event, where in zip(events, loudest, strict=True) if where == k]
        talk.append(subtract_spans(spans, [*leaked, *own_events]))
    return talk


def _same_signal(one: NDArray[np.float64], other: NDArray[np.float64], spans: Sequence[Span], tolerance: float) -> bool:
    """Whether two channels are one signal at different levels."""
    apart = np.concatenate([(one - other)[span.start : span.end] for span in spans] or [np.zeros(0)])
    return len(apart) > 0 and float(np.abs(apart - np.median(apart)).max()) <= tolerance


def diarize_channels(
    diarizer: Diarizer, channels: Sequence[Audio], talk: Sequence[Sequence[Span]], speakers: int | None = None
) -> tuple[SpeakerTurn, ...]:
    """Turns of all channels, sorted by start; speakers are numbered in order of first appearance.

    Speakers are not matched across channels: one who talks on two is two speakers.

    Args:
        channels: mono, at the diarizer's rate.
        talk: for each channel, where it has speech of its own; channels without any are not diarized.
        speakers: how many there are on all channels together, where known: each channel with speech has at least one,
            and the last one has the rest.

    Raises:
        OptionsError: more channels have talk than there are speakers.
    """
    talking = [k for k, spans in enumerate(talk) if spans]
    if speakers is not None and speakers < len(talking):
        raise OptionsError(
            f"speakers={speakers}, but {len(talking)} channels have speech of their own: leave the number out, or give "
            f"diarize_channels='mix' (--diarize-channels mix)"
        )
    found: list[tuple[Span, int, int]] = []
    left = speakers
    for position, k in enumerate(talking):
        most = None if left is None else left - (len(talking) - position - 1)
        last = position == len(talking) - 1
        turns = diarizer.diarize(channels[k], talk[k], most if last or most == 1 else None)
        if most is not None and len({turn.speaker for turn in turns}) > most:
            turns = diarizer.diarize(channels[k], talk[k], most)
        if left is not None:
            left -= max(1, len({turn.speaker for turn in turns}))
        found += [(turn.span, k, turn.speaker) for turn in turns]
    order: dict[tuple[int, int], int] = {}
    return tuple(SpeakerTurn(order.setdefault((k, speaker), len(order)), span) for span, k, speaker in sorted(found))
