"""Agreement of annotators: published examples, and faces whose differences are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from faceloop_datasets import Annotation, PointState, Scheme, TrainingError
from faceloop_runtime import FaceModel
from faceloop_trainer.agreement.agreement import Agreement, agreement, mean_of
from faceloop_trainer.agreement.bland_altman import bland_altman
from faceloop_trainer.agreement.consensus import consensus
from faceloop_trainer.agreement.icc import icc
from faceloop_trainer.agreement.measures import SIZE

Floats = NDArray[np.float64]
SCHEME = Scheme.load("face70")
SHAPE = FaceModel.starter().pdm.mean
NONE = np.full((70, 2), np.nan)

# Bland and Altman, Lancet 1986, table 1: the first measurements of peak expiratory flow rate by a
# Wright meter and by a mini Wright meter, in l/min, of 17 people.
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
# Shrout and Fleiss, Psychological Bulletin 1979, table 2: four judges on six targets.
JUDGES = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def test_bland_and_altman_s_own_example() -> None:
    """The paper has it the other way round: mean -2.1, s 38.8, limits -79.7 and 75.5 by 2 s."""
    found = bland_altman(MINI, WRIGHT)
    assert found is not None
    assert found.bias == pytest.approx(-2.1, abs=0.05)
    assert found.sd == pytest.approx(38.8, abs=0.05)
    low, high = found.limits
    assert (low, high) == (pytest.approx(-78.1, abs=0.1), pytest.approx(73.9, abs=0.1))
    # The paper's 95 % interval of the bias is -22.0 to 17.8; of the lower limit by 2 s, -114.3
    # to -45.1, which is 34.6 to either side.
    assert found.bias - found.bias_error == pytest.approx(-22.0, abs=0.1)
    assert found.bias + found.bias_error == pytest.approx(17.8, abs=0.1)
    assert found.limit_error == pytest.approx(34.6, abs=0.1)
    assert found.means[0] == (494 + 512) / 2
    assert found.differences[0] == 494 - 512


def test_what_one_did_not_measure_is_left_out() -> None:
    assert bland_altman([1, 2, np.nan], [1, 2, 3]) is None
    found = bland_altman([1, 2, np.nan, 4], [2, 3, 3, 5])
    assert found is not None
    assert (len(found.means), found.bias, found.sd) == (3, 1.0, 0.0)


def test_shrout_and_fleiss_own_example() -> None:
    assert icc(JUDGES) == pytest.approx(0.29, abs=0.005)


def test_icc_of_those_who_agree_and_of_those_who_are_apart_by_a_constant() -> None:
    same = np.array([[1.0], [2.0], [4.0]])
    assert icc(np.hstack([same, same])) == pytest.approx(1.0)
    apart = icc(np.hstack([same, same + 3.0]))
    assert apart is not None
    assert apart < 0.6  # absolute agreement, not mere consistency
    assert icc([[1, 2], [np.nan, 3], [2, 3]]) is None
    assert icc(np.ones((4, 2))) is None


def face(size: float, x: float = 0.0) -> Floats:
    """The mean face of this inter-ocular distance in pixels, somewhere in the picture."""
    return np.asarray(SHAPE * size / SCHEME.inter_ocular_distance(SHAPE) + [200.0 + x, 150.0])


def compare(points: list[list[Floats]], repeated: list[list[Floats]] | None = None) -> Agreement:
    done = np.array(points)
    again = np.full(done.shape, np.nan) if repeated is None else np.array(repeated)
    starts = np.array([face(100.0), face(50.0), face(80.0), face(90.0)])
    return agreement(SCHEME, [f"p{k}" for k in range(len(points))], done, again, starts)


@pytest.fixture
def four() -> list[Floats]:
    return [face(100.0), face(50.0), face(80.0), face(90.0)]


def test_a_known_shift_is_found_by_pair_and_by_person(four: list[Floats]) -> None:
    """The second places all points 3 px to the right and 4 below; a third left one face out."""
    second = [one + np.array([3.0, 4.0]) for one in four]
    found = compare([four, second, [*four[:3], NONE]])
    assert found.faces == 4
    pair = next(p for p in found.pairs if (p.first, p.second) == ("p0", "p1"))
    assert pair.faces == 4
    np.testing.assert_allclose(pair.pixels, 5.0)
    in_iod = np.mean([5.0 / s for s in (100, 50, 80, 90)])
    np.testing.assert_allclose(pair.distance, in_iod)
    np.testing.assert_allclose(pair.bias, np.broadcast_to(np.array([0.6, 0.8]) * in_iod, (70, 2)))
    assert pair.lengths[SIZE].bias == pytest.approx(0.0)
    first, shifted, third = found.people
    assert (first.faces, third.faces) == (4, 3)
    # From the mean of the others: 5 px where one other is right and one wrong is 2.5.
    expected = np.mean([2.5 / 100, 2.5 / 50, 2.5 / 80, 5 / 90])
    assert mean_of(first.distance) == pytest.approx(expected)
    assert mean_of(shifted.distance) == pytest.approx(in_iod)
    assert first.from_start == pytest.approx(0.0)
    assert shifted.from_start == pytest.approx(in_iod)
    assert first.own_distance is None


def test_who_makes_all_faces_larger_is_found_by_their_lengths(four: list[Floats]) -> None:
    second = [one + 0.04 * (one - one.mean(axis=0)) for one in four]
    found = compare([four, second])
    size = found.pairs[0].lengths[SIZE]
    assert size.bias == pytest.approx(0.04 * np.mean([100, 50, 80, 90]))
    mouth = next(v for k, v in found.pairs[0].lengths.items() if k.startswith("mouth"))
    assert mouth.sd == pytest.approx(0.0, abs=1e-9)  # in per cent of the face: alike in all
    assert mouth.bias > 0
    assert 0.9 < found.icc[SIZE] < 1.0


def test_what_somebody_did_twice_is_compared_with_itself(four: list[Floats]) -> None:
    before = [four[0] + np.array([5.0, 0.0]), NONE, NONE, NONE]
    found = compare([four, four], [before, [NONE] * 4])
    assert found.people[0].repeated == 1
    assert found.people[0].own_distance == pytest.approx(0.05)
    assert (found.people[1].repeated, found.people[1].own_distance) == (0, None)


def test_faces_of_one_person_cannot_be_compared(four: list[Floats]) -> None:
    with pytest.raises(TrainingError, match="by two people"):
        compare([[*four[:2], NONE, NONE], [NONE, NONE, *four[2:]]])


def test_a_consensus_is_the_mean_and_says_where_people_differ() -> None:
    first, second = face(100.0), face(100.0)
    second[10] += [8.0, 0.0]  # 4 px from the mean: within 5 % of the distance between the eyes
    second[20] += [0.0, 12.0]  # 6 px: in doubt
    seen = np.zeros(70, int)
    hidden = seen.copy()
    hidden[[30, 31]] = PointState.OCCLUDED
    lacking = hidden.copy()
    lacking[31], lacking[5] = PointState.VISIBLE, PointState.MISSING
    lacking[6] = PointState.MISSING
    both = hidden.copy()
    both[6] = PointState.MISSING
    a = Annotation("face70", first, both)
    b = Annotation("face70", second, lacking)
    found = consensus(SCHEME, [a, b], "consensus:r")
    made = found.annotation
    assert found.doubtful == (5, 20)
    np.testing.assert_allclose(made.points[10], first[10] + [4.0, 0.0])
    np.testing.assert_allclose(made.points[5], first[5])
    assert [made.states[k] for k in (5, 6, 10, 20, 30, 31)] == [
        PointState.ESTIMATED,
        PointState.MISSING,
        PointState.VISIBLE,
        PointState.ESTIMATED,
        PointState.OCCLUDED,
        PointState.VISIBLE,
    ]
    assert consensus(SCHEME, [a, b], "c", limit=0.07).doubtful == (5,)
