"""Files inside installed packages that are used without importing the package."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from hybrid_tok.core.model_cache import file_sha256
from hybrid_tok.errors import BackendError


def packaged_file(package: str, path: str, sha256: str, install: str) -> Path:
    """A file of an installed package, by its path inside the package's folder; the package is not imported.

    Args:
        sha256: of the file, so that it is always the same model.
        install: the command that gets the package, for the error.

    Raises:
        BackendError: the package is missing, or its file is another.
    """
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    file = Path(folders[0]) / path if folders else None
    if file is None or not file.is_file():
        raise BackendError(f"{package} is not installed, or has no {path}: {install}")
    if file_sha256(file) != sha256:
        raise BackendError(f"{file} is not the file of this version (another hash): {install}")
    return file
