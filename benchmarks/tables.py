"""Puts the figures of `benchmarks/results/*.json` into the README and pages of docs/, between their markers.

    python benchmarks/tables.py           # rewrites them
    python benchmarks/tables.py --check   # exits 1, with a diff, when they and the results disagree

A marker is a comment line `<!-- table: NAME -->`; what follows it up to `<!-- end -->` is made here, so that no
number in a table was ever typed by hand. A marker or a result that is missing is named, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from hybrid_tok.bench.gating import weights
from hybrid_tok.bench.markdown import fill, number, percent, table
from hybrid_tok.bench.results import ResultsError, load_part, rounded
from hybrid_tok.bench.suites import SUITES
from hybrid_tok.encode.gate import GateOptions

RESULTS = Path(__file__).parent / "results"
ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples" / "results"
GATE = rounded(weights(GateOptions()))
RATE_WEIGHT, SWITCH_COST = GATE["rate_weight"], GATE["switch_cost"]


def load(name: str, part: str) -> Any:
    return load_part(RESULTS, name, part)


def check_gate(name: str) -> None:
    """Raises ResultsError unless a file's figures are of the gate's defaults."""
    if load(name, "gate") != GATE:
        raise ResultsError(f"{name}.json was measured with other defaults of the gate: python benchmarks/{name}.py")


def words() -> str:
    """The recognizer, and the gate at its defaults, source by source."""
    check_gate("words")
    rows = [
        (
            f"{source} (characters)" if source == "aishell1" else source,
            number(figures["error_rate"]),
            percent(figures["right_of_reference"]),
            percent(figures["right_of_text"]),
            number(figures["tokens_per_second"], 1),
            number(figures["tokens_per_second_outside_events"], 1),
            number(figures["switches_per_minute"], 1),
        )
        for source, figures in load("words", "recognized").items()
    ]
    header = ("source", "recognizer's WER", "words said that are right as text", "text words that are right")
    return table((*header, "tokens/s", "tokens/s outside events", "switches/min"), rows)


def confidence() -> str:
    """What the confidences of recognized words are worth, beside the token probabilities they are made from."""
    measured = load("words", "recognized")
    measured |= {f"librispeech, {model}": f for model, f in load("words", "models").items() if model != "base"}
    rows = [
        (
            source,
            number(figures["error_rate"]),
            f"{number(figures['confidence_area'])} ({number(figures['raw_area'])})",
            f"{number(figures['confidence_calibration_error'])} ({number(figures['raw_calibration_error'])})",
        )
        for source, figures in measured.items()
    ]
    return table(("source", "WER", "area under curve (raw)", "calibration error (raw)"), rows)


def hallucination() -> str:
    """Words in sounds without words."""
    rows = [
        (
            label,
            figures["clips"],
            percent(figures["with_words"]),
            percent(figures["with_text"]),
            number(figures["text_words_per_minute"], 1),
        )
        for label, figures in load("words", "hallucination").items()
    ]
    return table(("sound", "clips", "any word recognized", "any word as text", "text words per minute"), rows)


def languages() -> str:
    """Words in the right language."""
    results = load("words", "languages")
    rows = [
        (
            f"two languages, {order}",
            figures["words"],
            percent(figures["right"]),
            percent(figures["right_of_second"]),
        )
        for order, figures in results["joined"].items()
    ]
    rows += [
        (source, figures["words"], percent(figures["right"]), "-") for source, figures in results["single"].items()
    ]
    return table(("recordings", "words", "in the right language", "of the second language's words"), rows)


def aligned() -> str:
    """Transcripts: others found out, edits marked."""
    results = load("words", "aligned")
    rows = [
        (
            source,
            figures["clips"],
            percent(figures["swapped_found_out"]),
            percent(figures["own_refused"]),
            *(number(results["edited"][source][name]) for name in ("precision", "recall", "f1")),
        )
        for source, figures in results["swapped"].items()
    ]
    header = ("source", "clips", "another's text found out", "own text refused")
    return table((*header, "edits: precision", "recall", "F1"), rows)


def sweep() -> str:
    """The gate's curve over all recordings: along `rate_weight`, and along `switch_cost` at the default."""
    check_gate("roundtrip")
    results = load("roundtrip", "sweep")
    along = [row for row in results if row["switch_cost"] == SWITCH_COST]
    across = [row for row in results if row["rate_weight"] == RATE_WEIGHT]
    if not along or not across:
        raise ResultsError("roundtrip.json lacks the defaults of the gate: python benchmarks/roundtrip.py")
    rows = []
    for row in (*along, *(row for row in across if row["switch_cost"] != SWITCH_COST)):
        chosen = (row["rate_weight"], row["switch_cost"]) == (RATE_WEIGHT, SWITCH_COST)
        rows.append((f"{row['rate_weight']}{' (default)' if chosen else ''}", row["switch_cost"], *costs(row["all"])))
    alone = {"text_share": 0.0, "unit_share": 1.0, "words_as_text": 0.0}
    rows.append(("codec alone", "-", *costs({**load("roundtrip", "codec_alone"), **alone})))
    header = (
        "rate_weight",
        "switch_cost",
        "tokens/s",
        "bits/s, id space",
        "bits/s, ranges",
        "time as text",
        "as units",
    )
    return table((*header, "words as text", "of these right", "switches/min"), rows)


def costs(figures: dict[str, Any]) -> tuple[str, ...]:
    return (
        number(figures["tokens_per_second"], 1),
        number(figures["bits_per_second"], 0),
        number(figures["range_bits_per_second"], 0),
        percent(figures["text_share"]),
        percent(figures["unit_share"]),
        percent(figures["words_as_text"]),
        percent(figures.get("right_of_text")),
        number(figures.get("switches_per_minute"), 1),
    )


def speed() -> str:
    """Times real time and memory by length."""
    rows = [
        (
            f"{int(length) // 60} min" if int(length) >= 60 else f"{length} s",
            *(number(figures[f"x_{what}"], 1) for what in ("encode", "recognizer")),
            *(number(figures[f"x_{what}"], 0) for what in ("other_stages", "decode")),
            number(figures["peak_memory_mb"], 0),
        )
        for length, figures in load("speed", "lengths").items()
    ]
    header = ("audio", "encode", "recognizer", "all other encoder stages", "decode, by espeak-ng", "peak memory, MB")
    return table(header, rows)


def latency() -> str:
    """Seconds that a user waits."""
    clip = load("speed", "short_clip")
    waits = {
        f"encode {clip['seconds']} s, models loaded": clip["encode_seconds"],
        f"decode {clip['seconds']} s, models loaded": clip["decode_seconds"],
        "`hybrid-tok info`, a new process": load("speed", "cold_start")["info_seconds"],
    }
    rows = [(what, *(number(spent[name]) for name in ("median", "least", "most"))) for what, spent in waits.items()]
    return table(("seconds", "median of five", "least", "most"), rows)


def batches() -> str:
    """Clips one by one, and several at a time."""
    figures = load("speed", "batch")
    if not figures["equal"]:
        raise ResultsError("speed.json: a batch had other ids than its recordings one by one")
    rows = [(way, *(number(figures[what][way], 1) for what in ("encode", "decode"))) for way in figures["encode"]]
    return table(("", "encode", "decode, by espeak-ng"), rows)


def ids() -> str:
    """Ids and streams, and the grammar beside a language model."""
    units, text, grammar, other = (load("vocabulary", part) for part in ("units", "text", "grammar", "llguidance"))
    ways = {"to_ids": "stream to ids", "to_stream": "ids to stream"}
    rows: list[tuple[object, ...]] = [
        (f"units, {way}, million ids/s", number(units["plain"][key]["median"] / 1e6, 1), "")
        for key, way in ways.items()
    ]
    alone = {"to_ids": "tokenizer_alone", "to_stream": "tokenizer_back_and_forth"}
    rows += [
        (
            f"text, {way}, million characters/s",
            number(text[key]["median"] / 1e6, 1),
            f"{number(text[alone[key]]['median'] / 1e6, 1)} (the text tokenizer alone)",
        )
        for key, way in ways.items()
    ]
    rows += [
        (
            f"grammar, {batch}, µs per step and sequence",
            number(grammar[batch]["step_and_ranges_us"]["median"], 0),
            f"{number(other[batch]['step_and_mask_us']['median'], 0)} (llguidance {other['version']})",
        )
        for batch in ("batch 1", "batch 32")
    ]
    return table(("", "hybrid-tok", "beside it"), rows)


def sampled() -> str:
    """What became of sampled sequences."""
    sequences, sounds = (load("vocabulary", part) for part in ("sequences", "sounds"))
    rows = [
        ("sampled", sequences["sequences"]),
        ("whole, all of them accepted", sequences["whole"]),
        ("changed, still a stream", f"{sequences['still_accepted']} of {sequences['damaged']}"),
        ("decoded to audio", f"{sounds['decoded']}, {number(sounds['seconds'], 0)} s"),
        ("other errors, lengths or ids than said", sequences["faults"] + sounds["faults"]),
    ]
    return table(("sequences", ""), rows)


def run_of(example: str) -> dict[str, Any]:
    """What a whole run of an example gave."""
    path = EXAMPLES / f"{example}.json"
    if not path.exists():
        raise ResultsError(f"{path.name} is not in {EXAMPLES}: run the example whole")
    return json.loads(path.read_text("utf-8"))


def language_models() -> str:
    """Models of the same size trained on hybrid ids and on units alone."""
    rows = [
        (
            layout,
            number(figures["ids_per_second"], 1),
            number(figures["bits_per_id"], 2),
            number(figures["bits_per_second"], 0),
            number(figures["word_error_rate"], 2),
        )
        for layout in ("hybrid", "units")
        for figures in (run_of(layout),)
    ]
    header = ("trained on", "ids/s", "bits per id", "bits per second of audio", "words written that Whisper misses")
    return table(header, rows)


def speaking() -> str:
    """Bits per id of a text model that learned to speak."""
    figures = run_of("speaking")["bits_per_id"]
    rows = [(kind, one["ids"], number(one["with"], 2), number(one["without"], 2)) for kind, one in figures.items()]
    return table(("", "ids", "bits per id", "bits per id by frequency alone"), rows)


def windows() -> str:
    """The recognizer's two rules for windows, on conversations."""
    rows = [
        (rule, number(figures["x_recognizer"], 1), number(figures["error_rate"], 3))
        for rule, figures in load("speed", "windows").items()
    ]
    return table(("windows", "recognizer, x real time", "WER, dialogues"), rows)


def codec() -> str:
    """Every codec on the same files: rate, and quality on speech, Mandarin and non-verbal clips."""
    speeds, heard = load("codec", "speed"), load("codec", "heard")
    ours = {f"hybrid-tok, {k} codebook{'s' * (k > 1)}": used for k, used in enumerate(_entropies(), 1)}
    rows = []
    for name, groups in load("codec", "quality").items():
        english, mandarin, sounds = groups["librispeech"], groups["aishell1"], groups["non-verbal"]
        own = speeds.get(name.split(",")[0], {})
        rows.append(
            (
                name,
                f"{english['kbps']:.2f} ({ours[name]:.2f})" if name in ours else f"{english['kbps']:.2f}",
                f"{english['pesq_wb']:.2f}",
                f"{english['stoi']:.3f}",
                f"{heard[name]:.2f}",
                f"{english['mel']:.2f}",
                f"{english['f0_correlation']:.2f}",
                f"{mandarin['stoi']:.3f}",
                f"{sounds['mel']:.2f}",
                f"{own['encode']:.0f} / {own['decode']:.0f}" if own else "",
            )
        )
    header = (
        "codec",
        "kbps (entropy)",
        "PESQ-wb",
        "STOI",
        "WER",
        "mel",
        "F0 corr.",
        "STOI, Mandarin",
        "mel, non-verbal",
    )
    return table((*header, "encode / decode, x real time"), rows)


def _entropies() -> list[float]:
    """Of our codec's first codebook, the first two, and so on, in kbit/s."""
    return list(accumulate(figures["entropy_kbps"] for figures in load("codec", "codes")))


def events() -> str:
    """The event tagger on clips, label by label."""
    rows = [
        (label, figures["clips"], *(f"{figures[name]:.2f}" for name in ("recall", "precision", "f1")))
        for label, figures in load("events", "clips")["labels"].items()
    ]
    return table(("label", "clips", "recall", "precision", "F1"), rows)


def events_talk() -> str:
    """Events in conversations, ours and the baseline's."""
    rows = [
        (
            name,
            part,
            *(f"{figures[name]:.2f}" for name in ("recall", "precision", "f1", "right_label")),
            f"{figures['false_per_minute_of_speech']:.1f}",
        )
        for name, parts in load("events", "conversations").items()
        for part, figures in parts.items()
    ]
    header = ("tagger", "conversations", "recall", "precision", "F1", "right label", "false per minute of speech")
    return table(header, rows)


def resynthesis() -> str:
    """What is understood of LibriSpeech after each system, at which rate, and how it sounds."""
    check_gate("resynthesis")
    results = load("resynthesis", "librispeech")
    rows = [
        (
            system,
            number(figures["tokens_per_second"], 1),
            number(figures["bits_per_second"], 0),
            number(figures["error_rate"], 3),
            number(figures["dnsmos_overall"]),
        )
        for system, figures in results["systems"].items()
    ]
    rows.insert(1, ("the text of hybrid-tok's recognizer", "-", "-", number(results["own"], 3), "-"))
    return table(("system", "tokens/s", "bits/s", "WER heard", "DNSMOS"), rows)


def resynthesis_detail() -> str:
    """Text runs of conversations and Mandarin: errors of the text, and of what is heard of it."""
    rows = [
        (source, figures["words"], *(number(figures[name], 3) for name in ("lost", "own", "heard", "recording")))
        for source, figures in load("resynthesis", "dialogues").items()
    ]
    mandarin = load("resynthesis", "mandarin")
    for mode in ("locked", "free", "free, without voice code"):
        lost, recording = (number(mandarin[name], 3) for name in (mode, "the recording itself"))
        rows.append((f"aishell1 transcripts, {mode} (characters)", mandarin["characters"], lost, "-", "-", recording))
    header = ("text runs", "words", "lost by speaking", "text, against the transcript", "heard, against the transcript")
    return table((*header, "the recording, heard"), rows)


def spoken_quality() -> str:
    """DNSMOS of spoken runs, and of the same places after the other systems."""
    rows = [
        (system, *(number(figures[f"dnsmos_{name}"]) for name in ("signal", "background", "overall")))
        for system, figures in load("resynthesis", "quality")["systems"].items()
    ]
    return table(("spoken runs", "signal", "background", "overall"), rows)


def word_starts() -> str:
    """Word starts of decoded speech against the recording's."""
    rows = [
        (
            f"`durations={durations}`, {onset}",
            figures["words"],
            percent(figures["within_40_ms"]),
            number(1000 * figures["median_offset"], 0),
        )
        for durations, onsets in load("resynthesis", "timing").items()
        for onset, figures in onsets.items()
        if onset == "all" or durations == "word"
    ]
    return table(("word starts", "words", "within 40 ms", "median offset, ms"), rows)


def speaking_speed() -> str:
    """Synthesizers: times real time, first sound, memory."""
    rows = [
        (
            synthesizer,
            number(figures["x_decode"], 1),
            number(figures["ten_words_seconds"]["median"]),
            number(figures["peak_memory_mb"], 0),
        )
        for synthesizer, figures in load("resynthesis", "speed").items()
    ]
    header = ("synthesizer", "decode, x real time", "ten words, warm process, seconds", "peak memory, MB")
    return table(header, rows)


def voice() -> str:
    """Decoded speech without a voice code, with it, and with prosody: likeness, pitch, melody, words, loudness."""
    likeness = load("voice", "likeness")["variants"]
    rows = []
    for variant, figures in load("voice", "clips")["variants"].items():
        judges = likeness[variant].values()
        rows.append(
            (
                variant,
                number(figures["tokens_per_second"], 1),
                " / ".join(number(judge["share"]) for judge in judges),
                " / ".join(percent(judge["own_nearest"]) for judge in judges),
                percent(figures["pitch_within_semitone"]),
                number(figures["pitch_correlation"]),
                number(figures["level_correlation"]),
                number(figures["error_rate"], 3),
                f"{figures['louder_db_mean']:+.1f}",
            )
        )
    judges = " / ".join(next(iter(likeness.values())))
    header = ("decoded", "tokens/s", f"likeness, {judges}", "own speaker nearest of ten", "pitch within a semitone")
    return table((*header, "word pitch corr.", "word level corr.", "WER heard", "louder by, dB"), rows)


def streaming() -> str:
    """What streams wait for, take and lose."""
    heard, units, chunks = (load("streaming", part) for part in ("latency", "units", "codec_chunks"))
    spoken, runs = load("streaming", "decoder"), load("streaming", "long_runs")
    waits = "without_recognizer_seconds"
    rows = [
        ("end of a window of speech to its tokens, without the recognizer", *_spread(heard[waits]), "0.3 s"),
        ("the recognizer's run on the window (Whisper base)", *_spread(heard["recognizer_seconds"]), ""),
        ("units behind what is heard, layout `units`", *_spread(units["in_all_seconds"]), "0.12 s"),
        ("id of a text to its first sound", _seconds(spoken["text"]["median_seconds"]), "", "1 s"),
        ("id of a unit to its sound", *_spread(spoken["units"]["seconds"]), "0.1 s"),
        ("whole encoder: seconds of work a second", number(heard["work_per_second"]), "", "0.5"),
        ("codec in chunks of 80 ms, encoding", f"{chunks['encode']['x_real_time']:.0f}x", "", "20x"),
        ("codec in chunks of 80 ms, decoding", f"{chunks['decode']['x_real_time']:.0f}x", "", "20x"),
    ]
    for name, run in runs.items():
        used = run["mib_after_each_tenth"]
        memory = f"{used[0]:.0f}, {used[-1]:.0f} MiB"
        rows.append(
            (f"{name}: speed; memory after a tenth, and at the end", f"{run['x_real_time']:.1f}x", memory, "flat")
        )
    return table(("", "median", "95%", "wanted"), rows)


def live_windows() -> str:
    """What short windows lose."""
    rows = [
        (f"`{rule}`", *(number(figures[kind][what], digits) for kind in figures for what, digits in _WER_AND_RATE))
        for rule, figures in load("streaming", "windows").items()
    ]
    kinds = ("LibriSpeech", "conversations")
    return table(("windows", *(f"{kind}: {what}" for kind in kinds for what in ("WER", "tokens/s"))), rows)


def corpus_runs() -> str:
    """What a corpus costs beside its recordings, and what it survives."""
    loop, nodes = load("corpus", "overhead"), load("corpus", "nodes")
    rows = [
        (
            f"one process, {loop['clips']} clips, beside the bare loop over the files",
            f"{loop['overhead']:+.1%}",
            "at most 5%",
        ),
        ("two Ray nodes of one core each: times one node", number(nodes["times_one_node"], 2), "1.7"),
        ("one of two nodes killed midway: shards", _same(nodes), "identical"),
    ]
    for part in ("kills_units", "kills_hybrid"):
        run = load("corpus", part)
        what = f"{run['clips']:,} clips, {'layout `units`' if part == 'kills_units' else 'preset `default`'}"
        rows.append((f"{what}, {run['kills']} kills, {run['runs']} starts: shards", _same(run), "identical"))
    for name, run in load("corpus", "memory").items():
        used = run["mib_after_each_tenth"]
        rows.append(
            (f"memory of a worker, {name}: after a tenth, at the end", f"{used[0]:.0f}, {used[-1]:.0f} MiB", "flat")
        )
    return table(("", "measured", "wanted"), rows)


def _same(run: dict[str, Any]) -> str:
    return "identical" if run["identical"] else "**different**"


def corpus_stages() -> str:
    """Hours of audio in an hour of a core."""
    rows = []
    for name, figures in load("corpus", "stages").items():
        start = figures["start_up_seconds"]
        for kind, one in figures.items():
            if kind == "start_up_seconds":
                continue
            work = one["work_per_second"]
            shares = sorted(one["stages"].items(), key=lambda stage: -stage[1])[:4]
            where = ", ".join(f"{stage} {spent / work:.0%}" for stage, spent in shares)
            rows.append(
                (name, kind, number(1.0 / work, 1), number(one["tokens_per_second"], 1), f"{start:.0f} s", where)
            )
    return table(("", "", "hours per core-hour", "tokens/s", "start of a worker", "where the time goes"), rows)


def corpus_size() -> str:
    """A million hours."""
    path = RESULTS / "corpus_size.json"
    if not path.is_file():
        raise ResultsError(f"{path} is not there: python benchmarks/corpus_size.py")
    rows = [
        (
            row["system"],
            f"{row['machines']:,}",
            f"{row['batch_seconds'] / 60:.0f} min",
            f"{row['hours'] / 24:,.1f} days" if row["hours"] > 48 else f"{row['hours']:.1f} hours",
            f"${row['dollars']:,.0f}",
            f"{row['idle_share']:.0%}",
            row["bottleneck"],
        )
        for row in json.loads(path.read_text("utf-8"))["rows"]
    ]
    return table(("", "machines", "batches of", "time", "cost", "cores idle", "bottleneck"), rows)


_WER_AND_RATE = (("wer", 3), ("tokens_per_second", 1))


def _spread(figures: dict[str, float]) -> tuple[str, str]:
    return _seconds(figures["median"]), _seconds(figures["p95"])


def _seconds(value: float) -> str:
    return f"{value:.2f} s"


def diarization() -> str:
    """Who speaks when: of whole recordings, online, and with the networks of others."""
    names = ("builtin", "online", "conversation")
    whole, online, other = (load("diarization", "diarizers")[name]["groups"] for name in names)
    rows = [
        (
            group,
            *(number(figures[part], 3) for part in ("der", "confusion", "missed", "false_alarm")),
            *(number(each[group]["der"], 3) for each in (online, other)),
        )
        for group, figures in whole.items()
    ]
    header = ("", "error", "confusion", "missed", "false alarm", "online: error", "preset `conversation`: error")
    return table(header, rows)


def sequence_length() -> str:
    """Tokens per second of the layouts, and the published ones of other systems."""
    spoken, talked = (load("sequence_length", part)["layouts"] for part in ("librispeech", "dialogues"))
    rows: list[tuple[object, ...]] = [
        (
            layout,
            *(
                number(figures[layout].get(how), 1)
                for figures in (spoken, talked)
                for how in ("plain", "counted", "merged")
            ),
        )
        for layout in spoken
    ]
    rows += [
        (f"{system} (published)", number(rate, 1), *["-"] * 5)
        for system, rate in load("sequence_length", "published").items()
    ]
    header = (
        "tokens/s",
        *(f"{kind}{how}" for kind in ("LibriSpeech", "dialogues") for how in ("", ", counted", ", merged")),
    )
    return table(header, rows)


def codec_superb() -> str:
    """Figures of Codec-SUPERB's harness beside ours, for the same files."""
    rows = [
        (
            model,
            category,
            *(f"{figures['harness'][metric]:.3f} / {figures['ours'][metric]:.3f}" for metric in figures["ours"]),
        )
        for model, categories in load("codec_superb", "models").items()
        for category, figures in categories.items()
    ]
    return table(("harness / ours", "recordings", "mel", "STFT", "PESQ-wb", "STOI", "F0 corr."), rows)


TABLES: dict[str, Callable[[], str]] = {
    function.__name__: function
    for function in (
        *(words, sweep, confidence, hallucination, languages, aligned, speed, latency, windows),
        *(resynthesis, resynthesis_detail, spoken_quality, speaking_speed, word_starts, voice),
        *(codec, events, events_talk, diarization, sequence_length),
        *(batches, ids, sampled, language_models, speaking),
        *(streaming, live_windows, corpus_runs),
    )
}


def suite(name: str) -> str:
    """A suite of `bench run`: each system's figures, and the hybrid score."""
    path = RESULTS / f"bench_{name}.json"
    if not path.is_file():
        raise ResultsError(f"{path} is not there: python benchmarks/suites.py --only {name}")
    found = json.loads(path.read_text("utf-8"))
    metrics = [key for key in found["metrics"] if any(key in one["summary"] for one in found["systems"].values())]
    header = ["system", *(found["metrics"][metric]["title"] for metric in metrics)]
    scored = any(one["score"] for one in found["systems"].values())
    rows = [
        [
            one["title"],
            *(significant(one["summary"].get(metric, {}).get("value")) for metric in metrics),
            *([significant(one["score"] and one["score"]["value"])] if scored else []),
        ]
        for one in found["systems"].values()
    ]
    return table((*header, "hybrid score") if scored else header, rows)


def significant(value: float | None) -> str:
    """Three digits, or whole from a hundred on."""
    return "-" if value is None else f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


_SUITES: dict[str, Callable[[], str]] = {f"bench_{name.replace('-', '_')}": partial(suite, name) for name in SUITES}

PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {**TABLES, "bench_dialogue": _SUITES["bench_dialogue"]},
    "docs/codec-superb.md": {"codec_superb": codec_superb},
    "docs/corpus.md": {"corpus_stages": corpus_stages, "corpus_runs": corpus_runs, "corpus_size": corpus_size},
    "docs/benchmark.md": _SUITES,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    failed = False
    for name, tables in PAGES.items():
        before = (ROOT / name).read_text("utf-8")
        after, complaints = fill(before, tables)
        for complaint in complaints:
            print(f"{name}: {complaint}", file=sys.stderr)
        if not arguments.check:
            (ROOT / name).write_text(after, "utf-8")
        elif before != after:
            lines = (before.splitlines(), after.splitlines())
            print("\n".join(difflib.unified_diff(*lines, name, "benchmarks/results", n=0, lineterm="")))
        failed = failed or bool(complaints) or (arguments.check and before != after)
    sys.exit(failed)


if __name__ == "__main__":
    main()
