"""A team's project on a server, in the window: opened, annotated, saved, trained on."""

from __future__ import annotations

from itertools import islice

import pytest
from driver import type_into
from given import QUICK
from postgresql import PostgresqlServer
from qtpy.QtWidgets import QLabel, QLineEdit

from faceloop_datasets import Project
from faceloop_datasets.sample import sample_faces
from faceloop_datasets.server import give_role, make_team_project

SECRET = "s3cr3t-of-ann"  # noqa: S105
FACES = 16


@pytest.fixture
def address(tmp_path):
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    try:
        server = PostgresqlServer.started()
    except PostgresqlServer.NotHere as why:
        pytest.skip(str(why))
    owner = server.socket("faceloop", server.new_database("faces"))
    make_team_project(owner, folder=tmp_path / "share")
    give_role(owner, "ann", "reviewer")
    server.run("psql", "-d", "faces", "-c", f"ALTER ROLE ann PASSWORD '{SECRET}'")
    with Project.open(owner) as project:
        project.import_entries("sample", islice(sample_faces(), FACES), scheme="face70")
        project.queue.add(3, "manual")
    yield server.tls("ann", "faces")
    server.remove()


def test_a_person_opens_it_corrects_a_face_and_retrains_with_one_click(driver, address, tmp_path):
    driver.button("start.server")

    def field(kind, name):
        return driver.dock.findChild(kind, name)

    type_into(field(QLineEdit, "server.address"), address)
    type_into(field(QLineEdit, "server.password"), "wrong one")
    driver.button("server.ok")
    assert "does not know this name" in field(QLabel, "server.problem").text()
    type_into(field(QLineEdit, "server.password"), SECRET)
    driver.button("server.ok")
    driver.settle(100)
    project = driver.dock.session.project
    assert project.name == "faces"

    driver.dock.commands.run("queue.next")
    editor = driver.dock.annotate.editor
    driver.until(lambda: editor.item is not None and editor.item.id == 3)
    there = editor.state.points[7]
    driver.drag(there, there + 6)
    driver.until(lambda: len(project.history(3)) == 2)
    assert project.history(3)[-1].author

    driver.tab("Train")
    control = driver.dock.train.control
    driver.until(lambda: control.readiness.faces > 0)
    control.settings = dict(QUICK)
    driver.button("train.start")
    driver.until(lambda: not control.running, 240)
    assert [model.name for model in project.models()], driver.dock._status.text()

    # It is one click away next time, by an address without the password.
    driver.dock.session.close()
    driver.tab("Queue")
    driver.button("start.recent.faces")
    assert driver.dock.session.project.name == "faces"
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any(file.name == "recent.toml" for file in written)
    assert not [file for file in written if SECRET.encode() in file.read_bytes()]
