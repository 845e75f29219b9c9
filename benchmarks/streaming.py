"""How fast streams are, how soon what they give is final, and what short windows lose.

    python benchmarks/streaming.py --data ../shared/audio --out benchmarks/results/streaming.json

Run it on an otherwise idle machine, on two cores.

- codec_chunks: a minute of conversations through the codec's streams, 80 ms a step: times real time, and the median and
  the 95th percentile of a step, the fastest of five runs.
- decoder: seconds from the id that makes a text whole, or from a unit's id, to its sound.
- latency: LibriSpeech clips, each followed by two seconds of its own room, one after another through the preset `live`
  in chunks of 80 ms. For each window of speech: how much had to be heard beyond its end before its tokens were final
  (`waited`), and what the work on that chunk took, the recognizer's apart. Times real time of the whole encoder.
- units: the units layout in chunks of 80 ms: how far the final units are behind what was pushed, and a step's time.
- windows: words and tokens of LibriSpeech clips and conversations with windows `segment` and `live`.
- long_runs: ten minutes with Whisper base, an hour with a recognizer that costs nothing, in chunks of a second: times
  real time, and the memory after each tenth.
- speakers: the conversations with the diarizer of files and that of streams: speakers found, and the share of frames
  whose speaker both give alike (best mapping).
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, permutations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok import HybridTokenizer
from hybrid_tok.audio import read_mono
from hybrid_tok.bench.recordings import read_dialogues
from hybrid_tok.bench.results import measure_parts, read_arguments
from hybrid_tok.bench.words import judge
from hybrid_tok.codec.backend import BuiltinCodec
from hybrid_tok.core.annotations import Event, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.manifest import read_manifest
from hybrid_tok.core.progress import Progress
from hybrid_tok.core.timeline import Span
from hybrid_tok.decode.streaming import StreamDecoder
from hybrid_tok.tokens.stream import Channel, HybridStream, Pause, TextItem, Turn, UnitItem
from hybrid_tok.voice.prosody import expected_seconds

RATE = 16_000
CHUNK = RATE * 80 // 1000
PARTS = ("codec_chunks", "decoder", "latency", "units", "windows", "speakers", "long_runs")
TARGETS = {
    "codec, chunks of 80 ms, x real time both ways": 20.0,
    "first sound of a text, seconds": 1.0,
    "sound of units, seconds": 0.1,
    "seconds from the end of a window to its tokens, without the recognizer's run, 95%": 0.3,
    "units behind, seconds": 0.12,
    "whole encoder, seconds of work per second": 0.5,
}

TEXTS = (
    "I did not think that you would come back before the summer, but I am glad you did.",
    "Well, the train was late again and we had to wait for an hour in the cold.",
    "Could you tell me how to get to the station from here?",
    "She said that it was the best thing she had ever seen.",
    "Yes, of course.",
)
_AUDIBLE = 1e-3


def main() -> None:
    arguments = read_arguments(__doc__, "streaming", PARTS)
    data, limit = arguments.data, arguments.limit
    about = {
        "command": "python benchmarks/streaming.py",
        "limit": limit,
        "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()},
        "targets": TARGETS,
    }
    parts = {
        "codec_chunks": lambda: codec_chunks(data / "dialogues"),
        "decoder": decoder_latency,
        "latency": lambda: latency(data, limit or 40),
        "units": lambda: units(data),
        "windows": lambda: windows(data, limit),
        "speakers": lambda: speakers(data, limit),
        "long_runs": lambda: long_runs(data, limit),
    }
    measure_parts(arguments, parts, about)


def codec_chunks(folder: Path) -> dict[str, Any]:
    """The codec's two streams, 80 ms a step."""
    talks = read_dialogues(folder)
    if not talks:
        raise SystemExit(f"{folder}: no conversations (NAME.flac with NAME.json)")
    samples = np.concatenate([read_mono(talk.path, RATE)[0].samples for talk in talks])[: 60 * RATE]
    codec = BuiltinCodec()
    codes = codec.encode(samples)
    chunk = RATE * 80 // 1000
    frames = chunk // codec.hop
    runs = [
        {
            "encode": step_seconds(codec.encoder_stream().push, samples, chunk),
            "decode": step_seconds(codec.decoder_stream().push, codes, frames),
        }
        for _ in range(5)
    ]
    best = {way: min((run[way] for run in runs), key=np.sum) for way in ("encode", "decode")}
    return {"seconds": len(samples) / RATE, "chunk_ms": 80} | {
        way: {
            "x_real_time": len(samples) / RATE / float(steps.sum()),
            "slowest_run_x_real_time": len(samples) / RATE / max(float(run[way].sum()) for run in runs),
            "step_ms_median": 1000 * float(np.median(steps)),
            "step_ms_95": 1000 * float(np.quantile(steps, 0.95)),
        }
        for way, steps in best.items()
    }


def step_seconds(push: Callable[[Any], Any], items: NDArray[Any], size: int) -> NDArray[np.float64]:
    """Seconds that each push of `size` items takes."""
    spent: list[float] = []
    for start in range(0, len(items), size):
        started = time.perf_counter()
        push(items[start : start + size])
        spent.append(time.perf_counter() - started)
    return np.array(spent)


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


def clips(data: Path, limit: int | None) -> list[tuple[NDArray[np.float32], str]]:
    """LibriSpeech clips of `--data`, and what is said in them."""
    chosen = [clip for clip in read_manifest(data / "dev") if "librispeech" in str(clip.path)]
    return [(read_mono(clip.path, RATE)[0].samples, clip.text or "") for clip in chosen[:limit]]


def quantiles(values: Sequence[float]) -> dict[str, float]:
    return {"median": float(np.median(values)), "p95": float(np.quantile(values, 0.95)), "most": max(values)}


def latency(data: Path, limit: int) -> dict[str, Any]:
    """See the module."""
    waited: list[float] = []
    other: list[float] = []
    recognizer: list[float] = []
    seconds = work = 0.0
    with HybridTokenizer.from_preset("live") as tok:
        tok.encode((clips(data, 1)[0][0], RATE))  # loads the models
        for samples, _ in clips(data, limit):
            quiet = np.tile(samples[: RATE // 10], 20)
            given = np.concatenate([samples, quiet])
            decisions = tok.analyze((given, RATE)).decisions
            words: dict[int, float] = {}  # end of the passages with words, which is that of their window
            for one in decisions:
                if one.words:
                    words[one.passage] = 0.0
            ends = {p: max(one.span.end for one in decisions if one.passage == p) / 50 for p in words}
            encoder, left, spent = tok.stream_encoder(RATE), sorted(ends.values()), 0.0
            for start in range(0, len(given), CHUNK):
                before = dict(encoder.stage_seconds)
                begin = time.perf_counter()
                encoder.push(given[start : start + CHUNK])
                took = time.perf_counter() - begin
                heard = min(start + CHUNK, len(given)) / RATE
                spent += took
                while left and encoder.final * encoder.hop / RATE >= left[0]:
                    own = encoder.stage_seconds.get("recognizer", 0.0) - before.get("recognizer", 0.0)
                    waited.append(heard - left.pop(0))
                    recognizer.append(own)
                    other.append(took - own)
            begin = time.perf_counter()
            encoder.flush()
            seconds, work = seconds + len(given) / RATE, work + spent + time.perf_counter() - begin
    return {
        "windows": len(waited),
        "waited_seconds": quantiles(waited),
        "other_work_seconds": quantiles(other),
        "recognizer_seconds": quantiles(recognizer),
        "without_recognizer_seconds": quantiles([a + b for a, b in zip(waited, other, strict=True)]),
        "in_all_seconds": quantiles([a + b + c for a, b, c in zip(waited, other, recognizer, strict=True)]),
        "work_per_second": work / seconds,
        "seconds": seconds,
    }


def units(data: Path) -> dict[str, Any]:
    """See the module."""
    samples = np.concatenate([one for one, _ in clips(data, 8)])[: 60 * RATE]
    with HybridTokenizer.from_preset("live", layout="units") as tok:
        encoder = tok.stream_encoder(RATE)
        behind: list[float] = []
        steps: list[float] = []
        for start in range(0, len(samples), CHUNK):
            begin = time.perf_counter()
            encoder.push(samples[start : start + CHUNK])
            steps.append(time.perf_counter() - begin)
            # Of the chunk's first sample: what has just been said is heard once the chunk is whole.
            behind.append(min(start + CHUNK, len(samples)) / RATE - encoder.final * encoder.hop / RATE)
    total = [a + b for a, b in zip(behind, steps, strict=True)]
    return {"behind_seconds": quantiles(behind), "step_seconds": quantiles(steps), "in_all_seconds": quantiles(total)}


def windows(data: Path, limit: int | None) -> dict[str, Any]:
    """See the module."""
    found: dict[str, Any] = {}
    for rule in ("segment", "live"):
        with HybridTokenizer.from_preset("default", diarize=False, windows=rule) as tok:
            found[rule] = {
                "librispeech": scores(tok, clips(data, limit)),
                "conversations": scores(
                    tok,
                    [
                        (read_mono(talk.path, RATE)[0].samples, talk.text or "")
                        for talk in read_dialogues(data / "dialogues")[:limit]
                    ],
                ),
            }
    return found


def scores(tok: HybridTokenizer, recordings: Sequence[tuple[NDArray[np.float32], str]]) -> dict[str, float]:
    """Word error rate, and tokens a second."""
    errors = said = tokens = 0
    seconds = 0.0
    for samples, text in recordings:
        analysis = tok.analyze((samples, RATE))
        judged = judge([word.text for word in analysis.annotations.words], text)
        errors, said, tokens = errors + judged.errors, said + judged.said, tokens + len(analysis.ids)
        seconds += len(samples) / RATE
    return {"recordings": len(recordings), "wer": errors / said, "tokens_per_second": tokens / seconds}


class WordASecond:
    """A recognizer that costs nothing."""

    name = "a word a second"
    fingerprint = "a-word-a-second"

    def recognize(
        self, audio: Audio, speech: Sequence[Span], events: Sequence[Event] = (), progress: Progress | None = None
    ) -> tuple[Word, ...]:
        del speech, events, progress
        return tuple(Word("word", Span(k, k + 25), 0.95, language="en") for k in range(0, audio.num_samples // 320, 50))


def long_runs(data: Path, limit: int | None) -> dict[str, Any]:
    """See the module; with `--limit`, a tenth of it."""
    minute = 60 if limit is None else 6
    plain = HybridTokenizer.from_preset("live", events=False, language="en")
    fake = HybridTokenizer(plain.preset, plain.options, backends={"recognizer": WordASecond()})
    real = HybridTokenizer.from_preset("live", language="en")
    return {
        "ten minutes, Whisper base": long_run(real, data, 10 * minute),
        "an hour, a recognizer that costs nothing": long_run(fake, data, 60 * minute),
    }


def long_run(tok: HybridTokenizer, data: Path, seconds: int) -> dict[str, Any]:
    """Conversations over and over in chunks of a second."""
    import psutil

    process, used = psutil.Process(), list[float]()
    with tok:
        encoder, tokens, begin = tok.stream_encoder(RATE), 0, time.perf_counter()
        for number, chunk in enumerate(endless(data)):
            if number == seconds:
                break
            tokens += len(encoder.push(chunk))
            if (number + 1) % max(seconds // 10, 1) == 0:
                used.append(process.memory_info().rss / 2**20)
        tokens += len(encoder.flush())
        took = time.perf_counter() - begin
    return {"seconds": seconds, "tokens": tokens, "x_real_time": seconds / took, "mib_after_each_tenth": used}


def endless(data: Path) -> Iterator[NDArray[np.float32]]:
    """The conversations one after another, again and again, a second at a time."""
    talks = [read_mono(talk.path, RATE)[0].samples for talk in read_dialogues(data / "dialogues")]
    joined = np.concatenate(talks)
    while True:
        for start in range(0, len(joined) - RATE, RATE):
            yield joined[start : start + RATE]


def speakers(data: Path, limit: int | None) -> dict[str, Any]:
    """See the module."""
    alike = words = 0
    counts: list[tuple[int, int]] = []
    with HybridTokenizer.from_preset("default", events=False) as tok:
        for talk in read_dialogues(data / "dialogues")[:limit]:
            samples = read_mono(talk.path, RATE)[0].samples
            whole = tok.analyze((samples, RATE)).stream
            encoder = tok.stream_encoder(RATE)
            ids = [
                token for start in range(0, len(samples), RATE) for token in encoder.push(samples[start : start + RATE])
            ]
            streamed = tok.vocabulary.decode(ids + encoder.flush())
            ours, theirs = who(whole), who(streamed)
            counts.append((len(set(ours[ours >= 0])), len(set(theirs[theirs >= 0]))))
            both = (ours[: len(theirs)] >= 0) & (theirs[: len(ours)] >= 0)
            ours, theirs = ours[: len(theirs)][both], theirs[: len(ours)][both]
            names = sorted({*ours.tolist(), *theirs.tolist()})
            best = max(
                (
                    int((np.array([*order])[np.searchsorted(names, theirs)] == ours).sum())
                    for order in permutations(names)
                ),
                default=0,
            )
            alike, words = alike + best, words + len(ours)
    return {
        "recordings": len(counts),
        "same_number_of_speakers": sum(a == b for a, b in counts),
        "share_of_frames_alike": alike / max(words, 1),
    }


def who(stream: Any) -> NDArray[np.int64]:
    """The speaker of each frame with text or units, -1 elsewhere."""
    owner = np.full(stream.frames, -1)
    for placed in stream.placed():
        if type(placed.item).__name__ in ("TextItem", "UnitItem"):
            owner[placed.span.start : placed.span.end] = placed.speaker
    return owner


if __name__ == "__main__":
    main()
