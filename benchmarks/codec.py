"""The unit codec beside Opus, Codec 2, EnCodec and Mimi, all in one run on the same files.

    python benchmarks/codec.py --data ../shared/audio --out benchmarks/results/codec.json

Quality: every clip of `--data`/dev through every codec, metrics by Codec-SUPERB's definitions (`bench.metrics`); PESQ,
STOI and pitch for speech only; on LibriSpeech also the word error rate of Whisper base. Rates are measured: packets for
Opus, files for Codec 2, log2 of the codebook size for ours. Codes: how many of ours are in use over `--data`/train, and
their entropy, each frame by itself: what an entropy coder without a model of time would need. Speed and peak memory:
one process per codec; EnCodec and Mimi at their true size with random weights, as only time and memory are asked of
them. Spectrograms go beside the results as PNG. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from hybrid_tok.audio import read_mono
from hybrid_tok.bench import peers
from hybrid_tok.bench.metrics import waveform
from hybrid_tok.codec.identity import codec_identity
from hybrid_tok.core.manifest import Clip, read_manifest

SPEECH = ("librispeech", "speechocean762", "ljspeech", "aishell1")
OPUS_RATES = (6_000, 8_000, 12_000)
CODEC2_MODES = ("700C", "1400", "2400", "3200")
THREADS = 2
SPEED_SECONDS = 60
PEER_SECONDS = 10
CHUNK = 1280
"""Samples per pushed chunk: 80 ms."""
MAX_SECONDS = 20.0

Samples = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/audio"), help="folder with dev/manifest.jsonl")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/codec.json"))
    parser.add_argument("--limit", type=int, help="at most so many clips per source, evenly spaced")
    parser.add_argument(
        "--only", choices=("speed", "quality", "heard", "codes"), help="measure this part, keep the other"
    )
    parser.add_argument("--speed-of", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.speed_of:
        print(json.dumps(speed(arguments.speed_of, arguments.data)))
        return
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    identity = codec_identity()
    results: dict[str, Any] = {
        "machine": {"processor": processor(), "threads": THREADS, "python": platform.python_version()},
        "codec": {"name": identity.name, "fingerprint": identity.fingerprint},
    }
    if arguments.only and arguments.out.is_file():
        before = json.loads(arguments.out.read_text("utf-8"))
        if before["codec"] != results["codec"]:
            parser.error(f"{arguments.out} was measured with another codec: measure both parts")
        results |= {part: before[part] for part in ("speed", "clips", "quality", "heard", "codes") if part in before}
    if arguments.only in (None, "speed"):
        results["speed"] = {}
        for name in ("hybrid-tok", "encodec", "mimi"):
            command = [sys.executable, __file__, "--data", str(arguments.data), "--speed-of", name]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            results["speed"][name] = json.loads(done.stdout.splitlines()[-1])
    if arguments.only in (None, "heard"):
        results["heard"] = heard(arguments.data / "dev", arguments.limit)
    if arguments.only in (None, "codes"):
        results["codes"] = codes(arguments.data / "train", arguments.limit)
    if arguments.only in (None, "quality"):
        results["clips"], results["quality"] = quality(arguments.data / "dev", arguments.limit)
        spectrograms(arguments.data / "dev", arguments.out.parent)
    curve = arguments.out.parent / "codec_training.jsonl"
    if curve.is_file():
        lines = [json.loads(line) for line in curve.read_text("utf-8").splitlines()]
        results["training"] = [line for line in lines if "dev" in line]
    results["targets"] = targets(results) if "quality" in results else {}
    arguments.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    for name, met in results["targets"].items():
        print("met   " if met else "MISSED", name)


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def read(path: Path) -> tuple[Samples, int]:
    samples, rate = soundfile.read(path, dtype="float32")
    return np.asarray(samples, np.float32), rate


@cache
def our_codec() -> Any:
    import torch

    from hybrid_tok.codec.backend import BuiltinCodec

    torch.set_num_threads(1)
    return BuiltinCodec()


def ours(samples: Samples, num_codebooks: int) -> peers.Coded:
    codec = our_codec()
    codes = codec.encode(samples)[:, :num_codebooks]
    bits = round(codes.size * math.log2(codec.identity.codebook_size))
    return peers.Coded(codec.decode(codes)[: len(samples)], bits, codes.size)


def contestants() -> dict[str, tuple[Callable[..., peers.Coded], Any]]:
    identity = codec_identity()
    counts = sorted({1, identity.default_codebooks, identity.num_codebooks})
    return (
        {f"hybrid-tok, {k} codebook{'s' * (k > 1)}": (ours, k) for k in counts}
        | {f"Opus {rate // 1000} kbps": (peers.opus, rate) for rate in OPUS_RATES}
        | {f"Codec 2 {mode}": (peers.codec2, mode) for mode in CODEC2_MODES}
    )


def group_of(recording: Clip) -> str:
    """The source of speech clips; all others are one group."""
    return recording.source if recording.source in SPEECH else "non-verbal"


def measure_clip(recording: Clip) -> dict[str, Any] | None:
    """Every codec on one clip; None for clips over 20 s."""
    samples, rate = read(recording.path)
    if rate != waveform.SAMPLE_RATE or not 0 < len(samples) / rate <= MAX_SECONDS:
        return None
    speech = recording.source in SPEECH
    scores = {}
    for name, (transcode, setting) in contestants().items():
        coded = transcode(samples, setting)
        values: dict[str, float] = {
            metric: function(samples, coded.samples)
            for metric, function in waveform.METRICS.items()
            if speech or metric in ("mel", "stft")
        }
        scores[name] = {"bits": coded.bits, **values}
    return {"group": group_of(recording), "seconds": len(samples) / rate, "scores": scores}


def quality(dev: Path, limit: int | None) -> tuple[dict[str, int], dict[str, Any]]:
    """Clips per group; and codec -> group -> mean of each metric, and the rate."""
    by_source: dict[str, list[Clip]] = {}
    for recording in read_manifest(dev):
        by_source.setdefault(recording.source, []).append(recording)
    recordings = []
    for clips in by_source.values():
        count = len(clips) if limit is None else min(limit, len(clips))
        recordings += [clips[k * len(clips) // count] for k in range(count)]
    with ProcessPoolExecutor(2) as pool:
        rows = [row for row in pool.map(measure_clip, recordings, chunksize=2) if row is not None]
    groups = [*SPEECH, "non-verbal"]
    table: dict[str, Any] = {}
    for name in contestants():
        table[name] = {}
        for group in groups:
            mine = [row for row in rows if row["group"] == group]
            if not mine:
                continue
            seconds = sum(row["seconds"] for row in mine)
            columns = [metric for metric in mine[0]["scores"][name] if metric != "bits"]
            means = {c: round(float(np.nanmean([row["scores"][name][c] for row in mine])), 4) for c in columns}
            bits = sum(row["scores"][name]["bits"] for row in mine)
            table[name][group] = {"kbps": round(bits / seconds / 1000, 3), **means}
    return {group: sum(row["group"] == group for row in rows) for group in groups}, table


def heard(dev: Path, limit: int | None) -> dict[str, float | None]:
    """Word error rate of Whisper base on LibriSpeech: of the recordings, and after every codec."""
    from hybrid_tok.bench.hearing import Ear, error_rate
    from hybrid_tok.core.audio import Audio

    clips = [clip for clip in read_manifest(dev) if clip.source == "librispeech"][:limit]
    recordings = [read(clip.path) for clip in clips]
    ear = Ear()

    def error_after(transcode: Callable[..., peers.Coded], setting: Any) -> float | None:
        judged = [
            ear.judge(Audio(transcode(samples, setting).samples, rate), clip.text or "")
            for (samples, rate), clip in zip(recordings, clips, strict=True)
        ]
        missed = error_rate(judged)
        return None if missed is None else round(missed, 4)

    unchanged = {"recordings": error_after(lambda samples, _: peers.Coded(samples, 0, 0), None)}
    return unchanged | {name: error_after(*contestant) for name, contestant in contestants().items()}


def codes(train: Path, limit: int | None) -> list[dict[str, float]]:
    """Per codebook over all clips: codes in use, entropy in bits and in kbit/s, and 2 to the power of it, the
    perplexity."""
    codec = our_codec()
    counts = np.zeros((codec.num_codebooks, codec.codebook_size), np.int64)
    for clip in read_manifest(train)[:limit]:
        for count, units in zip(
            counts, codec.encode(read_mono(clip.path, codec.sample_rate)[0].samples).T, strict=True
        ):
            count += np.bincount(units, minlength=codec.codebook_size)
    found = []
    for count in counts:
        shares = count[count > 0] / count.sum()
        entropy = float(-(shares * np.log2(shares)).sum())
        rate = entropy * codec.sample_rate / codec.hop / 1000
        found.append(
            {
                "in_use": len(shares),
                "entropy_bits": round(entropy, 3),
                "entropy_kbps": round(rate, 3),
                "perplexity": round(2**entropy),
            }
        )
    return found


def speed(name: str, data: Path) -> dict[str, float]:
    """Times real time and peak memory of one codec in this process."""
    import torch

    torch.set_num_threads(THREADS)
    if name == "hybrid-tok":
        from hybrid_tok.codec.backend import BuiltinCodec

        codec = BuiltinCodec()
        samples = speech(data, SPEED_SECONDS)
        seconds = len(samples) / waveform.SAMPLE_RATE
        default = codec.identity.default_codebooks
        codes = codec.encode(samples)[:, :default]

        def push_samples() -> None:
            stream = codec.encoder_stream()
            for start in range(0, len(samples), CHUNK):
                stream.push(samples[start : start + CHUNK])

        def push_codes() -> None:
            stream = codec.decoder_stream()
            for start in range(0, len(codes), CHUNK // codec.identity.hop):
                stream.push(codes[start : start + CHUNK // codec.identity.hop])

        result = {
            "parameters_million": round(sum(p.numel() for p in codec.network.parameters()) / 1e6, 2),
            "encode": seconds / fastest(lambda: codec.encode(samples)),
            "decode": seconds / fastest(lambda: codec.decode(codes)),
            "stream_encode_80ms": seconds / fastest(push_samples),
            "stream_decode_80ms": seconds / fastest(push_codes),
        }
    else:
        result = peer_speed(name, data)
    result["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {key: round(value, 2) for key, value in result.items()}


def peer_speed(name: str, data: Path) -> dict[str, float]:
    import soxr
    import torch
    import transformers

    torch.manual_seed(0)
    if name == "encodec":
        model: Any = transformers.EncodecModel(transformers.EncodecConfig()).eval()
    else:
        model = transformers.MimiModel(transformers.MimiConfig()).eval()
    rate = model.config.sampling_rate
    samples = soxr.resample(speech(data, PEER_SECONDS), waveform.SAMPLE_RATE, rate)
    x = torch.from_numpy(samples)[None, None]
    seconds = len(samples) / rate
    with torch.inference_mode():
        if name == "encodec":
            codes = model.encode(x, bandwidth=6.0).audio_codes
            encode, decode = lambda: model.encode(x, bandwidth=6.0), lambda: model.decode(codes, [None])
        else:
            codes = model.encode(x).audio_codes
            encode, decode = lambda: model.encode(x), lambda: model.decode(codes)
        times = seconds / fastest(encode), seconds / fastest(decode)
    parameters = sum(p.numel() for p in model.parameters()) / 1e6
    return {"parameters_million": round(parameters, 2), "encode": times[0], "decode": times[1]}


def fastest(function: Callable[[], object], repeats: int = 4) -> float:
    """Seconds of the fastest of several runs, the first not counted."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def speech(data: Path, seconds: int) -> Samples:
    """The first clips of LibriSpeech, one after another."""
    parts, have = [], 0
    for recording in read_manifest(data / "dev"):
        if recording.source == "librispeech" and have < seconds * waveform.SAMPLE_RATE:
            parts.append(read(recording.path)[0])
            have += len(parts[-1])
    return np.concatenate(parts)[: seconds * waveform.SAMPLE_RATE]


def targets(results: dict[str, Any]) -> dict[str, bool]:
    """What the codec set out to reach, and whether it did."""
    identity, table = codec_identity(), results["quality"]
    single = table["hybrid-tok, 1 codebook"]
    default = table[f"hybrid-tok, {identity.default_codebooks} codebooks"]
    full = table[f"hybrid-tok, {identity.num_codebooks} codebooks"]
    spoken = [group for group in SPEECH if group in default]
    opus, codec2 = table["Opus 6 kbps"], table["Codec 2 3200"]

    def better(ours: dict[str, float], theirs: dict[str, float], names: tuple[str, ...]) -> bool:
        return all(ours[n] < theirs[n] if n in ("mel", "stft") else ours[n] > theirs[n] for n in names)

    met = {
        "default rate at most 1.4 kbps": all(default[g]["kbps"] <= 1.4 for g in spoken),
        "full rate at most 3 kbps": all(full[g]["kbps"] <= 3.0 for g in spoken),
        "1 codebook: PESQ-wb at least 1.55 on LibriSpeech": single["librispeech"]["pesq_wb"] >= 1.55,
        "1 codebook: STOI at least 0.84 on LibriSpeech": single["librispeech"]["stoi"] >= 0.84,
        "default: PESQ-wb at least 1.85 on LibriSpeech": default["librispeech"]["pesq_wb"] >= 1.85,
        "default: PESQ-wb at least 1.9 on LibriSpeech": default["librispeech"]["pesq_wb"] >= 1.9,
        "default: no speech source below STOI 0.80": min(default[g]["stoi"] for g in spoken) >= 0.8,
        "default: STOI at least 0.88 on LibriSpeech": default["librispeech"]["stoi"] >= 0.88,
        "default: STOI at least 0.89 in Mandarin": default["aishell1"]["stoi"] >= 0.89,
        "default: mel distance at most 0.95 on non-verbal clips": default["non-verbal"]["mel"] <= 0.95,
        "default: better than Codec 2 3200 in every metric, every speech source": all(
            better(default[g], codec2[g], tuple(waveform.METRICS)) for g in spoken
        ),
        "full: better than Opus 6 kbps in PESQ-wb, STOI and mel, every speech source": all(
            better(full[g], opus[g], ("pesq_wb", "stoi", "mel")) for g in spoken
        ),
        "full: better than Opus 6 kbps in mel on non-verbal clips": better(
            full["non-verbal"], opus["non-verbal"], ("mel",)
        ),
    }
    if "heard" in results:
        missed = results["heard"]
        met["1 codebook: word error rate at most 0.35"] = missed["hybrid-tok, 1 codebook"] <= 0.35
        met["default: word error rate at most 0.18"] = (
            missed[f"hybrid-tok, {identity.default_codebooks} codebooks"] <= 0.18
        )
    if "speed" in results:
        own, encodec = results["speed"]["hybrid-tok"], results["speed"]["encodec"]
        for way in ("encode", "decode"):
            met[f"{way} at least 100 times real time"] = own[way] >= 100
            met[f"{way} at least 150 times real time"] = own[way] >= 150
            met[f"{way} at least 5 times as fast as EnCodec"] = own[way] >= 5 * encodec[way]
            met[f"streaming {way} at least 20 times real time"] = own[f"stream_{way}_80ms"] >= 20
    return met


def spectrograms(dev: Path, folder: Path) -> None:
    """A laugh, a cough, speech and Mandarin: original, default rate, full rate."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    recordings = read_manifest(dev)
    wanted: dict[str, Callable[[Clip], bool]] = {
        "laugh": lambda r: "laugh" in (r.label or "").lower(),
        "cough": lambda r: "cough" in (r.label or "").lower(),
        "speech": lambda r: r.source == "librispeech",
        "mandarin": lambda r: r.source == "aishell1",
    }
    identity = codec_identity()
    for name, matches in wanted.items():
        found = next((r for r in recordings if matches(r)), None)
        if found is None:
            continue
        samples, rate = read(found.path)
        samples = samples[: 4 * rate]
        rows = {"original": samples}
        for k in (identity.default_codebooks, identity.num_codebooks):
            coded = ours(samples, k)
            rows[f"{coded.bits / len(samples) * rate / 1000:.2f} kbps"] = coded.samples
        figure, axes = pyplot.subplots(len(rows), 1, figsize=(8, 6), sharex=True, constrained_layout=True)
        for axis, (title, row) in zip(axes, rows.items(), strict=True):
            axis.specgram(row + 1e-9, NFFT=512, noverlap=384, Fs=rate, vmin=-130, vmax=-30, cmap="magma")
            axis.set(title=title, ylabel="Hz")
        axes[-1].set_xlabel("s")
        figure.savefig(folder / f"codec_{name}.png", dpi=80)
        pyplot.close(figure)


if __name__ == "__main__":
    main()
