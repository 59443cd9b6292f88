"""Faces drawn anew in the sample's frames: by the CPU and OpenGL alike, and nobody to be known."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from faceloop_datasets import InputError, Video
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import (
    sample_clip,
    sample_clip_truth,
    sample_dir,
    sample_faces,
    sample_negatives,
)
from faceloop_runtime import Detector, FaceModel, Fitter, Tracker
from faceloop_runtime.render.average import average_picture
from faceloop_runtime.render.caricature import Caricature
from faceloop_runtime.render.cover.hide import FaceReplacer
from faceloop_runtime.render.gl import GlWarper
from faceloop_runtime.render.mask import Mask
from faceloop_runtime.render.mesh import FaceMesh, doubled_areas
from faceloop_runtime.render.portrait import Portrait
from faceloop_runtime.render.texture import Texture
from faceloop_runtime.render.warp import CpuWarper, Window
from faceloop_runtime.render.wireframe import draw_mesh
from faceloop_runtime.responses.gl import GLError
from faceloop_runtime.responses.gl.egl import library

TALKS, TURNED = 12, 90
LIPS, LIDS = (56, 59), (24, 26)


def has_egl() -> bool:
    try:
        library()
    except GLError:
        return False
    return True


@pytest.fixture(scope="module")
def frames():
    video = Video(sample_clip())
    return {k: video[k].image for k in (TALKS, TURNED)}


@pytest.fixture(scope="module")
def truth():
    return sample_clip_truth().points


@pytest.fixture(scope="module")
def mesh(starter):
    return FaceMesh.of(starter.scheme, starter.pdm.mean)


@pytest.mark.skipif(not has_egl(), reason="no EGL on this machine")
@pytest.mark.parametrize("frame", [TALKS, TURNED])
@pytest.mark.parametrize("scale", [0.4, 1.0, 2.5])
def test_opengl_and_the_cpu_draw_the_same(starter, mesh, truth, frame, scale):
    vertices = mesh.vertices(truth[frame]) * scale
    window = Window.round(vertices, (round(480 * scale), round(360 * scale)))
    texture = Portrait.average(starter).texture(mesh, starter.scheme)
    gl = GlWarper()
    gl.open()
    drawn, there = gl.warp(texture, vertices, mesh.triangles, window)
    expected, inside = CpuWarper().warp(texture, vertices, mesh.triangles, window)
    assert gl.working
    gl.close()
    assert (there <= inside).all()  # the CPU draws the pixels on the edge whole
    assert (inside & ~there).sum() < 1.5 * np.ptp(vertices, axis=0).sum()
    apart = np.abs(drawn.astype(int) - expected)[there]
    assert apart.mean() < 0.2
    assert np.quantile(apart, 0.98) <= 2  # where triangles fold, another may be on top


@pytest.mark.skipif(not has_egl(), reason="no EGL on this machine")
def test_opengl_draws_one_texture_after_another(starter, mesh, truth):
    vertices = mesh.vertices(truth[TALKS])
    window = Window.round(vertices, (480, 360))
    gl = GlWarper()
    for level in (50, 200):
        plain = Texture(np.full((90, 80, 3), level, np.uint8), mesh.vertices(truth[TALKS]) / 5)
        drawn, there = gl.warp(plain, vertices, mesh.triangles, window)
        assert (drawn[there] == level).all()
        assert (drawn[~there] == 0).all()
    gl.close()


def test_where_opengl_fails_the_cpu_draws(starter, mesh, truth, caplog):
    def broken():
        raise GLError("There is no OpenGL here.")

    vertices = mesh.vertices(truth[TALKS])
    window = Window.round(vertices, (480, 360))
    texture = Portrait.average(starter).texture(mesh, starter.scheme)
    warper = GlWarper(broken)
    drawn, _ = warper.warp(texture, vertices, mesh.triangles, window)
    assert np.array_equal(drawn, CpuWarper().warp(texture, vertices, mesh.triangles, window)[0])
    assert not warper.working
    assert "no OpenGL here" in caplog.text


def test_the_average_face_is_a_face_and_nobodys(starter, nme):
    image, points = average_picture()
    found = Fitter(starter, "cpu").fit(image, points)
    assert nme(found.points, points) < 0.03
    assert points[LIPS[0], 1] - points[LIPS[1], 1] > 5  # there is something between the lips
    size = np.linalg.norm(points[28] - points[23])
    mesh = FaceMesh.of(starter.scheme, starter.pdm.mean)
    window = Window(0, 0, image.shape[1], image.shape[0])
    skin = np.zeros(image.shape[:2], np.uint8)
    cv2.fillConvexPoly(skin, cv2.convexHull(points.astype(np.float32)).astype(int), 1)

    def flat(pixels):
        gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(float)
        gray -= cv2.GaussianBlur(gray, (0, 0), size / 8)
        return gray[skin > 0] / gray[skin > 0].std()

    average, like = flat(image), []
    for record in list(sample_faces())[::20]:
        own = Texture(read_image(record.image.path, "rgb"), mesh.vertices(record.annotation.points))
        warped, _ = CpuWarper().warp(own, mesh.vertices(points), mesh.triangles, window)
        like.append(float((flat(warped) * average).mean()))
    # as like everybody; with one person in it alone, that one would be 1
    assert 0.2 < np.median(like) < max(like) < 0.85


def test_a_mask_covers_the_face_and_takes_its_light(starter, frames, truth):
    image = frames[TALKS].copy()
    Mask(starter, Portrait.average(starter), CpuWarper()).draw(image, truth[TALKS])
    nose = truth[TALKS][33:43].mean(axis=0).astype(int)
    part = np.s_[nose[1] - 20 : nose[1] + 20, nose[0] - 20 : nose[0] + 20]
    assert (image[part] != frames[TALKS][part]).any(axis=2).mean() > 0.9
    assert np.abs(image[part].mean((0, 1)) - frames[TALKS][part].mean((0, 1))).max() < 25
    assert np.array_equal(image[:, :100], frames[TALKS][:, :100])


def test_a_mask_of_a_picture_shows_that_face(starter, frames, truth):
    still = sample_dir() / "stills" / "s0000.jpg"
    image, own = frames[TALKS].copy(), frames[TALKS].copy()
    portrait = Portrait.read(still, starter)
    Mask(starter, portrait, CpuWarper()).draw(image, truth[TALKS])
    same = Mask(starter, Portrait(frames[TALKS], truth[TALKS]), CpuWarper())
    same.draw(own, truth[TALKS])
    assert np.abs(own.astype(int) - frames[TALKS]).mean() < 1  # its contour is drawn in
    assert np.abs(image.astype(int) - frames[TALKS]).mean() > 2


def test_a_mask_with_closed_lips_shows_the_mouth_below(starter, truth):
    frame = 50
    image, points = Video(sample_clip())[frame].image, truth[frame]
    mouth = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mouth, [points[[60, 59, 58, 57, 56, 55]].astype(int)], 1)
    mouth = cv2.erode(mouth, np.ones((3, 3))) > 0
    assert mouth.sum() > 100
    closed = Portrait.read(sample_dir() / "stills" / "s0008.jpg", starter)
    for portrait, shown in ((closed, True), (Portrait.average(starter), False)):
        drawn = image.copy()
        Mask(starter, portrait, CpuWarper()).draw(drawn, points)
        same = (drawn == image).all(axis=2)
        assert (same[mouth].mean() > 0.8) == shown
        assert not same[int(points[36:39, 1].mean()), int(points[36:39, 0].mean())]


def test_what_is_behind_the_face_of_a_picture_is_not_drawn(starter, frames, truth):
    """The contour of a fit may lie beyond the face."""
    points, skin = truth[TALKS], np.zeros((360, 480), np.uint8)
    edge = FaceMesh.of(starter.scheme, starter.pdm.mean, 0.8).vertices(points)
    middle = points.mean(axis=0)
    face = cv2.convexHull((middle + 0.94 * (edge - middle)).astype(np.float32))
    cv2.fillConvexPoly(skin, face.astype(int), 1)
    picture = np.where(skin[..., None] > 0, (150, 150, 150), (255, 90, 0)).astype(np.uint8)
    image = np.full((360, 480, 3), 150, np.uint8)
    Mask(starter, Portrait(picture, points), CpuWarper()).draw(image, points)
    assert np.ptp(image.astype(int), axis=2).max() < 10


def test_a_mouth_is_drawn_as_a_whole_or_not_at_all(starter):
    image = read_image(sample_dir() / "stills" / "s0010.jpg", "rgb")
    (face,) = next(iter(Tracker(starter).track([image]))).faces
    mouth = np.zeros(image.shape[:2], np.uint8)
    line = face.points[[43, 60, 59, 58, 49, 57, 56, 55]]
    cv2.fillPoly(mouth, [line.astype(int)], 1)
    closed = Portrait.read(sample_dir() / "stills" / "s0100.jpg", starter)
    drawn = image.copy()
    Mask(starter, closed, CpuWarper()).draw(drawn, face.points)
    same = (drawn == image).all(axis=2)[cv2.erode(mouth, np.ones((3, 3))) > 0]
    assert len(same) > 30
    assert same.mean() > 0.95


def test_a_mouth_that_is_nearly_shut_is_one_line_and_no_dots(starter, frames, truth):
    """An open mouth is squeezed into it: from pixel to pixel it would be teeth or lips."""
    image, points = frames[TALKS].copy(), truth[TALKS]
    Mask(starter, Portrait.average(starter), CpuWarper()).draw(image, points)
    line = [43, 60, 59, 58, 49, 57, 56, 55]
    mouth = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mouth, [np.rint(points[line]).astype(int)], 1)
    step = np.abs(np.diff(image[..., 1].astype(int), axis=1))
    assert 30 < mouth.sum() < 500
    assert step[mouth[:, 1:] & mouth[:, :-1] > 0].mean() < 2


def test_a_mask_has_no_edge_at_the_ends_of_what_is_drawn(starter):
    """Flat gray on black: no pixel differs much from the next."""
    points = starter.pdm.mean * 90 + 200.4
    gray = Portrait(np.full((400, 400, 3), 200, np.uint8), points)
    image, light = np.zeros((400, 400, 3), np.uint8), np.full((400, 400, 3), 200, np.uint8)
    Mask(starter, gray, CpuWarper()).draw(image, points, light)
    assert image.max() > 190
    assert max(np.abs(np.diff(image[..., 0].astype(int), axis=k)).max() for k in (0, 1)) < 40


def test_the_blur_round_a_replaced_face_has_no_edge(starter):
    """Black and white columns are gray when blurred: at the blur's ends they hardly change."""
    image = np.zeros((400, 400, 3), np.uint8)
    image[:, ::2] = 255
    before, points = image.copy(), starter.pdm.mean * 90 + 200.4
    FaceReplacer(starter, CpuWarper()).replace(image, points, points)
    change = np.abs(image.astype(int) - before).max(axis=2)
    for ends in (change.T, change):
        lines = ends[(ends > 0).any(axis=1)]
        assert lines[[0, -1]].max() < 30


def test_a_picture_without_a_face_is_no_mask(starter):
    with pytest.raises(InputError, match=r"no face in .*n000"):
        Portrait.read(sample_negatives()[0], starter)


def test_a_mask_outside_the_picture_draws_nothing(starter, frames, truth):
    image = frames[TALKS].copy()
    Mask(starter, Portrait.average(starter), CpuWarper()).draw(image, truth[TALKS] + 2000)
    assert np.array_equal(image, frames[TALKS])


def test_a_caricature_scales_what_is_the_faces_own(starter, frames, truth):
    fit = Fitter(starter, "cpu").fit(frames[TALKS], truth[TALKS])
    mean = fit.pose.apply(starter.pdm.mean)

    def halves(points):
        shape = fit.pose.inverse().apply(points) - starter.pdm.mean
        mirrored = shape[list(starter.scheme.mirror)] * (-1.0, 1.0)
        return (shape + mirrored) / 2, (shape - mirrored) / 2

    own, skew = halves(fit.pose.apply(starter.pdm.shape(fit.b)))
    rest = fit.points - fit.pose.apply(starter.pdm.shape(fit.b))
    for strength in (0.0, 1.0, 1.5):
        made = Caricature(starter, strength, CpuWarper()).points(fit)
        both, other = halves(made - rest)
        assert np.allclose(both, strength * own, atol=1e-9)
        assert np.allclose(other, skew, atol=1e-9)
    assert not np.allclose(mean, fit.points, atol=1)


def test_a_caricature_of_strength_1_is_the_frame_and_a_strong_one_moves_the_face(
    starter, frames, truth, nme
):
    fitter = Fitter(starter, "cpu")
    fit = fitter.fit(frames[TALKS], truth[TALKS])
    same, strong = frames[TALKS].copy(), frames[TALKS].copy()
    Caricature(starter, 1.0, CpuWarper()).draw(same, fit)
    assert np.abs(same.astype(int) - frames[TALKS]).max() <= 3
    caricature = Caricature(starter, 2.0, CpuWarper())
    caricature.draw(strong, fit)
    again = fitter.fit(strong, caricature.points(fit))
    assert nme(again.points, caricature.points(fit)) < 0.4 * nme(fit.points, caricature.points(fit))
    assert np.array_equal(strong[:, :30], frames[TALKS][:, :30])


def test_a_parameter_is_not_driven_beyond_what_faces_have(starter, frames, truth):
    fit = Fitter(starter, "cpu").fit(frames[TALKS], truth[TALKS])
    wild = dataclasses.replace(fit, b=2.5 * np.sqrt(starter.pdm.variances))
    one, other = (Caricature(starter, s, CpuWarper()).points(wild) for s in (1.2, 5.0))
    assert np.allclose(one, other)


@pytest.mark.parametrize("strength", [0.0, 2.5, 5.0])
def test_no_triangle_of_a_caricature_folds(starter, strength):
    """Scaled alone, lips and nose of this face would lie over one another, torn."""
    areas = []

    class Noting(CpuWarper):
        def warp(self, texture, vertices, triangles, window):
            there = texture.vertices + np.array([window.x, window.y])
            areas[:] = (doubled_areas(v[triangles]) for v in (there, vertices))
            return super().warp(texture, vertices, triangles, window)

    image = read_image(sample_dir() / "stills" / "s0010.jpg", "rgb")
    (face,) = next(iter(Tracker(starter).track([image]))).faces
    caricature = Caricature(starter, strength, Noting())
    caricature.draw(image, face.fit)
    own, made = areas
    assert (made[own > 0] > 0.1 * own[own > 0]).all()
    assert np.median(np.abs(made / own - 1)) > 0.05


def test_the_mesh_is_drawn_on_the_points(starter, mesh, frames, truth):
    image = frames[TALKS].copy()
    draw_mesh(image, truth[TALKS], mesh)
    changed = (image != frames[TALKS]).any(axis=2)
    places = np.rint(truth[TALKS]).astype(int)
    assert changed[places[:, 1], places[:, 0]].all()
    y, _ = np.nonzero(changed)
    assert y.min() > truth[TALKS][:, 1].min() - 3  # not the ring
    draw_mesh(image, truth[TALKS] * 1e6, mesh)


@pytest.mark.parametrize("frame", [TALKS, TURNED])
def test_a_replaced_face_leaves_no_detail_of_the_head(starter, frames, truth, frame):
    """Where two frames differ in fine detail only, the replaced ones are nearly the same."""
    rng = np.random.default_rng(0)
    grain = rng.choice([-25, 25], frames[frame].shape[:2])[..., None]
    other = np.clip(frames[frame].astype(int) + grain, 0, 255).astype(np.uint8)
    replacer = FaceReplacer(starter, CpuWarper())
    made = []
    for image in (frames[frame].copy(), other.copy()):
        replacer.replace(image, truth[frame], truth[frame])
        made.append(image.astype(int))
    ring = FaceMesh.of(starter.scheme, starter.pdm.mean, 1.2).ring_of(truth[frame])
    head = np.zeros(made[0].shape[:2], np.uint8)
    cv2.fillConvexPoly(head, cv2.convexHull(ring.astype(np.float32)).astype(int), 1)
    before = np.abs(frames[frame].astype(int) - other)[head > 0]
    after = np.abs(made[0] - made[1])[head > 0]
    assert before.mean() > 20
    assert np.quantile(after, 0.995) <= 8
    assert after.mean() < 4


def test_mouth_and_lids_of_a_replaced_face_follow(starter, truth):
    replacer, fitter = FaceReplacer(starter, CpuWarper()), Fitter(starter, "cpu")
    video, opened = Video(sample_clip()), []
    for frame in range(0, 60, 5):
        image = video[frame].image.copy()
        replacer.replace(image, truth[frame], truth[frame])
        seen = fitter.fit(image, truth[frame]).points
        opened.append([p[LIPS[0], 1] - p[LIPS[1], 1] for p in (truth[frame], seen)])
    assert np.corrcoef(np.array(opened).T)[0, 1] > 0.95


def test_a_model_of_another_scheme_finds_the_average_face_itself(starter):
    few = [23, 28, 61, 43, 49, *range(15), 52, 46, 24, 26, 29, 31]
    scheme = dataclasses.replace(
        starter.scheme,
        name="some",
        names=tuple(starter.scheme.names[k] for k in few),
        groups={"all": tuple(range(len(few)))},
        contours=(),
        mirror=(),
        triangles=(),
        iod=(0, 1),
        initialisation={"left_eye": (0,), "right_eye": (1,), "nose": (2,)},
    )
    renamed = dataclasses.replace(
        starter, scheme=dataclasses.replace(starter.scheme, name="renamed")
    )
    portrait = Portrait.average(renamed)
    assert np.abs(portrait.points - average_picture()[1]).mean() < 4
    mesh = FaceMesh.of(scheme, starter.pdm.mean[few])
    assert len(mesh.triangles) > len(few)
    assert isinstance(renamed, FaceModel)
    assert Detector().detect(portrait.image)
