"""Workers answer calls; one that dies is told of and replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from comparison.engine import Answer
from comparison.engine_local import LocalEngine
from tests.comparison import faults

ROOT = Path(__file__).resolve().parents[2]


def answers_of(engine: LocalEngine, count: int) -> list[Answer]:
    found: list[Answer] = []
    deadline = time.monotonic() + 60
    while len(found) < count and time.monotonic() < deadline:
        found += engine.wait(0.1)
    assert len(found) == count
    return found


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < deadline, f"{file} is not written"
        time.sleep(0.02)


def test_calls_are_answered_side_by_side(engine):
    assert (engine.idle, engine.busy) == (2, 0)
    engine.start("one", faults.divided, 1, 2)
    engine.start("other", faults.divided, 1, 4)
    assert (engine.idle, engine.busy) == (0, 2)
    answers = {answer.key: answer.value for answer in answers_of(engine, 2)}
    assert answers == {"one": 0.5, "other": 0.25}
    assert (engine.idle, engine.busy) == (2, 0)


def test_what_a_call_raises_is_told_in_a_line(engine):
    engine.start("key", faults.divided, 1, 0)
    (answer,) = answers_of(engine, 1)
    assert answer == Answer("key", error="ZeroDivisionError: division by zero")


def test_one_process_answers_call_after_call_and_has_imported_before_the_first(engine):
    seen = set()
    for _ in range(3):
        engine.start(None, faults.process_and_imports)
        (answer,) = answers_of(engine, 1)
        process, has_imported = answer.value
        assert has_imported
        seen.add(process)
    assert len(seen) == 1 and os.getpid() not in seen


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_worker_that_dies_is_told_of_and_replaced(number, engine):
    engine.start("dies", faults.end_by, number)
    engine.start("lives", faults.divided, 3, 1)
    answers = {answer.key: answer for answer in answers_of(engine, 2)}
    assert signal.Signals(number).name in answers["dies"].death
    assert answers["lives"].value == 3
    engine.start("again", faults.divided, 5, 1)
    (answer,) = answers_of(engine, 1)
    assert answer.value == 5


def test_a_worker_that_dies_while_it_is_idle_costs_no_call(engine):
    engine.start(None, faults.process_and_imports)
    (answer,) = answers_of(engine, 1)
    os.kill(answer.value[0], signal.SIGKILL)
    time.sleep(0.2)
    assert engine.wait(0.5) == []
    engine.start("next", faults.divided, 7, 1)
    assert answers_of(engine, 1)[0].value == 7


def test_interrupted_workers_end_what_is_under_way(engine, tmp_path):
    file = tmp_path / "file"
    engine.start("key", faults.note_sigterm, file)
    wait_for(file.with_suffix(".begun"))
    engine.interrupt()
    (answer,) = answers_of(engine, 1)
    assert answer == Answer("key") and file.read_text() == "ended"


def test_what_is_preloaded_is_found_where_the_program_is_not_installed(tmp_path):
    """Started elsewhere than in its folder, without the packages of the environment."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from comparison import engine_local\n"
        "if __name__ == '__main__':\n"
        "    engine_local.PRELOADED = ['comparison.cost']\n"
        "    engine = engine_local.LocalEngine(1)\n"
        '    engine.start(None, eval, \'"comparison.cost" in __import__("sys").modules\')\n'
        "    print(engine.wait(60)[0].value, 'PYTHONPATH' in os.environ)\n"
        "    engine.kill()\n"
    )
    environment = {name: each for name, each in os.environ.items() if name != "PYTHONPATH"}
    answer = subprocess.run(
        [sys.executable, "-S", str(script)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.stdout == "True False\n", answer.stderr


def test_workers_end_when_the_comparison_is_killed(tmp_path):
    """In a process of its own, started as on a machine that cannot fork."""
    file = tmp_path / "file"
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "from comparison.engine_local import LocalEngine\n"
        "from tests.comparison import faults\n"
        "if __name__ == '__main__':\n"
        "    engine = LocalEngine(1, 'spawn')\n"
        f"    engine.start(None, faults.note_sigterm, Path({str(file)!r}))\n"
        "    time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, str(script)], env=environment)
    try:
        wait_for(file.with_suffix(".begun"))
        worker = int(file.with_suffix(".begun").read_text())
    finally:
        process.kill()
        process.wait()
    wait_for(file)
    deadline = time.monotonic() + 20
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()
