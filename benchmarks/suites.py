"""The suites of `hybrid-tok bench run` on the project's own recordings.

    python benchmarks/suites.py --data ../shared/audio --out benchmarks/results

- speech: `--limit` clips of each corpus of `dev/` with transcripts.
- nonverbal: half as many clips of each label of each corpus of vocal sounds in `dev/`.
- dialogue: the conversations with which nothing is chosen (`bench.recordings.TEST_DIALOGUES`).
- codec-superb: the clips of both, by corpus.
- wesr: the same conversations as sentences with tags, as WESR-Bench has them, written from what is known of them.

Results go to `OUT/bench_SUITE.json`. A suite that was stopped goes on when it is asked for again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hybrid_tok.bench import wesr
from hybrid_tok.bench.metrics.catalogue import METRICS
from hybrid_tok.bench.recordings import TEST_DIALOGUES
from hybrid_tok.bench.run import RunOptions, run
from hybrid_tok.bench.suites import CLIP_LABELS, SUITES, Entry, read_suite

SPEECH = ("aishell1", "librispeech", "ljspeech", "speechocean762")
NONVERBAL = ("covid19-cough", "deeply-eval-only", "esc10")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/audio"), help="folder with dev/ and dialogues/")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--only", nargs="+", choices=tuple(SUITES), default=list(SUITES), help="run these")
    parser.add_argument("--limit", type=int, default=6, help="clips of each corpus")
    arguments = parser.parse_args()
    for name in arguments.only:
        entries = suite(name, arguments.data, arguments.limit)
        metrics = tuple(metric for metric in SUITES[name].metrics if METRICS[metric].missing is None)
        options = RunOptions(SUITES[name].systems, metrics)
        found = run(name, arguments.data, entries, arguments.out / f"bench_{name}.json", options)
        print(f"{name}: {len(entries)} recordings, {len(found.errors)} errors", flush=True)


def suite(name: str, data: Path, limit: int) -> list[Entry]:
    """The recordings of a suite, by corpus."""
    if name in ("dialogue", "wesr"):
        entries = [one for one in read_suite(data / "dialogues") if Path(one.name).stem in TEST_DIALOGUES]
        return entries if name == "dialogue" else [tagged(entry) for entry in entries]
    speech = read_suite(data / "dev", limit, SPEECH)
    sounds = spread([one for one in read_suite(data / "dev", None, NONVERBAL) if one.label in CLIP_LABELS], limit)
    return {"speech": speech, "nonverbal": sounds}.get(name, [*speech, *sounds])


def spread(entries: Sequence[Entry], limit: int) -> list[Entry]:
    """At most `limit` of each label of each corpus, the first ones."""
    counts: dict[tuple[str, str | None], int] = {}
    kept: list[Entry] = []
    for entry in entries:
        key = (entry.category, entry.label)
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= max(1, limit // 2):
            kept.append(entry)
    return kept


def tagged(entry: Entry) -> Entry:
    """A conversation with its events as tags at their places between its turns."""
    found = json.loads(entry.audio.with_suffix(".json").read_text("utf-8"))
    said = [(turn["start"], turn["text"]) for turn in found["turns"]]
    said += [(event["start"], f"[{wesr.tag_of(event['label'])}]") for event in found["events"]]
    sentence = " ".join(text for _, text in sorted(said))
    return replace(entry, known=replace(entry.known, text=wesr.strip_tags(sentence), tagged=sentence))


if __name__ == "__main__":
    main()
