"""The errors hybrid-tok raises. Each message is one line: what was wrong, where, and what to do."""

from __future__ import annotations


def printable(text: str) -> str:
    """Text from a file for a message: what a terminal does not show, line breaks too, is escaped as in Python."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def first_line(error: Exception) -> str:
    """What a library's error says, short enough for a message of one line; its type where it says nothing."""
    lines = str(error).strip().splitlines()
    return printable(lines[0][:200]) if lines else type(error).__name__


class HybridTokError(Exception):
    """Base of every error that is the input's or the installation's fault, not a bug."""


class AudioError(HybridTokError):
    """A recording cannot be read, or has invalid samples (NaN, infinities)."""


class StreamError(HybridTokError):
    """A `HybridStream` that no token sequence can express."""


class TextError(HybridTokError, ValueError):
    """A text that is not Unicode, so that tokens cannot spell it."""


class GrammarError(HybridTokError):
    """An id sequence outside the grammar.

    Attributes:
        position: index of the first offending id; the length of the sequence when it ended too soon.
        allowed: names of what would have been accepted there.
    """

    def __init__(self, position: int, found: str, allowed: tuple[str, ...]) -> None:
        self.position = position
        self.found = found
        self.allowed = allowed
        super().__init__(f"position {position}: found {found}, allowed here: {', '.join(allowed) or 'nothing'}")


class ContainerError(HybridTokError):
    """A `.hyt` file that is damaged, of another version, or not a `.hyt` file."""


class FingerprintError(ContainerError):
    """A file was written with another vocabulary, codec or options than the ones at hand."""


class BackendError(HybridTokError):
    """A backend is missing, failed, or has no model; the message names what to install or run."""


class WeightsError(BackendError):
    """A weights file is missing, truncated, of another shape, or fails its hash."""


class ModelError(BackendError):
    """A model's files are missing, incomplete or not the ones they should be; the message names what gets them."""


class OptionsError(HybridTokError):
    """An option has a value outside its range, or two options contradict each other."""


class AnnotationError(HybridTokError):
    """An annotation file is damaged, of another format, or contradicts itself or the recording."""


class StateError(HybridTokError):
    """A saved state of a stream cannot be used: damaged, of another version, or of another tokenizer."""


class CorpusError(HybridTokError):
    """A corpus cannot be planned, written or read: its manifest, its folder, or what was written there before."""


class AnnotationWarning(UserWarning):
    """Something in given annotations was uncertain, and was repaired or taken with low confidence."""


class AudioWarning(UserWarning):
    """A recording is not whole, and what there is of it is used."""


class SpeechWarning(UserWarning):
    """Text has no sound, or is spoken in another way than asked for."""


class CrosstalkWarning(UserWarning):
    """One channel of a call is heard in another, or their clocks differ."""
