"""The text of a CSV file on its way to the parser, checked for what the parser would let pass."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from laurel.adapters.sources.compressed import whole_file
from laurel.domain.config.source import Csv
from laurel.errors import DataError, LaurelError

if TYPE_CHECKING:
    from _csv import Reader

CHUNK = 2**20
"""Bytes read at a time."""
_BLANK = re.compile(rb"\n\r?(?=\n)\n|\r(?=\r)\r")
_BOM = codecs.BOM_UTF8

Places = NDArray[np.intp]


class CheckedText(io.RawIOBase):
    """A stream of UTF-8 whose quotes are whole, without byte order mark, NUL and blank lines.

    What is wrong is raised by ``read`` as :class:`DataError`, and kept in ``error`` besides, since
    the parser reads in a thread of its own.
    """

    def __init__(self, stream: BinaryIO, options: Csv, name: str) -> None:
        super().__init__()
        self._stream, self._options, self._name = stream, options, name
        self._decoder: Any = codecs.getincrementaldecoder(options.encoding)("strict")
        self._passes = codecs.lookup(options.encoding).name == "utf-8"
        self._quotes = Quotes(options.quote, options.delimiter) if options.quote else None
        self._ready = bytearray()
        self._begun = self._ended = False
        self._line, self._tail = 1, b""
        self._columns: int | None = None
        self._blank: int | None = None
        self.error: LaurelError | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """At most ``size`` bytes; fewer only at the end."""
        try:
            while not self._ended and (size < 0 or len(self._ready) < size):
                self._pull()
        except LaurelError as error:
            self.error = error
            raise
        given = bytes(self._ready if size < 0 else self._ready[:size])
        del self._ready[: len(given)]
        return given

    def header(self) -> list[str]:
        """The names of the first row, which is read all the same; raises :class:`DataError`."""
        while not self._ended and len(self._ready) < CHUNK:
            self._pull()
        text = self._ready.decode("utf-8", "ignore")
        rows = csv_reader(io.StringIO(text, newline=""), self._options)
        try:
            names = next(rows, [])
        except csv.Error as error:
            self._refuse("the header cannot be read", 1, found=str(error))
        if not names:
            self._refuse("the file has no header", 1, expected="a line with names of columns")
        if not all(names):
            self._refuse("the header lacks a name", 1, found=", ".join(map(repr, names[:20])))
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            self._refuse("the header has a name twice", 1, found=", ".join(twice[:20]))
        self._columns = len(names)
        self._refuse_blank()
        return names

    def _pull(self) -> None:
        with whole_file(self._name):
            raw = self._stream.read(CHUNK)
            data = self._decoded(raw)
        if not self._begun and data:
            self._begun = True
            data = data.removeprefix(_BOM)
        if data:
            self._check(data)
            self._ready += data
        if not raw:
            self._end()

    def _decoded(self, raw: bytes) -> bytes:
        # the bytes of a letter that is cut in two are kept back, of UTF-8 too
        before = self._decoder.getstate()[0] if self._passes else b""
        try:
            text = self._decoder.decode(raw, final=not raw)
            if not self._passes:
                return bytes(text.encode("utf-8"))
        except UnicodeDecodeError as error:
            line = self._line + error.object[: error.start].count(b"\n")
            wrong = error.object[error.start : error.start + 4]
            self._refuse(
                "the text is not in its encoding",
                line,
                found=f"the bytes {wrong.hex(' ')}",
                expected=self._options.encoding,
                hint="say csv.encoding where it is another one",
            )
        after = self._decoder.getstate()[0]
        whole = before + raw
        return whole[: len(whole) - len(after)]

    def _check(self, data: bytes) -> None:
        if (place := data.find(b"\0")) >= 0:
            self._refuse(
                "there is a NUL byte in the text",
                self._line_at(data, place),
                hint="is it of another encoding, or no text at all?",
            )
        quotes = self._quotes.places(data) if self._quotes else np.array([], dtype=np.intp)
        self._check_blank(data, quotes)
        if self._quotes is not None:
            self._check_quotes(data, self._quotes, quotes)
        self._line += _newlines(data)
        self._tail = data[-2:]

    def _check_quotes(self, data: bytes, quotes: Quotes, places: Places) -> None:
        fault = quotes.fault(data, places)
        if fault is not None:
            self._refuse(
                "a quote is neither at the edge of a field nor doubled",
                self._line_at(data, fault),
                found=repr(data[max(fault - 30, 0) : fault + 30].decode("utf-8", "replace")),
                hint="csv.quote: null where quotes are plain letters",
            )

    def _check_blank(self, data: bytes, quotes: Places) -> None:
        """A blank line is a row where there is one column; how many there are the header tells."""
        if self._columns == 1 or self._blank is not None:
            return
        whole = self._tail + data
        for found in _BLANK.finditer(whole):
            place = found.end() - 1 - len(self._tail)
            if place >= 0 and not self._is_quoted(quotes, place):
                self._blank = self._line_at(data, place)
                self._refuse_blank()
                return

    def _is_quoted(self, quotes: Places, place: int) -> bool:
        return self._quotes is not None and self._quotes.holds(quotes, place)

    def _refuse_blank(self) -> None:
        if self._blank is not None and (self._columns or 0) > 1:
            hint = "rows stand one below the other"
            self._refuse("there is a blank line", self._blank, hint=hint)

    def _end(self) -> None:
        self._ended = True
        if self._quotes is not None and self._quotes.is_open:
            self._refuse(
                "a quote is not closed",
                self._line,
                hint="the file may be cut off, or csv.quote be another character",
            )
        if self._tail[-1:] not in (b"\n", b"\r"):
            self._ready += b"\n"

    def _line_at(self, data: bytes, place: int) -> int:
        return self._line + _newlines(data[:place])

    def _refuse(
        self,
        fact: str,
        line: int,
        *,
        found: str | None = None,
        expected: str | None = None,
        hint: str | None = None,
    ) -> NoReturn:
        raise DataError(
            fact,
            # the place is where a person looks first, also once the file is in quarantine
            found=f"line {line}" + (f": {found}" if found else ""),
            expected=expected,
            hint=hint,
            detail=self._name,
        )


def csv_reader(text: Iterable[str], options: Csv) -> Reader:
    """A strict reader of the standard library: slow, but it knows lines."""
    if options.quote is None:
        return csv.reader(text, delimiter=options.delimiter, quoting=csv.QUOTE_NONE, strict=True)
    return csv.reader(text, delimiter=options.delimiter, quotechar=options.quote, strict=True)


def _newlines(data: bytes) -> int:
    return data.count(b"\n") or data.count(b"\r")


class Quotes:
    """Which quotes open and which close, over the chunks of a text.

    >>> quotes = Quotes('"', ",")
    >>> [quotes.fault(text, quotes.places(text)) for text in (b'a,"b""', b'c",d', b'"')]
    [None, None, 0]
    """

    def __init__(self, quote: str, delimiter: str) -> None:
        self._quote = ord(quote)
        self._edge = np.zeros(256, dtype=bool)
        self._edge[[ord(letter) for letter in (quote, delimiter, "\n", "\r")]] = True
        self._last = ord("\n")
        self.is_open = False

    def places(self, data: bytes) -> Places:
        """Where quotes are."""
        if self._quote not in data:
            return np.array([], dtype=np.intp)
        return np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == self._quote)

    def holds(self, places: Places, place: int) -> bool:
        """Whether a place of the chunk that comes next is within quotes."""
        return bool((int(np.searchsorted(places, place)) + self.is_open) % 2)

    def fault(self, data: bytes, places: Places) -> int | None:
        """Take a chunk; the place of its first quote that is at no edge of a field."""
        letters = np.frombuffer(bytes([self._last]) + data + b"\n", dtype=np.uint8)
        # a quote that closes at the end of the chunk before must have an edge behind it
        closed = self._last == self._quote and not self.is_open
        first = closed and not self._edge[data[0]]
        opens = (np.arange(len(places)) + self.is_open) % 2 == 0
        fits = np.where(opens, self._edge[letters[places]], self._edge[letters[places + 2]])
        wrong = np.flatnonzero(~fits)
        self.is_open = bool((len(places) + self.is_open) % 2)
        self._last = data[-1]
        if first:
            return 0
        return int(places[wrong[0]]) if len(wrong) else None
