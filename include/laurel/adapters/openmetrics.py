"""Gauges as OpenMetrics text, by Prometheus's own client.

Source: OpenMetrics 1.0, https://prometheus.io/docs/specs/om/open_metrics_spec/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from laurel.domain.report_metrics import Gauge

CONTENT_TYPE = CONTENT_TYPE_LATEST

__all__ = ["CONTENT_TYPE", "exposition"]


class _Made(Collector):
    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self.gauges = tuple(gauges)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One family for each gauge that has a sample."""
        for gauge in self.gauges:
            family = GaugeMetricFamily(gauge.name, gauge.meaning)
            for labels, value in gauge.samples:
                family.add_sample(gauge.name, dict(labels), value)
            if gauge.samples:
                yield family


def exposition(gauges: Iterable[Gauge]) -> bytes:
    """The text of some gauges: equal gauges give equal bytes, labels are escaped.

    >>> exposition([Gauge("rows", "Rows.", (({"usecase": "toy"}, 3.0),))]).decode().split(chr(10))
    ['# HELP rows Rows.', '# TYPE rows gauge', 'rows{usecase="toy"} 3.0', '# EOF', '']
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Made(gauges))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text
