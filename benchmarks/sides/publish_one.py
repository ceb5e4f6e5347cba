"""Publish the partition of the given number into the large dataset: a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from laurel.runs.site import open_site
from sides.days import FIRST, publish_days

if __name__ == "__main__":
    day = FIRST.shifted(int(sys.argv[1]))
    publish_days(open_site(), "large", [day], folder=Path(sys.argv[2]))
