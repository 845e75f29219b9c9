"""Clustering: how many voices, which is whose, and what it costs for long recordings."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.diarizer.clustering import BLOCK, ClusteringOptions, by_appearance, cluster, likeness, stretches_of
from hybrid_tok.errors import OptionsError

OPTIONS = ClusteringOptions(join_windows=0.5, join_voices=0.6, shortest=0.6)


def voices(people: list[int], spread: float = 0.4, size: int = 64) -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((max(people) + 1, size))
    points = centres[people] + spread * rng.standard_normal((len(people), size))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def found(people: list[int], **kwargs: int | None) -> list[int]:
    return cluster(voices(people), np.full(len(people), 0.5), OPTIONS, **kwargs).tolist()


def test_voices_are_told_apart_in_order_of_appearance() -> None:
    people = [2] * 10 + [0] * 10 + [2] * 5 + [1] * 10
    assert found(people) == [0] * 10 + [1] * 10 + [0] * 5 + [2] * 10


def test_one_voice_is_one() -> None:
    assert found([0] * 40) == [0] * 40
    assert found([0]) == [0]
    assert cluster(np.zeros((0, 64)), np.zeros(0), OPTIONS).shape == (0,)


def test_a_number_that_is_known_is_kept() -> None:
    people = [0] * 10 + [1] * 10 + [2] * 10
    assert max(found(people, speakers=1)) == 0
    assert max(found(people, speakers=2)) == 1


def test_stretches_end_where_the_voice_changes_and_at_pauses() -> None:
    people, runs = [0] * 6 + [1] * 6 + [1] * 4, np.array([0] * 12 + [1] * 4)
    found = stretches_of(voices(people), np.full(16, 0.2), runs, 0.5)
    assert found.tolist() == [0] * 6 + [1] * 6 + [2] * 4
    assert stretches_of(voices([0]), np.ones(1), np.zeros(1, int), 0.5).tolist() == [0]


def test_short_stretches_of_one_voice_are_as_alike_as_long_ones() -> None:
    """Windows so noisy that two of them are below the threshold: the error is taken out, and they are still one."""
    points = voices([0] * 2, spread=0.9)
    alike = float(points[0] @ points[1])
    assert alike < OPTIONS.join_voices
    for doubt, people in ((0.0, 2), (0.5, 1)):
        options = ClusteringOptions(follow=0.9, join_windows=0.9, join_voices=0.6, doubt=doubt, shortest=0.1)
        assert len(set(cluster(points, np.full(2, 0.5), options).tolist())) == people


def test_a_moment_is_no_person() -> None:
    assert found([0] * 20 + [1] + [0] * 20) == [0] * 41
    assert found([1] + [0] * 20) == [0] * 21, "not even where it comes first"
    assert found([0] * 20 + [1] + [0] * 20 + [1] + [0] * 20) == [0] * 62, "nor where there are two of it"


def test_likeness_is_freed_of_the_error_of_short_stretches() -> None:
    ours, theirs = np.array([[1.0, 0.0]]), np.array([[0.6, 0.8], [0.0, 1.0]])
    alike = likeness(ours, np.array([1.0]), theirs, np.array([1.0, 1e9]), doubt=0.21)
    np.testing.assert_allclose(alike, [[0.6 * 1.21, 0.0]])
    np.testing.assert_allclose(likeness(ours, np.array([1e9]), theirs, np.array([1e9, 1e9]), 0.21), [[0.6, 0.0]])


def test_people_are_met_in_order_of_time() -> None:
    """A voice between two others goes to the one it is more like, and does not make one of the two."""
    angles = np.deg2rad([0.0, 65.0, 35.0])
    points = np.repeat(np.stack([np.cos(angles), np.sin(angles)], axis=1), 4, axis=0)
    runs = np.arange(12) // 4
    options = ClusteringOptions(join_voices=0.8, doubt=0.0)
    assert cluster(points, np.full(12, 0.4), options, runs=runs).tolist() == [0] * 4 + [1] * 8
    assert cluster(points, np.full(12, 0.4), options, 1, runs).tolist() == [0] * 12


def test_an_hour_is_clustered_in_blocks() -> None:
    people = [(k // 50) % 5 for k in range(12 * BLOCK)]
    assert found(people) == people


def test_labels_by_appearance() -> None:
    assert by_appearance(np.array([7, 7, 3, 9, 3])).tolist() == [0, 0, 1, 2, 1]


def test_options_are_checked() -> None:
    for wrong in ({"join_windows": 1.0}, {"join_voices": -1.0}, {"follow": 1.0}, {"shortest": -1.0}, {"doubt": -1.0}):
        with pytest.raises(OptionsError):
            ClusteringOptions(**wrong)
