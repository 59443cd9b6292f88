"""The dock as a whole: tabs and the picture they share."""

from __future__ import annotations

import numpy as np


def test_the_live_tab_takes_the_picture_and_annotate_takes_it_back(driver):
    assert driver.dock.picture_layer.owner == "annotate"
    driver.tab("Live")
    assert driver.dock.picture_layer.owner == "live"
    driver.tab("Train")
    assert driver.dock.picture_layer.owner == "live"
    driver.tab("Annotate")
    assert driver.dock.picture_layer.owner == "annotate"


def test_the_dock_closes_down_when_it_is_taken_out_of_the_window(driver, sample_project):
    dock = driver.dock
    dock.session.open(sample_project)
    gone = []
    dock.destroyed.connect(lambda: gone.append(True))
    dock.parentWidget().destroyOnClose()
    driver.until(lambda: bool(gone))
    assert dock.session.project is None


def test_a_place_of_the_picture_is_found_on_the_canvas(driver):
    picture_layer = driver.dock.picture_layer
    picture = np.zeros((400, 600, 3), dtype=np.uint8)
    picture_layer.show(picture)
    picture_layer.look_at(np.array([[100.0, 100.0], [300.0, 200.0]]))
    driver.settle()
    driver.move((250, 150))
    seen = driver.viewer.cursor.position[-2:]
    assert np.allclose(seen, (150, 250), atol=0.6)
