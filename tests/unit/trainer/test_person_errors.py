"""What fits are always wrong by in one person's face is taken out of the next."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from faceloop_runtime import FaceModel
from faceloop_runtime.geometry import Similarity
from faceloop_trainer.assist.error_covariance import errors_in_model_frame
from faceloop_trainer.assist.person import expected_error, without_expected_error

MODEL = FaceModel.starter()
MEAN = MODEL.pdm.mean


def poses() -> st.SearchStrategy[Similarity]:
    place = st.floats(-500, 500)
    return st.builds(Similarity.from_polar, st.floats(20, 300), st.floats(-3, 3), place, place)


@given(st.lists(poses(), min_size=1, max_size=12), poses(), st.integers(0, 2**32 - 1))
def test_a_constant_error_leaves_as_much_as_is_left_to_doubt(
    before: list[Similarity], after: Similarity, seed: int
) -> None:
    """Whatever the poses: of n faces that were wrong alike, 1 / (n + 1) of it stays."""
    wrong = np.random.default_rng(seed).normal(size=MEAN.shape) * 0.01
    wrong -= wrong.mean(axis=0)

    def pair(pose: Similarity) -> tuple[np.ndarray, np.ndarray]:
        fitted = pose.apply(MEAN)
        return fitted, fitted + Similarity(pose.a, pose.b).apply(wrong)

    expected = expected_error(errors_in_model_frame(MODEL.pdm, map(pair, before)))
    fitted, true = pair(after)
    left = true - without_expected_error(MODEL, fitted, expected)
    share = 1 / (len(before) + 1)
    np.testing.assert_allclose(left, (true - fitted) * share, atol=1e-6 * abs(after.scale))


def test_where_nothing_is_known_nothing_moves() -> None:
    fitted = Similarity(80, 5, 200, 100).apply(MEAN)
    errors = np.full((3, *MEAN.shape), np.nan)
    assert (without_expected_error(MODEL, fitted, expected_error(errors)) == fitted).all()
    errors[1, 7] = 0.04, -0.02
    moved = without_expected_error(MODEL, fitted, expected_error(errors)) - fitted
    np.testing.assert_allclose(np.linalg.norm(moved[7]), np.hypot(0.02, 0.01) * np.hypot(80, 5))
    assert (np.delete(moved, 7, axis=0) == 0).all()
    assert (expected_error(errors[:0]) == 0).all()
