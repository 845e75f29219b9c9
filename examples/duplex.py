"""A full-duplex loop: an agent that listens while it speaks, and stops when it is interrupted.

    python examples/duplex.py call.wav --out agent.wav --trace trace.jsonl

The user is a recording, heard in chunks of 80 ms as from a microphone. The agent is scripted: it answers each stretch
of the user's words with the next of its lines, and stops in the middle of a word when the user talks over it for longer
than a back-channel. A language model would take its place: it reads the user's ids (`heard`) and writes its own
(`say`), block by block.

Time is that of the audio, so that every run is the same; in a real loop the sound card sets the pace.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok import HybridTokenizer
from hybrid_tok.audio import read_mono, write_wav
from hybrid_tok.core.audio import Audio
from hybrid_tok.tokens.stream import Channel, HybridStream, TextItem, Turn

RATE = 16_000
CHUNK = RATE * 80 // 1000
LINES = (
    "Thank you for calling. I can tell you all about our opening hours, our prices, and the way to the shop.",
    "Of course, let me look that up for you. It will take a moment, so please stay on the line.",
    "Is there anything else that I can do for you today?",
)
INTERRUPTS = 0.6
"""Seconds of the user's speech over the agent's after which it stops; less is a back-channel."""


class Agent:
    """Speaks its lines one after another, phrase by phrase, as they are played.

    Args:
        tokenizer: in free timing, so that lines are spoken at the synthesizer's pace.
        voice: of the agent.
    """

    def __init__(self, tokenizer: HybridTokenizer, voice: str) -> None:
        self._tokenizer, self._voice = tokenizer, voice
        self._pieces: Iterator[NDArray[np.float32]] = iter(())
        self._waiting = np.zeros(0, np.float32)
        self.said = self._played = 0
        self.speaks = False

    def say(self, line: str) -> None:
        """Begin a line: its ids go into a streaming decoder, which speaks when more samples are needed."""
        stream = HybridStream((Channel((Turn(0, (TextItem(line, language="en"),)),)),), "free", None)
        self._decoder = self._tokenizer.stream_decoder(voices={0: self._voice})
        ids = self._tokenizer.vocabulary.encode(stream)
        self._pieces = chain(self._decoder.push_pieces(ids), self._decoder.flush_pieces())
        self._played, self.said, self.speaks = 0, self.said + 1, True

    def play(self, samples: int) -> NDArray[np.float32]:
        """The next samples; silence where there are none."""
        while len(self._waiting) < samples and (piece := next(self._pieces, None)) is not None:
            self._waiting = np.concatenate([self._waiting, piece])
        now, self._waiting = self._waiting[:samples], self._waiting[samples:]
        self.speaks = len(now) == samples
        self._played += len(now)
        return np.pad(now, (0, samples - len(now)))

    def stop(self) -> tuple[str, NDArray[np.float32]]:
        """Interrupted: the words that were heard, and the fade-out."""
        heard = self._decoder.cancel(self._played / RATE)
        self._waiting, self._pieces, self.speaks = np.zeros(0, np.float32), iter(()), False
        return " ".join(heard.words), heard.tail


def converse(
    user: NDArray[np.float32], listener: HybridTokenizer, agent: Agent
) -> tuple[NDArray[np.float32], list[dict[str, Any]]]:
    """The agent's track, as long as the user's, and what happened when."""
    ears = listener.stream_encoder(RATE)
    heard: list[int] = []
    track: list[NDArray[np.float32]] = []
    trace: list[dict[str, Any]] = []
    over, answered = 0.0, 0
    for start in range(0, len(user), CHUNK):
        seconds = start / RATE
        heard += ears.push(user[start : start + CHUNK])
        speaking = ears.pending.speaking
        over = over + CHUNK / RATE if speaking and agent.speaks else 0.0
        if over >= INTERRUPTS:
            text, tail = agent.stop()
            trace.append({"seconds": seconds, "agent": "interrupted", "heard": text})
            track.append(np.pad(tail[:CHUNK], (0, max(0, CHUNK - len(tail)))))
            over = 0.0
            continue
        if len(heard) > answered and not speaking and not agent.speaks and agent.said < len(LINES):
            trace.append({"seconds": seconds, "user": "has spoken", "ids": len(heard) - answered})
            answered = len(heard)
            agent.say(LINES[agent.said])
            trace.append({"seconds": seconds, "agent": "says", "line": LINES[agent.said - 1]})
        track.append(agent.play(CHUNK))
    heard += ears.flush()
    trace.append({"seconds": len(user) / RATE, "user": "ids in all", "ids": len(heard)})
    return np.concatenate(track)[: len(user)], trace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path, help="what the user says")
    parser.add_argument("--out", type=Path, default=Path("agent.wav"), help="stereo: the user and the agent")
    parser.add_argument("--trace", type=Path, default=Path("trace.jsonl"), help="what happened when")
    parser.add_argument("--voice", default="af_heart")
    arguments = parser.parse_args()
    user = read_mono(arguments.recording, RATE)[0].samples
    with (
        HybridTokenizer.from_preset("live") as listener,
        HybridTokenizer.from_preset("live", timing="free") as speaker,
    ):
        track, trace = converse(user, listener, Agent(speaker, arguments.voice))
    write_wav(arguments.out, Audio(np.stack([user[: len(track)], track]), RATE))
    arguments.trace.write_text("".join(json.dumps(one) + "\n" for one in trace), "utf-8")
    for one in trace:
        print(json.dumps(one))


if __name__ == "__main__":
    main()
