"""What is fitted to a trained speaker network: which differences between embeddings matter, and voices to compare with.

Two crops of one person over two channels differ by what is not the person. Embeddings are centred and divided by the
covariance of those differences (within-class covariance normalization; Hatch, Kajarekar and Stolcke, 2006), and a
cohort of training speakers is kept, by which similarities are normalized (Matejka et al., 2017). Channels are stronger
here than in training: what they change is what shall count for little.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from hybrid_tok.errors import OptionsError
from hybrid_tok.models.speaker import SpeakerNetwork
from hybrid_tok.train.speaker_crops import CropMaker, CropOptions
from hybrid_tok.train.speaker_data import Material


@dataclass(frozen=True, slots=True)
class CalibrationOptions:
    """How the fit is made.

    Attributes:
        batches: of crops that are drawn.
        ridge: how much of the mean variance is added to every direction's: what keeps small ones from being blown up.
        crops: how crops are drawn.
    """

    batches: int = 40
    ridge: float = 0.3
    crops: CropOptions = field(default_factory=lambda: CropOptions(channel=1.5, reverberation=0.8))

    def __post_init__(self) -> None:
        if self.batches < 1 or self.ridge <= 0:
            raise OptionsError(f"it takes batches >= 1 and ridge > 0, not {self.batches} and {self.ridge}")


@torch.inference_mode()
def calibrate(network: SpeakerNetwork, material: Material, options: CalibrationOptions, seed: int) -> None:
    """Fill the network's `centre`, `whitening` and `cohort`, from training speakers alone."""
    training = network.training
    network.eval()
    maker = CropMaker(material, options.crops)
    unit, speakers = [], []
    for k in range(options.batches):
        crops = maker.draw(np.random.default_rng((seed, k)))
        hidden, attention, _ = network(torch.from_numpy(crops.mel))
        embeddings = network.pool(hidden, attention, torch.from_numpy(crops.masks))
        unit.append(functional.normalize(embeddings, dim=1).numpy().astype(np.float64))
        speakers.append(crops.speakers)
    voices = np.concatenate(unit)
    network.centre.copy_(torch.from_numpy(voices.mean(axis=0)))
    network.whitening.copy_(torch.from_numpy(whitening_of(voices[0::2], voices[1::2], options.ridge)))
    cohort = cohort_of(network.whitened(torch.from_numpy(voices).float()).numpy(), np.concatenate(speakers))
    network.cohort.copy_(torch.from_numpy(np.resize(cohort, network.cohort.shape)))
    network.train(training)


def whitening_of(voices: NDArray[np.float64], others: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    """(E, E) by which row vectors are multiplied, given two voices (n, E) of each of n people."""
    difference = (voices - others) / np.sqrt(2)
    within = difference.T @ difference / len(difference)
    size = len(within)
    return np.linalg.cholesky(np.linalg.inv(within + ridge * np.trace(within) / size * np.eye(size)))


def cohort_of(voices: NDArray[np.floating], speakers: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean voices (k, E) of unit length, of k speakers, those heard most often first."""
    names, number, counts = np.unique(speakers, return_inverse=True, return_counts=True)
    sums = np.zeros((len(names), voices.shape[1]))
    np.add.at(sums, number, voices)
    sums = sums[np.argsort(-counts, kind="stable")]
    return (sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)).astype(np.float32)
