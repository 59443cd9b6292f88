"""Video files made for tests: frames that show their own number, cut, joined and damaged."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from av.packet import Packet

HUNDREDTH = Fraction(1, 100)


def numbered(count: int, size: tuple[int, int] = (96, 64)) -> list[np.ndarray]:
    """Frames that show their own number: bit b is white or black in column block b."""
    frames = []
    for i in range(count):
        bits = [(i >> b) & 1 for b in range(8)]
        row = np.repeat(np.array(bits, np.uint8) * 190 + 30, size[0] // 8)
        frames.append(np.repeat(np.tile(row, (size[1], 1))[..., None], 3, axis=2))
    return frames


def read_number(gray: np.ndarray) -> int:
    blocks = gray[gray.shape[0] // 2].reshape(8, -1).mean(axis=1) > 128
    return int(sum(1 << b for b, on in enumerate(blocks) if on))


def encode(path: Path, codec: str, times: Sequence[int], **options: str) -> Path:
    """A file whose frames have the given presentation times in 1/100 s."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.time_base = stream.codec_context.time_base = HUNDREDTH
        stream.options = options
        for time, image in zip(times, numbered(len(times)), strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = time, HUNDREDTH
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def copy_stream(
    source: Path,
    target: Path,
    *,
    keep: Callable[[int, Packet], bool] = lambda _number, _packet: True,
    shift: float = 0.0,
    sound: float | None = None,
    **options: str,
) -> Path:
    """Copy packets without decoding, as ``ffmpeg -c copy`` does.

    ``shift`` makes all of them so many seconds later; ``sound`` adds so many seconds of it.
    """
    with av.open(str(source)) as old, av.open(str(target), "w", options=options) as new:
        video = old.streams.video[0]
        copy = new.add_stream_from_template(video)
        speaker = None if sound is None else new.add_stream("aac", rate=8000)
        later = round(shift / video.time_base)
        for number, packet in enumerate(p for p in old.demux(video) if p.size):
            if keep(number, packet):
                packet.pts, packet.dts = packet.pts + later, packet.dts + later
                packet.stream = copy
                new.mux(packet)
        if speaker is not None:
            for start in range(0, round(8000 * sound), 1024):
                quiet = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
                quiet.sample_rate, quiet.pts = 8000, start
                new.mux(speaker.encode(quiet))
            new.mux(speaker.encode(None))
    return target
