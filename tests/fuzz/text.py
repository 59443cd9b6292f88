"""Targets for the annotation formats and for the TOML files."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy.io import savemat

from faceloop_datasets import Conversion, ItemSummary, Progress, Scheme
from faceloop_datasets.expressions import check_expression
from faceloop_datasets.formats import read_faces
from faceloop_datasets.formats.muct import LANDMARKS
from faceloop_datasets.formats.tidy import COLUMNS
from faceloop_datasets.importing.expression_table import read_expression_table
from faceloop_datasets.track_formats import read_track_file
from faceloop_trainer import TrainingConfig
from faceloop_workbench.annotate.shape_text import CopiedPoints, parse_points, points_text
from faceloop_workbench.commands import Commands
from faceloop_workbench.key_file import load_keys
from faceloop_workbench.services.comparison import Comparison, ModelErrors, cumulative
from faceloop_workbench.services.many_videos import VideoRow
from faceloop_workbench.services.messages import with_tuples
from faceloop_workbench.services.model_choice import ModelPlace
from faceloop_workbench.services.recent_projects import recent_projects
from faceloop_workbench.services.stage_times import Stage, TimeLeft, expected_stages
from faceloop_workbench.services.tracking import TrackSummary
from faceloop_workbench.services.video_job import TrackSettings
from faceloop_workbench.services.video_report import Totals
from faceloop_workbench.services.video_results import TableFolder
from faceloop_workbench.train.checked_metrics import checked_metrics
from faceloop_workbench.train.model_list import ListedModel

from .target import Target, folder, written

_MADE = TrackSettings(ModelPlace("starter", Path("starter.safetensors")), "0")
_NUMBERS = (b"nan", b"inf", b"-0", b"1e308", b"1e-400", b"1_0", b"9" * 5000, b"0x10", b"\xd9\xa3")
_TEXTS = (b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\xe2\x80\xa8", b"\x0c", b"../", b"\\")


def _points(count: int) -> np.ndarray:
    angle = np.linspace(0, 6, count)
    return np.stack([100 + 40 * np.cos(angle), 90 + 50 * np.sin(angle)], axis=1).round(2)


def _clmtools() -> list[bytes]:
    cells = ";".join(f"{x};{y};true" for x, y in _points(71).tolist())
    return [f"a.jpg;{cells};\nb.jpg;\n".encode()]


def _muct() -> list[bytes]:
    header = "name,tag," + ",".join(f"x{k:02d},y{k:02d}" for k in range(76))
    row = ",".join(f"{x},{y}" for x, y in _points(76).tolist())
    return [f"{header}\ni000qa-fn,0000,{row}\ni000qa-fn,0001,{row}\n".encode()]


def _ibug() -> list[bytes]:
    rows = "\n".join(f"{x} {y}" for x, y in _points(68).tolist())
    return [f"version: 1\nn_points: 68\n{{\n{rows}\n}}\n".encode()]


def _imm() -> list[bytes]:
    rows = "\n".join(f"0 0 {x / 200} {y / 200} {k} 0 1" for k, (x, y) in enumerate(_points(58)))
    return [f"# by hand\n58\n{rows}\nface.jpg\n".encode()]


def _wflw() -> list[bytes]:
    points = " ".join(f"{x} {y}" for x, y in _points(98).tolist())
    return [f"{points} 9 9 200 200 0 0 0 0 1 0 a/b.jpg\n{points} c.jpg\n".encode()]


def _mesh() -> list[bytes]:
    face = [{"x": x / 200, "y": y / 200, "z": 0} for x, y in _points(468).tolist()]
    few = json.dumps({"image": "face.jpg", "face_landmarks": [face]})
    return [few.encode(), f'[{{"frames": [{few}, {{"faceLandmarks": []}}]}}]'.encode()]


def _mat() -> list[bytes]:
    out = io.BytesIO()
    pose = np.array([[0.1, 1.2, 0.0]])
    savemat(out, {"pt2d": _points(68).T, "Pose_Para": pose})
    packed = io.BytesIO()
    values = {"pts_2d": _points(68), "pt3d_68": np.ones((3, 68))}
    savemat(packed, values, do_compression=True)
    return [out.getvalue(), packed.getvalue()]


def _tidy() -> list[bytes]:
    rows = "\n".join(
        f"a.jpg,1,f,s,cat,{k},p{k},{x},{y},occluded,,smile" for k, (x, y) in enumerate(_points(4))
    )
    few = "image;name;x;y\na.jpg;nose;1,5;2\na.jpg;ear;3;NA\n"
    return [f"{','.join(COLUMNS[:-1])}\n{rows}\n".encode(), few.encode()]


def _parquet() -> list[bytes]:
    table = pd.read_csv(io.BytesIO(_tidy()[0]))
    return [table.to_parquet(index=False)]


def _deeplabcut() -> list[bytes]:
    cells = ",".join(f"{x},{y}" for x, y in _points(2).tolist())
    heads = "bodyparts,,,a,a,b,b\ncoords,,,x,y,x,y"
    row = f"labeled-data,v,img01.png,{cells}\nlabeled-data,v,img02.png,,,1,2\n"
    several = f"scorer,,,m,m,m,m\nindividuals,,,p,p,q,q\n{heads}\n{row}"
    return [f"scorer,,,m,m,m,m\n{heads}\n{row}".encode(), several.encode()]


def _ring() -> list[list[float]]:
    return _points(68).tolist()


def _coco() -> list[bytes]:
    flat = [value for x, y in _ring() for value in (x, y, 2)]
    body = {"id": 2, "image_id": 1, "category_id": 1, "face_kpts": flat, "face_valid": True}
    face = {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "keypoints": flat}
    face["attributes"] = {"subject": "a", "estimated_points": [3]}
    names = [f"p{k}" for k in range(68)]
    category = {"id": 1, "name": "face", "keypoints": names, "skeleton": [[1, 2], [2, 3]]}
    images = [{"id": 1, "file_name": "a.jpg", "video_id": 4, "frame_id": 2}]
    whole = {"images": images, "categories": [category], "videos": [{"id": 4, "name": "a.mp4"}]}
    return [json.dumps(whole | {"annotations": rows}).encode() for rows in ([face, face], [body])]


def _dlib() -> list[bytes]:
    parts = "".join(f"<part name='{k:02d}' x='{x}' y='{y}'/>" for k, (x, y) in enumerate(_ring()))
    box = f"<box top='1' left='2' width='9' height='9' ignore='0'>{parts}</box>"
    images = f"<images><image file='a.jpg'>{box}</image></images>"
    return [f"<dataset><comment>c</comment>{images}</dataset>".encode()]


def _cvat() -> list[bytes]:
    ends = "".join(
        f'<points label="{k}" outside="0" occluded="1" points="{x},{y}"/>'
        for k, (x, y) in enumerate(_ring())
    )
    flat = ";".join(f"{x},{y}" for x, y in _ring())
    said = '<attribute name="subject">a</attribute>'
    one = f'<skeleton label="face" frame="3" keyframe="1">{ends}{said}</skeleton>'
    many = f'<points label="face" occluded="0" points="{flat}" group_id="2"/>'
    head = "<annotations><version>1.1</version><meta><source>a.mp4</source></meta>"
    return [
        f"{head}{inside}</annotations>".encode()
        for inside in (
            f'<image name="a.jpg">{one}</image>',
            f'<track id="1" label="face">{one}</track>',
            f'<image name="a.jpg">{many}{many}</image>',
        )
    ]


def _labelme() -> list[bytes]:
    shapes = [
        {"label": f"p{k}", "points": [xy], "group_id": k // 34, "shape_type": "point",
         "flags": {"occluded": True}}
        for k, xy in enumerate(_ring())
    ]  # fmt: skip
    content = {"version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": "a.jpg"}
    own = {"points": [shape["label"] for shape in shapes], "faces": {"0": {"subject": "a"}}}
    return [json.dumps(content | {"faceloop": own}).encode(), json.dumps(content).encode()]


def _labelstudio() -> list[bytes]:
    points = [
        {"type": "keypointlabels", "original_width": 200, "original_height": 180, "id": f"{k}",
         "value": {"x": x / 2, "y": y / 2, "keypointlabels": [f"p{k}"]}, "parentID": "b",
         "meta": {"text": ["occluded"]}}
        for k, (x, y) in enumerate(_ring())
    ]  # fmt: skip
    task = {"data": {"image": "/data/upload/1/0a1b2c3d-a.jpg"}, "annotations": [{"result": points}]}
    short = {"image": "a.jpg", "kp": [point | point["value"] for point in points]}  # type: ignore[operator]
    return [json.dumps([one]).encode() for one in (task, short)]


def _read(name: str, file: str, seeds: list[bytes], *words: bytes) -> Target:
    def run(data: bytes) -> None:
        for _ in read_faces(name, [written(name, file, data)]):
            pass

    return Target(name, run, lambda: seeds, words + _NUMBERS + _TEXTS)


def _track(name: str, seeds: list[bytes], *words: bytes) -> Target:
    def run(data: bytes) -> None:
        read_track_file(written(f"track-{name}", "talk.csv", data), name)

    return Target(f"track-{name}", run, lambda: seeds, words + _NUMBERS + _TEXTS)


def _track_table() -> list[bytes]:
    header = "frame,time,face,point,name,x,y,predicted_error,start,expression_calm"
    rows = [
        f"{k},{k / 25},0,{p},p{p},{x},{y},0.02,fitted,0.5"
        for k in range(2)
        for p, (x, y) in enumerate(_points(4).tolist())
    ]
    return ["\n".join([header, *rows, "2,0.08,,,,,,,,"]).encode()]


def _track_deeplabcut() -> list[bytes]:
    cells = ["scorer,n,n,n", "bodyparts,a,a,a", "coords,x,y,likelihood", "0,1,2,.5", "1,,,"]
    people = [cells[0], "individuals,i,i,i", *cells[1:]]
    return ["\n".join(cells).encode(), "\n".join(people).encode()]


def _track_openface() -> list[bytes]:
    pose = "pose_Tx, pose_Ty, pose_Tz, pose_Rx, pose_Ry, pose_Rz"
    header = f"frame, face_id, timestamp, confidence, success, {pose}, x_0, x_1, y_0, y_1"
    rows = [f"{k}, 0, .04, .9, 1, 1, 2, 500, .1, .2, .3, 5, 6, 7, 8" for k in (1, 2)]
    return ["\n".join([header, *rows]).encode()]


def _labels(data: bytes) -> None:
    items = [_summary(number, path) for number, path in enumerate(("a/1.jpg", "b/1.jpg", None))]
    said = read_expression_table(written("labels", "labels.csv", data), items)
    for label in said.labels.values():
        if check_expression(label) != label:
            raise AssertionError("a label that a project would not take")


def _summary(number: int, path: str | None) -> ItemSummary:
    empty = dict.fromkeys(ItemSummary._fields)
    return ItemSummary(**{**empty, "item_id": number, "name": f"f{number}", "media_path": path})  # type: ignore[arg-type]


def _with_picture(target: Target) -> Target:
    def run(data: bytes) -> None:
        picture = folder(target.name) / "face.jpg"
        if not picture.exists():
            out = io.BytesIO()
            Image.new("L", (16, 12), 80).save(out, "JPEG")
            picture.write_bytes(out.getvalue())
        target.run(data)

    return Target(target.name, run, target.seeds, target.words)


def _clipboard(data: bytes) -> None:
    scheme = Scheme.load("imm58")
    found = parse_points(data.decode(errors="replace"), scheme)
    again = parse_points(points_text(scheme, found), scheme)
    if again.numbers != found.numbers or again.points.tobytes() != found.points.tobytes():
        raise AssertionError("points change when they are copied and pasted")


def _copied() -> list[bytes]:
    scheme, points = Scheme.load("imm58"), _points(58)
    points[3] = np.nan
    states = np.array([0, 1, 2, 3] + [0] * 54, np.uint8)
    whole = points_text(scheme, CopiedPoints(tuple(range(58)), points, states))
    return [whole.encode(), b"4\t1,5\t2\n7\t3\t4e2\n", b"y\tx\tnumber\n1\t2\t3\n"]


def _scheme(data: bytes) -> None:
    scheme = Scheme.load(written("scheme", "mine.toml", data))
    if Scheme.parse(scheme.to_toml(), "again") != scheme:
        raise AssertionError("a scheme changes when it is written and read again")


def _conversion(data: bytes) -> None:
    conversion = Conversion.read(written("conversion", "c.toml", data))
    if len(conversion.weights) < 400 and conversion.weights.shape[1] < 400:
        Conversion.parse(conversion.to_toml(), "again")


def _small_conversion() -> list[bytes]:
    return [
        b"""source = "six"
target = "four"
points = [6, 4]
copies = [[0, 0, 2]]
[[sums]]
target = 3
same_mark = false
error = 0.03
weights = { 1 = 0.4, 5 = 0.6 }
"""
    ]


def _small_scheme() -> list[bytes]:
    text = """\
name = "four"
title = "Four points"
names = ["left eye", "right eye", "nose", "mouth"]
mirror = [[0, 1]]
iod = [0, 1]
triangles = [[0, 1, 2], [1, 2, 3]]
[initialisation]
left_eye = [0]
right_eye = [1]
nose = [2]
[groups]
eyes = [0, 1]
rest = [2, 3]
[[contours]]
name = "line"
points = [2, 3]
closed = false
"""
    sized = """\
name = "three"
title = "Three"
names = ["a", "b", "c"]
size = [0, 2]
size_in_iod = 0.5
layout = [[0.1, -0.2], [0, 1e2], [-3.5, 7]]
"""
    return [text.encode(), sized.encode()]


def _keys(data: bytes) -> None:
    os.environ["FACELOOP_CONFIG"] = str(folder("keys"))
    written("keys", "keys.toml", data)
    load_keys(Commands())


def _recent(data: bytes) -> None:
    os.environ["FACELOOP_CONFIG"] = str(folder("recent"))
    written("recent", "recent.toml", data)
    recent_projects()


def _record(data: bytes) -> None:
    """Report what the record of a tracked video says, as the next run does."""
    written("record", "a.mp4.csv", b"")
    written("record", "a.mp4.track.json", data)
    record = TableFolder(folder("record"), _MADE, ".csv").record("a.mp4")
    if record is not None:
        row = VideoRow(Path("a.mp4"), "done before", record.summary, record.seconds)
        json.dumps(row.to_dict(), allow_nan=False)
        Totals.of([row], 1, 1.0)


def _some_record() -> list[bytes]:
    summary = TrackSummary(
        Path("a.mp4"), 4, 4, 1, 0, 0.12, 0.02, 0.03, {"eyes": 1}, {}, 5.0, None, False, None, None
    )
    said = {"version": 1, "made_of": _MADE.made_of, "sha256": "0", "bytes": 1, "modified": 1}
    return [
        json.dumps(
            {**said, "table_bytes": 0, "seconds": 0.1, "summary": summary.to_dict()}
        ).encode()
    ]


def _settings(data: bytes) -> None:
    values = _json(data)
    if isinstance(values, dict) and values.keys() <= set(TrainingConfig.__dataclass_fields__):
        TrainingConfig(**with_tuples(values))


def _metrics(data: bytes) -> None:
    """Use what a project says of a model as the window does."""
    values = _json(data)
    if not isinstance(values, dict):
        return
    metrics = checked_metrics(values, 3)
    listed = ListedModel(1, "m", None, None, "", in_use=False, metrics=metrics)
    if listed.comparison is not None and listed.comparison.new is not None:
        cumulative(listed.comparison.new.errors, 0.1)
    if listed.trained_here:
        TrainingConfig(**with_tuples(metrics["settings"]))
        TimeLeft(expected_stages([metrics], 9)).step(Progress(1, 2, "reading"))
    if listed.nme is not None and len(f"{listed.nme:.4f} {listed.measured_on}") > 200:
        raise AssertionError("a number longer than a line")


def _json(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _some_metrics() -> list[bytes]:
    errors = ModelErrors(np.array([0.03, np.inf]), np.array([0.02, np.nan, 0.04]), {"failures": 1})
    metrics = {
        "nme_mean": 0.03, "faces": 2, "subjects": 1, "trained_faces": 9,
        "settings": {"components": 6, "channels": ["raw"]},
        "stages": [Stage("reading", 1.5, ((0.0, 0.0), (1.0, 1.0))).to_dict()],
        "comparison": Comparison(errors, errors, "before", 1, True, "it is better").to_dict(),
    }  # fmt: skip
    return [json.dumps(metrics).encode()]


_TOML = (b"[", b"]", b"[[", b"]]", b"{", b"=", b'"""', b"'''", b"0x" + b"f" * 5000, b"1979-05-27",
         b"inf", b"nan", b"true", b"[" * 2000, b"a." * 500, b"\\u0000", b"\\ud800")  # fmt: skip

TARGETS = (
    _read("clmtools", "annotations.csv", _clmtools(), b";", b"true", b"FALSE", b"=1+1"),
    _read("muct", LANDMARKS, _muct(), b",", b"0000", b"name", b"x00"),
    _read("ibug", "face.pts", _ibug(), b"{", b"}", b"n_points: 68", b"version: "),
    _read("csv", "faces.csv", _tidy(), b",", b";", b'"', b"NA", b"missing", b"fit:m", b"scheme"),
    Target("parquet", _read("parquet", "faces.parquet", []).run, _parquet, (b"PAR1",)),
    _read("deeplabcut", "CollectedData_m.csv", _deeplabcut(), b",", b"visible", b"likelihood"),
    _read("coco", "faces.json", _coco(), b"null", b"[]", b"{}", b"iscrowd", b"NaN", b"1e999"),
    _read("dlib", "faces.xml", _dlib(), b"<part name='", b"<box ", b"<!ENTITY a 'b'>", b"&a;"),
    _read("cvat", "faces.xml", _cvat(), b"outside", b"<points ", b"<track>", b";", b","),
    _read("labelme", "a.json", _labelme(), b"null", b"[]", b"{}", b"point", b"NaN"),
    _read("labelstudio", "a.json", _labelstudio(), b"null", b"[]", b"{}", b"parentID", b"NaN"),
    _track("table", _track_table(), b",", b"fitted", b"corrected", b"frame", b'"'),
    _track("deeplabcut", _track_deeplabcut(), b",", b"scorer", b"individuals", b"x", b'"'),
    _track("openface", _track_openface(), b", ", b"frame", b"x_0", b"success", b"1e9"),
    _with_picture(_read("imm", "face.asf", _imm(), b"#", b"58", b"face.jpg")),
    _read("pts", "face.pts", _ibug(), b"{", b"}", b"n_points: 5", b"version: "),
    _read("wflw", "list.txt", _wflw(), b" ", b"0", b".jpg"),
    _with_picture(_read("mediapipe", "face.json", _mesh(), b"[", b"{", b'"x"', b"null", b"frames")),
    _read("300w-lp", "face.mat", _mat(), b"MATLAB 5.0", b"IM", b"\x0e\x00", b"\x0f\x00", b"pt2d"),
    Target(
        "labels",
        _labels,
        lambda: [b"item,face,image,frame,expression\n1,f1,b/1.jpg,,smile\n,,a/1.jpg,,open\n"],
        (b",", b";", b"\t", b'"', b"expression", b"item", b"image", b"'=", b"x" * 50, *_TEXTS),
    ),
    Target("scheme", _scheme, _small_scheme, _TOML + _TEXTS),
    Target("conversion", _conversion, _small_conversion, _TOML + _TEXTS),
    Target(
        "clipboard", _clipboard, _copied, (b"\t", b"\n", b"state", b"missing", *_NUMBERS, *_TEXTS)
    ),
    Target("keys", _keys, lambda: [b'"desk.help" = "F1"\n'], _TOML + _TEXTS + (b"train.start",)),
    Target(
        "record",
        _record,
        _some_record,
        (b"null", b"NaN", b"[]", b"{}", b"true", b"-1", b"1e999", b'"x"', b"[" * 999, *_TEXTS),
    ),
    Target("recent", _recent, lambda: [b'projects = ["/tmp/a", "b"]\n'], _TOML + _TEXTS),
    Target(
        "metrics",
        _metrics,
        _some_metrics,
        (b"null", b"NaN", b"Infinity", b"[]", b"{}", b"-1", b"1e999", b"true", b'""', *_TEXTS),
    ),
    Target(
        "settings",
        _settings,
        lambda: [json.dumps(vars(TrainingConfig())).encode()],
        (b"null", b"NaN", b"[]", b"{}", b"true", b"-1", b'"svm"', b"1e999", b'"raw"', *_TEXTS),
    ),
)
