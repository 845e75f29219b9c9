"""The promises, kept on every recording: the round trip runs, locked length is exact to the sample,
ids -> stream -> ids is identical, and two runs in different processes and another order give identical files.

    python benchmarks/contracts.py --data ../shared/audio --out benchmarks/results/contracts.json

Goes through `--data`/dev and `--data`/dialogues twice, two recordings at a time. Exits 1 when a promise is broken.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from hybrid_tok import HybridTokenizer
from hybrid_tok.audio import write_wav
from hybrid_tok.bench.recordings import limited, read_dialogues
from hybrid_tok.core.manifest import read_manifest


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run over one recording gave."""

    path: str
    seconds: float
    exact_length: bool
    ids_lossless: bool
    tokens_sha256: str
    audio_sha256: str
    error: str = ""


@cache
def one_tokenizer() -> HybridTokenizer:
    """One tokenizer per worker process, for all its recordings."""
    return HybridTokenizer.from_preset()


def run(path: Path) -> Outcome:
    """Round-trip one recording through files, as the command line does."""
    try:
        tokenizer = one_tokenizer()
        with tempfile.TemporaryDirectory() as folder:
            tokens, audio = Path(folder) / "a.hyt", Path(folder) / "a.wav"
            analysis = tokenizer.analyze(path)
            tokenizer.save(tokens, analysis)
            file = tokenizer.load(tokens)
            decoded = tokenizer.decode_file(tokens).audio
            write_wav(audio, decoded)
            again = tokenizer.vocabulary.encode(tokenizer.vocabulary.decode(file.ids))
            return Outcome(
                str(path),
                analysis.summary.seconds,
                decoded.num_samples == analysis.source.num_samples,
                tuple(again) == tuple(file.ids) == analysis.ids,
                hashlib.sha256(tokens.read_bytes()).hexdigest(),
                hashlib.sha256(audio.read_bytes()).hexdigest(),
            )
    except Exception as error:  # any failure at all is a broken promise, and must be counted
        return Outcome(str(path), 0.0, False, False, "", "", f"{type(error).__name__}: {error}")


def run_all(paths: list[Path]) -> dict[str, Outcome]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return {outcome.path: outcome for outcome in pool.map(run, paths)}


def _same_files(one: Outcome, other: Outcome) -> bool:
    return (one.tokens_sha256, one.audio_sha256) == (other.tokens_sha256, other.audio_sha256)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/audio"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/contracts.json"))
    parser.add_argument("--limit", type=int, help="at most this many recordings of each source")
    arguments = parser.parse_args()
    recordings = read_manifest(arguments.data / "dev") + read_dialogues(arguments.data / "dialogues")
    paths = [recording.path for recording in limited(recordings, arguments.limit)]

    started = time.perf_counter()
    first, second = run_all(paths), run_all(paths[::-1])
    broken = [
        {**asdict(outcome), "same_files": _same_files(outcome, second[path])}
        for path, outcome in first.items()
        if not (outcome.exact_length and outcome.ids_lossless and _same_files(outcome, second[path]))
    ]
    results = {
        "command": "python benchmarks/contracts.py",
        "recordings": len(paths),
        "seconds_of_audio": sum(outcome.seconds for outcome in first.values()),
        "seconds_taken": time.perf_counter() - started,
        "broken": broken,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(json.dumps(results, indent=1))
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
