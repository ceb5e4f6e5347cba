"""What Laurel uses of Great Expectations, imported without what judging a table never touches.

`import great_expectations` brings data contexts, connectors to every database, a pydantic model for
each way that pandas reads a file, Altair, boto3 and all distributions of SciPy: some 3.4 s of CPU,
more than judging a training. Packages of :data:`LATER` are made known here and run when somebody
asks them for something, who then gets the real thing; so a test and a user's own code that say
``great_expectations.get_context`` find it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import version
from importlib.util import find_spec
from types import ModuleType
from typing import Any

LATER = frozenset(
    {
        "altair",
        "boto3",
        "great_expectations",
        "great_expectations.compatibility.aws",
        "great_expectations.data_context",
        "great_expectations.data_context.data_context",
        "great_expectations.datasource.fluent",
        "great_expectations.expectations",
        "great_expectations.expectations.core",
        "scipy.stats",
    }
)
"""Modules whose code runs when it is asked for; what is below these packages runs as ever."""
SAID = {"great_expectations": {"__version__": version("great_expectations")}}
"""What is asked of a module before there is need for the rest of it."""
_PACKAGE = "great_expectations"
_CORE = "great_expectations.expectations.core"


class _Waiting(ModuleType):
    """A module that has not run; a name that it lacks makes it run."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        self.__class__ = ModuleType  # type: ignore[assignment]
        waiting = self.__loader__
        assert isinstance(waiting, _Postponed)  # noqa: S101 - it made this module
        self.__spec__, self.__loader__ = waiting.real, waiting.loader
        waiting.loader.exec_module(self)
        if self.__name__ == _PACKAGE:
            _register_core()
        return getattr(self, name)


class _Postponed(Loader):
    """Makes a module and does not run it."""

    def __init__(self, real: ModuleSpec, loader: Loader) -> None:
        self.real, self.loader = real, loader

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """A module that waits, with what is asked of it before."""
        module = _Waiting(spec.name)
        module.__dict__.update(SAID.get(spec.name, {}))
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing yet."""


class _Finder(MetaPathFinder):
    """Finds the modules of :data:`LATER`, to be run later."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec that runs nothing; ``None`` for every other module."""
        real = PathFinder.find_spec(name, path) if name in LATER else None
        if real is None or real.loader is None:
            return None
        spec = ModuleSpec(name, _Postponed(real, real.loader), origin=real.origin)
        spec.submodule_search_locations = real.submodule_search_locations
        spec.has_location = real.has_location
        return spec


@contextmanager
def postponed() -> Iterator[None]:
    """Import in the block without running the modules of :data:`LATER`."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


with postponed():
    from great_expectations.core import ExpectationSuite
    from great_expectations.core.expectation_validation_result import (
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )
    from great_expectations.execution_engine.pandas_batch_data import PandasBatchData
    from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view.view import DefaultJinjaPageView
    from great_expectations.util import convert_to_json_serializable
    from great_expectations.validator.metric_configuration import MetricConfiguration
    from great_expectations.validator.metrics_calculator import MetricsCalculator
    from great_expectations.validator.validation_graph import (
        ExpectationValidationGraph,
        ValidationGraph,
    )


def load_expectations(kinds: Iterable[str]) -> None:
    """Let GX know these kinds of expectations; all that it has where one is not of its core."""
    for kind in kinds:
        name = f"{_CORE}.{kind}"
        if not kind.isidentifier() or (name not in sys.modules and find_spec(name) is None):
            _register_core()
            return
        import_module(name)


def _register_core() -> None:
    """Let GX know all kinds of its core: where it imports them for that, they wait here."""
    _ = import_module(_CORE).ExpectColumnMaxToBeBetween


__all__ = [
    "DefaultJinjaPageView",
    "ExpectationConfiguration",
    "ExpectationSuite",
    "ExpectationSuiteValidationResult",
    "ExpectationValidationGraph",
    "ExpectationValidationResult",
    "MetricConfiguration",
    "MetricsCalculator",
    "PandasBatchData",
    "PandasExecutionEngine",
    "ValidationGraph",
    "ValidationResultsPageRenderer",
    "convert_to_json_serializable",
    "load_expectations",
]
