"""The catalog of a dataset: which revision of which partition was known when.

An entry publishes one or more partitions as new revisions. The *known_at* of revision 1 is the
partition's end, whenever it was published, so that a history loaded in bulk today is known as it
would have been. Partitions of labels are keyed by the interval in which the labels *arrive*, so
their end already includes the label delay. A restatement is known from the source's own correction
time where it has one, else from its publishing.
"""

from __future__ import annotations

from laurel.domain.catalog.corrected import as_corrected
from laurel.domain.catalog.fold import CatalogReducer
from laurel.domain.catalog.publication import news, publication
from laurel.domain.catalog.release import Release
from laurel.domain.catalog.state import CatalogState, PartitionFile, Revision, sameness

__all__ = [
    "CatalogReducer",
    "CatalogState",
    "PartitionFile",
    "Release",
    "Revision",
    "as_corrected",
    "news",
    "publication",
    "sameness",
]
