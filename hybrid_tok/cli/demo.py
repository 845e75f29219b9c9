"""A conversation for `hybrid-tok demo`: two voices, pauses, and a laugh."""

from __future__ import annotations

from hybrid_tok.core.audio import Audio
from hybrid_tok.tokenizer import HybridTokenizer

SCRIPT = """
    Did you hear the one about the tokenizer?
    <speaker:1> No, tell me.
    <speaker:0> It took six hundred tokens for every second of silence.
    <speaker:1> That is very good. <laugh>
"""
"""The laugh is written as units: a transcript would have lost it."""

VOICES = {0: "am_michael", 1: "af_heart"}


def make_demo(tokenizer: HybridTokenizer) -> Audio:
    """The script, spoken."""
    return tokenizer.say(SCRIPT, voices=VOICES, seed=3)
