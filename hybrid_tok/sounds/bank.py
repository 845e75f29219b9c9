"""The bank of sounds: a few examples of each vocal event, as units of one codec.

Text has no sound for a laugh: whoever writes `<laugh>` gets one of these. Some are recordings, those without free ones
are simulated: `sounds.md` says which.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.core.events import EVENT_LABELS, EventLabel
from hybrid_tok.core.interfaces import CodecIdentity
from hybrid_tok.errors import BackendError, OptionsError, WeightsError
from hybrid_tok.tokens.stream import Frame

BANK = Path(__file__).parent / "bank.json"

_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Sound:
    """One example of an event.

    Attributes:
        label: of the event.
        source: the recording it was cut from and its licence; None for a simulated sound.
        units: its frames, with all codebooks of the bank's codec.
    """

    label: EventLabel
    source: str | None
    units: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class SoundBank:
    """Sounds by label.

    Attributes:
        codec: fingerprint of the codec whose units they are.
        sounds: the examples of each label, at least one; labels without any are left out.
    """

    codec: str
    sounds: Mapping[EventLabel, tuple[Sound, ...]]

    def choose(self, label: EventLabel, number: int) -> Sound:
        """An example: they take turns.

        Args:
            number: how many of this label were chosen before, plus a seed.

        Raises:
            OptionsError: there is none of this label.
        """
        if label not in self.sounds:
            raise OptionsError(f"the bank has no sound for {label!r}; there are: {', '.join(self.sounds)}")
        examples = self.sounds[label]
        return examples[number % len(examples)]

    def simulated(self, label: EventLabel) -> bool:
        """Whether a label's examples are simulated, not recorded."""
        return any(sound.source is None for sound in self.sounds.get(label, ()))

    def check_codec(self, codec: CodecIdentity) -> None:
        """Refuse a codec that would read these units as other sounds.

        Raises:
            BackendError: the units are another codec's.
        """
        if codec.fingerprint != self.codec:
            raise BackendError(
                f"the bank of sounds has units of codec {self.codec}, not of {codec.name} ({codec.fingerprint}): make "
                "one with hybrid_tok.train.sounds.recipe.train and give it as bank="
            )


@cache
def load_bank(path: Path = BANK) -> SoundBank:
    """Read a bank.

    Raises:
        WeightsError: it is missing or damaged.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"larger than {_MAX_BYTES} bytes")
        data = json.loads(path.read_text("utf-8"))
        sounds = [_sound(entry) for entry in data["sounds"]]
        codec = str(data["codec"])
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}): reinstall hybrid-tok") from None
    except (ValueError, LookupError, TypeError) as error:
        raise WeightsError(f"{path} is damaged ({type(error).__name__}: {error}): reinstall hybrid-tok") from None
    return make_bank(codec, sounds)


def make_bank(codec: str, sounds: list[Sound]) -> SoundBank:
    """Sounds in any order as a bank."""
    labels: list[EventLabel] = [label for label in EVENT_LABELS if any(sound.label == label for sound in sounds)]
    by_label: dict[EventLabel, tuple[Sound, ...]] = {
        label: tuple(sound for sound in sounds if sound.label == label) for label in labels
    }
    return SoundBank(codec, MappingProxyType(by_label))


def save_bank(path: Path, bank: SoundBank) -> None:
    """Write a bank atomically, a line per sound. The same bank gives the same bytes."""
    lines = [
        json.dumps({"label": sound.label, "source": sound.source, "units": sound.units}, separators=(",", ":"))
        for examples in bank.sounds.values()
        for sound in examples
    ]
    sounds = ",\n".join(lines)
    with atomic_write(path) as file:
        file.write(f'{{"codec": {json.dumps(bank.codec)}, "sounds": [\n{sounds}\n]}}\n'.encode())


def _sound(entry: Any) -> Sound:
    units = tuple(tuple(frame) for frame in entry["units"])
    if entry["label"] not in EVENT_LABELS or not units or not units[0]:
        raise ValueError(f"no sound: {entry['label']!r}")
    if {len(frame) for frame in units} != {len(units[0])} or not all(type(unit) is int for unit in sum(units, ())):
        raise ValueError(f"a sound of {entry['label']!r} has frames that are none")
    return Sound(entry["label"], entry["source"], units)
