"""Writing with a trained network: on torch and the layers alone."""

from generation.load import load_cast, load_writer
from generation.play import Cast, play
from generation.sampling import draw_next
from generation.stop import Cutter, cut_each
from generation.writer import Writer

__all__ = [
    "Cast",
    "Cutter",
    "Writer",
    "cut_each",
    "draw_next",
    "load_cast",
    "load_writer",
    "play",
]
