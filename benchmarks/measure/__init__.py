"""One file per measurement; each has ``measure(bench, runs) -> list[Comparison]``."""
