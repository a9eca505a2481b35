"""Pictures for TensorBoard, written without torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write_images(folder: Path, images: Mapping[str, bytes], step: int) -> None:
    """Write PNG pictures as the events of a folder, in place of those that it had.

    Args:
        folder: of the events, a run to TensorBoard.
        images: PNG files, by tag.
        step: of all of them.
    """
    import io
    import time

    from PIL import Image as Picture
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    old = list(folder.glob("events.out.tfevents.*"))
    writer = EventFileWriter(str(folder))
    for tag, content in images.items():
        width, height = Picture.open(io.BytesIO(content)).size
        image = Summary.Image(
            height=height, width=width, colorspace=4, encoded_image_string=content
        )
        summary = Summary(value=[Summary.Value(tag=tag, image=image)])
        writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))
    writer.close()
    # Only now, so that there are pictures at any time.
    for file in old:
        file.unlink(missing_ok=True)
