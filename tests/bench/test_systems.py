"""Systems: their names, and recordings after them."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.bench.systems import FREE, RECORDING, SYSTEMS, System, Systems
from hybrid_tok.core.audio import Audio
from hybrid_tok.errors import BackendError, OptionsError

NOISE = Audio(0.1 * np.random.default_rng(0).standard_normal(32_000, np.float32), 16_000)


def test_names_are_read() -> None:
    system = System.parse("default:layout=units,codebooks=2,run-length=yes,language=none,rate_weight=0.5")
    assert dict(system.options) == {
        "layout": "units",
        "num_codebooks": 2,
        "run_length": True,
        "language": None,
        "rate_weight": 0.5,
    }
    assert system.ours and system.timing == "locked"
    assert System.parse(FREE).timing == "free"
    assert System.parse("opus").options == {}


def test_titles_are_those_of_the_tables() -> None:
    assert [System.parse(name).title for name in SYSTEMS] == [
        "the recording itself",
        "hybrid-tok",
        "hybrid-tok, free timing",
        "hybrid-tok, text only",
        "hybrid-tok, espeak-ng",
        "hybrid-tok, units only",
        "Opus 6 kbps",
        "Codec 2 3200",
        "Codec 2 1400",
    ]
    assert System.parse("default:rate_weight=0.005").title == "hybrid-tok, rate_weight=0.005"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nope", "no system is called 'nope'; there are: default, conversation, fast, live, nemo, recording, opus"),
        ("default:pitch=1", "no option 'pitch=1', as in name=value; it has: layout, timing"),
        ("default:layout", "no option 'layout', as in name=value"),
        ("default:codebooks=two", "num_codebooks must be a number, not 'two'"),
        ("default:layout=mixed", "layout must be hybrid or text or units, not 'mixed'"),
        ("default:events=maybe", "events must be yes or no, not 'maybe'"),
        ("default:speakers=0", "speakers=0: give 1 or more"),
        ("recording:rate=1", "no option 'rate=1', as in name=value; it has none"),
    ],
)
def test_wrong_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        System.parse(name)


def test_the_recording_itself_is_not_changed() -> None:
    rendering = Systems().render(RECORDING, "noise", NOISE)
    assert rendering.audio is NOISE and rendering.bits is None


def test_opus_is_as_long_and_counts_its_packets() -> None:
    rendering = Systems().render("opus:bit_rate=16000", "noise", NOISE)
    assert rendering.audio.num_samples == NOISE.num_samples
    assert rendering.bits == pytest.approx(2 * 16_000, rel=0.2) and rendering.tokens is None


def test_units_are_counted_by_kind() -> None:
    systems = Systems()
    rendering = systems.render("default:layout=units,codebooks=2", "noise", NOISE)
    assert rendering.tokens is not None and rendering.counts is not None and rendering.analysis is not None
    assert rendering.counts["units"] == 2 * 100 and rendering.counts["text"] == 0
    assert sum(rendering.counts.values()) == rendering.tokens == len(rendering.analysis.ids)
    assert rendering.audio.num_samples == NOISE.num_samples


def test_renderings_are_kept_as_long_as_asked_for() -> None:
    systems = Systems(keep=1)
    first = systems.render("opus", "a", NOISE)
    assert systems.render("opus", "a", NOISE) is first
    systems.render("opus", "b", NOISE)
    assert systems.render("opus", "a", NOISE) is not first


def test_fingerprints_tell_options_apart() -> None:
    systems = Systems()
    one, two = (systems.fingerprint(f"default:layout=units,codebooks={count}") for count in (1, 2))
    assert one != two and one == Systems().fingerprint("default:layout=units,codebooks=1")


def test_a_peer_that_is_not_installed_says_what_to_do() -> None:
    with pytest.raises(BackendError, match="needs its weights: model=FOLDER"):
        Systems().render("encodec:bandwidth=6", "noise", NOISE)
    with pytest.raises(BackendError, match="a codec of transformers: nowhere/at-all is not in the Hugging Face cache"):
        Systems().render("encodec:model=nowhere/at-all", "noise", NOISE)
