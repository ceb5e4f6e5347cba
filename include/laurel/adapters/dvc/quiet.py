"""Import DVC without what the import does to its host process.

On import DVC attaches handlers of its own to its loggers, at INFO, and wraps standard output in a
filter of colours: every message would come twice, and output captured by a task would break.
"""

from __future__ import annotations

import logging
import sys

_STREAMS = sys.stdout, sys.stderr

import dvc  # noqa: E402, F401

sys.stdout, sys.stderr = _STREAMS
for _name in ("dvc", "dvc_data", "dvc_objects"):
    _logger = logging.getLogger(_name)
    _logger.handlers.clear()
    _logger.setLevel(logging.WARNING)
