"""What is drawn: matplotlib and nothing of the networks."""

import os


def draw_into_files() -> None:
    """Spare matplotlib the look for a window, or for the notebook, that a variable tells it of.

    To be called before anything imports matplotlib. It may name what is not installed here, as it
    does where a notebook has started this program.
    """
    os.environ["MPLBACKEND"] = "agg"
