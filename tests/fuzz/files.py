"""Targets for archives, pictures, videos and model files."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zlib
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from PIL import Image

import faceloop_runtime
from faceloop_datasets import InputError, Video, VideoWriter, archive
from faceloop_datasets.media.images import decode_image, image_size
from faceloop_datasets.media.video import Sound
from faceloop_runtime import FaceModel, clmtrackr
from faceloop_runtime.clmtrackr import model as clmtrackr_model
from faceloop_trainer.cache import Cache
from faceloop_trainer.data.split import unseen_faces

from .target import Target, edit, edited, folder, written

_BLOCK = 512
_CHUNK = 12  # length, name and checksum of a PNG chunk


def _unpack(data: bytes, name: str) -> None:
    file = written(name, "a.tar.gz", data)
    archive._listed.cache_clear()  # many inputs within one tick of the clock of the files
    dest = folder(name) / "out"
    before = set(folder(name).iterdir()) | {dest}
    members = archive.list_members(file)
    archive.extract_members(file, members[:3], dest)
    if members:
        archive.read_member(file, members[0])
    if set(folder(name).iterdir()) - before:
        raise AssertionError("something was unpacked outside of the folder")


def _tar(data: bytes) -> None:
    """Read a tar whose headers have their checksums put right, or no mutation would get far."""
    blocks = bytearray(data)
    for at in range(0, len(blocks) - _BLOCK + 1, _BLOCK):
        if blocks[at + 257 : at + 262] == b"ustar":
            blocks[at + 148 : at + 156] = b" " * 8
            total = sum(blocks[at : at + _BLOCK])
            blocks[at + 148 : at + 156] = f"{total:06o}\0 ".encode()
    _unpack(bytes(blocks), "tar")


@cache
def _tars() -> list[bytes]:
    made = []
    for kind in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=kind) as tar:
            for name in ("a.txt", "long/" + "n" * 120 + ".txt", "ü.jpg"):
                info = tarfile.TarInfo(name)
                info.size, info.mtime = 5, 0.5 if kind == tarfile.PAX_FORMAT else 1
                tar.addfile(info, io.BytesIO(b"hello"))
        made.append(out.getvalue()[:8192])
    return made


def _image(data: bytes) -> None:
    for mode in ("gray", "rgb"):
        decode_image(data, "picture", mode)  # type: ignore[arg-type]


def _image_size(data: bytes) -> None:
    image_size(written("image_size", "picture.jpg", data))


def _png(data: bytes) -> None:
    """Decode a PNG whose checksums are put right."""
    out, at = bytearray(data[:8]), 8
    while at + _CHUNK <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + min(size, len(data))]
        out += data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += _CHUNK + size
    _image(bytes(out))


@cache
def _images() -> list[bytes]:
    pixels = np.arange(8 * 6 * 3, dtype=np.uint8).reshape(8, 6, 3)
    rgb = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6
    made = [(rgb, kind, {}) for kind in ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM")]
    made += [
        (rgb, "JPEG", {"exif": exif, "progressive": True}),
        (rgb.convert("RGBA"), "PNG", {"exif": exif}),
        (rgb.convert("P"), "PNG", {"transparency": 3}),
        (Image.fromarray(pixels[:, :, 0] * np.uint16(200)), "PNG", {}),
        (rgb.convert("L"), "TIFF", {"compression": "tiff_lzw"}),
        (rgb.convert("1"), "TIFF", {"compression": "group4"}),
        (rgb.convert("CMYK"), "JPEG", {}),
        (rgb.convert("LA"), "WEBP", {"lossless": True}),
        (rgb, "GIF", {"save_all": True, "append_images": [rgb.rotate(90)]}),
    ]  # fmt: skip
    files = []
    for image, kind, options in made:
        out = io.BytesIO()
        image.save(out, kind, **options)
        files.append(out.getvalue())
    return files


def _video(data: bytes) -> None:
    with Video(written("video", "clip.mp4", data)) as video:
        for frame in video:
            if frame.gray().shape != (video.size[1], video.size[0]):
                raise AssertionError("a frame has another size than its video")
        _ = video[len(video) - 1].image


@cache
def _videos() -> list[bytes]:
    kinds = [("mp4", "libx264"), ("mp4", "mpeg4"), ("webm", "libvpx"), ("avi", "mjpeg"),
             ("matroska", "mpeg4"), ("mpegts", "mpeg2video"), ("gif", "gif")]  # fmt: skip
    files = []
    for container, codec in kinds:
        out = io.BytesIO()
        with av.open(out, "w", format=container) as file:
            stream = file.add_stream(codec, rate=Fraction(25))
            stream.width = stream.height = 32
            stream.pix_fmt = {"mjpeg": "yuvj420p", "gif": "rgb8"}.get(codec, "yuv420p")
            for k in range(4):
                flat = np.full((32, 32, 3), 50 * k, np.uint8)
                file.mux(stream.encode(av.VideoFrame.from_ndarray(flat, format="rgb24")))
            file.mux(stream.encode(None))
        files.append(out.getvalue())
    return files


def _sound(data: bytes) -> None:
    """Copy the sound of a video into another, as it is coded."""
    sound = Sound(written("sound", "clip.mp4", data), 0.0)
    out = folder("sound") / "out.mkv"
    try:
        sound.check_fits(out)
        with VideoWriter(out, 25, sound) as writer:
            writer.write(np.zeros((32, 32, 3), np.uint8))
    finally:
        sound.close()


@cache
def _sounding() -> list[bytes]:
    kinds = [("mp4", "aac"), ("matroska", "pcm_s16le"), ("mp4", "mp2"), ("avi", "ac3")]
    files = []
    for container, codec in kinds:
        out = io.BytesIO()
        with av.open(out, "w", format=container) as file:
            stream = file.add_stream(codec, rate=48000, layout="mono")
            size = stream.codec_context.frame_size or 1024
            kind = "s16" if codec in {"pcm_s16le", "mp2"} else "fltp"
            samples = np.zeros((1, size), np.int16 if kind == "s16" else np.float32)
            for k in range(4):
                frame = av.AudioFrame.from_ndarray(samples, format=kind, layout="mono")
                frame.sample_rate, frame.pts = 48000, k * size
                frame.time_base = Fraction(1, 48000)
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        files.append(out.getvalue())
    return files


@cache
def _starter() -> bytes:
    return Path(faceloop_runtime.__file__).with_name("starter").joinpath(
        "face70.safetensors"
    ).read_bytes()  # fmt: skip


def _model(data: bytes) -> None:
    FaceModel.load(written("model", "m.safetensors", data))


def _model_edits(data: bytes) -> None:
    FaceModel.load(written("model_edits", "m.safetensors", edited(_starter(), data)))


def _model_header(data: bytes) -> None:
    """Load a model whose header says what the input says; its length is put right."""
    end = 8 + int.from_bytes(_starter()[:8], "little")
    header = edited(_starter()[8:end], data)
    file = len(header).to_bytes(8, "little") + header + _starter()[end:]
    model = FaceModel.load(written("model_header", "m.safetensors", file))
    unseen_faces((), model.provenance)
    model.summary()


@cache
def _header_edits() -> list[bytes]:
    header = _starter()[8 : 8 + int.from_bytes(_starter()[:8], "little")]
    marks = (b'"shape":[', b'"data_offsets":[', b'"dtype":"', b"scales", b"names", b"noise")
    return [edit(header.find(mark) + len(mark), b"9", 1) for mark in marks if mark in header]


def _cache(data: bytes) -> None:
    """Read what a training kept, changed by somebody else."""
    kept = Cache(folder("cache"))
    file, content = folder("cache") / "faces" / "x.bin", edited(_kept_face(), data)
    file.write_bytes(content)
    if kept.load("faces", "x") is not None and content != _kept_face():
        raise AssertionError("arrays that no training here has written")


@cache
def _kept_face() -> bytes:
    picture, squares = np.zeros((9, 7), np.uint8), np.zeros((1, 96, 96), np.uint8)
    Cache(folder("cache")).save(
        "faces", "x", {"picture": picture, "move": np.eye(2).ravel(), "backgrounds": squares}
    )
    return (folder("cache") / "faces" / "x.bin").read_bytes()


def _loaded_strictly(data: bytes) -> None:
    if len(data) > 1 << 20:
        raise InputError("longer than an input is")
    _model(data)


def _clmtrackr(data: bytes) -> None:
    clmtrackr.load(written("clmtrackr", "m.js", data))


def _clmtrackr_edits(data: bytes) -> None:
    clmtrackr.load(written("clmtrackr_edits", "m.js", edited(_exported(), data)))


@cache
def _exported() -> bytes:
    """A model of clmtrackr's, of few numbers so that it is short."""
    n = clmtrackr_model.POINTS
    angle = np.linspace(0, 6, n)
    mean = np.stack([40 + 20 * np.cos(angle), 40 + 25 * np.sin(angle)], axis=1).round(1)
    modes = np.zeros((2 * n, 5))
    modes[:5] = np.eye(5)
    model = clmtrackr.ClmtrackrModel(
        mean=mean, modes=modes, variances=np.full(5, 2.0), free=(0, 1, 2, 3),
        patches=clmtrackr.SvmPatches({"raw": np.full((n, 3, 3), 0.5)}, {"raw": np.zeros(n)}),
        canvas=(80, 80), scoring=None,
    )  # fmt: skip
    file = folder("clmtrackr_base") / "m.js"
    clmtrackr.save(model, file)
    return file.read_bytes()


def _text_edits() -> list[bytes]:
    marks = (b'"meanShape"', b'"eigenValues"', b'"numPatches"', b'"canvasSize"', b'"patchType"')
    text = _exported()
    return [edit(text.find(mark) + len(mark) + 1, b"9", 1) for mark in marks if mark in text]


_JSON = (b"[", b"{", b'"F64"', b'"BF16"', b"9007199254740993", b"-1", b"1e999", b"null", b"NaN",
         b"18446744073709551615", b"[" * 500, b"\\\\ud800", b'":[0,0]')  # fmt: skip
_SIZES = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\xea\x60", b"\x60\xea\x00\x00",
          b"\x80\x00\x00\x00", b"\x00" * 8)  # fmt: skip

TARGETS = (
    Target("archive", lambda data: _unpack(data, "archive"),
           lambda: [gzip.compress(t, mtime=0) for t in _tars()] + _tars(),
           (b"\x1f\x8b\x08", b"ustar", b"../", b"\x00" * 512)),
    Target("tar", _tar, _tars,
           (b"ustar", b"../", b"/etc/x", b"\x80" + b"\xff" * 11, b"\xff" * 12, b"GNU.sparse.map=",
            b"GNU.sparse.major=1", b"GNU.sparse.minor=0", b"GNU.sparse.realsize=", b"size=", b"L",
            b"K", b"S", b"x", b"g", b"path=", b"hdrcharset=BINARY", b"77777777777", b"-1")),
    Target("image", _image, _images, (b"\xff\xd8", b"\xff\xda", b"IHDR", b"IDAT", b"acTL", b"Exif",
           b"%!PS", b"II*\x00", b"MM\x00*", b"GIF89a", b"RIFF", b"VP8X", b"BM", b"P6 ", *_SIZES)),
    Target("image_size", _image_size, _images, (b"Exif", b"II*\x00", *_SIZES)),
    Target("png", _png, lambda: [i for i in _images() if i.startswith(b"\x89PNG")],
           (b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"iTXt", b"zTXt", b"iCCP", b"fcTL", *_SIZES)),
    Target("video", _video, _videos, (b"moov", b"mdat", b"stts", b"stsz", b"\x1a\x45\xdf\xa3",
           b"#EXTM3U\n", b"ffconcat version 1.0\nfile x\n", b"RIFF", b"<MPD", *_SIZES)),
    Target("sound", _sound, _sounding, (b"moov", b"mdat", b"stts", b"stsz", b"esds", b"RIFF",
           b"\x1a\x45\xdf\xa3", b"\xff\xff\xff\xff", *_SIZES)),
    Target("model", _loaded_strictly, lambda: [_starter()[: 1 << 13]], _JSON),
    Target("model_edits", _model_edits, lambda: [edit(0, b"\x00"), edit(9000, b"\x7f\xf0")],
           (b"\x7f\xf8\x00\x00", b"\xff\xff\xff\xff", *_JSON), 512),
    Target("cache", _cache, lambda: [edit(20, b"9"), edit(90, b"\xff")], _JSON, 512),
    Target("clmtrackr", _clmtrackr, lambda: [_exported(), b'pModel = {"shapeModel": {}}'],
           (b"pModel", b"module.exports = ", b'"MOSSE"', b'"scoring"', *_JSON), 1 << 15),
    Target("clmtrackr_edits", _clmtrackr_edits, _text_edits, _JSON, 512),
    Target("model_header", _model_header, _header_edits, _JSON, 512),
)  # fmt: skip
