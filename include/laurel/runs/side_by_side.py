"""Two training runs compared from the store alone: bundles, and outputs by their md5."""

from __future__ import annotations

import json
from typing import Any

import yaml

from laurel.adapters.documents import read_json
from laurel.adapters.records import read_environment
from laurel.domain.bundle import Bundle
from laurel.domain.comparison import Facts, compare_runs
from laurel.domain.rootfiles import DVC_LOCK
from laurel.errors import NotFound, Refused
from laurel.runs.site import Site


def side_by_side(site: Site, first: Bundle, second: Bundle) -> dict[str, Any]:
    """The comparison of two training runs, as :func:`compare_runs` makes it.

    Their outputs are fetched into the cache, each checked against its md5. Raises
    :class:`Refused` for runs of two use cases or twice the same run.
    """
    if first.usecase != second.usecase:
        raise Refused(
            "runs of two use cases have nothing to compare",
            found=f"{first.model_version} of {first.usecase}, "
            f"{second.model_version} of {second.usecase}",
            expected="two runs of one use case",
        )
    if first.id == second.id:
        raise Refused(
            "this is one run, named twice",
            usecase=first.usecase,
            found=f"run {first.id}, {first.model_version}",
        )
    return compare_runs(_facts(site, first), _facts(site, second))


def _facts(site: Site, bundle: Bundle) -> Facts:
    contributions = _document(site, bundle, "explanation", "contributions.json") or {}
    evidence = _document(site, bundle, "evidence", "evidence.json")
    if evidence is None:
        raise NotFound(
            "the run left no evidence",
            usecase=bundle.usecase,
            found=", ".join(bundle.outputs),
            expected=f"data/{bundle.usecase}/evidence",
            detail=bundle.prefix,
        )
    return Facts(
        bundle=bundle,
        evidence=evidence,
        importance=contributions.get("importance", []),
        window=json.loads(bundle.files[f"data/{bundle.usecase}/window.json"]),
        packages=_packages(site, bundle),
        code={
            dep["path"]: dep["md5"]
            for lock in yaml.safe_load(bundle.files[DVC_LOCK])["stages"].values()
            for dep in lock.get("deps", [])
            if not dep["path"].startswith("data/")
        },
    )


def _document(site: Site, bundle: Bundle, output: str, name: str) -> dict[str, Any] | None:
    made = bundle.outputs.get(f"data/{bundle.usecase}/{output}")
    md5 = site.plane.names(str(made["md5"])).get(name) if made else None
    return read_json(site.plane.ensure(md5)) if md5 else None


def _packages(site: Site, bundle: Bundle) -> tuple[str, ...] | None:
    try:
        return read_environment(site.store, bundle.environment.packages)
    except NotFound:
        return None
