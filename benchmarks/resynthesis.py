"""What is understood of decoded speech, how it sounds, and whether its words are where they were.

    python benchmarks/resynthesis.py --data ../shared/audio --out benchmarks/results/resynthesis.json

`--data` holds `dev/manifest.jsonl` and `dialogues/*.json`. A listener (Whisper base, `bench.hearing`) hears each
recording and what was decoded of it; words are compared as in `words.py`. The listener is never asked to write tokens
here: those are of the tokenizer's own recognizer, whose errors are `own`.

- librispeech: the round trip in each mode, the unit codec alone, and other codecs on the same clips: word error rate
  against the transcript, tokens/s, bits/s, and DNSMOS (signal, background, overall).
- dialogues: decoded conversations are heard as a whole (where Silero finds speech), and errors are counted at the words
  that were written as text only (`bench.words.errors_at`). `lost`: against the words of the tokenizer's recognizer, so
  that it is what speaking loses. `own` (the recognizer's words), `heard` (in what was decoded) and `recording` (in the
  recording): against the true transcript, at the words of it that the text stands for (`bench.words.covered`).
- mandarin: transcripts of AISHELL-1 spoken again; character error rates.
- quality: DNSMOS of spoken runs of at least 2 s, and of the same places in the recording and the other systems.
- timing: word starts of transcripts spoken in locked timing against the recordings' (`bench.word_starts`).
- speed: text alone, on all cores, in a process of its own per synthesizer: times real time, seconds until a run of ten
  words sounds in a warm process, and peak memory. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_tok import Audio, HybridTokenizer, Span
from hybrid_tok.align.aligner import BuiltinAligner
from hybrid_tok.backends.silero import SileroDetector
from hybrid_tok.bench.dnsmos import Dnsmos, Rating
from hybrid_tok.bench.gating import ratio, weights
from hybrid_tok.bench.hearing import Ear, error_rate
from hybrid_tok.bench.listening import transcribed
from hybrid_tok.bench.processes import PeakMemory, spent
from hybrid_tok.bench.recordings import limited, read_dialogues, spoken_language
from hybrid_tok.bench.results import measure_parts, read_arguments
from hybrid_tok.bench.systems import FREE, LOCKED, RECORDING, SYSTEMS, Rendering, System, Systems
from hybrid_tok.bench.word_starts import compare_starts, start_figures
from hybrid_tok.bench.words import Judgement, covered, errors_at, judge, normalize
from hybrid_tok.core.annotations import Annotations
from hybrid_tok.core.manifest import Clip, read_manifest
from hybrid_tok.core.timeline import DEFAULT_GRID, frame_to_sample
from hybrid_tok.core.utterance import Utterance
from hybrid_tok.decode.plan import TextSegment, plan
from hybrid_tok.tokens.stream import HybridStream

RATE = 16_000
SHORTEST = 2.0
"""Seconds of a run that is rated."""

RECORDING_TITLE = System.parse(RECORDING).title
SPOKEN_SECONDS = 60.0
TEN_WORDS = ["the", "words", "of", "a", "short", "run", "are", "spoken", "at", "once", "here"]


def main() -> None:
    if sys.argv[1:2] == ["--one"]:  # the child process: measure this synthesizer
        print(json.dumps(measure_speed(sys.argv[2], Path(sys.argv[3]))))
        return
    names = ("librispeech", "dialogues", "mandarin", "quality", "timing", "speed")
    arguments = read_arguments(__doc__, "resynthesis", names)
    clips = limited([clip for clip in read_manifest(arguments.data / "dev") if clip.text], arguments.limit)
    english = [clip for clip in clips if clip.source == "librispeech"]
    mandarin = [clip for clip in clips if clip.source == "aishell1"]
    talks = limited(read_dialogues(arguments.data / "dialogues"), arguments.limit)
    systems, ear, dnsmos = Rendered(), Ear(), Dnsmos()
    tokenizer = systems.tokenizer
    about = {
        "command": "python benchmarks/resynthesis.py",
        "limit": arguments.limit,
        "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()},
        "listener": ear.fingerprint,
        "codec": tokenizer.codec_identity.fingerprint,
        "gate": weights(tokenizer.encoder.gate),
    }
    parts = {
        "librispeech": lambda: librispeech(systems, ear, dnsmos, english),
        "dialogues": lambda: dialogues(systems, ear, talks),
        "mandarin": lambda: speak_mandarin(mandarin),
        "quality": lambda: quality(systems, dnsmos, english),
        "timing": lambda: timing(english),
        "speed": lambda: speed(english),
    }
    measure_parts(arguments, parts, about)


class Rendered:
    """Clips after each system, each rendered once."""

    def __init__(self) -> None:
        self._systems = Systems()
        self.tokenizer = self._systems.tokenizer(LOCKED)

    def annotate(self, clip: Clip) -> tuple[Audio, Annotations]:
        """A recording at 16 kHz, and what the default tokenizer hears in it."""
        audio, _ = self.tokenizer.read(clip.path)
        return audio, self._systems.annotate(str(clip.path), audio)

    def render(self, system: str, clip: Clip) -> Rendering:
        """A recording after one of `SYSTEMS`."""
        audio, _ = self.tokenizer.read(clip.path)
        return self._systems.render(system, str(clip.path), audio)


def librispeech(systems: Rendered, ear: Ear, dnsmos: Dnsmos, clips: Sequence[Clip]) -> dict[str, Any]:
    """Every system on the same clips, and the error rate of the tokenizer's own recognizer."""
    for system in (one for one in SYSTEMS if not System.parse(one).ours):
        systems.render(system, clips[0])  # a program that is missing is found before the long part
    own = [judge([word.text for word in systems.annotate(clip)[1].words], clip.text or "") for clip in clips]
    seconds = sum(systems.annotate(clip)[0].seconds for clip in clips)
    results: dict[str, Any] = {}
    for system in SYSTEMS:
        rendered = [systems.render(system, clip) for clip in clips]
        results[System.parse(system).title] = {
            "error_rate": error_rate(
                ear.judge(one.audio, clip.text or "") for one, clip in zip(rendered, clips, strict=True)
            ),
            "tokens_per_second": per_second([one.tokens for one in rendered], seconds),
            "bits_per_second": per_second([one.bits for one in rendered], seconds),
            **rated(dnsmos, [one.audio.samples for one in rendered]),
        }
    return {"clips": len(clips), "seconds": seconds, "own": error_rate(own), "systems": results}


def per_second(amounts: Sequence[float | None], seconds: float) -> float | None:
    """What all recordings take, per second; None where a system has no such figure."""
    known = [amount for amount in amounts if amount is not None]
    return ratio(sum(known), seconds) if len(known) == len(amounts) else None


def rated(dnsmos: Dnsmos, pieces: Sequence[np.ndarray]) -> dict[str, float]:
    """DNSMOS of several recordings at 16 kHz."""
    mean = Rating.mean(dnsmos.rate(samples) for samples in pieces if len(samples))
    return {f"dnsmos_{name}": value for name, value in asdict(mean).items()}


def text_runs(stream: HybridStream) -> list[Span]:
    """The places of what a locked stream has spoken in one go."""
    spans = [part.utterance.span for part in plan(stream, DEFAULT_GRID).segments if isinstance(part, TextSegment)]
    return [span for span in spans if span is not None]


def cut(audio: Audio, span: Span) -> np.ndarray:
    """The samples of a stretch."""
    start, end = (frame_to_sample(frame, audio.sample_rate) for frame in (span.start, span.end))
    return audio.samples[start:end]


def dialogues(systems: Rendered, ear: Ear, talks: Sequence[Clip]) -> dict[str, Any]:
    """The text runs of conversations, those for tuning and those for testing."""
    groups: dict[str, list[Clip]] = {}
    for talk in talks:
        groups.setdefault(talk.source, []).append(talk)
    return {source: runs_heard(systems, ear, group) for source, group in groups.items()}


def runs_heard(systems: Rendered, ear: Ear, talks: Sequence[Clip]) -> dict[str, Any]:
    """What is lost of the text by speaking it, and what is wrong in it before and after."""
    detector = SileroDetector()
    errors: dict[str, int] = dict.fromkeys(("lost", "own", "heard", "recording"), 0)
    words = said = 0
    for talk in talks:
        audio, annotations = systems.annotate(talk)
        rendering = systems.render(LOCKED, talk)
        assert rendering.analysis is not None, "a tokenizer analyzes"
        runs = [
            sorted((*one.words, *one.under), key=lambda word: word.span)
            for one in rendering.analysis.decisions
            if one.kind == "text"
        ]
        as_text = {word for run in runs for word in run}
        heard, recording = (
            normalize(" ".join(ear.hear(one, detector.detect(one)))) for one in (rendering.audio, audio)
        )
        recognized = [(unit, word in as_text) for word in annotations.words for unit in normalize(word.text)]
        own, written = [unit for unit, _ in recognized], [text for _, text in recognized]
        truth = normalize(talk.text or "")
        inside = covered([[unit for word in run for unit in normalize(word.text)] for run in runs], truth)
        words += sum(written)
        said += sum(inside)
        errors["lost"] += errors_at(written, own, heard)
        for name, hypothesis in (("own", own), ("heard", heard), ("recording", recording)):
            errors[name] += errors_at(inside, truth, hypothesis)
    return {
        "conversations": len(talks),
        "words": words,
        "said": said,
        **{name: ratio(count, words if name == "lost" else said) for name, count in errors.items()},
    }


def speak_mandarin(clips: Sequence[Clip]) -> dict[str, Any]:
    """Transcripts in Mandarin, spoken as locked and free streams with a voice code, and in a published voice."""
    ear = Ear("zh")
    modes: dict[str, dict[str, Any]] = {
        "locked": {},
        "free": {"timing": "free"},
        "free, without voice code": {"timing": "free", "voice": False},
    }
    tokenizers = {name: HybridTokenizer.from_preset(layout="text", **options) for name, options in modes.items()}
    judged: dict[str, list[Judgement]] = {name: [] for name in (RECORDING_TITLE, *modes)}
    for clip in clips:
        audio, known = transcribed(tokenizers["locked"], clip)
        judged[RECORDING_TITLE].append(ear.judge(audio, clip.text or ""))
        for name, tokenizer in tokenizers.items():
            stream = tokenizer.analyze(audio, annotations=known).stream
            spoken = tokenizers["locked"].decoder.decode(stream)
            judged[name].append(ear.judge(spoken, clip.text or ""))
    assert all(spoken_language(clip) == ear.language for clip in clips)
    return {
        "clips": len(clips),
        "characters": sum(one.said for one in judged[RECORDING_TITLE]),
        **{name: error_rate(several) for name, several in judged.items()},
    }


def quality(systems: Rendered, dnsmos: Dnsmos, clips: Sequence[Clip]) -> dict[str, Any]:
    """DNSMOS of the spoken runs, and of the same places in what the other systems give."""
    places: list[tuple[Clip, Span]] = []
    for clip in clips:
        analysis = systems.render(LOCKED, clip).analysis
        assert analysis is not None, "a tokenizer analyzes"
        places += [(clip, span) for span in text_runs(analysis.stream) if span.seconds >= SHORTEST]
    in_place = [system for system in SYSTEMS if system != FREE]  # free timing has them elsewhere
    return {
        "runs": len(places),
        "systems": {
            System.parse(system).title: rated(
                dnsmos, [cut(systems.render(system, clip).audio, span) for clip, span in places]
            )
            for system in in_place
        },
    }


def timing(clips: Sequence[Clip]) -> dict[str, Any]:
    """Word starts by how much of the timing the stream holds."""
    aligner = BuiltinAligner()
    tokenizers = {
        durations: HybridTokenizer.from_preset(layout="text", durations=durations) for durations in ("word", "run")
    }
    starts = {durations: [] for durations in tokenizers}
    for clip in clips:
        audio, known = transcribed(tokenizers["word"], clip)
        for durations, tokenizer in tokenizers.items():
            stream = tokenizer.analyze(audio, annotations=known).stream
            decoded = tokenizers["word"].decoder.decode(stream)
            starts[durations] += compare_starts(aligner, audio, decoded, clip.text or "")
    return {durations: start_figures(each) for durations, each in starts.items()}


def speed(clips: Sequence[Clip]) -> dict[str, Any]:
    """A minute of transcripts, spoken by each synthesizer in a process of its own."""
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "words.json"
        with HybridTokenizer.from_preset(layout="text") as tokenizer:
            written: list[list[int]] = []
            seconds = 0.0
            for clip in clips:
                if seconds < SPOKEN_SECONDS:
                    audio, known = transcribed(tokenizer, clip)
                    written.append(tokenizer.encode(audio, annotations=known))
                    seconds += audio.seconds
        path.write_text(json.dumps(written), "utf-8")
        for synthesizer in ("kokoro", "espeak"):
            command = [sys.executable, __file__, "--one", synthesizer, str(path)]
            results[synthesizer] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return results


def measure_speed(synthesizer: str, path: Path) -> dict[str, Any]:
    """Decode what is in a file in this process, once the synthesizer is warm."""
    memory = PeakMemory()
    memory.start()
    with HybridTokenizer.from_preset(layout="text", synthesizer=synthesizer) as tokenizer:
        streams = [tokenizer.vocabulary.decode(ids) for ids in json.loads(path.read_text("utf-8"))]
        tokenizer.decoder.decode(streams[0])
        started = time.perf_counter()
        seconds = sum(tokenizer.decoder.decode(stream).seconds for stream in streams)
        elapsed = time.perf_counter() - started
        assert tokenizer.decoder.synthesizer is not None, "a preset has a synthesizer"
        speaker = tokenizer.decoder.synthesizer("en")
        first = spent(lambda: speaker.synthesize(Utterance.of(TEN_WORDS, "en")))
    return {
        "seconds": seconds,
        "x_decode": seconds / elapsed,
        "ten_words_seconds": first,
        "peak_memory_mb": memory.stop() / 1e6,
    }


if __name__ == "__main__":
    main()
