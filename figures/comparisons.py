"""Groups of runs beside each other: values of several seeds, as a line or as points a group."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from figures.beside import Points, draw_points
from figures.looks import look
from figures.panels import Panel, finish, make_panels, name_axes, shortened
from figures.scales import set_places

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What no value can be below or above; None: there is no such bound.
Limits = tuple[float | None, float | None]
# More would not be read as numbers.
MOST_NUMBERS = 25
# That a letter of a slanted name reaches down.
INCHES_DOWN = 0.055
# The most characters of a name at the side of a strip.
MOST_LETTERS = 20


@dataclass(frozen=True)
class Series:
    """A group's values at several places.

    Attributes:
        name: of the group, for the legend.
        values: of all seeds, at each place: a number, or the number of a class; () where none
            has a value.
        missing: at each place, how many seeds have no value because they did not get there.
    """

    name: str
    values: Mapping[float, Sequence[float]]
    missing: Mapping[float, int] = field(default_factory=dict)


def draw_against_number(
    panels: Mapping[str, Sequence[Series]],
    title: str,
    xlabel: str,
    ylabel: str,
    limits: Limits = (None, None),
    missing: str = "",
    beside: Mapping[str, Sequence[Points]] | None = None,
) -> Figure:
    """Draw the mean over seeds as a line a group, in a band of one standard deviation.

    Args:
        panels: by title, the groups in each; groups of the same name look the same.
        title, xlabel, ylabel: of the figure and its axes.
        limits: of the values: no band goes past them.
        missing: what a strip below tells, the number of seeds without a value; "" for no strip.
        beside: what others have reported, by title of the panel; places are the groups' alone.

    Returns:
        A matplotlib figure that belongs to no window.
    """
    numbers = _numbers(panels)
    reported = beside or {}
    figure, made = make_panels(list(panels), len(numbers) if missing else 0)
    for panel, (heading, series) in zip(made, panels.items(), strict=True):
        for each in series:
            # A line ends where no seed has a value.
            where = sorted(each.values)
            draw_band(panel, where, [each.values[w] for w in where], numbers, each.name, limits)
        draw_points(panel, reported.get(heading, ()), numbers)
        _draw_missing(panel, series, numbers, missing)
    places = sorted({w for series in panels.values() for each in series for w in each.values})
    for panel in made:
        set_places(panel.axes, places)
    _set_values(made, limits)
    name_axes(made, xlabel, ylabel)
    finish(figure, made, title)
    return figure


def draw_against_class(
    panels: Mapping[str, Sequence[Series]],
    classes: Sequence[str],
    title: str,
    xlabel: str,
    ylabel: str,
    limits: Limits = (None, None),
    missing: str = "",
) -> Figure:
    """Draw each seed as a small point, and mean and standard deviation of a group beside them.

    Args:
        panels: by title, the groups in each; their places count the classes.
        classes: names of the places, from 0 on.
        title, xlabel, ylabel, limits, missing: as in `draw_against_number`.

    Returns:
        A matplotlib figure that belongs to no window.
    """
    numbers = _numbers(panels)
    # Long names would run into each other.
    longest = max(map(len, classes))
    crowded = len(classes) * longest > (60 if len(panels) == 1 else 18)
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    strip_rows = len(numbers) if missing else 0
    figure, made = make_panels(list(panels), strip_rows, INCHES_DOWN * longest * crowded)
    # A few stand close to the name of their class.
    width = min(0.3, 0.8 / len(numbers))
    for panel, series in zip(made, panels.values(), strict=True):
        for each in series:
            number = numbers[each.name]
            shift = (number - (len(numbers) - 1) / 2) * width
            _draw_points(panel, each, number, shift, width, limits)
        _draw_missing(panel, series, numbers, missing)
        for between in range(1, len(classes)):
            panel.axes.axvline(between - 0.5, color="grey", linewidth=0.5, alpha=0.5)
        panel.axes.grid(False, axis="x")
        panel.axes.set_xticks(range(len(classes)), labels=classes, **(slanted if crowded else {}))
        panel.axes.set_xlim(-0.5, len(classes) - 0.5)
    _set_values(made, limits)
    name_axes(made, xlabel, ylabel)
    finish(figure, made, title)
    return figure


def draw_band(
    panel: Panel,
    where: Sequence[float],
    values: Sequence[Sequence[float]],
    numbers: Mapping[str, int],
    name: str,
    limits: Limits = (None, None),
    every: float | None = None,
) -> None:
    """Draw a mean as a line, and a band of one standard deviation around it, inside limits.

    Args:
        panel: where to.
        where: places on the horizontal axis.
        values: of all seeds, at each place.
        numbers: of each group by name, which make its look.
        name: of this group.
        limits: of the values.
        every: of the width of the axes, one marker; None: one at each place.
    """
    means, low, high = zip(*(spread_of(each, limits) for each in values), strict=True)
    style = look(numbers[name])
    # Markers of lines that lie upon each other are not to do so too.
    markevery = None if every is None else (every * (numbers[name] % 4 + 1) / 4, every)
    panel.axes.plot(
        where, means, label=name, markersize=5, linewidth=1.6, markevery=markevery, **style
    )
    panel.axes.fill_between(where, low, high, color=style["color"], alpha=0.18, linewidth=0)


def spread_of(values: Sequence[float], limits: Limits = (None, None)) -> tuple[float, float, float]:
    """The mean, and one standard deviation of a sample below and above it, inside limits.

    Without values, all three are no number, and nothing is drawn.
    """
    if not values:
        return math.nan, math.nan, math.nan
    # A figure of curves asks this ten thousand times, and statistics.stdev reckons in fractions.
    mean = math.fsum(values) / len(values)
    squares = math.fsum((value - mean) ** 2 for value in values)
    deviation = math.sqrt(squares / (len(values) - 1)) if len(values) > 1 else 0.0
    lowest, highest = limits
    low = mean - deviation if lowest is None else max(lowest, mean - deviation)
    high = mean + deviation if highest is None else min(highest, mean + deviation)
    # The mean of equal numbers may differ from them in its last digit.
    return mean, min(low, mean), max(high, mean)


def _draw_points(
    panel: Panel, series: Series, number: int, shift: float, width: float, limits: Limits
) -> None:
    style = look(number)
    style.pop("linestyle")
    places = sorted(place for place, values in series.values.items() if values)
    means = [spread_of(series.values[place], limits) for place in places]
    panel.axes.errorbar(
        [place + shift + width / 8 for place in places],
        [mean for mean, _, _ in means],
        yerr=[[mean - low for mean, low, _ in means], [high - mean for mean, _, high in means]],
        label=series.name,
        markersize=6,
        capsize=3,
        linestyle="none",
        linewidth=1.4,
        **style,
    )
    panel.axes.scatter(
        [place + shift - width / 6 for place in places for _ in series.values[place]],
        [value for place in places for value in series.values[place]],
        s=14,
        alpha=0.6,
        linewidths=0,
        **style,
    )


def _draw_missing(
    panel: Panel, series: Sequence[Series], numbers: Mapping[str, int], words: str
) -> None:
    """In the strip, a row a group: how many seeds have no value at each place."""
    strip = panel.strip
    if strip is None:
        return
    for each in series:
        number = numbers[each.name]
        few = len(each.missing) <= MOST_NUMBERS
        for place, count in each.missing.items():
            if count:
                text = str(count) if few else "x"
                strip.text(place, number, text, fontsize=7, **CENTRED)
    strip.set_ylim(len(numbers) - 0.5, -0.5)
    # The whole of a long name is in the legend.
    names = [shortened(name, MOST_LETTERS) for name in numbers]
    strip.set_yticks(range(len(numbers)), labels=names, fontsize=7)
    strip.tick_params(axis="y", length=0)
    strip.grid(False)
    strip.set_facecolor("0.96")
    for side in ("top", "right", "left"):
        strip.spines[side].set_visible(False)
    strip.annotate(
        words, (1.0, 1.0), xycoords="axes fraction", fontsize=6, ha="right", va="bottom", alpha=0.8
    )


CENTRED: dict[str, Any] = {"ha": "center", "va": "center"}


def _set_values(panels: Sequence[Panel], limits: Limits) -> None:
    # The panels share their axes.
    axes = panels[0].axes
    if limits == (0.0, 1.0):
        axes.set_ylim(0, 1.03)
    elif limits[0] == 0.0:
        # With room above what is highest of all panels.
        axes.set_ylim(0, 1.05 * axes.get_ylim()[1])


def _numbers(panels: Mapping[str, Sequence[Series]]) -> dict[str, int]:
    names = dict.fromkeys(each.name for series in panels.values() for each in series)
    return {name: number for number, name in enumerate(names)}
