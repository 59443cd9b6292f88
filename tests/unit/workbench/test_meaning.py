"""What a measured error means, in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from faceloop_datasets import Scheme
from faceloop_trainer.evaluation.weak_spots import WeakSpot
from faceloop_workbench.services.meaning import baseline_text, meaning_text, weak_spots_text
from faceloop_workbench.services.more_faces import FacesCurve

FACE70 = Scheme.load("face70")
MEASURED: dict[str, Any] = {"nme_mean": 0.0312, "faces": 8, "subjects": 2}


def test_an_error_is_told_in_per_cent_and_in_pixels() -> None:
    said = meaning_text({**MEASURED, "pixels": 2.04, "baseline": 0.0416}, FACE70)
    assert said == (
        "On average a point is off by 3.1 % of the distance between the eyes: about 2.0 pixels in "
        "your pictures. Measured on 8 faces of 2 people that it has not seen. "
        "That is 25 % less than the starter's 4.2 % on the same faces."
    )


def test_without_a_measurement_nothing_is_said() -> None:
    assert meaning_text({}, FACE70) == ""
    assert meaning_text({**MEASURED, "nme_mean": None}, FACE70) == ""


@pytest.mark.parametrize(
    ("starter", "said"),
    [
        (0.025, "The starter is better here: 2.5 % on the same faces."),
        (0.0313, "The starter, without any training, is as good: 3.1 %."),
        (None, ""),
        (0.0, ""),
    ],
)
def test_the_starter_is_told_as_it_is(starter: float | None, said: str) -> None:
    assert baseline_text({**MEASURED, "baseline": starter}) == said


def test_where_it_errs_most_is_said_with_what_would_help() -> None:
    assert weak_spots_text([]) == ""
    jaw = WeakSpot("points", "left_eye", 0.051, 0.03, 8)
    turned = WeakSpot("pose", "turned to the left", 0.06, 0.028, 4, 1)
    assert weak_spots_text([jaw, turned]) == (
        "It errs most on the points of the left eye (5.1 %, else 3.0 %) and on faces turned to the "
        "left (6.0 %, else 2.8 %). It was trained on 1 face turned to the left: more would help."
    )


def test_a_curve_that_still_falls_asks_for_more_faces() -> None:
    assert FacesCurve((11, 22, 44), (0.05, 0.041, 0.036)).text == (
        "More faces will help, the error still falls: 22 faces gave 4.1 %, 44 gave 3.6 %."
    )
    assert FacesCurve((22, 44), (0.036, 0.0355)).text == (
        "More faces of the same kind will hardly help: 22 faces gave 3.6 %, 44 gave 3.5 %."
    )
    assert "too few faces" in FacesCurve((44,), (0.036,)).text
