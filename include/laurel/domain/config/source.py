"""Where the rows of a dataset come from: one model for each kind of source."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

from laurel.domain.config.base import Frozen
from laurel.domain.pattern import DayPattern

Format = Literal["csv", "parquet"]
Compression = Literal["none", "gz", "zst", "bz2", "xz", "zip"]
Algorithm = Literal["md5", "sha1", "sha256", "sha512"]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ConnectionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$")]
URL = "{url}"
"""Stands for the file's own address in the address of its checksum."""


def _one_character(text: str) -> str:
    if len(text) != 1 or not text.isascii() or text in "\0\r\n":
        raise ValueError(f"{text!r} is not one ASCII character")
    return text


def _known_encoding(name: str) -> str:
    try:
        codec = codecs.lookup(name)
    except LookupError:
        raise ValueError(f"there is no encoding {name!r}") from None
    if not getattr(codec, "_is_text_encoding", True):
        raise ValueError(f"{name!r} is not an encoding of text")
    return name


Character = Annotated[str, AfterValidator(_one_character)]


class Csv(Frozen):
    """How CSV is written there; a quote within quotes is doubled."""

    delimiter: Character = ","
    quote: Character | None = '"'
    """``null`` where nothing is quoted."""
    encoding: Annotated[str, AfterValidator(_known_encoding)] = "utf-8"
    null_values: tuple[str, ...] = ("",)
    """Cells that stand for null where they are not quoted."""
    max_field_bytes: int = Field(default=2**20, ge=1, le=2**28)
    """A longer cell is refused: most likely a quote is missing."""

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.delimiter == self.quote:
            raise ValueError(f"delimiter and quote are both {self.quote!r}")
        return self


class Tabular(Frozen):
    """What all sources of files share: how the files are read."""

    format: Format | None = None
    """As the name of the files ends, when left out."""
    compression: Compression | None = None
    """As the name of each file ends, when left out."""
    csv: Csv = Csv()
    rename: dict[str, str] = Field(default_factory=dict)
    """Columns that are called otherwise there: name there, name here."""
    missing: Literal["refuse", "empty"] = "refuse"
    """A day without a file is an error, or a day without rows."""

    @model_validator(mode="after")
    def _renamed_once(self) -> Self:
        names = list(self.rename.values())
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"columns are renamed to the same name: {', '.join(twice)}")
        return self

    def format_of(self, name: str) -> Format:
        """The format of files of that name; raises ``ValueError`` where nothing tells it.

        >>> Tabular().format_of("2024/visits.csv.gz"), Tabular(format="csv").format_of("*")
        ('csv', 'csv')
        """
        if self.format is not None:
            return self.format
        found = re.search(r"\.(csv|tsv|parquet)(?:\.(?:gz|zst|bz2|xz|zip))?$", name)
        if found is None:
            raise ValueError(f"format must be csv or parquet: {name!r} does not tell")
        return "parquet" if found[1] == "parquet" else "csv"


class FilesSource(Tabular):
    """Files in a folder, by a path with the partition's date; a relative one is in the use case's
    folder."""

    kind: Literal["files"]
    path: str

    @model_validator(mode="after")
    def _is_pattern(self) -> Self:
        DayPattern(self.path)
        self.format_of(self.path)
        return self


class S3Source(Tabular):
    """Objects of a bucket, by an ``s3://`` path with the partition's date."""

    kind: Literal["s3"]
    path: str
    endpoint: str | None = None
    """The site's when left out."""
    connection: ConnectionId | None = None
    """Whose login and password are the key; the usual chain of AWS when left out."""

    @model_validator(mode="after")
    def _is_pattern(self) -> Self:
        if not re.match(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.", self.path):
            raise ValueError("path must be s3://bucket/prefix/{date:…}…, and credentials elsewhere")
        if self.endpoint is not None:
            check_address(self.endpoint)
        DayPattern(self.path)
        self.format_of(self.path)
        return self


class SqlSource(Frozen):
    """A query through a connection, bound to ``:start`` and ``:end``, or to ``:day``."""

    kind: Literal["sql"]
    connection: ConnectionId
    query: str | None = None
    query_file: str | None = None
    """A file in the use case's folder instead of the text."""
    version_query: str | None = None
    """One row that is another one whenever rows of the day are; a column ``corrected_at`` in it
    says when they were corrected."""
    version_query_file: str | None = None

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        if (self.query is None) == (self.query_file is None):
            raise ValueError("say either query or query_file")
        if self.version_query is not None and self.version_query_file is not None:
            raise ValueError("say either version_query or version_query_file")
        return self


class HttpSource(Tabular):
    """A file for each day, downloaded by an address with the partition's date."""

    kind: Literal["http"]
    url: str
    checksum_url: str | None = None
    """The address of the file's checksum: ``{url}.sha256``."""
    algorithm: Algorithm | None = None
    """As the name of the checksum's file ends, when left out."""
    sha256: dict[date, Digest] = Field(default_factory=dict)
    """Checksums that are known beforehand, by day; other days are refused."""
    connection: ConnectionId | None = None
    """Login and password for basic authentication, or a password alone as bearer token."""
    timeout_seconds: float = Field(default=60, gt=0)
    """Of connecting, and of waiting for the next bytes."""
    tries: int = Field(default=5, ge=1, le=20)

    @model_validator(mode="after")
    def _is_pattern(self) -> Self:
        check_address(self.url)
        DayPattern(self.url)
        if "*" in self.url:
            raise ValueError("an address cannot have wildcards")
        if self.format is None:
            self.format_of(self.url.partition("?")[0])
        if self.checksum_url is not None and self.sha256:
            raise ValueError("say either checksum_url or sha256")
        if self.checksum_url is not None:
            check_address(self.checksum_url.replace(URL, self.url))
            self.checksum_algorithm()
        return self

    def checksum_algorithm(self) -> Algorithm:
        """The algorithm of the checksum's file; raises ``ValueError`` where nothing tells it."""
        found = re.search(r"\.(md5|sha1|sha256|sha512)$", self.checksum_url or "")
        if self.algorithm is None and found is None:
            raise ValueError("algorithm must be said: the name of checksum_url does not tell")
        return self.algorithm or found[1]  # type: ignore[index,return-value]


class DvcSource(Tabular):
    """Files of another DVC repository at a revision, by a path with the partition's date."""

    kind: Literal["dvc"]
    repo: str
    """A folder or an address that git can clone."""
    rev: str = Field(min_length=1)
    """A commit, tag or branch."""
    path: str
    remote: str | None = None
    """One of the remotes that the repository names; its default when left out."""

    @model_validator(mode="after")
    def _is_pattern(self) -> Self:
        if re.match(r"[a-z+]+://[^/]*@", self.repo) and not self.repo.startswith("ssh://"):
            raise ValueError("repo must hold no credentials: git has them from elsewhere")
        if self.path.startswith("/"):
            raise ValueError("path is relative to the repository")
        DayPattern(self.path)
        self.format_of(self.path)
        return self


class PythonSource(Frozen):
    """The Python file in the use case's folder that reads from the outside, and its options."""

    kind: Literal["python"] = "python"
    file: str = "source.py"
    options: dict[str, str] = Field(default_factory=dict)

    @model_serializer(mode="wrap")
    def _said(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the kind, which need not be said: so old documents stay as they are."""
        return {name: value for name, value in dump(self).items() if name != "kind"}


def check_address(url: str) -> None:
    """Raise ``ValueError`` for what is not ``http(s)://host…`` without credentials.

    >>> check_address("https://data.example/2024.csv")
    """
    if not re.match(r"https?://[^/?#@\s]+(?:[/?#]\S*)?$", url):
        raise ValueError("an address is http(s)://host/…, and credentials are elsewhere")


def _python_when_absent(given: Any) -> Any:
    said = isinstance(given, Mapping) and "kind" not in given
    return {**given, "kind": "python"} if said else given


Source = Annotated[
    FilesSource | S3Source | SqlSource | HttpSource | DvcSource | PythonSource,
    Field(discriminator="kind"),
    BeforeValidator(_python_when_absent),
]
