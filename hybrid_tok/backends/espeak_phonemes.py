"""Words in IPA by espeak-ng, in the process of `espeak_worker`."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence

from hybrid_tok.backends.espeak import EspeakOptions, espeak_voice
from hybrid_tok.backends.protocol import Message
from hybrid_tok.backends.worker import Worker


class EspeakPhonemes:
    """An `IpaReader`. The same words give the same IPA, whatever was read before."""

    def __init__(self, timeout: float = 120.0) -> None:
        """Args:
        timeout: seconds a call may take.
        """
        self._worker = Worker("hybrid_tok.backends.espeak_worker", timeout=timeout)

    @property
    def fingerprint(self) -> str:
        return f"espeakng-loader-{importlib.metadata.version('espeakng-loader')}:ipa"

    def read(self, words: Sequence[str], language: str) -> tuple[str, ...]:
        """See `IpaReader`.

        Raises:
            BackendError: espeak-ng lacks the language, or its process failed.
        """
        if not words:
            return ()
        # Kokoro's Portuguese is Brazilian
        voice = "pt-br" if language == "pt" else espeak_voice(language)
        what = f"the phonemes of {' '.join(words)[:40]!r}"
        answer = self._worker.request(Message({"read": list(words), "voice": EspeakOptions(voice).voice}), what)
        return tuple(answer.header["ipa"])

    def close(self) -> None:
        """Stop the process; it starts again when needed."""
        self._worker.close()
