"""The readers on the real sets, and the conversion between two annotations of the same images."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceloop_datasets import Conversion, PointState, Scheme
from faceloop_datasets.formats import (
    FaceRecord,
    ImageRef,
    count_faces,
    read_faces,
    source_scheme,
    write_faces,
)
from faceloop_datasets.media.images import image_size

SCRIPT = Path(__file__).parents[3] / "docs" / "fit_bridge.py"


def script() -> Any:
    """The script that the weights of the nose bridge come from, as a module."""
    spec = importlib.util.spec_from_file_location("fit_bridge", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its data classes look themselves up
    spec.loader.exec_module(module)
    return module


fit_bridge = script()


def sources(data_dir: Path, name: str) -> list[Path]:
    chosen = {
        "muct": sorted((data_dir / "muct").glob("*.tar.gz")),
        "clmtools": [data_dir / "clmtools" / "annotations.csv"],
        "ibug": [data_dir / "afw", data_dir / "helen_train"],
        "imm": [data_dir / "imm"],
    }[name]
    if not chosen or not all(path.exists() for path in chosen):
        pytest.skip(f"the {name} data are not in {data_dir}")
    return chosen


@pytest.mark.parametrize("name", ["muct", "clmtools", "ibug", "imm"])
def test_every_face_is_read_and_upright(name: str, data_dir: Path) -> None:
    paths = sources(data_dir, name)
    faces = list(read_faces(name, paths))
    assert len(faces) == count_faces(name, paths) > 100
    scheme = source_scheme(name, sources(data_dir, name))
    names = set()
    for face in faces:
        assert isinstance(face, FaceRecord), face
        points = face.annotation.points
        assert face.annotation.scheme == scheme.name
        names.add(face.name)
        left, right = points[list(scheme.iod)]
        if not np.isnan(left).any() and not np.isnan(right).any():
            assert left[0] < right[0], face.origin
        nose = scheme.initialisation_points(points)[2]
        assert not nose[1] < min(left[1], right[1]), face.origin
    assert len(names) == len(faces)


@pytest.mark.parametrize("name", ["muct", "clmtools", "ibug", "imm"])
def test_triangles_turn_clockwise_on_the_mean_face(name: str, data_dir: Path) -> None:
    scheme = source_scheme(name, sources(data_dir, name))
    mean = mean_shape(scheme, list(read_faces(name, sources(data_dir, name))))
    assert (signed_areas(scheme, mean) > 0).all()


def mean_shape(scheme: Scheme, faces: list[object]) -> np.ndarray:
    """Mean of the faces without missing points, and of their mirror images, with IOD 1."""
    shapes = []
    for face in faces:
        assert isinstance(face, FaceRecord)
        points = face.annotation.points
        if face.annotation.present.all():
            for shape in (points, points[list(scheme.mirror)] * [-1, 1]):
                z = (shape - shape.mean(axis=0)) @ [1, 1j]
                a, b = z[list(scheme.iod)]
                shapes.append(z / (b - a))
    mean = np.mean(shapes, axis=0)
    return np.column_stack([mean.real, mean.imag])


def signed_areas(scheme: Scheme, points: np.ndarray) -> np.ndarray:
    a, b, c = (points[[t[k] for t in scheme.triangles]] for k in range(3))
    u, v = b - a, c - a
    return np.asarray((u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2)


def test_muct(data_dir: Path) -> None:
    paths = sources(data_dir, "muct")
    faces = [f for f in read_faces("muct", paths) if isinstance(f, FaceRecord)]
    missing = sum(int((~f.annotation.present).sum()) for f in faces)
    assert missing > 0
    # only the cameras that stand aside hide points
    assert all(f.annotation.present.all() for f in faces if f.name[5] == "a")
    assert all(f.image is not None and f.image.member is not None for f in faces)
    without_b = [path for path in paths if "muct-b" not in path.name]
    fewer = [f for f in read_faces("muct", without_b) if isinstance(f, FaceRecord)]
    assert [f.name for f in fewer] == [f.name for f in faces]
    assert {f.name[5] for f in fewer if f.image is None} == {"b"}


def test_points_lie_in_their_images(data_dir: Path) -> None:
    for name in ("ibug", "imm"):
        for face in list(read_faces(name, sources(data_dir, name)))[::20]:
            assert isinstance(face, FaceRecord)
            assert isinstance(face.image, ImageRef)
            center = np.nanmedian(face.annotation.points, axis=0)
            assert (center > 0).all()
            assert (center < image_size(face.image.path)).all()


@pytest.mark.parametrize("name", ["clmtools", "ibug"])
def test_written_again_a_set_is_the_same(name: str, data_dir: Path, tmp_path: Path) -> None:
    faces = [f for f in read_faces(name, sources(data_dir, name)) if isinstance(f, FaceRecord)]
    scheme = source_scheme(name, sources(data_dir, name))
    dest = tmp_path / "out"
    assert write_faces(name, faces, dest, scheme=scheme).faces == len(faces)
    back = {
        Path(f.image_name).name: f for f in read_faces(name, [dest]) if isinstance(f, FaceRecord)
    }
    assert len(back) == len(faces)
    for face in faces:
        key = f"{Path(face.image_name).stem}.jpg" if name == "ibug" else face.image_name
        assert back[key].annotation == face.annotation


class TestMuctToFace70:
    def test_agrees_with_clmtools_on_the_same_images(self, data_dir: Path) -> None:
        errors = fit_bridge.conversion_errors(self.pairs(data_dir))
        per_point = np.nanmedian(errors, axis=0)
        assert np.median(per_point) <= 0.03
        # a wrong number in the conversion shows as a point that is off by more than its neighbour
        assert per_point.max() < 0.12

    def test_bridge_weights_are_the_fitted_ones(self, data_dir: Path) -> None:
        pairs = self.pairs(data_dir)
        weights = Conversion.load("muct76", "face70").weights[fit_bridge.BRIDGE]
        for group, weight in zip(fit_bridge.SUPPORT, fit_bridge.fit_weights(pairs), strict=True):
            np.testing.assert_allclose(weights[list(group)], weight / len(group), atol=2e-4)
        assert fit_bridge.cross_validate(pairs).mean() < 0.04

    def test_the_bridge_is_an_estimate_and_the_rest_is_not(self, data_dir: Path) -> None:
        convert = Conversion.load("muct76", "face70")
        states = [convert.apply(p.muct).states for p in self.pairs(data_dir)]
        estimated = np.array(states) == PointState.ESTIMATED
        assert estimated[:, fit_bridge.BRIDGE].all()
        assert not np.delete(estimated, fit_bridge.BRIDGE, axis=1).any()

    def test_script(self, data_dir: Path, tmp_path: Path) -> None:
        command = [sys.executable, str(SCRIPT)]
        clmtools, muct = self.files(data_dir)
        done = subprocess.run(
            [*command, "--clmtools", str(clmtools), "--muct", str(muct)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert "weights = { 18 = 0." in done.stdout
        assert "median over the points: 0.0" in done.stdout
        failed = subprocess.run(
            [*command, "--clmtools", str(tmp_path), "--muct", str(muct)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert failed.returncode == 1
        assert "Traceback" not in failed.stderr

    def files(self, data_dir: Path) -> tuple[Path, Path]:
        sources(data_dir, "muct")
        (clmtools,) = sources(data_dir, "clmtools")
        return clmtools, data_dir / "muct" / "muct-landmarks-v1.tar.gz"

    def pairs(self, data_dir: Path) -> list:  # type: ignore[type-arg]
        return fit_bridge.read_pairs(*self.files(data_dir))
