"""Tallies add up to the same whatever their order, stay small, and figures are those of the rows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.corpus.figures import MAX_NAMES, Distribution, RunFacts, Tally, bin_of, cost_per_1000_hours
from hybrid_tok.corpus.rows import Columns, Failure, Outcome, Row, json_line
from hybrid_tok.errors import CorpusError


def row(seconds: float = 10.0, tokens: int = 60, **columns: Any) -> Row:
    known: dict[str, Any] = {
        "text_share": 0.5,
        "unit_share": 0.25,
        "silence_share": 0.25,
        "words": 20,
        "text": "so it goes",
        "languages": ("en",),
        "speakers": ("0",),
        "events": (),
        "confidence": 0.9,
        "snr": 20.0,
        "sample_rate": 16_000,
        "num_samples": 160_000,
        "channels": 1,
        "codec_samples": 160_000,
    }
    return Row("a", np.zeros(tokens, np.int32), seconds, Columns(**{**known, **columns}))


def tally_of(*outcomes: Outcome) -> Tally:
    made = Tally()
    for outcome in outcomes:
        made.add(outcome)
    return made


SHARES = st.floats(0, 1)
ROWS = st.builds(
    row,
    seconds=st.floats(0, 1e6),
    tokens=st.integers(0, 2000),
    text_share=SHARES,
    unit_share=SHARES,
    silence_share=SHARES,
    words=st.integers(0, 9),
    languages=st.lists(st.sampled_from(["en", "de", "zh"]), unique=True).map(tuple),
    speakers=st.lists(st.text(max_size=3), unique=True, max_size=25).map(tuple),
    events=st.lists(st.sampled_from(["laugh", "sigh"])).map(tuple),
    confidence=st.none() | SHARES,
    snr=st.none() | st.floats(-1e3, 1e3),
)
FAILURES = st.builds(Failure, st.just("line 1"), st.sampled_from(["line", "missing", "killed"]), st.just("x"))
OUTCOMES = st.lists(ROWS | FAILURES, max_size=6)


@given(OUTCOMES, st.randoms(use_true_random=False), st.integers(0, 6))
def test_sums_do_not_depend_on_order_or_division(outcomes: list[Outcome], random: Any, cut: int) -> None:
    whole = tally_of(*outcomes)
    mixed = random.sample(outcomes, len(outcomes))
    parts = [tally_of(*mixed[:cut]), tally_of(*mixed[cut:])]
    stored = [Tally.from_json(json.loads(json_line(part.to_json()))) for part in parts]
    assert stored[0] + stored[1] == stored[1] + stored[0] == whole
    assert (stored[0] + stored[1]).figures() == whole.figures()
    assert stored == parts, "adding changes neither"


@given(OUTCOMES)
def test_nothing_is_left_out_of_a_histogram_or_of_the_languages(outcomes: list[Outcome]) -> None:
    figures = tally_of(*outcomes).figures()
    rows = [one for one in outcomes if isinstance(one, Row)]
    assert figures.rows == figures.duration.count == sum(figures.speakers_per_row.values()) == len(rows)
    assert figures.tokens_per_second.count == sum(one.seconds > 0 for one in rows)
    assert figures.snr.count == sum(one.columns.snr is not None for one in rows)
    assert sum(figures.failures.values()) == len(outcomes) - len(rows)
    assert sum(figures.languages.values()) == pytest.approx(figures.seconds, abs=1e-4)
    json.dumps(figures.to_json(), allow_nan=False)


def test_figures_of_two_rows() -> None:
    one = row(10.0, 60, languages=("en", "de"), events=("laugh", "sigh", "laugh"), speakers=("Ann", "Bob"))
    other = row(30.0, 300, text_share=1.0, unit_share=0.0, silence_share=0.0, speakers=("Ann", "0"), words=5)
    figures = tally_of(one, other, Failure("line 3", "missing", "no such file")).figures()
    assert (figures.rows, figures.seconds, figures.tokens, figures.words) == (2, 40.0, 360, 25)
    assert figures.hours == pytest.approx(40 / 3600) and figures.mean_tokens_per_second == 9.0
    assert (figures.text_share, figures.unit_share, figures.silence_share) == (35 / 40, 2.5 / 40, 2.5 / 40)
    assert list(figures.languages.items()) == [("en", 35.0), ("de", 5.0)]
    assert list(figures.events.items()) == [("laugh", 2), ("sigh", 1)]
    assert figures.speakers_per_row == {"2": 2} and figures.speaker_names == 2
    assert figures.failures == {"missing": 1}


def test_a_row_without_text_has_no_language_and_text_may_have_an_unknown_one() -> None:
    figures = tally_of(row(1.0, languages=(), words=0), row(2.0, languages=(), words=3)).figures()
    assert figures.languages == {"unknown": 2.0, "none": 1.0}


def test_a_time_that_cannot_be_split_evenly_is_split_whole() -> None:
    languages = tally_of(row(0.00001, languages=("en", "de", "fr"))).to_json()["by_name"]["languages"]
    assert sorted(languages.values()) == [3, 3, 4]


def test_ten_thousand_names_are_told_apart_and_no_more() -> None:
    def named(start: int, stop: int) -> Tally:
        return tally_of(row(speakers=tuple(f"name {number}" for number in range(start, stop))))

    assert named(0, MAX_NAMES - 1).figures().speaker_names == MAX_NAMES - 1
    first, second, third = named(0, 9000), named(8000, 19_000), named(5, 25_000)
    total = first + second + third
    assert total.figures().speaker_names == MAX_NAMES
    assert total == third + first + second, "the same names are kept in any order"
    assert len(total.to_json()["names"]) == MAX_NAMES
    assert total.figures().to_json()["speaker_names"] == {"count": MAX_NAMES, "or_more": True}


def test_a_tally_does_not_grow_with_its_rows() -> None:
    random = np.random.default_rng(0)
    rows = [
        row(float(seconds), int(seconds * 7), speakers=(f"s{number}",), snr=float(seconds) - 50.0)
        for number, seconds in enumerate(random.lognormal(3, 3, 30_000))
    ]
    size = len(json_line(tally_of(*rows).to_json()))
    assert len(json_line(tally_of(*rows, *rows).to_json())) < size + 1000


@pytest.mark.parametrize(
    ("value", "place"), [(-0.1, 0), (0.0, 1), (0.9, 1), (1.0, 2), (1.9, 2), (2.0, 2), (2.1, 3), (9.0, 3)]
)
def test_bins_have_their_lower_edge_and_the_last_both(value: float, place: int) -> None:
    assert bin_of((0.0, 1.0, 2.0), value) == place


def test_percentiles_lie_within_a_bin_of_the_rows() -> None:
    values = np.random.default_rng(1).gamma(4.0, 2.0, 5000)
    rows = [row(100.0, round(100 * value)) for value in values]
    spread = tally_of(*rows).figures().tokens_per_second
    for percent in (5, 25, 50, 75, 95):
        assert spread.percentile(percent) == pytest.approx(np.percentile(values, percent), abs=0.25)


def test_percentiles_outside_the_edges_are_the_nearest_edge() -> None:
    spread = Distribution((0.0, 1.0, 2.0), (1, 0, 2, 1))
    assert [spread.percentile(percent) for percent in (0, 25, 50, 75, 100)] == [0.0, 0.0, 1.5, 2.0, 2.0]
    assert Distribution((0.0, 1.0), (0, 0, 0)).percentile(50) is None


def test_a_report_has_the_bins_that_are_used() -> None:
    written = tally_of(row(1.2, 6), row(3.0, 18), row(1e6, 1)).figures().to_json()
    assert written["tokens_per_second"]["edges"][:2] == [0.0, 0.25]
    assert written["tokens_per_second"]["edges"][-1] == 6.25
    duration = written["duration"]
    assert duration["edges"] == [1.0, 1.25, 1.6, 2.0, 2.5, 3.15] and duration["counts"] == [1, 0, 0, 0, 1]
    assert (duration["below"], duration["above"], duration["rows"]) == (0, 1, 3)


def test_what_it_cost() -> None:
    assert cost_per_1000_hours(7200.0, 36_000.0, 0.5) == 100.0
    assert cost_per_1000_hours(7200.0, 36_000.0) is None
    assert cost_per_1000_hours(0.0, 36_000.0, 0.5) is None and cost_per_1000_hours(1.0, 0.0, 0.5) is None
    figures = tally_of(row(3600.0)).figures(RunFacts(wall_seconds=60.0, machine_seconds=120.0, price=0.0004))
    written = figures.to_json()["run"]
    assert figures.hours_per_hour == written["hours_per_hour"] == 60.0
    assert written["price"] == 0.0004
    assert figures.cost_per_1000_hours == pytest.approx(1000 / 30 * 0.0004)


def test_it_can_be_read_in_a_terminal() -> None:
    text = tally_of(row(3600.0, events=("laugh",)), Failure("line 3", "missing", "no such file")).figures().to_text()
    lines = dict(line.split(maxsplit=1) for line in text.splitlines())
    assert lines["hours"] == "1.00" and lines["failures"] == "missing 1" and lines["languages"] == "en 1.00 h"
    assert "cost" not in lines
    with_price = tally_of(row(3600.0)).figures(RunFacts(60.0, 60.0, {}, 1, 3.0)).to_text()
    assert with_price.splitlines()[-1].split(maxsplit=1) == ["cost", "50.00 per 1,000 hours"]
    assert Tally().figures().to_text(), "also of nothing"


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"sums": {}},
        {"sums": None},
        {"by_name": {"languages": 3}},
        {"histograms": {"snr": {"1000": 1}}},
        {"histograms": 3},
        {"names": None},
    ],
)
def test_a_damaged_tally_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(CorpusError, match="figures of a shard"):
        Tally.from_json(tally_of(row()).to_json() | changes)
