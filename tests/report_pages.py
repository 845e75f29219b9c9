"""Pages of made-up recordings and results, with hostile text in every place that text comes from."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from fakes import FakeCodec, FakeSynthesizer
from hybrid_tok.core.annotations import Annotations, Event, SpeakerTurn, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span
from hybrid_tok.corpus.figures import RunFacts, Tally
from hybrid_tok.corpus.rows import Columns, Failure, Row
from hybrid_tok.presets import find_preset
from hybrid_tok.report import Page, recording_page
from hybrid_tok.tokenizer import Analysis, Decoding, HybridTokenizer, TokenizerOptions

RATE = 16_000
HOSTILE = "</script><img/src=x/onerror=alert(1)>"
"""Would end the script it stands in, and run one of its own."""

ANNOTATIONS = Annotations(
    frames=200,
    speech=(Span(5, 130),),
    active=(Span(5, 180),),
    words=(
        Word("hello", Span(5, 25), 0.97, language="en"),
        Word(HOSTILE, Span(25, 50), 0.9, language="en"),
        Word("mumble", Span(52, 70), 0.05, language="en"),
        Word("indeed", Span(95, 120), 0.8, language="en"),
    ),
    events=(Event("laugh", Span(140, 180), 0.9),),
    turns=(SpeakerTurn(0, Span(0, 80)), SpeakerTurn(1, Span(90, 200))),
)


def tokenizer(**options: Any) -> HybridTokenizer:
    """One whose codec and synthesizer are fakes; it hears nothing by itself."""
    return HybridTokenizer(
        find_preset("default"),
        TokenizerOptions(**{"voice": False, "num_codebooks": 2, **options}),
        backends={"codec": FakeCodec(), "synthesizer": FakeSynthesizer()},
    )


def sound(seconds: float = 4.0, rate: int = RATE) -> Audio:
    """A glide that comes and goes."""
    time = np.arange(round(seconds * rate)) / rate
    samples = 0.4 * np.sin(2 * np.pi * (200 + 60 * time) * time) * np.abs(np.sin(np.pi * time))
    return Audio(samples.astype(np.float32), rate)


def analyzed(made: HybridTokenizer, audio: Audio | None = None) -> tuple[Analysis, Decoding]:
    """The sound with the words above, there and back."""
    analysis = made.analyze(audio or sound(), annotations=ANNOTATIONS)
    return analysis, made.decode_analysis(analysis)


def spoken_page(name: str = f"{HOSTILE}.wav", **options: Any) -> Page:
    """The page of it."""
    with tokenizer(**options) as made:
        analysis, decoding = analyzed(made)
        return recording_page(made, sound(), analysis, decoding, name)


def silent_decoding(audio: Audio) -> Decoding:
    """As if something had been decoded to this."""
    return Decoding(audio, MappingProxyType({}), MappingProxyType({}))


def results() -> dict[str, Any]:
    """Results of three systems on two recordings, one of which failed."""

    def system(title: str, ours: bool, **figures: float) -> dict[str, Any]:
        parts = {"words": {"value": 1 - figures["wer"], "weight": 0.6}, "speaker": {"value": 0.5, "weight": 0.4}}
        return {
            "title": title,
            "ours": ours,
            "fingerprint": "f",
            "timing": "locked" if ours else None,
            "summary": {
                name: {"value": value, "low": 0.95 * value, "high": 1.05 * value, "recordings": 2}
                for name, value in figures.items()
            },
            "score": {
                "value": 100 * (1 - figures["wer"]),
                "quality": 0.5,
                "bits_per_second": figures["bits_per_second"],
                "parts": parts,
            },
            "errors": 0,
        }

    metrics = {
        "pesq_wb": {"title": "PESQ-WB", "better": "higher", "unit": "", "about": "Quality of the waveform."},
        "wer": {"title": "WER", "better": "lower", "unit": "", "about": f"Words heard wrong {HOSTILE}"},
        "length": {"title": "Length", "better": "neither", "unit": "s", "about": "How long it is."},
        "bits_per_second": {"title": "Bits/s", "better": "lower", "unit": "bits/s", "about": ""},
    }
    systems = {
        "default": system("hybrid-tok", True, wer=0.05, pesq_wb=1.3, length=2.0, bits_per_second=220),
        "opus:bit_rate=6000": system(f"Opus {HOSTILE}", False, wer=0.11, pesq_wb=2.0, length=3.0, bits_per_second=5500),
        "codec2:mode=3200": system("Codec 2 3200", False, wer=0.2, bits_per_second=3200),
    }
    rows = [
        {"recording": f"{HOSTILE}.wav", "system": "codec2:mode=3200", "seconds": 2.0, "scores": {}, "error": HOSTILE},
        {"recording": "b.wav", "system": "default", "seconds": 3.0, "scores": {"wer": [1, 20]}, "error": None},
    ]
    return {
        "format": "hybrid-tok bench",
        "version": 1,
        "suite": "speech",
        "folder": "dev",
        "recordings": 2,
        "seconds": 5.0,
        "seed": 0,
        "machine": {"cores": 2, "processor": "x86_64", "python": "3.11"},
        "versions": {"hybrid-tok": "0.1.0"},
        "metrics": metrics,
        "systems": systems,
        "rows": rows,
    }


def write_results(folder: Path, changes: dict[str, Any] | None = None) -> Path:
    """A file of them, with some entries changed."""
    path = folder / "r.json"
    path.write_text(json.dumps({**results(), **(changes or {})}), "utf-8")
    return path


def corpus_report() -> dict[str, Any]:
    """The report of a corpus of 300 recordings, with 28 failures."""
    random = np.random.default_rng(0)
    tally = Tally()
    for number in range(300):
        seconds = float(random.lognormal(2, 0.8))
        columns = Columns(
            text_share=0.7,
            unit_share=0.1,
            silence_share=0.2,
            words=0 if number % 50 == 0 else 20,
            text="",
            languages=() if number % 50 == 0 else (("en", "de", HOSTILE)[number % 3],),
            speakers=tuple(f"speaker {number % 17} {part}" for part in range(number % 3 + 1 if number % 23 else 21)),
            events=("laugh", "breath", HOSTILE)[: number % 4],
            confidence=float(random.beta(9, 1.2)),
            snr=float(random.normal(22, 9)),
            sample_rate=16_000,
            num_samples=16_000,
            channels=1,
            codec_samples=16_000,
        )
        tokens = round(seconds * random.lognormal(1.8, 0.4))
        tally.add(Row(f"{number}", np.zeros(tokens, np.int32), seconds, columns))
    failures = [Failure(f"{HOSTILE}, line {number}", "missing", f"{HOSTILE}: no such file") for number in range(25)]
    failures += [Failure("m.jsonl, line 9", "killed", "ended the process", "id\ud800") for _ in range(3)]
    for failure in failures:
        tally.add(failure)
    facts = RunFacts(
        wall_seconds=60.0,
        machine_seconds=120.0,
        stage_seconds={"load": 2.0, "recognizer": 70.0, HOSTILE: 9.5},
        workers=4,
        price=0.85,
        machine={"processors": HOSTILE},
        versions={"hybrid-tok": "0.1.0"},
    )
    written = tally.figures(facts).to_json()
    errors = [failure.to_json() for failure in failures[-20:]]
    return written | {"errors": errors, "preset": HOSTILE, "fingerprint": "0123abcd"}
