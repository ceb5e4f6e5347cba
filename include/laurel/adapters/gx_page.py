"""GX's Data Docs page of a validation in one file: no scripts, nothing fetched, no clock."""

from __future__ import annotations

import html
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from html.parser import HTMLParser
from itertools import count
from typing import Any

from jinja2 import ChoiceLoader, DictLoader

from laurel.adapters.gx_import import (
    DefaultJinjaPageView,
    ExpectationConfiguration,
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
    ValidationResultsPageRenderer,
)

_SECTIONS = """{% for section in sections %}{% set section_loop = loop -%}
{% include 'section.j2' %}{% endfor %}"""
_TAGS = frozenset(
    {"br", "code", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "li", "ol", "p"}
    | {"pre", "small", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"}
)
_VOID = frozenset({"br", "hr"})
_SILENT = frozenset({"script", "style", "template", "head", "title"})
_ATTRIBUTES = frozenset({"class", "id", "hidden", "title", "colspan", "rowspan"})
_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h5,h6{font-size:1rem;margin:.2rem 0}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #8884}
td:first-child:not(:last-child){white-space:nowrap}
.ge-section{margin-bottom:1.5rem}
.alert{background:#8882;padding:.5rem .8rem;border-radius:.3rem}
.badge{background:#8883;border-radius:.25rem;padding:0 .35em;font-family:ui-monospace,monospace}
.text-success{color:#18794e}.text-danger{color:#c62a2f}.text-warning{color:#a15c00}
.fa-check-circle::before{content:"✔"}.fa-times::before{content:"✘"}
.fa-exclamation-triangle::before{content:"⚠"}i{font-style:normal}
"""
_MARKS = {
    "passed": '<i class="text-success">✔</i>',
    "failed": '<i class="text-danger">✘</i>',
    "underpowered": '<i title="too little to tell">–</i>',
}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render_page(document: Mapping[str, Any]) -> str:
    """Render the document of a ``Validation`` with GX's own renderers, as one HTML page.

    GX links scripts and styles of other hosts, and writes sampled values unescaped (kwargs and
    messages it escapes); here these are escaped too, and only plain elements pass. Equal
    documents give equal pages.
    """
    content = ValidationResultsPageRenderer(run_info_at_end=True).render(_result(document))
    content.sections.pop()  # the run info: times and ids, which a document does not have
    view = _view()
    numbers = count(1)
    view.env.filters["generate_html_element_uuid"] = lambda prefix="": f"{prefix}{next(numbers)}"
    body = _plain_elements(view.render(content, template="sections.j2"))
    title = html.escape(f"{document['suite']}: {document['outcome']}")
    facts = f"{document['rows']} rows, suite digest {document['suite_digest'][:12]}"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{title}</h1><p>{html.escape(facts)}</p>\n{_released(document)}{_checks(document)}{body}\n"
        "</body></html>\n"
    )


def warm_pages() -> None:
    """Compile the templates of pages, so that processes forked from this one need not."""
    environment = _view().env
    for name in environment.list_templates():
        environment.get_template(name)


@cache
def _view() -> Any:
    """GX's view; its templates are compiled once."""
    view: Any = DefaultJinjaPageView()
    view.env.loader = ChoiceLoader([DictLoader({"sections.j2": _SECTIONS}), view.env.loader])
    return view


def _released(document: Mapping[str, Any]) -> str:
    said = document.get("released")
    if not said:
        return ""
    text = f"Released from quarantine by {said['by']}: {said['reason']}"
    return f'<p class="alert">{html.escape(text)}</p>\n'


def _checks(document: Mapping[str, Any]) -> str:
    """What checks against the past found: the failures first, then the rest in their order."""
    checks = document.get("checks", ())
    if not checks:
        return ""
    names = ("outcome", "severity", "kind", "column", "observed", "expected")
    head = "".join(f"<th>{name}</th>" for name in ("", *names[1:]))
    rows = [
        f"<tr><td>{_MARKS[check['outcome']]}</td>"
        + "".join(f"<td>{html.escape(str(check[name] or ''))}</td>" for name in names[1:])
        + "</tr>"
        for check in sorted(checks, key=lambda check: check["outcome"] != "failed")
    ]
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="ge-section"><h2>Against the past</h2>{table}</div>\n'


def _result(document: Mapping[str, Any]) -> ExpectationSuiteValidationResult:
    evaluated, failed = document["evaluated"], document["failed"]
    statistics = {
        "evaluated_expectations": evaluated,
        "successful_expectations": evaluated - failed,
        "unsuccessful_expectations": failed,
        "success_percent": 100 * (evaluated - failed) / evaluated,
    }
    return ExpectationSuiteValidationResult(
        success=not failed,
        suite_name=document["suite"],
        results=[_one(result) for result in document["results"]],
        suite_parameters={},
        statistics=statistics,
        meta={},
    )


def _one(result: Mapping[str, Any]) -> ExpectationValidationResult:
    info = result["exception_info"]
    if info["raised_exception"]:
        info = {**info, "exception_traceback": "left out: it differs between machines"}
    found = _escaped(result["result"])
    if "unexpected_percent" not in found:
        found.pop("unexpected_count", None)  # GX's own renderer breaks on one without the other
    return ExpectationValidationResult(
        success=result["success"],
        expectation_config=ExpectationConfiguration(**deepcopy(result["expectation_config"])),
        result=found,
        exception_info=info,
        meta={},
    )


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return html.escape(value)
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, dict):
        return {html.escape(key): _escaped(item) for key, item in value.items()}
    return value


def _plain_elements(text: str) -> str:
    parser = _Plain()
    parser.feed(text)
    parser.close()
    return "\n".join(line for line in "".join(parser.parts).splitlines() if line.strip())


class _Plain(HTMLParser):
    """Let plain elements and attributes pass: what acts, or fetches, does not."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self.silent += 1
        if self.silent or tag not in _TAGS:
            return
        kept = "".join(
            f' {name}="{html.escape(value or "")}"' for name, value in attrs if name in _ATTRIBUTES
        )
        self.parts.append(f"<{tag}{kept}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self.silent = max(0, self.silent - 1)
        elif not self.silent and tag in _TAGS and tag not in _VOID:
            self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.parts.append(html.escape(data, quote=False))
