"""What memory there is, and what surely does not fit into it: told before the machine swaps."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from command_line.errors import UsageError

# The limit of a container, in bytes; "max" where there is none.
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
# A setting below this makes no model that matters.
LARGE = 2048
UNITS = ("bytes", "KB", "MB", "GB", "TB", "PB", "EB")


def installed() -> float:
    """Bytes of memory that this process may have at most; infinite where nothing tells."""
    limits = [float("inf")]
    with suppress(AttributeError, OSError, ValueError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for file in LIMITS:
        try:
            limits.append(int(Path(file).read_text()))
        except (OSError, ValueError):
            continue
    return min(limits)


def check_fits(sizes: Mapping[str, float]) -> None:
    """Make sure that each of some things fits into memory by itself.

    Args:
        sizes: what they are, such as 'data.batch_size 16 x data.length 4', and their bytes.

    Raises:
        UsageError: one does not.
    """
    there = installed()
    for what, size in sizes.items():
        if size > there:
            raise UsageError(
                f"{what} takes {amount(size)} of memory, and there are {amount(there)}"
            )


def amount(size: float) -> str:
    """'24 GB', in powers of ten."""
    power = 0
    while size >= 999.5 and power < len(UNITS) - 1:
        size, power = size / 1000, power + 1
    return f"{size:.3g} {UNITS[power]}"


def check_model(class_path: str, settings: Mapping[str, Any]) -> None:
    """Make sure that there is memory for a model, before it is built.

    Args:
        class_path: of the model.
        settings: that it is made with.

    Raises:
        UsageError: not even its weights fit, and their gradients where there is no GPU for them.
    """
    size = _parameters(class_path, settings)
    if size:
        import torch

        copies = 1 if torch.cuda.is_available() else 2
        check_fits({f"a model with {_largest(settings)}": copies * size})


def check_states(model: Any, data: Any, accumulated: int) -> None:
    """Make sure that there is memory for what training keeps of each step of time.

    Args:
        model: to be trained; of one without a hidden_size nothing is known.
        data: that it is trained on; of data without a length nothing is known.
        accumulated: batches that a step is cut into.

    Raises:
        UsageError: not even the hidden states fit, in float32.
    """
    import torch

    hidden = getattr(model, "hparams", {}).get("hidden_size")
    length = getattr(data, "length", None)
    if not (isinstance(hidden, int) and isinstance(length, int)):
        return
    if not torch.cuda.is_available():
        size = 4 * hidden * length * data.batch_size // accumulated
        what = f"model.hidden_size {hidden} x data.length {length} x data.batch_size "
        check_fits({f"{what}{data.batch_size}": size})


def _parameters(class_path: str, settings: Mapping[str, Any]) -> int:
    """Bytes of a large model's parameters; 0 where it is small, or only building it would tell.

    Raises:
        UsageError: there are more than can be counted.
    """
    if max((each for each in settings.values() if type(each) is int), default=0) < LARGE:
        return 0
    import torch

    from command_line.parser import import_class

    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            model = import_class(class_path)(**settings)
        return sum(each.numel() * each.element_size() for each in model.parameters())
    except RuntimeError as error:
        if exhausted(error):
            raise UsageError(f"model: no machine has memory for {_largest(settings)}") from None
    except Exception:
        # Whatever is wrong is told when the model is built.
        pass
    return 0


def _largest(settings: Mapping[str, Any]) -> str:
    """The largest of the settings: 'hidden_size 1000000000000000000'."""
    numbers = {name: value for name, value in settings.items() if type(value) is int}
    largest = max(numbers.values(), default=0)
    return ", ".join(f"{name} {value}" for name, value in numbers.items() if value == largest)


def exhausted(error: BaseException) -> bool:
    """Whether an error says that there is no memory for something."""
    words = (
        "allocate memory",
        "out of memory",
        "calculation overflowed",
        "multiplication overflow",
    )
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(each in str(error) for each in words)
    )


def told(error: BaseException) -> str:
    """How much memory an error is about, in a line."""
    asked = [int(word) for word in re.findall(r"allocate (\d+) bytes", str(error))]
    size = f" {amount(asked[0])} at once" if asked else " so much"
    return f"there is not the memory for{size}: make the data or the network smaller"
