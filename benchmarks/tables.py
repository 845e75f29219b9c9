"""Puts the figures of `benchmarks/results/*.json` into the README, between its markers.

    python benchmarks/tables.py           # rewrites README.md
    python benchmarks/tables.py --check   # exits 1 when README.md and the results disagree

A marker is a comment line `<!-- table: NAME -->`; what follows it up to `<!-- end -->` is made here, so that no
number in the README was ever typed by hand.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from hybrid_tok.encode.gate import GateOptions

RESULTS = Path(__file__).parent / "results"
DEFAULT = GateOptions().rate_weight
README = Path(__file__).parent.parent / "README.md"


def markdown(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table: the first column names things, the others hold numbers."""
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join(["---"] + ["---:"] * (len(header) - 1)) + "|"]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)


def load(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def sweep() -> str:
    """The gate's curve over all recordings."""
    results = load("roundtrip")
    rows = []
    for row in results["sweep"]:
        figures = row["all"]
        default = " (default)" if row["rate_weight"] == DEFAULT else ""
        rows.append(
            (
                f"{row['rate_weight']}{default}",
                f"{figures['tokens_per_second']:.1f}",
                f"{figures['bits_per_second']:.0f}",
                f"{figures['range_bits_per_second']:.0f}",
                percent(figures["text_share"]),
                percent(figures["unit_share"]),
                percent(figures["words_as_text"]),
                percent(figures["right_of_text"]),
            )
        )
    alone = results["codec_alone"]
    rows.append(
        (
            "codec alone",
            f"{alone['tokens_per_second']:.1f}",
            f"{alone['bits_per_second']:.0f}",
            f"{alone['range_bits_per_second']:.0f}",
            "0%",
            "100%",
            "0%",
            "-",
        )
    )
    header = ("rate_weight", "tokens/s", "bits/s, id space", "bits/s, ranges", "time as text", "as units")
    return markdown((*header, "words as text", "of these right"), rows)


def words() -> str:
    """The recognizer, and the gate at its default, source by source."""
    results = load("roundtrip")
    default = next(row for row in results["sweep"] if row["rate_weight"] == DEFAULT)
    rows = [
        (
            source,
            f"{figures['wer']:.2f}",
            f"{default[source]['tokens_per_second']:.1f}",
            percent(default[source]["words_as_text"]),
            percent(default[source]["right_of_text"]),
        )
        for source, figures in results["recognizer_wer"].items()
    ]
    return markdown(("source", "recognizer's WER", "tokens/s", "words as text", "of these right"), rows)


def confidence() -> str:
    """What the confidences of recognized words are worth, beside pocketsphinx's own posteriors."""
    rows = []
    for source, figures in load("words")["recognized"].items():
        if source == "rate_weight":
            continue
        ours, theirs = figures["confidence"], figures["posterior"]
        rows.append(
            (
                source,
                f"{figures['wer']:.2f} ({figures['wer_first_pass']:.2f})",
                f"{ours['area']:.2f} ({theirs['area']:.2f})",
                f"{ours['calibration_error']:.2f} ({theirs['calibration_error']:.2f})",
                percent(figures["words_as_text"]),
                percent(figures["right_of_text"]),
            )
        )
    header = ("source", "WER (first pass)", "area under curve (posterior)", "calibration error (posterior)")
    return markdown((*header, "words as text", "of these right"), rows)


def aligned() -> str:
    """Transcripts: others found out, edits marked."""
    results = load("words")
    rows = [
        (
            source,
            figures["clips"],
            percent(figures["swapped_found_out"]),
            percent(figures["own_refused"]),
            f"{results['edited'][source]['precision']:.2f}",
            f"{results['edited'][source]['recall']:.2f}",
            f"{results['edited'][source]['f1']:.2f}",
        )
        for source, figures in results["swapped"].items()
    ]
    header = ("source", "clips", "another's text found out", "own text refused")
    return markdown((*header, "edits: precision", "recall", "F1"), rows)


def speed() -> str:
    """Times real time and memory by length."""
    rows = [
        (
            f"{int(length) // 60} min" if int(length) >= 60 else f"{length} s",
            f"{figures['x_encode']:.1f}",
            f"{figures['x_recognizer']:.1f}" if figures["x_recognizer"] else "left out",
            f"{figures['x_encode_without_recognizer']:.0f}",
            f"{figures['x_decode']:.0f}",
            f"{figures['peak_memory_mb']:.0f}",
        )
        for length, figures in load("speed")["lengths"].items()
    ]
    header = ("audio", "encode", "recognizer", "all other encoder stages", "decode", "peak memory, MB")
    return markdown(header, rows)


def codec() -> str:
    """Every codec on the same files: rate, and quality on speech, Mandarin and non-verbal clips."""
    results = load("codec")
    rows = []
    for name, groups in results["quality"].items():
        english, mandarin, sounds = groups["librispeech"], groups["aishell1"], groups["non-verbal"]
        own = results.get("speed", {}).get(name.split(",")[0], {})
        rows.append(
            (
                name,
                f"{english['kbps']:.2f}",
                f"{english['pesq_wb']:.2f}",
                f"{english['stoi']:.3f}",
                f"{english['mel']:.2f}",
                f"{english['f0_correlation']:.2f}",
                f"{mandarin['stoi']:.3f}",
                f"{sounds['mel']:.2f}",
                f"{own['encode']:.0f} / {own['decode']:.0f}" if own else "",
            )
        )
    header = ("codec", "kbps", "PESQ-wb", "STOI", "mel", "F0 corr.", "STOI, Mandarin", "mel, non-verbal")
    return markdown((*header, "encode / decode, x real time"), rows)


def events() -> str:
    """The event tagger on clips, label by label."""
    rows = [
        (label, figures["clips"], *(f"{figures[name]:.2f}" for name in ("recall", "precision", "f1")))
        for label, figures in load("events")["clips"]["labels"].items()
    ]
    return markdown(("label", "clips", "recall", "precision", "F1"), rows)


def events_talk() -> str:
    """Events in conversations, ours and the baseline's."""
    rows = [
        (
            name,
            part,
            *(f"{figures[name]:.2f}" for name in ("recall", "precision", "f1", "right_label")),
            f"{figures['false_per_minute_of_speech']:.1f}",
        )
        for name, parts in load("events")["conversations"].items()
        for part, figures in parts.items()
    ]
    header = ("tagger", "conversations", "recall", "precision", "F1", "right label", "false per minute of speech")
    return markdown(header, rows)


def voice() -> str:
    """Decoded speech without a voice code, with it, and with prosody: pitch, similarity, word melody."""
    results = load("voice")
    rows = []
    for name, words in results["words"].items():
        alike = results["similarity"][name]
        rows.append(
            (
                name,
                f"{results['decoding'][name]['tokens_per_second']:.1f}",
                percent(results["pitch"][name]["within_1.5_semitones"]),
                f"{alike['encoder']['own']:.2f} / {alike['encoder']['others']:.2f}",
                f"{alike['mfcc']['own']:.2f} / {alike['mfcc']['others']:.2f}",
                f"{-alike['spectrum']['own']:.1f} / {-alike['spectrum']['others']:.1f}",
                f"{words['pitch_correlation']:.2f}",
                f"{words['level_correlation']:.2f}",
            )
        )
    header = ("decoded", "tokens/s", "pitch within 1.5 st", "speaker encoder, own / others", "MFCC, own / others")
    return markdown((*header, "spectrum, dB off own / others", "word pitch corr.", "word level corr."), rows)


def diarization() -> str:
    """Who speaks when: ours, and the errors of those measured beside it: ours online, clustered MFCC statistics."""
    results = load("diarization")["diarizers"]
    titles = {"embedded, online": "online: error", "mfcc statistics": "MFCC statistics: error"}
    others = [name for name in titles if name in results]
    rows = [
        (
            group,
            f"{figures['der']:.3f}",
            *(f"{figures[part]:.3f}" for part in ("confusion", "missed", "false_alarm")),
            *(f"{results[name]['groups'][group]['der']:.3f}" for name in others),
        )
        for group, figures in results["embedded"]["groups"].items()
    ]
    return markdown(("", "error", "confusion", "missed", "false alarm", *(titles[name] for name in others)), rows)


TABLES: dict[str, Callable[[], str]] = {
    "sweep": sweep,
    "words": words,
    "confidence": confidence,
    "aligned": aligned,
    "speed": speed,
    "codec": codec,
    "events": events,
    "diarization": diarization,
    "events_talk": events_talk,
    "voice": voice,
}


def fill(text: str) -> str:
    """The README with every table made anew."""

    def replace(match: re.Match[str]) -> str:
        return f"<!-- table: {match[1]} -->\n{TABLES[match[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- table: (\w+) -->\n.*?<!-- end -->", replace, text, flags=re.S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    before = README.read_text("utf-8")
    after = fill(before)
    if arguments.check:
        sys.exit(before != after)
    README.write_text(after, "utf-8")


if __name__ == "__main__":
    main()
