"""Events for TensorBoard, written without torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary


def write_images(folder: Path, images: Mapping[str, bytes], step: int) -> None:
    """Write PNG pictures as the events of a folder, in place of those that it had.

    Args:
        folder: of the events, a run to TensorBoard.
        images: PNG files, by tag.
        step: of all of them.
    """
    import io

    from PIL import Image as Picture
    from tensorboard.compat.proto.summary_pb2 import Summary

    summaries = []
    for tag, content in images.items():
        width, height = Picture.open(io.BytesIO(content)).size
        image = Summary.Image(
            height=height, width=width, colorspace=4, encoded_image_string=content
        )
        summaries.append(Summary(value=[Summary.Value(tag=tag, image=image)]))
    write_events(folder, summaries, step)


def write_events(folder: Path, summaries: Iterable[Summary], step: int, suffix: str = "") -> None:
    """Write summaries as the events of a folder, in place of those that it had.

    Args:
        folder: of the events, a run to TensorBoard.
        summaries: in their order.
        step: of all of them.
        suffix: of the names of files; only files that end in it are replaced.
    """
    import time

    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    old = list(folder.glob(f"events.out.tfevents.*{suffix}"))
    writer = EventFileWriter(str(folder), filename_suffix=suffix)
    for summary in summaries:
        writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))
    writer.close()
    # Only now, so that there are some at any time.
    for file in old:
        file.unlink(missing_ok=True)
