"""A comparison's folder alone tells how far it has come, and holds one comparison."""

from __future__ import annotations

import pytest

from command_line.errors import UsageError
from comparison.definition import Definition, define
from comparison.folder import ComparisonFolder, State, open_comparison
from comparison.grid import Run
from storage.how_far import HowFar, note
from tests.results import RESULT_TEXT

RUN = Run("RNN", (("data.length", "5"),), 0)


@pytest.fixture
def folder(tmp_path) -> ComparisonFolder:
    return ComparisonFolder(tmp_path / "comparison")


def put(folder: ComparisonFolder, definition: Definition) -> None:
    """Let a comparison have the folder for a moment."""
    with folder.claimed(definition):
        pass


def test_the_states_of_a_run(folder):
    assert folder.state(RUN) is State.NEW
    run = folder.run(RUN)
    assert run.path == folder.path / "runs/RNN/length=5,seed=0"
    run.checkpoints.mkdir(parents=True)
    assert folder.state(RUN) is State.NEW
    run.checkpoint("last").touch()
    assert folder.state(RUN) is State.BEGUN
    folder.note_failure(RUN, "out of luck")
    assert folder.state(RUN) is State.FAILED and folder.failure(RUN) == "out of luck"
    folder.forget_failure(RUN)
    assert folder.state(RUN) is State.BEGUN
    folder.note_failure(RUN, "out of luck")
    run.result_file.write_text(RESULT_TEXT)
    assert folder.state(RUN) is State.FINISHED


def test_how_far_a_run_has_come(folder):
    measured = ComparisonFolder(folder.path, (5, 10))
    run = folder.run(RUN)
    assert folder.how_far(RUN) == "begins"
    run.path.mkdir(parents=True)
    for now, words in (
        (HowFar(30, 600, 0.5612), "step  30/600  accuracy 0.561"),
        (HowFar(30, -1, 1.0), "step 30/?  accuracy 1.000"),
    ):
        note(run.how_far_file, now)
        assert folder.how_far(RUN) == words
    run.how_far_file.unlink()
    run.result_file.write_text(RESULT_TEXT)
    assert (folder.how_far(RUN), measured.how_far(RUN)) == ("ends", "is measured")


def test_a_definition_is_written_and_found_again(folder, small_config):
    definition, _ = define(small_config, {"seeds": "2", "models": "RNN,LSTM"}, {"data.length": "3"})
    put(folder, definition)
    again, same = open_comparison(folder.path)
    assert same == folder
    assert again.grid == definition.grid and again.fixed == definition.fixed
    assert again.base == definition.base
    assert folder.config_file.read_text() == small_config.read_text()
    assert not list(folder.path.rglob("*.unfinished"))


@pytest.mark.parametrize("name", ["comparison.yaml", "config.yaml"])
def test_a_broken_definition_tells_what_is_intact(name, folder, small_config):
    definition, _ = define(small_config, {}, {})
    put(folder, definition)
    (folder.path / "results.csv").touch()
    (folder.path / name).write_text("compare: [")
    says = f"{name} is not YAML, line 1.*; what its runs came to is intact: .* plot {folder.path}"
    for again in (lambda: folder.check(definition), lambda: define(folder.definition_file, {}, {})):
        with pytest.raises(UsageError, match=says):
            again()


def test_what_others_have_reported_goes_along_and_may_change(folder, small_config):
    figure, table = (small_config.with_name(name) for name in ("figure.yaml", "theirs.csv"))
    figure.write_text("compare: {config: small.yaml, beside: theirs.csv}")
    for content in ("source,model\n", "source,model,accuracy\nwe,RNN,1\n"):
        table.write_text(content)
        put(folder, define(figure, {}, {})[0])
        assert folder.beside_file.read_text() == content
    table.unlink()
    again, _ = open_comparison(folder.path)
    assert again.beside == folder.beside_file
    put(folder, again)
    assert folder.beside_file.read_text() == content
    put(folder, define(small_config, {}, {})[0])
    assert not folder.beside_file.exists() and open_comparison(folder.path)[0].beside is None
    assert not list(folder.path.rglob("*.unfinished"))


def test_another_grid_may_have_the_folder_and_another_base_may_not(folder, small_config):
    put(folder, define(small_config, {"seeds": "2"}, {})[0])
    other, _ = define(small_config, {"seeds": "3", "lengths": "4,5"}, {})
    folder.check(other)
    put(folder, other)
    assert open_comparison(folder.path)[0].grid == other.grid
    with pytest.raises(UsageError, match=r"data.batch_size is 16 there, 8 here"):
        folder.check(define(small_config, {"seeds": "3"}, {"data.batch_size": "8"})[0])


def test_while_a_comparison_is_under_way_the_same_runs_may_join_it_and_others_may_not(
    folder, small_config
):
    two, same, three = (
        define(small_config, {"seeds": seeds, "models": "RNN,GRU"}, {})[0]
        for seeds in ("2", "1,0", "3")
    )
    with folder.claimed(two):
        put(folder, same)
        with pytest.raises(UsageError, match="a comparison of other runs is under way in"):
            put(folder, three)
        assert len(open_comparison(folder.path)[0].grid) == 4
    put(folder, three)
    assert len(open_comparison(folder.path)[0].grid) == 6


@pytest.mark.parametrize(
    "leavings", [[], [".lock"], [".lock", ".claim", "config.yaml", "beside.csv"]]
)
def test_a_comparison_that_was_killed_at_its_start_makes_way(leavings, folder, small_config):
    folder.path.mkdir()
    for name in leavings:
        (folder.path / name).touch()
    put(folder, define(small_config, {}, {})[0])
    assert open_comparison(folder.path)


def test_a_folder_of_something_else_is_left_alone(folder, small_config):
    definition, _ = define(small_config, {}, {})
    folder.run(RUN).path.mkdir(parents=True)
    (folder.path / "config.yaml").write_text("mine")
    with pytest.raises(UsageError, match="holds something else than a comparison"):
        put(folder, definition)
    assert (folder.path / "config.yaml").read_text() == "mine"


def test_a_file_in_the_way_is_told(folder, small_config):
    folder.path.write_text("")
    with pytest.raises(UsageError, match="is not a folder"):
        folder.check(define(small_config, {}, {})[0])


def test_no_comparison_there(tmp_path):
    with pytest.raises(UsageError, match=r"it holds no comparison\.yaml"):
        open_comparison(tmp_path)
