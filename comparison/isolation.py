"""What a run changes in its process, put back for the next one."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")
    if hasattr(signal, name)
]
LOGGERS = ("", "pytorch_lightning", "lightning_fabric")


@contextmanager
def unchanged_process() -> Iterator[None]:
    """Let a run find its process as if it were the first one, and leave it so.

    Random numbers, the environment (Lightning keeps the seed there), warnings, filters of logs,
    signal handlers, figures, and torch's threads and modes.
    """
    import torch

    from callbacks.random_state import Snapshot

    random_state, environment = Snapshot.taken(), dict(os.environ)
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    filters = _filters()
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warns_only = torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn = torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic
    precision = torch.get_float32_matmul_precision()
    try:
        with warnings.catch_warnings():
            yield
    finally:
        for number, handler in handlers.items():
            # None has not been set by Python, which cannot put it back either.
            if handler is not None:
                signal.signal(number, handler)
        random_state.put_back()
        os.environ.clear()
        os.environ.update(environment)
        for log_handler, kept in filters:
            log_handler.filters[:] = kept
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        torch.use_deterministic_algorithms(deterministic, warn_only=warns_only)
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = cudnn
        torch.set_float32_matmul_precision(precision)
        torch.set_grad_enabled(True)
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")
        # Models and trainers refer to each other in circles, and may hold much of a GPU.
        gc.collect()
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.empty_cache()


def _filters() -> list[tuple[logging.Handler, list[Any]]]:
    handlers = [handler for name in LOGGERS for handler in logging.getLogger(name).handlers]
    return [(handler, list(handler.filters)) for handler in handlers]
