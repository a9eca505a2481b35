"""The whole program, timed by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path

from command_line.program import main

TRAIN = Path(__file__).parent.parent / "train.py"


def seconds_of_program(arguments: list[str]) -> float:
    """Seconds of training that `train.py ARGUMENTS` says it took, on a CPU, logging every 50 steps.

    The bar is drawn as on a terminal, into nothing; the run is kept in a folder that goes away.
    """
    os.environ["FORCE_COLOR"] = "1"
    fixed = ["--trainer.accelerator=cpu", "--trainer.log_every_n_steps=50"]
    with tempfile.TemporaryDirectory() as folder:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
            code = main([*arguments, *fixed, f"--run.root={folder}"])
        if code:
            sys.exit(code)
        (result,) = Path(folder).rglob("result.json")
        return float(json.loads(result.read_text())["seconds"])


def seconds_of_command(arguments: list[str]) -> tuple[float, int]:
    """Seconds of `python train.py ARGUMENTS` in a process of its own, and its last step."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, str(TRAIN), *arguments, f"--run.root={folder}"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        seconds = time.perf_counter() - start
        (result,) = Path(folder).rglob("result.json")
        return seconds, int(json.loads(result.read_text())["steps"])
