"""Compressed files as streams, and the errors of files that are not whole."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import pyarrow as pa

from laurel.domain.config.source import Compression
from laurel.errors import DataError, LaurelError, StoreFault

CHUNK = 2**20
_SUFFIX = re.compile(r"\.(gz|zst|bz2|xz|zip)$")


def compression_of(name: str) -> Compression:
    """How a file of that name is compressed.

    >>> compression_of("2024/visits.csv.gz"), compression_of("visits.csv")
    ('gz', 'none')
    """
    found = _SUFFIX.search(name)
    return cast(Compression, found[1]) if found else "none"


@contextmanager
def decompressed(path: Path, compression: Compression) -> Iterator[BinaryIO]:
    """The bytes within a file, as a stream; read it within :func:`whole_file`."""
    with ExitStack() as stack:
        if compression == "zip":
            archive = stack.enter_context(zipfile.ZipFile(path))
            yield cast(BinaryIO, stack.enter_context(archive.open(_only_member(archive, path))))
            return
        file = stack.enter_context(path.open("rb"))
        if compression == "zst":
            yield stack.enter_context(pa.CompressedInputStream(file, "zstd"))
        elif compression == "gz":
            yield cast(BinaryIO, stack.enter_context(gzip.GzipFile(fileobj=file)))
        elif compression == "bz2":
            yield cast(BinaryIO, io.BufferedReader(_Streams(file, bz2.BZ2Decompressor), CHUNK))
        elif compression == "xz":
            yield cast(BinaryIO, io.BufferedReader(_Streams(file, lzma.LZMADecompressor), CHUNK))
        else:
            yield file


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Streams(io.RawIOBase):
    """One or more compressed streams, one behind the other.

    The readers of the standard library drop what begins no stream behind another one: a flipped
    bit there would lose all that follows, without a word.
    """

    def __init__(self, raw: BinaryIO, make: Callable[[], _Decompressor]) -> None:
        self._raw, self._make, self._state = raw, make, make()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while True:
            data = b""
            if self._state.eof:
                data = self._state.unused_data or self._raw.read(CHUNK)
                if not data:
                    return 0
                self._state = self._make()
            elif self._state.needs_input:
                data = self._raw.read(CHUNK)
                if not data:
                    raise EOFError("the compressed stream has no end")
            found = self._state.decompress(data, len(buffer))
            if found:
                buffer[: len(found)] = found
                return len(found)


def _only_member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) != 1:
        raise DataError(
            "an archive holds one file",
            found=f"{len(members)} files: {', '.join(m.filename for m in members[:5])}",
            detail=path.name,
        )
    return members[0]


@contextmanager
def whole_file(name: str) -> Iterator[None]:
    """Read a file in this block; what shows that it is damaged becomes :class:`DataError`.

    Raises :class:`StoreFault` where the disk fails, not the file.
    """
    try:
        yield
    except LaurelError:
        raise
    except OSError as error:
        if error.errno is not None:
            raise StoreFault(
                "a file of the source could not be read",
                found=f"{type(error).__name__}: {error.strerror}",
                detail=name,
            ) from error
        raise damaged(error, name) from error
    except _DAMAGE as error:
        raise damaged(error, name) from error


_DAMAGE = (
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    pa.ArrowException,
    zipfile.BadZipFile,
    zlib.error,
)
"""What the readers of files raise for bytes that make no sense to them."""


def damaged(error: Exception, name: str) -> DataError:
    """A file that cannot be what its name says."""
    said = (str(error).splitlines() or [""])[0][:200]
    return DataError(
        "a file of the source is damaged",
        found=f"{type(error).__name__}: {said}",
        hint="it may be cut off or of another format: fetch or write it again",
        detail=name,
    )
