"""Reads models of `transformers` from a folder, without its progress bars, and with errors of one line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hybrid_tok.core.local_models import find_local, model_hash
from hybrid_tok.errors import BackendError, ModelError, first_line
from hybrid_tok.nn.threads import compute_in_one_thread_after_forks

_ONLY_IN_TRAINING = ("masked_spec_embed",)
"""Tensors that published weights may lack, because inference has no use for them."""


def find_folder(model: str, what: str) -> Path:
    """Where a model's folder is.

    Args:
        model: a folder, or a name in the Hugging Face cache.
        what: what the model is to be, for messages: "a codec of transformers".

    Raises:
        ModelError: there is none, or it has no `config.json`.
    """
    path = find_local(model, what)
    if not (path / "config.json").is_file():
        raise ModelError(f"{what}: {model} has no config.json: give a folder that save_pretrained or the hub made")
    return path


def read_config(model: str, what: str) -> dict[str, Any]:
    """A model's `config.json`, read without `transformers`.

    Raises:
        ModelError: it is missing or damaged.
    """
    path = find_folder(model, what) / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
        if not isinstance(config, dict):
            raise ValueError("it is no object")
    except (OSError, ValueError) as error:
        raise ModelError(f"{what}: the config.json of {model} is damaged ({first_line(error)}): get it again") from None
    return config


def model_fingerprint(name: str, folder: Path, options: object = None) -> str:
    """NAME and 16 hex digits of the model's files and the options' repr."""
    digest = hashlib.sha256(f"{model_hash(folder)} {options!r}".encode()).hexdigest()
    return f"{name}:{digest[:16]}"


def load_model(auto_class: str, model: str, what: str, device: str) -> Any:
    """The network for inference, its weights as 32-bit floats on the device.

    Args:
        auto_class: of `transformers`: "AutoModelForCTC".

    Raises:
        ModelError: the files are of something else, damaged, or lack weights.
    """
    import torch
    import transformers

    from hybrid_tok.nn.device import torch_device

    where = torch_device(device)
    compute_in_one_thread_after_forks()
    folder = find_folder(model, what)
    with _loading(model, what), _quiet():
        network, report = getattr(transformers, auto_class).from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            weights_only=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    # The library gives random values to what is missing.
    missing = sorted(key for key in report["missing_keys"] if not key.endswith(_ONLY_IN_TRAINING))
    if missing:
        raise ModelError(f"{what}: {model} lacks {len(missing)} of its weights, such as {missing[0]}: get it again")
    with _loading(model, what):
        return network.eval().requires_grad_(False).to(where)


def load_part(auto_class: str, model: str, what: str) -> Any:
    """What goes with a network: its feature extractor or its tokenizer.

    Raises:
        ModelError: the files are missing or damaged.
    """
    import transformers

    folder = find_folder(model, what)
    with _loading(model, what), _quiet():
        return getattr(transformers, auto_class).from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def load_extractor(model: str, what: str, sample_rate: int) -> Any:
    """What makes a network's inputs of samples at a rate in Hz.

    Raises:
        ModelError: the files are missing or damaged, or for another rate.
    """
    extractor = load_part("AutoFeatureExtractor", model, what)
    if extractor.sampling_rate != sample_rate:
        raise ModelError(f"{what}: {model} takes {extractor.sampling_rate} Hz, not {sample_rate} Hz")
    return extractor


@contextmanager
def running(model: str, what: str) -> Iterator[None]:
    """Errors of the library, such as too little memory, as a `BackendError` that names the model."""
    try:
        yield
    except Exception as error:  # of torch and transformers, which have no common class
        raise BackendError(f"{what}: {model} failed ({first_line(error)})") from error


@contextmanager
def _loading(model: str, what: str) -> Iterator[None]:
    """Errors of the library as a `ModelError` that names the model."""
    try:
        yield
    except Exception as error:  # of json, safetensors, torch and transformers
        raise ModelError(f"{what}: {model} cannot be loaded ({first_line(error)})") from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Without progress bars and reports on standard error; what is missing is found by `load_model` itself."""
    from transformers.utils import logging

    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()
