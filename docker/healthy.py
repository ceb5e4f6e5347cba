"""Exit code 0 if an address answers 200: ``python healthy.py http://127.0.0.1:8080/health``."""

from __future__ import annotations

import sys
import urllib.request


def main(address: str) -> int:
    """Ask once; an error of any kind means not healthy."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310
            return int(answer.status != 200)
    except OSError as error:
        sys.stderr.write(f"{address}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
