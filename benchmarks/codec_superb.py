"""Codec-SUPERB's own benchmark, unchanged, on our codecs, and our figures for the files that it wrote.

    git clone https://github.com/voidful/Codec-SUPERB CHECKOUT
    python benchmarks/codec_superb.py --data ../shared/audio --harness CHECKOUT --python VENV/bin/python

VENV holds what the harness needs, and hybrid-tok (docs/codec-superb.md says how it is made). Recordings of
`--data`/dev are saved as a data set in the harness's format; its `scripts/benchmarking.py` is run on it through
`hybrid_tok.bench.codec_superb`; and what it wrote as original and as decoded is measured once more by
`bench.metrics.waveform`. The means of both go side by side into the results, and the harness's own file beside them.
Fails if any two means differ by over 1%.

Of each source, recordings are spread evenly over it; of labelled sounds, the first of each label is taken.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from hybrid_tok.bench.codec_superb import SETTINGS
from hybrid_tok.bench.metrics import waveform
from hybrid_tok.bench.recordings import limited
from hybrid_tok.bench.results import rounded, to_json
from hybrid_tok.codec.identity import codec_identity
from hybrid_tok.core.manifest import Clip, read_manifest

MODELS = ("hybrid_tok", "hybrid_tok_units_2", "hybrid_tok_units_4", "hybrid_tok_text")
SOURCES = ("librispeech", "aishell1", "deeply-eval-only")
THEIR_NAMES = {"mel": "mel", "stft": "stft", "pesq_wb": "pesq", "stoi": "stoi", "f0_correlation": "f0corr"}
"""Names of metrics in the harness's results, by ours."""

TOLERANCE = 0.01
PACKAGES = ("hybrid-tok", "torch", "datasets", "librosa", "descript-audiotools", "pesq", "praat-parselmouth")
VERSIONS = "import sys, importlib.metadata as m, json; print(json.dumps({p: m.version(p) for p in sys.argv[1:]}))"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/audio"), help="folder with dev/manifest.jsonl")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/codec_superb.json"))
    parser.add_argument("--harness", type=Path, required=True, help="a checkout of Codec-SUPERB")
    parser.add_argument("--python", default=sys.executable, help="that runs the harness; this one unless given")
    parser.add_argument("--sources", nargs="+", default=list(SOURCES), help="of the manifest; each is a category")
    parser.add_argument("--limit", type=int, default=12, help="recordings of each source")
    parser.add_argument("--models", nargs="+", choices=tuple(SETTINGS), default=list(MODELS))
    parser.add_argument("--log", type=Path, help="file for what the harness prints")
    arguments = parser.parse_args()
    script = (arguments.harness / "scripts" / "benchmarking.py").resolve()
    if not script.is_file():
        parser.error(f"{script} does not exist: give --harness a checkout of Codec-SUPERB")
    clips = chosen(read_manifest(arguments.data / "dev"), arguments.sources, arguments.limit)
    if not clips:
        parser.error(f"{arguments.data / 'dev'} has no mono recordings at 16 kHz of {', '.join(arguments.sources)}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(clips, folder / "recordings")
        printed = run_harness(script, arguments.python, arguments.models, folder)
        if arguments.log:
            arguments.log.write_text(printed, "utf-8")
        (written,) = (folder / "results").glob("*.json")
        theirs = json.loads(written.read_text("utf-8"))
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(written, arguments.out.with_stem(f"{arguments.out.stem}_harness"))
        models = {model: compared(theirs[model], measured(clips, folder, model)) for model in arguments.models}
    differences = {
        f"{model}, {category}, {metric}": difference
        for model, categories in models.items()
        for category, figures in categories.items()
        for metric, difference in figures["difference"].items()
    }
    worst = max(differences, key=lambda where: differences[where])
    results = {
        "command": "python benchmarks/codec_superb.py",
        "harness": {"repository": "voidful/Codec-SUPERB", "commit": commit_of(arguments.harness)},
        "versions": versions(arguments.python),
        "codec": codec_identity().fingerprint,
        "recordings": {source: sum(clip.source == source for clip in clips) for source in arguments.sources},
        "models": models,
        "largest_difference": {"of": worst, "relative": differences[worst]},
    }
    arguments.out.write_text(to_json(rounded(results, 5)) + "\n", "utf-8")
    print(f"largest relative difference: {differences[worst]:.3%} ({worst})")
    if differences[worst] > TOLERANCE:
        raise SystemExit(f"the harness's figures and ours differ by over {TOLERANCE:.0%}")


def chosen(clips: Sequence[Clip], sources: Sequence[str], count: int) -> list[Clip]:
    """`count` recordings of each source, all mono at 16 kHz."""
    kept: list[Clip] = []
    for source in sources:
        mine = [clip for clip in clips if clip.source == source and is_wide_band_mono(clip.path)]
        if any(clip.label for clip in mine):
            mine = limited(mine, 1, key=lambda clip: clip.label)
        size = min(count, len(mine))
        kept += [mine[k * len(mine) // size] for k in range(size)]
    return kept


def is_wide_band_mono(path: Path) -> bool:
    info = soundfile.info(path)
    return info.samplerate == waveform.SAMPLE_RATE and info.channels == 1


def identifier(clip: Clip) -> str:
    """The harness names files after it."""
    return re.sub(r"[^\w.-]", "_", Path(clip.name).with_suffix("").as_posix())


def save(clips: Sequence[Clip], folder: Path) -> None:
    """A data set as `load_from_disk` and the harness want it: splits, and rows of id, category and audio.

    Audio is a struct of bytes and path, which the harness casts to its own kind of audio: how that is described in a
    saved data set is not the same in all versions of `datasets`.
    """
    from datasets import Dataset, DatasetDict, Features, Value

    columns = {"id": Value("string"), "category": Value("string")}
    features = Features({**columns, "audio": {"bytes": Value("binary"), "path": Value("string")}})
    rows = [
        {
            "id": identifier(clip),
            "category": clip.source,
            "audio": {"bytes": clip.path.read_bytes(), "path": clip.path.name},
        }
        for clip in clips
    ]
    DatasetDict({"test": Dataset.from_list(rows, features=features)}).save_to_disk(folder)


def run_harness(script: Path, python: str, models: Sequence[str], folder: Path) -> str:
    """Runs the harness's script in `folder`; returns what it printed.

    Raises:
        SystemExit: it failed, or left recordings out.
    """
    launcher = [shutil.which(python) or python, "-m", "hybrid_tok.bench.codec_superb", str(script)]
    options = ["--dataset", "recordings", "--output_dir", "results", "--max_workers", "2"]
    done = subprocess.run(
        [*launcher, *options, "--models", *models],
        cwd=folder,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    failed = re.findall(r"\((\d+) failed\)", done.stdout)
    if done.returncode or len(failed) != len(models) or any(count != "0" for count in failed):
        raise SystemExit(f"{done.stdout}\nthe harness failed, or left recordings out: see above")
    return done.stdout


def measured(clips: Sequence[Clip], folder: Path, model: str) -> dict[str, dict[str, float]]:
    """Category -> metric -> mean, by our metrics, of the files that the harness wrote and read."""
    scores: dict[str, list[dict[str, float]]] = {}
    for number, clip in enumerate(clips):
        name = identifier(clip)
        files = (
            folder / "cache_original" / f"orig_{number}_{name}.wav",
            folder / f"reconstructed_{model}" / f"{name}.wav",
        )
        row = waveform.evaluate(*(np.asarray(soundfile.read(file)[0], np.float32) for file in files))
        scores.setdefault(clip.source, []).append(row)
    scores["overall"] = [row for rows in scores.values() for row in rows]
    return {
        category: {metric: float(np.nanmean([row[metric] for row in rows])) for metric in THEIR_NAMES}
        for category, rows in scores.items()
    }


def compared(theirs: dict[str, dict[str, float]], ours: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Per category: the harness's means, ours, and how much they differ, relative to the harness's."""
    return {
        category: {
            "harness": {metric: theirs[category][name] for metric, name in THEIR_NAMES.items()},
            "ours": ours[category],
            "difference": {
                metric: relative_difference(theirs[category][name], ours[category][metric])
                for metric, name in THEIR_NAMES.items()
            },
        }
        for category in ours
    }


def relative_difference(theirs: float, ours: float) -> float:
    """Infinite where one is no number, or only theirs is 0."""
    if ours == theirs:
        return 0.0
    difference = abs(ours - theirs) / abs(theirs) if theirs else math.inf
    return math.inf if math.isnan(difference) else difference


def commit_of(checkout: Path) -> str | None:
    """None where the checkout is no repository."""
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def versions(python: str) -> dict[str, str]:
    """Of the packages that make the harness's numbers."""
    done = subprocess.run([python, "-c", VERSIONS, *PACKAGES], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
