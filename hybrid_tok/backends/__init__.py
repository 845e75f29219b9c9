"""Adapters: one module per outside library."""

import os

# Since 1.29 onnxruntime reports to its maker by default: it is read when that library is loaded, here or in a worker.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
