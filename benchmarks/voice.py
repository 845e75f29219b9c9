"""Does decoded speech sound like the speaker: pitch, similarity, word melody, speed and memory.

    python benchmarks/voice.py --data ../shared/audio --out benchmarks/results/voice.json

Every clip of `--data`/dev with a transcript is written as text alone, from its transcript (aligned, so that recognition
errors do not matter), and spoken again: without a voice code, with it, and with word prosody too. Judged by others than
ourselves where there are any: pitch by Praat; similarity by our speaker encoder and, apart from it, by MFCC statistics
and the long-term spectrum, always against other clips of the speaker than the one the code was measured on, and against
other speakers. A Mandarin clip is one word over all its speech, since the aligner knows English only: it has no word
figures.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import dct

from hybrid_tok import Audio, HybridTokenizer, KnownAnnotations, Span, Word
from hybrid_tok.audio import read_mono, write_wav
from hybrid_tok.backends.silero import SileroDetector
from hybrid_tok.core.annotations import Annotations, Segment
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.manifest import read_manifest
from hybrid_tok.core.timeline import FRAME_RATE, count_frames
from hybrid_tok.decode.level import active_level
from hybrid_tok.diarizer.speaker_encoder import SpeakerEncoder
from hybrid_tok.encode.gate import Decision
from hybrid_tok.encode.prosody import measure_prosody
from hybrid_tok.encode.voice import measure_voices
from hybrid_tok.nn.logmel import log_mel

SOURCES = ("librispeech", "speechocean762", "ljspeech", "aishell1")
RATE = 16_000
VARIANTS: dict[str, dict[str, Any]] = {
    "no voice code": {"voice": False},
    "voice code": {"voice": True},
    "voice code and prosody": {"voice": True, "prosody": "word"},
}
SEMITONES = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A recording, who speaks in it, and what was heard in it."""

    name: str
    source: str
    speaker: str
    audio: Audio
    heard: Annotations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/audio"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/voice.json"))
    parser.add_argument("--every", type=int, default=1, help="take every so many-th clip only")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-hour", action="store_true", help="leave the hour of audio out")
    parser.add_argument("--keep", type=Path, help="folder for the decoded clips, to listen to")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)

    def save() -> None:
        arguments.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")

    clips = read_clips(arguments.data / "dev", arguments.every)
    results: dict[str, Any] = {"clips": len(clips), "every": arguments.every, "threads": arguments.threads}
    results["measuring"] = measuring_speed(clips)
    save()
    decoded = {name: decode_all(clips, name, options, results) for name, options in VARIANTS.items()}
    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        for name, audios in decoded.items():
            for clip, audio in zip(clips, audios, strict=True):
                write_wav(arguments.keep / f"{clip.name}.{name.replace(' ', '-')}.wav", audio, clip=True)
    results["pitch"] = pitch_figures(clips, decoded)
    results["similarity"] = similarity_figures(clips, decoded)
    results["words"] = word_figures(clips, decoded)
    results["sanity"] = {name: sanity(audios) for name, audios in decoded.items()}
    save()
    if not arguments.no_hour:
        results["hour"] = hour(clips)
        save()


def read_clips(dev: Path, every: int) -> list[Clip]:
    """The clips with transcripts; Mandarin, which the aligner does not know, is one word over all speech."""
    clips: list[Clip] = []
    spoken = [clip for clip in read_manifest(dev) if clip.source in SOURCES and clip.text]
    detector = SileroDetector()
    with HybridTokenizer.from_preset("default", layout="text", events=False) as tokenizer:
        for entry in spoken[::every]:
            audio, _ = read_mono(entry.path, RATE)
            if entry.source == "aishell1":
                speech = detector.detect(audio) or (Span(0, count_frames(audio.num_samples, RATE)),)
                text = "".join(char for char in entry.text or "" if char.isalnum())
                word = Word(text, Span(speech[0].start, speech[-1].end), 1.0, language="zh")
                known = KnownAnnotations(words=(word,))
            else:
                known = KnownAnnotations(segments=(Segment((entry.text or "").lower(), language="en"),))
            heard = tokenizer.annotate(audio, annotations=known)
            clips.append(Clip(entry.path.stem, entry.source, entry.speaker or "", audio, heard))
    return clips


def decode_all(clips: list[Clip], name: str, options: dict[str, Any], results: dict[str, Any]) -> list[Audio]:
    """Every clip as text and back; takes note of the speed, and that ids and streams agree."""
    audios: list[Audio] = []
    tokens, seconds, busy = 0, 0.0, 0.0
    with HybridTokenizer.from_preset(layout="text", events=False, **options) as tokenizer:
        for clip in clips:
            ids = tokenizer.encode(clip.audio, annotations=clip.heard)
            assert tokenizer.vocabulary.encode(tokenizer.vocabulary.decode(ids)) == ids
            started, busy_before = time.perf_counter(), time.process_time()
            audios.append(tokenizer.decode(ids))
            seconds += time.perf_counter() - started
            busy += time.process_time() - busy_before
            tokens += len(ids)
    spoken = sum(clip.audio.seconds for clip in clips)
    results.setdefault("decoding", {})[name] = {
        "x_wall": round(spoken / seconds, 1),
        "x_cpu": round(spoken / busy, 1),
        "tokens_per_second": round(tokens / spoken, 2),
    }
    return audios


def praat_pitch(audio: Audio) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times in seconds and Hz (0 where unvoiced) of Praat's pitch by autocorrelation, every 10 ms."""
    import parselmouth

    sound = parselmouth.Sound(audio.samples.astype(np.float64), audio.sample_rate)
    if sound.duration < 0.06:
        return np.zeros(0), np.zeros(0)
    pitch = sound.to_pitch_ac(time_step=0.01, pitch_floor=60.0, pitch_ceiling=600.0)
    return np.asarray(pitch.xs()), pitch.selected_array["frequency"]


def median_pitch(audio: Audio) -> float:
    _, frequency = praat_pitch(audio)
    voiced = frequency[frequency > 0.0]
    return float(np.median(voiced)) if len(voiced) else float("nan")


def pitch_figures(clips: list[Clip], decoded: dict[str, list[Audio]]) -> dict[str, Any]:
    """How far the decoded median pitch is from the speaker's, in semitones."""
    original = np.array([median_pitch(clip.audio) for clip in clips])
    figures: dict[str, Any] = {}
    for name, audios in decoded.items():
        spoken = np.array([median_pitch(audio) for audio in audios])
        distance = np.abs(12.0 * np.log2(spoken / original))
        groups = {source: np.array([clip.source == source for clip in clips]) for source in SOURCES}
        figures[name] = {
            f"within_{SEMITONES}_semitones": share(distance <= SEMITONES),
            "median_distance": round(float(np.nanmedian(distance)), 3),
            "unmeasured": int(np.isnan(distance).sum()),
            "by_source": {source: share(distance[mine] <= SEMITONES) for source, mine in groups.items() if mine.any()},
            "missed": {
                clip.name: [round(float(original[i])), round(float(spoken[i]))]
                for i, clip in enumerate(clips)
                if name != "no voice code" and not distance[i] <= SEMITONES
            },
        }
    return figures


def share(hits: NDArray[np.bool_]) -> float:
    return round(float(hits.mean()), 4)


def similarity_figures(clips: list[Clip], decoded: dict[str, list[Audio]]) -> dict[str, Any]:
    """Similarity to other clips of the same speaker and to clips of others, by three measures.

    `own_nearest`: how often the speaker's own mean is the nearest of all speakers' means.
    """
    encoder = SpeakerEncoder()
    people = [f"{clip.source}/{clip.speaker}" for clip in clips]
    original = [features(clip.audio, encoder) for clip in clips]
    mfcc = np.stack([one["mfcc"] for one in original])
    centre, scale = mfcc.mean(axis=0), mfcc.std(axis=0) + 1e-6
    figures: dict[str, Any] = {"speakers": len(set(people))}
    for name, audios in {"original": [clip.audio for clip in clips], **decoded}.items():
        spoken = [features(audio, encoder) for audio in audios]
        figures[name] = {}
        for measure in ("encoder", "mfcc", "spectrum"):
            own: list[float] = []
            others: list[float] = []
            nearest: list[bool] = []
            for index, one in enumerate(spoken):
                scores: dict[str, float] = {}
                for person in sorted(set(people)):
                    rest = [original[i] for i, who in enumerate(people) if who == person and i != index]
                    if rest:
                        reference = np.mean([other[measure] for other in rest], axis=0)
                        scores[person] = likeness(measure, one[measure], reference, centre, scale)
                if people[index] in scores:
                    mine = scores.pop(people[index])
                    own.append(mine)
                    others.append(float(np.mean(list(scores.values()))))
                    nearest.append(mine > max(scores.values()))
            figures[name][measure] = {
                "own": round(float(np.mean(own)), 3),
                "others": round(float(np.mean(others)), 3),
                "own_nearest": share(np.array(nearest)),
            }
    return figures


def features(audio: Audio, encoder: SpeakerEncoder) -> dict[str, NDArray[np.floating]]:
    mel = np.asarray(log_mel(audio.samples), np.float64)
    energy = mel.mean(axis=1)
    mel = mel[energy > np.percentile(energy, 95) - 4.5]  # 20 dB: speech, not the room
    cepstra = np.asarray(dct(mel, norm="ortho", axis=1))[:, 1:20]
    spectrum = mel.mean(axis=0) * (10.0 / np.log(10.0))
    return {
        "encoder": encoder.embed(audio.samples),
        "mfcc": np.concatenate([cepstra.mean(axis=0), cepstra.std(axis=0)]),
        "spectrum": spectrum - spectrum.mean(),
    }


def likeness(
    measure: str,
    one: NDArray[np.floating],
    other: NDArray[np.floating],
    centre: NDArray[np.floating],
    scale: NDArray[np.floating],
) -> float:
    """Cosine for the encoder and for MFCC statistics (normalized over all original clips); for spectra minus the rms
    distance in dB."""
    if measure == "spectrum":
        return -float(np.sqrt(np.mean(np.square(one - other))))
    if measure == "mfcc":
        one, other = (one - centre) / scale, (other - centre) / scale
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other) + 1e-12))


def word_figures(clips: list[Clip], decoded: dict[str, list[Audio]]) -> dict[str, Any]:
    """Correlation over the words of a clip of median log pitch and of level, original against decoded; the mean over
    clips with at least five words that have a pitch in both."""
    chosen = [(index, clip) for index, clip in enumerate(clips) if len(clip.heard.words) >= 5]
    original = {index: word_values(clip.audio, clip.heard.words) for index, clip in chosen}
    figures: dict[str, Any] = {}
    for name, audios in decoded.items():
        pitch: list[float] = []
        level: list[float] = []
        for index, clip in chosen:
            then, now = original[index], word_values(audios[index], clip.heard.words)
            for into, column in ((pitch, 0), (level, 1)):
                both = np.isfinite(then[:, column]) & np.isfinite(now[:, column])
                if both.sum() >= 5 and then[both, column].std() > 0 and now[both, column].std() > 0:
                    into.append(float(np.corrcoef(then[both, column], now[both, column])[0, 1]))
        figures[name] = {
            "clips": len(pitch),
            "pitch_correlation": round(float(np.mean(pitch)), 3),
            "pitch_correlation_median": round(float(np.median(pitch)), 3),
            "level_correlation": round(float(np.mean(level)), 3),
        }
    return figures


def word_values(audio: Audio, words: tuple[Word, ...]) -> NDArray[np.float64]:
    """(words, 2): median log2 pitch by Praat (NaN with fewer than three voiced frames), level in dB."""
    times, frequency = praat_pitch(audio)
    values = np.full((len(words), 2), np.nan)
    for row, word in enumerate(words):
        start, end = word.span.start / FRAME_RATE, word.span.end / FRAME_RATE
        inside = frequency[(times >= start) & (times < end)]
        if np.count_nonzero(inside) >= 3:
            values[row, 0] = np.median(np.log2(inside[inside > 0.0]))
        samples = audio.samples[round(start * audio.sample_rate) : round(end * audio.sample_rate)]
        if len(samples) and samples.any():
            values[row, 1] = 10.0 * np.log10(np.mean(np.square(samples, dtype=np.float64)))
    return values


def sanity(audios: list[Audio]) -> dict[str, Any]:
    """Nothing that is not finite, nothing clipped, and the level asked for."""
    levels = [active_level(frame_powers(audio.samples, audio.sample_rate)) for audio in audios]
    found = [level[0] for level in levels if level is not None]
    return {
        "finite": all(bool(np.isfinite(audio.samples).all()) for audio in audios),
        "highest_peak": round(max(float(np.abs(audio.samples).max(initial=0.0)) for audio in audios), 3),
        "level_db_mean": round(float(np.mean(found)), 2),
        "level_db_deviation": round(float(np.std(found)), 2),
    }


def as_text(heard: Annotations) -> tuple[Decision, ...]:
    return tuple(Decision(word.span, "text", (word,)) for word in heard.words)


def measuring_speed(clips: list[Clip]) -> dict[str, float]:
    """Times real time of measuring voice and prosody, clip by clip in one thread: by the processor's clock, which
    other work on the machine hardly changes, and by the wall's."""
    decisions = [as_text(clip.heard) for clip in clips]
    measure_voices(clips[0].audio, decisions[0], clips[0].heard)  # loads tables
    wall, started = time.perf_counter(), time.process_time()
    for clip, words in zip(clips, decisions, strict=True):
        measure_voices(clip.audio, words, clip.heard)
    middle = time.process_time()
    for clip, words in zip(clips, decisions, strict=True):
        measure_prosody(clip.audio, words)
    end, wall = time.process_time(), time.perf_counter() - wall
    spoken = sum(clip.audio.seconds for clip in clips)
    return {
        "x_voice_cpu": round(spoken / (middle - started), 1),
        "x_prosody_cpu": round(spoken / (end - middle), 1),
        "x_both_cpu": round(spoken / (end - started), 1),
        "x_both_wall": round(spoken / wall, 1),
    }


def hour(clips: list[Clip]) -> dict[str, Any]:
    """Voice and prosody of an hour of clips in a row as one speaker, and the memory it takes beyond the audio; then ten
    minutes of it spoken again in that voice, as a single utterance (free timing)."""
    audio, heard = joined(clips, 3600)
    decisions = as_text(heard)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    measure_voices(audio, decisions, heard)
    measure_prosody(audio, decisions)
    measured = time.process_time() - started
    middle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    audio, heard = joined(clips, 600)
    options: dict[str, Any] = {"layout": "text", "events": False, "prosody": "word", "timing": "free"}
    with HybridTokenizer.from_preset("default", **options) as tokenizer:
        ids = tokenizer.encode(audio, annotations=heard)
        started = time.process_time()
        spoken = tokenizer.decode(ids)
        decoding = time.process_time() - started
    return {
        "x_measuring_cpu": round(3600 / measured, 1),
        "measuring_mb_beyond_audio": round((middle - before) / 1024, 1),
        "ten_minutes_spoken_as_one_x_cpu": round(spoken.seconds / decoding, 1),
        "ten_minutes_spoken_as_one_mb": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - middle) / 1024, 1),
    }


def joined(clips: list[Clip], seconds: int) -> tuple[Audio, Annotations]:
    """English clips in a row, over and over, until they are so long."""
    english = [clip for clip in clips if clip.source != "aishell1"]
    samples = np.zeros(seconds * RATE, np.float32)
    words: list[Word] = []
    cursor = index = 0
    while cursor < seconds * FRAME_RATE:
        clip = english[index % len(english)]
        place = cursor * RATE // FRAME_RATE
        part = clip.audio.samples[: len(samples) - place]
        samples[place : place + len(part)] = part
        words += [
            Word(word.text, Span(word.span.start + cursor, word.span.end + cursor), 1.0)
            for word in clip.heard.words
            if word.span.end + cursor <= seconds * FRAME_RATE
        ]
        cursor += count_frames(clip.audio.num_samples, RATE)
        index += 1
    return Audio(samples, RATE), Annotations(seconds * FRAME_RATE, words=tuple(words))


if __name__ == "__main__":
    main()
