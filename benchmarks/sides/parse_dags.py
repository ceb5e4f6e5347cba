"""Execute every DAG file of a folder, as a fresh interpreter would; prints how many it drew."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from airflow.sdk.definitions._internal.contextmanager import DagContext

if __name__ == "__main__":
    # what Airflow's own DAG bag sets, so that each DAG is counted as it is closed
    DagContext.current_autoregister_module_name = __name__
    for file in sorted(Path(sys.argv[1]).glob("*.py")):
        runpy.run_path(str(file))
    print(len(DagContext.autoregistered_dags))
