"""The process in which pocketsphinx runs: pieces of a recording in, words with confidences out."""

from __future__ import annotations

import os
import sys

from hybrid_tok.backends.protocol import Handler, Message, serve

# Before numpy is loaded: as many processes as cores run side by side, and a sum must not depend on how many do.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"


def make_handler(gain: float) -> Handler:
    """Load the recognizer with the English model of its wheel, our phone network, and our confidence model."""
    import numpy as np

    from hybrid_tok.backends.pocketsphinx_listener import PocketsphinxListener
    from hybrid_tok.models.confidence import ConfidenceModel

    listener, confidence = PocketsphinxListener(gain), ConfidenceModel()

    def handle(request: Message) -> Message:
        """32-bit samples at 16 kHz to words [text, first frame, end frame, confidence] in 10 ms frames."""
        heard = listener.hear(np.frombuffer(request.body, "<f4"))
        trust = confidence.judge(heard.log_posteriors, listener.to_judge(heard.words))
        return Message({"words": [[w.text, w.start, w.end, c] for w, c in zip(heard.words, trust, strict=True)]})

    return handle


if __name__ == "__main__":
    serve(lambda: make_handler(float(sys.argv[1])))
