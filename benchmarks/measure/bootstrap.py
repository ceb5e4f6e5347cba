"""Bootstrap: paired intervals of an AUC against a loop over scikit-learn, in one warm process.

Not measured unless it is named.
"""

from __future__ import annotations

import json

from bench import Bench
from pairs import Comparison, read_samples
from processes import ProcessFailed, python, run_process, with_our_modules

RUNS = 5
APART = 3.0
"""Twenty resamples say a standard deviation to a fifth or so; thrice is another quantity."""


def measure(bench: Bench, runs: int) -> list[Comparison]:
    """Both sides in turn on the same 100,000 rows."""
    log = bench.log("bootstrap")
    environ = with_our_modules(bench.environ())
    run_process(python("sides.bootstrap", str(runs)), environ=environ, log=log)
    found = json.loads(log.read_text().splitlines()[-1])
    spreads = sorted(found["spreads"].values())
    if spreads[-1] > APART * spreads[0]:
        raise ProcessFailed(f"the two sides did not resample the same: {found['spreads']}")
    facts = {
        "rows": 100_000,
        "resamples of a pair": 20,
        "CPU seconds of 2,000 resamples by laurel": round(found["whole"], 2),
    }
    title = "bootstrap: difference of two AUCs, in one warm process"
    return [Comparison(title, read_samples(found["samples"]), facts)]
