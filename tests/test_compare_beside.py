"""A comparison with what others have reported, as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path("comparisons/small")
FIGURE = """\
compare:
  config: small.yaml
  models: [RNN]
  lengths: 3,4
  fixed: {trainer.max_steps: 8, trainer.val_check_interval: 4}
  beside: theirs.csv
"""
TABLE = "source,model,data.length,accuracy\nothers,RNN,3,0.9\n"


@pytest.fixture
def table(small_config, tmp_path) -> Path:
    """Of a comparison file, figure.yaml."""
    (tmp_path / "figure.yaml").write_text(FIGURE)
    file = tmp_path / "theirs.csv"
    file.write_text(TABLE)
    return file


def test_it_is_drawn_and_drawn_again(start_process, train, table):
    assert train("compare", "--config=figure.yaml").code == 0
    picture = FOLDER / "figures/accuracy_against_length.svg"
    drawn = picture.read_text()
    assert "RNN, others" in drawn
    table.unlink()
    picture.unlink()
    assert train("plot", str(FOLDER)).code == 0 and picture.read_text() == drawn
    assert train("compare", f"--config={FOLDER}/comparison.yaml").code == 0
    assert (FOLDER / "beside.csv").read_text() == TABLE and picture.read_text() == drawn
    (FOLDER / "beside.csv").write_text(TABLE.replace("0.9", "much"))
    refused = train("plot", str(FOLDER))
    assert refused.code == 2 and "beside.csv, line 2: accuracy must be a number" in refused.err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "has no theirs.csv"),
        ("a,b\n1,2\n", "theirs.csv has no column source"),
        (TABLE.replace("0.9", "much"), "theirs.csv, line 2: accuracy must be a number, got much"),
    ],
)
def test_a_wrong_table_is_refused_before_anything_is_written(content, told, train, table):
    table.unlink()
    if content is not None:
        table.write_text(content)
    refused = train("compare", "--config=figure.yaml")
    assert refused.code == 2 and refused.err.count("\n") == 1
    assert told in refused.err and not FOLDER.parent.exists()
