"""What other programs keep in the environment stops nothing that does not need it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

# A room that draws, as torchmetrics does: it asks matplotlib for a way to show what is drawn.
DRAW = """
from command_line.program import main
main(["--help"])
import matplotlib.pyplot
matplotlib.pyplot.figure()
"""


@pytest.mark.parametrize("backend", ["nonsense", "module://not_installed"])
def test_drawing_into_files_needs_no_window(backend):
    """As of a notebook that has started this program."""
    run = subprocess.run(
        [sys.executable, "-c", DRAW],
        cwd=ROOT,
        env={**os.environ, "MPLBACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, "")
