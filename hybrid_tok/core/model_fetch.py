"""Downloads a known model into the cache: the only code here that uses the network, and only when called."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from hybrid_tok.core.model_cache import BLOCK_BYTES, install_model
from hybrid_tok.core.model_files import MODELS, KnownModel, ModelFile
from hybrid_tok.core.model_sources import find_model, locate_model
from hybrid_tok.core.progress import Progress
from hybrid_tok.errors import ModelError

_HUB = "https://huggingface.co"
_TIMEOUT_SECONDS = 30


def fetch_model(name: str, progress: Progress | None = None, models: Mapping[str, KnownModel] = MODELS) -> Path:
    """The folder of a known model, downloaded at its pinned revision if it is not on this machine.

    `$HF_ENDPOINT` is the Hugging Face hub's mirror to use, as for its own tools.

    Args:
        progress: told the bytes done and the bytes in all.

    Raises:
        ModelError: the name is unknown, the download failed, or it or what is here has other bytes than the release.
    """
    model = models.get(name)
    if model is None:
        raise ModelError(f"no model is called {name!r}; those that can be fetched: {', '.join(models)}")
    if locate_model(model) is not None:
        return find_model(name, model.kind, models)
    done = 0

    def read(file: ModelFile) -> Iterator[bytes]:
        nonlocal done
        for block in _download(_url(model, file)):
            done += len(block)
            if progress is not None:
                progress(done, model.size)
            yield block

    return install_model(model, read, model.repository, "try again, on another network")


def _url(model: KnownModel, file: ModelFile) -> str:
    url = model.file_url(file)
    mirror = os.environ.get("HF_ENDPOINT")
    return mirror.rstrip("/") + url.removeprefix(_HUB) if mirror and url.startswith(_HUB) else url


def _download(url: str) -> Iterator[bytes]:
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    try:
        with urlopen(Request(url, headers={"User-Agent": "hybrid-tok"}), timeout=_TIMEOUT_SECONDS) as response:
            while block := response.read(BLOCK_BYTES):
                yield block
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()
        reason = " ".join(str(error).strip("<>").split()) or type(error).__name__
        raise ModelError(
            f"{url} cannot be downloaded ({reason}): check the network, or install the model by pip"
        ) from None
