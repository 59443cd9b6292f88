"""The page of a report: whole in itself, right in what it says, and safe whatever names hold."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faceloop_datasets import InputError
from faceloop_trainer import CrossValidation, LearningStep, compare_models
from faceloop_trainer.evaluation.plots import ced_figure, label, save_png
from faceloop_trainer.expressions import ExpressionAssessment
from faceloop_trainer.report import Report, report_files, write_report
from faceloop_trainer.report.markup import Markup, element, table, text
from faceloop_trainer.report.report_data import EvaluationSummary
from faceloop_trainer.report.shared_elements import small_sample_warning

from .evaluations import SCHEME, evaluation, people

HOSTILE = '<script>alert("1")</script> & $x^{ \u202eabc\x00\ud800'


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self._open: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += "" if self._open[-1:] == ["style"] else data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def measured(name: str, seed: int, shift: float = 0.0) -> EvaluationSummary:
    rng = np.random.default_rng(seed)
    errors, subjects = people(12, 3, spread=0.004, noise=0.004, rng=rng)
    found = evaluation(np.abs(errors) + shift, subjects)
    points = found.point_errors * rng.uniform(0.5, 1.5, found.point_errors.shape)
    return EvaluationSummary(name, replace(found, point_errors=points, start="jitter"), 0)


def shape() -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, len(SCHEME), endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def report(name: str = "mine", **more: object) -> Report:
    values: dict[str, object] = {
        "project": "faces",
        "scheme": SCHEME,
        "made": datetime(2026, 11, 24, 12, 0, tzinfo=UTC),
        "faces": 60,
        "people": 20,
        "snapshot": "ab" * 32,
        "shape": shape(),
        "seed": 0,
        "provenance": {"pictured": 24, "subjects": 8},
        "model": measured(name, 0),
    }
    return Report(**{**values, **more})  # type: ignore[arg-type]


def compared(first: str = "mine", second: str = "theirs") -> Report:
    one, other = measured(first, 0), measured(second, 1, shift=0.01)
    test = compare_models(one.evaluation, other.evaluation)
    return report(first, model=one, other=other, test=test)


def everything(name: str = "mine") -> Report:
    """A report with all its parts."""
    halves = [measured("", seed).evaluation for seed in (2, 3)]
    steps = tuple(
        LearningStep(count, count, count // 4, seed, 1.5, measured("", seed).evaluation)
        for count in (25, 50)
        for seed in (0, 1)
    )
    validation = CrossValidation(tuple(halves), ())
    whole = compared(name)
    known = {**whole.provenance, "expressions": assessment(name).to_dict()}
    return replace(whole, validation=validation, curve=steps, provenance=known)


def assessment(name: str = "smile") -> ExpressionAssessment:
    """Forty faces of two expressions, named by chance."""
    shares = np.random.default_rng(0).dirichlet((1, 1), 40)
    return ExpressionAssessment.of((name, "calm"), np.arange(40) % 2, shares, shares, 10)


@pytest.fixture(scope="module")
def files_of_everything(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_report(everything(), tmp_path_factory.mktemp("whole") / "new" / "folder")


@pytest.fixture(scope="module")
def files_of_compared(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_report(compared(), tmp_path_factory.mktemp("compared"))


def test_the_page_needs_nothing_else_and_the_charts_lie_beside_it(
    files_of_everything: list[Path],
) -> None:
    page, *charts = files_of_everything
    made = Page(page)
    assert {page, *charts} == set(report_files(page.parent))
    assert {c.stem for c in charts} == {
        "faces", "difference", "points", "groups", "prediction", "cross-validation", "learning",
        "confusion", "reliability",
    }  # fmt: skip
    inside = [base64.b64decode(str(i["src"]).partition("base64,")[2]) for i in made.all("img")]
    assert sorted(inside) == sorted(c.read_bytes() for c in charts)
    assert all(image["alt"] for image in made.all("img"))
    assert min(cv2.imread(str(c)).shape[1] for c in charts) > 400
    assert made.all("script") == made.all("link") == []
    (policy,) = [m["content"] for m in made.all("meta") if "http-equiv" in m]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert not any(key.startswith("on") for _, own in made.tags for key in own)
    assert sorted(p.name for p in page.parent.iterdir()) == sorted(
        ["report.html", *(c.name for c in charts)]
    )


def test_it_says_what_the_model_knows_of_space(tmp_path: Path) -> None:
    why = "7 faces are too few."
    made = report(provenance={"shape3d": {"faces": 7, "lacking": why}})
    assert why in Page(write_report(made, tmp_path)[0]).said


def test_parts_are_compared_the_same_way_round_as_the_whole(files_of_compared: list[Path]) -> None:
    made = compared()
    said = Page(files_of_compared[0]).said
    assert made.test is not None
    for part in made.test.by_group.values():
        assert f"{-part.value:.4f}" in said
        assert f"{-part.high:.4f} to {-part.low:.4f}" in said
    assert "Above 0, mine is better" in said


def test_the_page_says_what_was_measured(tmp_path: Path) -> None:
    made = report()
    said = Page(write_report(made, tmp_path)[0]).said
    assert made.model is not None
    figures = made.model.metrics["nme_mean"]
    for wanted in (
        "mine",
        "36 faces of 12 people",
        "24 faces of 8 people",
        "60 faces of 20 people",
        "abababababababab",
        f"{figures.value:.4f}",
        f"{figures.low:.4f} to {figures.high:.4f}",
        "0.0 %",  # failures
        "Whether it knows",
        "Davison & Hinkley",
    ):
        assert wanted in said, wanted
    worst = int(np.argmax(made.model.evaluation.errors))
    assert made.model.evaluation.names[worst] in said
    assert "Compared" not in said
    assert "Cross-validation" not in said
    assert "Learning curve" not in said


def test_two_models_are_compared_in_plain_words(files_of_compared: list[Path]) -> None:
    made = compared()
    said = Page(files_of_compared[0]).said
    assert made.test is not None
    assert made.test.sentence("mine", "theirs") in said
    assert "mine is better than theirs by 0.0" in said
    assert "same 36 faces of 12 people" in said


def test_without_a_model_the_training_is_reported_on(tmp_path: Path) -> None:
    why = "It was trained on everybody."
    made = replace(everything(), model=None, other=None, test=None, unmeasured=why)
    page, *charts = write_report(made, tmp_path)
    said = Page(page).said
    assert "Cross-validation in 2 parts" in said
    assert "every face by a model that has never seen its person" in said
    assert {c.stem for c in charts} == {"cross-validation", "learning"}
    assert why in said


def test_few_people_are_a_warning(tmp_path: Path) -> None:
    assert "Measured on 2 people only" in str(
        small_sample_warning(evaluation([0.02, 0.03, 0.04, 0.05]))
    )
    assert small_sample_warning(evaluation([0.02] * 40)) is None
    one = EvaluationSummary("mine", evaluation([0.02, 0.03]), 0)
    said = Page(write_report(report(model=one), tmp_path)[0]).said
    assert "Measured on 1 person only" in said
    assert "nan" not in said


def test_no_face_found_is_a_report_too(tmp_path: Path) -> None:
    lost = EvaluationSummary("mine", evaluation([np.inf] * 4), 0)
    said = Page(write_report(report(model=lost), tmp_path)[0]).said
    assert "None of 4 faces of 2 people was found." in said


def test_pictures_are_shown_where_they_are_given(tmp_path: Path) -> None:
    made = report()
    picture = np.full((80, 100), 128, np.uint8)
    faces = ((picture, 20 * shape() + 40), (picture, 20 * shape() + 40))
    page, *charts = write_report(replace(made, pictures=faces), tmp_path)
    assert [c.name for c in charts if c.name.startswith("worst")] == ["worst-1.png", "worst-2.png"]
    assert {page, *charts} <= set(report_files(tmp_path))
    assert "White: the annotation" in Page(page).said


def test_names_can_hold_anything(tmp_path: Path) -> None:
    made = compared(HOSTILE, HOSTILE)
    assert made.model is not None
    found = made.model.evaluation
    hostile = replace(
        made.model,
        evaluation=replace(
            found,
            names=tuple(HOSTILE for _ in found.names),
            subjects=tuple(f"{HOSTILE[:-1]}{s}" for s in found.subjects),
        ),
    )
    scheme = replace(
        SCHEME,
        names=tuple(f"{HOSTILE[:-1]}{i}" for i in range(len(SCHEME))),
        groups={f"_{HOSTILE[:-1]}{name}": own for name, own in SCHEME.groups.items()},
    )
    hostile = replace(hostile, evaluation=replace(hostile.evaluation, scheme=scheme))
    made = replace(
        made, model=hostile, other=hostile, project=HOSTILE, scheme=scheme, unmeasured=""
    )
    page = Page(write_report(made, tmp_path)[0])
    assert page.all("script") == []
    assert '<script>alert("1")</script> & $x^{ \u202eabc\ufffd\ufffd' in page.said


@given(st.text())
@example(HOSTILE)
@example("&lt;")
def test_text_comes_back_from_the_page(value: str) -> None:
    class Back(HTMLParser):
        said = ""

        def handle_data(self, data: str) -> None:
            self.said += data

    back = Back()
    back.feed(str(element("p", value, title=value)))
    back.close()
    kept = "".join(c if c == "\ufffd" or text(c) != "\ufffd" else "\ufffd" for c in value)
    assert back.said.removesuffix("\n") == kept


def test_markup_is_not_escaped_twice() -> None:
    cell = element("b", "a < b")
    assert element("p", cell, None, "&") == "<p><b>a &lt; b</b>\n&amp;</p>\n"
    made = table(("x", "y"), [(Markup("<i>1</i>"), 2)], 1)
    assert '<th scope="row"><i>1</i></th>' in made
    assert '<td class="number">2</td>' in made


@given(st.text(max_size=60))
@example("_hidden")
@example("$a$ and $")
def test_any_name_can_be_drawn(name: str) -> None:
    shown = label(name)
    assert len(shown.replace(r"\$", "$")) <= 38
    assert not shown.startswith("_")
    assert "\n" not in shown


@pytest.mark.parametrize("name", ["_hidden", "$\\frac{$", "日本", "a" * 300])
def test_strange_names_are_drawn(name: str, tmp_path: Path) -> None:
    save_png(ced_figure({name: np.array([0.02, 0.03])}), tmp_path / "one.png")
    assert (tmp_path / "one.png").stat().st_size > 5000


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_report(report(), tmp_path / "file")


def test_the_report_as_json_has_the_figures() -> None:
    import json

    made = everything()
    values = json.loads(json.dumps(made.to_dict()))
    assert made.model is not None
    assert values["model"]["nme_mean"] == made.model.evaluation.metrics()["nme_mean"]
    assert values["model"]["intervals"]["nme_mean"][0] < values["model"]["nme_mean"]
    assert values["difference"]["people"] == 12
    assert values["difference"]["p_value"] < 0.05
    assert [step["trained_faces"] for step in values["learning_curve"]] == [25, 25, 50, 50]
    assert values["cross_validation"]["faces"] == 72


def test_the_page_says_how_well_expressions_are_named(
    files_of_everything: list[Path], files_of_compared: list[Path]
) -> None:
    found = assessment()
    said = Page(files_of_everything[0]).said
    assert "40 faces of 10 people are labelled" in said
    assert f"{found.accuracy:.0%} were named as they are labelled" in said
    assert "no action units" in said
    page, *charts = files_of_compared
    assert "expressions" not in Page(page).said
    assert not {"confusion", "reliability"} & {chart.stem for chart in charts}
