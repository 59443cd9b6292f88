"""Figures of an evaluation are what their names say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_trainer.evaluation.metrics import area_under_ced
from faceloop_trainer.evaluation.plots import save_ced

from .evaluations import SCHEME, evaluation


def test_metrics() -> None:
    found = evaluation([0.02, 0.03, 0.04, 0.2, np.inf]).metrics()
    assert found["faces"] == 5
    assert found["subjects"] == 3
    assert found["nme_mean"] == pytest.approx(0.0725)
    assert found["nme_median"] == pytest.approx(0.035)
    assert found["nme_p95"] == pytest.approx(np.percentile([0.02, 0.03, 0.04, 0.2], 95))
    assert found["failures"] == 2
    assert found["failure_rate"] == pytest.approx(0.4)
    assert found["not_found"] == 1
    assert found["auc_08"] == pytest.approx((0.06 + 0.05 + 0.04) / 0.08 / 5)
    assert found["prediction_rank_correlation"] == pytest.approx(1.0)


def test_predictions_that_are_all_the_same_rank_nothing() -> None:
    found = evaluation([0.02, 0.03, 0.04, 0.2])
    for one in (replace(found, predicted=np.full(4, 0.03)), replace(found, errors=np.ones(4))):
        assert one.metrics()["prediction_rank_correlation"] is None


def test_all_faces_missed_is_a_result_too() -> None:
    assert evaluation([np.inf, np.inf]).metrics()["failure_rate"] == 1.0


@given(st.lists(st.floats(0, 0.3), min_size=1, max_size=30))
def test_auc_is_the_area_under_the_drawn_curve(errors: list[float]) -> None:
    values = np.array(errors)
    grid = (np.arange(20_000) + 0.5) / 20_000 * 0.08
    shares = [(values <= x).mean() for x in grid[::40]]
    assert area_under_ced(values, 0.08) == pytest.approx(np.mean(shares), abs=5e-3)


def test_errors_by_point_and_by_group() -> None:
    found = evaluation([0.02, 0.04])
    table = found.per_point
    assert list(table.columns) == ["point", "name", "group", "error"]
    assert list(table["name"]) == list(SCHEME.names)
    assert np.isnan(table["error"][4])
    assert table["error"].drop(4).to_numpy() == pytest.approx(0.03)
    assert set(found.per_group.index) == set(SCHEME.groups)
    assert found.per_group.to_numpy() == pytest.approx(0.03)


def test_everything_fits_into_json() -> None:
    text = json.dumps(evaluation([0.02, np.inf, 0.03]).to_dict(), allow_nan=False)
    back = json.loads(text)
    assert back["per_face"][1]["nme"] is None
    assert back["per_face"][1]["predicted"] is None
    assert back["per_point"][4]["error"] is None
    assert len(back["per_face"]) == 3


def test_the_plot_is_a_picture_and_repeats_itself(tmp_path: Path) -> None:
    evaluation([0.02, 0.03, np.inf]).plot(tmp_path / "one.png", "a model")
    evaluation([0.02, 0.03, np.inf]).plot(tmp_path / "two.png", "a model")
    image = cv2.imread(str(tmp_path / "one.png"))
    assert image is not None
    assert min(image.shape[:2]) > 300
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_better_errors_draw_a_higher_curve(tmp_path: Path) -> None:
    def ink(errors: list[float]) -> float:
        """Mean height of the curve's blue, as a share of the picture from its top."""
        file = tmp_path / "curve.png"
        save_ced({"x": np.array(errors)}, file)
        image = cv2.imread(str(file)).astype(int)
        blue = (image[..., 0] - image[..., 2]) > 90
        return float(np.nonzero(blue)[0].mean() / len(image))

    good = np.linspace(0.005, 0.03, 40).tolist()
    poor = np.linspace(0.05, 0.12, 40).tolist()
    assert ink(good) < ink(poor) - 0.1
