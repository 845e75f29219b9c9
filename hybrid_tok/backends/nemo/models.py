"""NeMo's models: found, told apart, and restored without a word on the terminal.

A `.nemo` file is a tar archive of `model_config.yaml`, a PyTorch checkpoint and files such as tokenizers. NeMo's own
library unpacks it and builds the model from the configuration, whose classes it checks against a list of its own. The
checkpoint is read with `weights_only=True`: that is NeMo's default too, but an environment variable could turn it off.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import logging
import random
import tarfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hybrid_tok.core.local_models import find_local, model_hash
from hybrid_tok.errors import BackendError, ModelError, first_line, printable

CONFIG = "model_config.yaml"
_LARGEST_CONFIG = 1 << 24
"""Bytes of a configuration at most; those of published models have up to 1 MB, of vocabulary."""

_QUIET = threading.RLock()


@contextmanager
def quiet() -> Iterator[None]:
    """NeMo's import, restoring and tokenizers without log lines and warnings, whatever the user's filters are.

    NeMo logs to the terminal as soon as it is imported, takes over `warnings.showwarning`, seeds Python's random
    numbers, and its imports warn of things that are no fault of the user's. All of this belongs to the process, so one
    thread at a time is in here, and only for work that is short or done once.
    """
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, state = logging.root.manager.disable, random.getstate()
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)
            random.setstate(state)


def find_nemo(model: str, what: str) -> Path:
    """The `.nemo` file of a model: the file itself, or the only one in a folder or in the Hugging Face cache.

    Args:
        what: as of `find_local`.

    Raises:
        ModelError: there is none, or there are several.
    """
    path = find_local(model, what)
    if path.is_file():
        return path
    files = sorted(path.glob("*.nemo"))
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise ModelError(f"{what}: {path} must hold one .nemo file, but there is {found}; give the file itself")
    return files[0]


def nemo_class(target: str) -> Any:
    """A class of NeMo, given as "module:class". Its first import takes seconds."""
    module, _, name = target.partition(":")
    with quiet():
        return getattr(importlib.import_module(module), name)


def fingerprint(name: str, paths: Sequence[Path], options: object) -> str:
    """Changes with the bytes of the models and with the options, but not with places and devices."""
    described = "".join(f"{model_hash(path)} " for path in paths) + repr(options)
    return f"{name}:{hashlib.sha256(described.encode()).hexdigest()[:16]}"


def read_config(path: Path) -> Any:
    """The configuration in a `.nemo` file, an OmegaConf node; neither torch nor NeMo is imported, and no code is run.

    Raises:
        ModelError: the file is no archive, or has no configuration that can be read.
    """
    from omegaconf import DictConfig, OmegaConf

    try:
        with tarfile.open(path) as archive:  # older files are compressed
            member = next(one for one in archive if one.name.rpartition("/")[2] == CONFIG)
            if member.size > _LARGEST_CONFIG:
                raise ValueError(f"its configuration has {member.size} bytes")
            file = archive.extractfile(member)
            if file is None:
                raise ValueError("its configuration is not a file")
            config = OmegaConf.load(io.StringIO(file.read().decode()))
    except StopIteration:
        raise ModelError(f"{path} is no model of NeMo: there is no {CONFIG} in it") from None
    except Exception as error:  # of tarfile, zlib, yaml and omegaconf
        raise ModelError(f"{path} is no model of NeMo, or damaged: {first_line(error)}") from None
    if not isinstance(config, DictConfig):
        raise ModelError(f"{path} is no model of NeMo: its {CONFIG} is no mapping")
    return config


def restore(path: Path, expected: str, device: str, without: Sequence[str] = ()) -> Any:
    """A model in evaluation mode on a device, without gradients.

    Torch's random state is left as it was: NeMo draws weights before it reads them.

    Args:
        expected: "module:class" of NeMo that the model must be of, or derived from.
        without: keys of the configuration that are left out, parts that only training needs.

    Raises:
        ModelError: it is another kind of model, or NeMo cannot restore it.
    """
    from hybrid_tok.nn.device import torch_device

    config, where = read_config(path), torch_device(device)
    base = nemo_class(expected)
    with quiet():
        found = _target(config, expected.partition(":")[0])
        if not isinstance(found, type) or not issubclass(found, base):
            kind = found.__name__ if isinstance(found, type) else found
            raise ModelError(
                f"{path} is a model of the kind {kind}, and not {base.__name__} of NeMo: give another model"
            )
        import torch

        for key in without:
            config.pop(key, None)
        try:
            with torch.random.fork_rng(devices=[]):
                model = found.restore_from(
                    str(path),
                    override_config_path=config,
                    map_location=where,
                    save_restore_connector=_connector(),
                )
        except Exception as error:  # anything: the archive's contents decide what NeMo does
            raise ModelError(f"{path} cannot be restored by NeMo on {device}: {first_line(error)}") from None
        model.eval().requires_grad_(False)
    return model


@contextmanager
def failing_as(what: str) -> Iterator[None]:
    """NeMo's errors as a `BackendError` of one line, which starts with `what`."""
    try:
        yield
    except BackendError:
        raise
    except Exception as error:
        raise BackendError(f"{what} failed: {first_line(error)}") from error


def _target(config: Any, module: str) -> type | str:
    """The class a configuration names; its name where NeMo has no such class."""
    target = str(config.get("target", "unknown"))
    package, _, name = target.rpartition(".")
    found = getattr(importlib.import_module(module), name, None)
    if found is None and package.startswith("nemo.collections."):
        try:
            found = getattr(importlib.import_module(package), name, None)
        except ImportError:
            found = None
    return found if isinstance(found, type) else printable(name)


def _connector() -> Any:
    """NeMo's reader of archives, whose checkpoints are never unpickled."""
    import torch
    from nemo.core.connectors.save_restore_connector import SaveRestoreConnector

    class WeightsOnly(SaveRestoreConnector):
        @staticmethod
        def _load_state_dict_from_disk(model_weights: str, map_location: Any = "cpu") -> Any:
            return torch.load(model_weights, map_location=map_location, weights_only=True)

    return WeightsOnly()
