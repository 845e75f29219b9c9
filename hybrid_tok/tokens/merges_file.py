"""The file that holds unit merges: JSON with a hash."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.errors import OptionsError, WeightsError
from hybrid_tok.tokens.unit_merges import UnitMerges

_VERSION = 1


def save_merges(path: str | Path, merges: UnitMerges) -> None:
    """Write merges as JSON with a hash, atomically."""
    content = {"codec": merges.codec, "frames": merges.frames, "merges": merges.merges}
    with atomic_write(path) as out:
        out.write(json.dumps({"version": _VERSION, "sha256": _digest(content), **content}).encode() + b"\n")


def load_merges(path: str | Path) -> UnitMerges:
    """Merges from a file that `save_merges` wrote.

    Raises:
        WeightsError: there is no such file, it is damaged, or it is of another version.
    """
    try:
        held: dict[str, Any] = json.loads(Path(path).read_bytes())
        content = {name: held[name] for name in ("codec", "frames", "merges")}
        if held["version"] != _VERSION:
            raise WeightsError(f"{path} is of version {held['version']}, not {_VERSION}: train it again")
        if held["sha256"] != _digest(content):
            raise WeightsError(f"{path} is damaged: it does not have the hash that it says")
        frames = tuple(tuple(int(unit) for unit in frame) for frame in content["frames"])
        return UnitMerges(str(content["codec"]), frames, tuple((int(a), int(b)) for a, b in content["merges"]))
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror or error}") from None
    except (ValueError, LookupError, TypeError, OptionsError) as error:
        raise WeightsError(f"{path} holds no unit merges: {' '.join(str(error).split())[:200]}") from None


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
