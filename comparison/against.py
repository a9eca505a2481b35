"""What was reached against what was varied: figures 3, 4, 6 and 7 of the study, and their kin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from comparison.beside import Reported
from comparison.groups import Group, grouped, is_number, short_names, varied
from comparison.layout import Page, all_groups, headed, laid_out, seeds
from comparison.measures import MEASURES, measures_of
from comparison.records import Record
from figures.beside import Points
from figures.comparisons import Series, draw_against_class, draw_against_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Numbers that have a unit.
UNITS = {
    "data.length": "length T (digits or characters read)",
    "model.hidden_size": "hidden size (units)",
    "data.batch_size": "batch size (examples a step)",
    "optimizer.lr": "learning rate",
}


def against_setting(
    finished: Sequence[Record], reported: Sequence[Reported] = ()
) -> Iterator[tuple[str, Figure]]:
    """Draw every measure against every varied setting; against the architecture without any.

    Args:
        finished: runs.
        reported: by others, to be drawn beside them.

    Yields:
        The name of a file without its ending, and the figure.
    """
    groups = grouped(finished)
    settings = varied(finished)
    names = short_names(flag for record in finished for flag in record.settings)
    for flag, values in settings.items():
        for page in laid_out(groups, own=[flag]):
            for measure in measures_of(finished):
                figure = _draw(page, measure, flag, names[flag], values, finished, reported)
                yield f"{measure}_against_{names[flag]}{page.suffix}", figure
    if not settings:
        models = list(dict.fromkeys(group.model for group in groups))
        for page in laid_out(groups, models_differ=False):
            for measure in measures_of(finished):
                figure = _draw(page, measure, None, "architecture", models, finished, ())
                yield f"{measure}_against_architecture{page.suffix}", figure


def _draw(
    page: Page,
    measure: str,
    flag: str | None,
    name: str,
    values: Sequence[str],
    finished: Sequence[Record],
    reported: Sequence[Reported],
) -> Figure:
    numeric = flag is not None and all(map(is_number, values))
    # Texts that look like one number, such as 1e3 and 1000, have places of their own.
    numeric = numeric and len(set(map(float, values))) == len(values)

    def place(group: Group) -> float:
        if flag is None:
            return values.index(group.model)
        value = group.settings[flag]
        return float(value) if numeric else values.index(value)

    panels = {
        title: [_series(line, groups, place, measure) for line, groups in lines.items()]
        for title, lines in page.panels.items()
    }
    words = MEASURES[measure]
    steps = measure == "steps_to_converge"
    settings: dict[str, Any] = {
        "title": _title(page, measure, name, finished, "" if numeric else "; small points: seeds"),
        "xlabel": UNITS.get(flag or "", name),
        "ylabel": words.label,
        "limits": words.limits,
        "missing": "number of unsolved seeds" if steps else "",
    }
    if numeric:
        points = _points(reported, measure, flag or "", list(map(float, values)))
        return draw_against_number(panels, **settings, beside=_beside(page, points))
    return draw_against_class(panels, values, **settings)


def _series(
    name: str, groups: Sequence[Group], place: Callable[[Group], float], measure: str
) -> Series:
    values = {place(group): group.values(measure) for group in groups}
    missing = {
        place(group): len(group.finished) - group.solved
        for group in groups
        if group.solved is not None
    }
    return Series(
        name,
        values,
        missing if measure == "steps_to_converge" else {},
    )


def _points(
    reported: Sequence[Reported], measure: str, flag: str, places: Sequence[float]
) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """What was reported by model and name, where the runs are: nothing stretches their axis."""
    points: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for each in reported:
        place, value = each.settings.get(flag), each.numbers.get(measure)
        if place is not None and value is not None and min(places) <= place <= max(places):
            points.setdefault((each.model, each.name), []).append((place, value))
    return points


def _beside(
    page: Page, points: Mapping[tuple[str, str], Sequence[tuple[float, float]]]
) -> dict[str, list[Points]]:
    """The points of each panel: those of the models in it, like the line that a model has."""
    lines: dict[str, set[str]] = {}
    for panel in page.panels.values():
        for line, groups in panel.items():
            for group in groups:
                lines.setdefault(group.model, set()).add(line)

    def like(model: str) -> str:
        # Of several lines, none is what was reported.
        return next(iter(lines[model])) if len(lines[model]) == 1 else ""

    return {
        title: [
            Points(name, like(model), of_one)
            for (model, name), of_one in points.items()
            if any(group.model == model for groups in panel.values() for group in groups)
        ]
        for title, panel in page.panels.items()
    }


def _title(page: Page, measure: str, name: str, finished: Sequence[Record], beside: str) -> str:
    of = seeds(all_groups(page))
    over = f"the solved of {of}" if measure == "steps_to_converge" else of
    return headed(
        f"{MEASURES[measure].name} against {name}",
        f"mean ± standard deviation over {over}{beside}",
        page,
        finished,
    )
