"""Where torch computes, by name."""

from __future__ import annotations

import torch

from hybrid_tok.errors import BackendError


def torch_device(name: str) -> torch.device:
    """A device: "cpu", "cuda", "cuda:N", or "meta", which has shapes and no values.

    Raises:
        BackendError: torch cannot compute there.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        raise BackendError(f"device {name!r} is unknown to torch: give cpu, cuda or cuda:N") from None
    there = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= there:
        found = f"finds {there} CUDA devices" if torch.version.cuda else "is built without CUDA"
        raise BackendError(f"device {name!r} is not here: torch {torch.__version__} {found}; leave --device out")
    return device
