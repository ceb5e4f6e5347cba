"""Paths with the partition's date in them, and with wildcards: ``{date:%Y/%m}/{date:%d}-*.csv``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_DATE = re.compile(r"\{date:([^{}]*)\}")
_PARTS = frozenset("Ymdj")
_WILD = re.compile(r"[*?]")


@dataclass(frozen=True)
class DayPattern:
    """A path that names the files of a day: ``*`` and ``?`` match within a folder.

    As for a shell, a wildcard at the beginning of a name matches no leading dot. Raises
    ``ValueError`` for a text without a whole day or with anything else in braces.

    >>> pattern = DayPattern("visits/{date:%Y/%m/%d}/*.csv.gz")
    >>> pattern.of(date(2024, 2, 29))
    'visits/2024/02/29/*.csv.gz'
    >>> pattern.fits(date(2024, 2, 29), "visits/2024/02/29/a.csv.gz")
    True
    >>> pattern.fits(date(2024, 2, 29), "visits/2024/02/29/old/a.csv.gz")
    False
    """

    text: str

    def __post_init__(self) -> None:
        rest = _DATE.sub("", self.text)
        if "{" in rest or "}" in rest:
            raise ValueError(f"only {{date:…}} may stand in braces, as {{date:%Y-%m-%d}}: {rest!r}")
        if "[" in rest or "**" in rest:
            raise ValueError(f"wildcards are * and ? within a folder: {rest!r}")
        if "\0" in self.text or ".." in self.text.split("/"):
            raise ValueError(f"a path names its folders, without ..: {self.text!r}")
        found = [part for form in _DATE.findall(self.text) for part in re.findall("%(.?)", form)]
        unknown = sorted({part for part in found if part not in _PARTS})
        if unknown:
            raise ValueError(f"a date in a path has %Y, %m, %d, %j, not %{', %'.join(unknown)}")
        if not ({"Y", "m", "d"} <= {*found} or {"Y", "j"} <= {*found}):
            raise ValueError(f"the path names no whole day, as {{date:%Y-%m-%d}}: {self.text!r}")

    @property
    def top(self) -> str:
        """The deepest folder that holds the paths of all days.

        >>> DayPattern("in/visits/{date:%Y/%m/%d}.csv").top
        'in/visits'
        """
        fixed = _WILD.split(_DATE.split(self.text, maxsplit=1)[0], maxsplit=1)[0]
        folder, slash, _ = fixed.rpartition("/")
        return folder or slash

    def of(self, day: date) -> str:
        """The path of a day, its wildcards left as they are."""
        return dated(self.text, day)

    def prefix(self, day: date) -> str:
        """What all paths of a day begin with: the part before the first wildcard.

        >>> DayPattern("in/{date:%Y%m%d}-*.csv").prefix(date(2024, 2, 29))
        'in/20240229-'
        """
        return _WILD.split(self.of(day), maxsplit=1)[0]

    def folder(self, day: date) -> str:
        """The deepest folder that holds all paths of a day.

        >>> DayPattern("in/{date:%Y%m%d}-*.csv").folder(date(2024, 2, 29))
        'in'
        """
        return self.prefix(day).rpartition("/")[0]

    def fits(self, day: date, path: str) -> bool:
        """Whether a path is one of the day's."""
        return re.fullmatch(_expression(self.of(day)), path, re.DOTALL) is not None


def dated(text: str, day: date) -> str:
    """A text with its dates filled in.

    >>> dated("{date:%Y/%m}/SHA256SUMS", date(2024, 2, 29))
    '2024/02/SHA256SUMS'
    """
    return _DATE.sub(lambda found: day.strftime(found[1]), text)


def _expression(path: str) -> str:
    return "/".join(_name(part) for part in path.split("/"))


def _name(part: str) -> str:
    shape = "".join({"*": "[^/]*", "?": "[^/]"}.get(letter, re.escape(letter)) for letter in part)
    return f"(?!\\.){shape}" if part[:1] in ("*", "?") else shape
