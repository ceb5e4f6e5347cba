"""The text of DVC's directory objects, looked up by halving and grown at the cost of what is added.

DVC writes a directory as ``json.dumps`` of its files, sorted by path. Parsing and writing thousands
of them is most of what publishing one more would cost; in the text, a file has its place and all
others stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from laurel.adapters.dvc.bytefiles import hasher
from laurel.domain.data import check_names
from laurel.errors import DataError

_BEGIN = b'{"md5": "'
"""How an entry begins; no path can hold it, since JSON escapes quotes."""
_NAME = b'", "relpath": '
_NEXT = b", "


class Listing:
    """The files of a directory, as DVC writes them; :meth:`grown` leaves this one as it is.

    >>> listing = Listing(b"[]").grown({"b": "2" * 32}).grown({"a": "1" * 32})
    >>> len(listing), listing.find("a") == "1" * 32, listing.find("c")
    (2, True, None)
    >>> listing.text[:54]
    b'[{"md5": "11111111111111111111111111111111", "relpath"'
    """

    def __init__(self, text: bytes) -> None:
        inner = text[1:-1]
        self._entries = inner + _NEXT if inner else b""
        """Each entry is followed by a comma here, the last one too."""
        self._hash = hasher(text[:-1])
        """Of all but the last bracket: what is added at the end is hashed alone."""
        self._count = inner.count(_BEGIN)
        self.text = text

    @property
    def md5(self) -> str:
        """The name of the directory object: 32 hex digits and ``.dir``."""
        found = self._hash.copy()
        found.update(self.text[-1:])
        return f"{found.hexdigest()}.dir"

    def __len__(self) -> int:
        return self._count

    def find(self, name: str) -> str | None:
        """The md5 of a file; ``None`` where the directory has none of that name."""
        start = self._place(name)
        if start == len(self._entries) or self._name(start) != name:
            return None
        return self._entries[start + len(_BEGIN) : self._after(start)].split(b'"', 1)[0].decode()

    def grown(self, files: Mapping[str, str]) -> Listing:
        """The listing with these files, by name their md5, replaced and added.

        Raises :class:`DataError` for a name that leaves the directory or is also a folder.
        """
        check_names(files)
        pieces, done, added = [], 0, 0
        for name in sorted(files):
            self._expect_free(name)
            start = self._place(name)
            there = start < len(self._entries) and self._name(start) == name
            pieces += [self._entries[done:start], _entry(name, files[name])]
            done = self._after(start) if there else start
            added += not there
        return self._with(b"".join([*pieces, self._entries[done:]]), count=self._count + added)

    def _with(self, entries: bytes, *, count: int) -> Listing:
        """The listing of these entries, hashed from where it differs from this one."""
        grown = object.__new__(Listing)
        grown._entries, grown._count = entries, count
        grown.text = b"[" + entries[: -len(_NEXT)] + b"]"
        kept = len(self.text) - 1
        same = grown.text.startswith(memoryview(self.text)[:kept].tobytes())
        grown._hash = self._hash.copy() if same else hasher(b"")
        grown._hash.update(memoryview(grown.text)[kept if same else 0 : -1])
        return grown

    def _expect_free(self, name: str) -> None:
        """No folder of that name, and no file in place of its folders."""
        below = self._place(f"{name}/")
        taken = below < len(self._entries) and self._name(below).startswith(f"{name}/")
        if taken or any(self.find(folder) is not None for folder in _folders(name)):
            raise DataError("a name is both a file and a folder of a dataset", found=name)

    def _place(self, name: str) -> int:
        """Where the first entry begins whose name is not before ``name``."""
        low, high = 0, len(self._entries)
        while low < high:
            start = self._entries.rfind(_BEGIN, low, (low + high) // 2 + len(_BEGIN))
            if self._name(start) < name:
                low = self._after(start)
            else:
                high = start
        return low

    def _after(self, start: int) -> int:
        after = self._entries.find(_BEGIN, start + len(_BEGIN))
        return len(self._entries) if after < 0 else after

    def _name(self, start: int) -> str:
        entry = self._entries[start : self._after(start)]
        _, _, name = entry.partition(_NAME)
        return str(json.loads(name[: -len(b"}" + _NEXT)]))

    def is_canonical(self) -> bool:
        """Whether this looks like what DVC writes, by what costs little to see.

        >>> Listing(b'[{"md5": "1", "relpath": "a"}]').is_canonical()
        True
        >>> Listing(b'[{"relpath": "a"}]').is_canonical()
        False
        """
        if self.text == b"[]":
            return True
        ends = self.text.startswith(b"[" + _BEGIN) and self.text.endswith(b'"}]')
        return ends and self.text.count(_NAME) == self._count


def _folders(name: str) -> Iterable[str]:
    return (name[:end] for end, sign in enumerate(name) if sign == "/")


def _entry(name: str, md5: str) -> bytes:
    return json.dumps({"md5": md5, "relpath": name}).encode() + _NEXT
