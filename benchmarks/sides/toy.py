"""Write the synthetic use case of the tests into a folder."""

from __future__ import annotations

import sys
from pathlib import Path

from support.synthetic import write_toy

if __name__ == "__main__":
    write_toy(Path(sys.argv[1]))
