"""A run that climbs through the stages of a curriculum in a second, and the stages by force."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from datamodules import Curriculum
from tests.conftest import QUICK

# Up and down a few times, and solved within a hundred steps.
RULES = Curriculum(start=2, growth=1.4, window=2, loss=0.5, patience=4, fall_back=2)
LENGTH = 12
CLIMBING = [
    "--model=GRU",
    "--model.hidden_size=8",
    "--model.encoding=one_hot",
    f"--data.length={LENGTH}",
    "--data.batch_size=16",
    "--data.evaluation_size=48",
    f"--data.curriculum.start={RULES.start}",
    f"--data.curriculum.growth={RULES.growth}",
    f"--data.curriculum.window={RULES.window}",
    f"--data.curriculum.loss={RULES.loss}",
    f"--data.curriculum.patience={RULES.patience}",
    f"--data.curriculum.fall_back={RULES.fall_back}",
    "--optimizer=Adam",
    "--optimizer.lr=0.1",
    *QUICK,
    "--trainer.max_steps=100",
]


def lengths_by_force(
    rules: Curriculum, length: int, shown: Sequence[tuple[float, float]]
) -> list[int]:
    """The length of each step, and of the two after the last, from the whole history.

    Args:
        rules: of the curriculum.
        length: of the task.
        shown: accuracy and loss of each step.
    """
    lengths, path, solved = [rules.start] * 2, [rules.start], False
    for step in range(len(shown)):
        now = lengths[step]
        # What the next step reads was drawn before this one was made.
        is_told = lengths[step + 1] != now
        stage = [step]
        while stage[0] > 0 and lengths[stage[0] - 1] == now:
            stage.insert(0, stage[0] - 1)
        window = [shown[each] for each in stage[-rules.window :]]
        flawless = len(window) == rules.window and all(accuracy == 1 for accuracy, _ in window)
        if is_told or solved:
            pass
        elif flawless and sum(loss for _, loss in window) / rules.window < rules.loss:
            if now == length:
                solved = True
            else:
                path.append(min(length, math.ceil(Decimal(str(rules.growth)) * now)))
        elif rules.patience and len(stage) >= rules.patience:
            path = path[: max(1, len(path) - rules.fall_back)]
        lengths.append(path[-1])
    return lengths
