"""The tab Live: playing a video with the fit on it."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from faceloop_datasets.sample import sample_clip, sample_clip_truth


def open_clip(driver):
    """Go to the tab and open the sample clip; wait for its first fit."""
    driver.tab("Live")
    driver.dock.live.open(sample_clip())
    driver.until(lambda: fitted(driver, 0))


def fitted(driver, index):
    shown = driver.dock.live.canvas.shown
    return shown is not None and shown.index == index and shown.result is not None


def test_a_clip_plays_with_the_fit_on_the_face(driver, sample_project):
    driver.dock.session.open(sample_project)
    open_clip(driver)
    panel, truth = driver.dock.live, sample_clip_truth()
    driver.press("p")
    driver.until(lambda: panel.canvas.shown.index >= 40)
    assert panel.canvas.shown.moving
    driver.press("p")
    driver.until(lambda: not panel.canvas.shown.moving)
    shown = panel.canvas.shown
    away = np.linalg.norm(shown.result.points - truth.points[shown.index], axis=1).mean()
    assert away < 6
    layer = driver.viewer.layers["fit points"]
    assert layer.visible
    assert np.allclose(layer.data[:, ::-1], shown.result.points)
