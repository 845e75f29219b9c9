"""How soon a stream is heard: what the streaming decoder adds between an id and its sound."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from hybrid_tok.decode.streaming import StreamDecoder
from hybrid_tok.tokenizer import HybridTokenizer
from hybrid_tok.tokens.stream import Channel, HybridStream, Pause, TextItem, Turn, UnitItem
from hybrid_tok.voice.prosody import expected_seconds

TEXTS = (
    "I did not think that you would come back before the summer, but I am glad you did.",
    "Well, the train was late again and we had to wait for an hour in the cold.",
    "Could you tell me how to get to the station from here?",
    "She said that it was the best thing she had ever seen.",
    "Yes, of course.",
)
_AUDIBLE = 1e-3


def decoder_latency(preset: str = "default", unit_frames: int = 250, **options: Any) -> dict[str, Any]:
    """Measure both ways to sound, warm, with the preset's backends.

    Returns:
        text: seconds from the id that makes a text whole to its first sound, locked timing (median, worst, for each of
            `TEXTS`); free_text: from the first piece of a text whose pieces come at once.
        units: `lag_seconds`, the most by which the samples given out are behind the ids in time of the stream;
            `step_seconds`, the time it takes to push a frame (median, 95th percentile); `seconds`, both together: from
            a unit's id to its sound.
    """
    return {
        "text": _text_latency(preset, "locked", options),
        "free_text": _text_latency(preset, "free", options),
        "units": _unit_latency(preset, unit_frames, options),
    }


def _text_latency(preset: str, timing: str, options: dict[str, Any]) -> dict[str, Any]:
    with HybridTokenizer.from_preset(preset, timing=timing, **options) as tok:
        found: list[float] = []
        for number, text in enumerate((TEXTS[0], *TEXTS)):
            frames = round(sum(map(expected_seconds, text.split())) * float(tok.codec_identity.grid.frame_rate))
            item = TextItem(text, frames if timing == "locked" else None, language="en")
            after = (Pause(50),) if timing == "locked" else ()
            stream = HybridStream((Channel((Turn(0, (item, *after)),)),), *(("locked", 0) if after else ("free", None)))
            ids = tok.vocabulary.encode(stream)
            seconds = _first_sound(tok.stream_decoder(), ids)
            if number:  # the first one loads the models
                found.append(round(seconds, 3))
    return {"median_seconds": statistics.median(found), "worst_seconds": max(found), "each": found}


def _first_sound(dec: StreamDecoder, ids: Sequence[int]) -> float:
    """Seconds until samples that are no silence come, once the ids are there."""
    start = time.perf_counter()
    for pieces in (dec.push_pieces(ids), dec.flush_pieces()):
        for samples in pieces:
            if np.abs(samples).max(initial=0.0) > _AUDIBLE:
                seconds = time.perf_counter() - start
                dec.cancel()
                return seconds
    raise RuntimeError("the text has no sound")


def _unit_latency(preset: str, frames: int, options: dict[str, Any]) -> dict[str, Any]:
    with HybridTokenizer.from_preset(preset, **options) as tok:
        rate, hop = tok.codec_identity.sample_rate, tok.codec_identity.hop
        width = tok.vocabulary.options.num_codebooks
        size = tok.vocabulary.options.codebook_size
        units = np.random.default_rng(0).integers(0, size - 1, (frames, width)).tolist()
        stream = HybridStream((Channel((Turn(0, (UnitItem(tuple(map(tuple, units))),)),)),))
        ids = tok.vocabulary.encode(stream)
        opened = ids.index(tok.vocabulary.token_id("<|units|>")) + 1
        dec = tok.stream_decoder()
        dec.push(ids[: opened + 10 * width])  # loads the codec
        dec.reset()
        dec.push(ids[:opened])
        steps: list[float] = []
        given: list[int] = []
        for start in range(opened, opened + frames * width, width):
            begin = time.perf_counter()
            given.append(len(dec.push(ids[start : start + width])))
            steps.append(time.perf_counter() - begin)
        lag = max((count * hop - total) / rate for count, total in enumerate(accumulate(given), 1))
        late = sorted(steps)[round(0.95 * (len(steps) - 1))]
        return {
            "lag_seconds": round(lag, 4),
            "first_step_seconds": round(steps[0], 4),
            "step_seconds": {"median": round(statistics.median(steps), 4), "p95": round(late, 4)},
            "seconds": {"median": round(lag + statistics.median(steps), 4), "p95": round(lag + late, 4)},
        }


if __name__ == "__main__":
    print(decoder_latency())
