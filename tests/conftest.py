"""Settings of the property tests: the same examples in every run; HYPOTHESIS_PROFILE=explore tries new ones. And
threads that sleep while they wait, so that tests beside each other do not wait for each other's."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Before OpenMP is loaded, with torch or CTranslate2. By default its threads keep their processors busy while they wait.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Drawing whole streams takes long on a busy machine, which says nothing about the code under test.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

settings.register_profile("repeatable", derandomize=True, database=None, max_examples=100, **_COMMON)
settings.register_profile("explore", max_examples=2000, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
