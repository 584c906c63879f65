"""``parquet``: every row as in ``jsonl``, in columns, for DuckDB, Spark and whatever else reads Apache Parquet.

One table of all keys of the rows of every ``type``, lists and objects nested as they are; a key that a row does not
have is null. The columns are made from the model, as the JSON Schema is. Source of the format:
https://parquet.apache.org/docs/file-format/
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, TextIO

import msgspec
import msgspec.inspect as inspecting
import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from scanner.model import SCHEMA_VERSION, AppRow, SummaryRow, UnreadRow

BATCH = 1_000
"""Rows that are Python objects at once; as columns they take less."""
GROUP_ROWS, GROUP_BYTES = 100_000, 8 << 20
"""What ends a row group: as many rows as readers like (DuckDB's guide says 100,000), or as many bytes in memory. That
many bytes are some 16,000 rows of files: a report of many rows takes hardly more memory than one of few."""
NUMBERS = range(-1 << 63, 1 << 63)
"""What a column of numbers holds, as Android's own version codes."""
_PLAIN = {
    inspecting.StrType: pa.string(),
    inspecting.IntType: pa.int64(),
    inspecting.BoolType: pa.bool_(),
    inspecting.EnumType: pa.string(),
    inspecting.LiteralType: pa.string(),
}


PART_ROWS, PART_BYTES = 1_000_000, 64 << 20
"""What ends a part of a report of many: rows, or bytes as they are written."""


class ParquetFormat:
    """See `Format`. Bytes go to the buffer beneath ``out``."""

    def __init__(self, out: TextIO) -> None:
        self._file = _File(out.buffer)

    def row(self, row: AppRow | UnreadRow) -> None:
        """See `Format.row`."""
        self._file.take(row)

    def end(self, summary: SummaryRow) -> None:
        """See `Format.end`."""
        self._file.take(summary)
        self._file.finish()


class ParquetParts:
    """See `Format`. The rows of one report in several files: ``new_part`` opens the one of a number."""

    def __init__(self, new_part: Callable[[int], AbstractContextManager[BinaryIO]]) -> None:
        self._new_part = new_part
        self._number = 0
        self._rows = self._parts()
        next(self._rows)

    def row(self, row: AppRow | UnreadRow) -> None:
        """See `Format.row`."""
        self._rows.send(row)

    def end(self, summary: SummaryRow) -> None:
        """See `Format.end`. The last part has the summary: a report without one has not ended."""
        self._rows.send(summary)
        self._rows.send(None)

    def close(self) -> None:
        """Leave a report that does not end; the part under way does not appear."""
        self._rows.close()

    def _parts(self) -> Generator[None, AppRow | UnreadRow | SummaryRow | None, None]:
        row = yield
        while row is not None:
            with self._new_part(self._number) as stream:
                file = _File(stream)
                try:
                    while row is not None and not file.full:
                        file.take(row)
                        row = yield
                    file.finish()
                finally:
                    file.leave()
            self._number += 1
        yield


class _File:
    """One file of rows, written as they come."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._schema = rows_schema()
        self._writer = ParquetWriter(pa.PythonFile(stream, mode="w"), self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []
        self._batches: list[Any] = []
        self._taken = self._waiting = self._bytes = 0

    @property
    def full(self) -> bool:
        """Whether it is large enough for one part."""
        return self._taken >= PART_ROWS or (self._taken % BATCH == 0 and self._stream.tell() >= PART_BYTES)

    def finish(self) -> None:
        """Write what waits, and the end of the file."""
        self._gather()
        self._flush()
        self._writer.close()

    def leave(self) -> None:
        """Write nothing any more: the library would still write an end when the object goes."""
        self._writer.is_open = False

    def take(self, row: AppRow | UnreadRow | SummaryRow) -> None:
        """Write one row, or keep it until there are enough."""
        self._taken += 1
        said = msgspec.to_builtins(row)
        if isinstance(row, SummaryRow):
            said["counts"] = list(row.counts.items())
        self._rows.append(said)
        if len(self._rows) >= BATCH:
            self._gather()

    def _gather(self) -> None:
        """Make columns of the rows that wait, and a row group of them when they are enough."""
        try:
            batch = pa.RecordBatch.from_pylist(self._rows, schema=self._schema)
        except (OverflowError, pa.ArrowInvalid):
            batch = pa.RecordBatch.from_pylist(list(map(_holdable, self._rows)), schema=self._schema)
        self._batches.append(batch)
        self._waiting += len(self._rows)
        self._bytes += batch.nbytes
        self._rows.clear()
        if self._waiting >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._batches), row_group_size=self._waiting)
        self._batches.clear()
        self._waiting = self._bytes = 0


def rows_schema() -> Any:  # noqa: ANN401 - pyarrow has no types
    """The columns: keys of all rows, in the order of the model. A key of several rows means the same in each."""
    columns = {"type": pa.string()}
    for kind in (AppRow, UnreadRow, SummaryRow):
        columns |= dict(_fields(inspecting.type_info(kind)))
    version = {"app-scanner.schema": str(SCHEMA_VERSION)}
    return pa.schema(list(columns.items()), metadata=version)


def _holdable(said: Any) -> Any:  # noqa: ANN401 - any part of a row
    """The same without numbers that no app of Android has: an export can hold any."""
    if isinstance(said, dict):
        return {name: _holdable(value) for name, value in said.items()}
    if isinstance(said, list | tuple):
        return type(said)(map(_holdable, said))
    return None if type(said) is int and said not in NUMBERS else said


def _column(said: inspecting.Type) -> Any:  # noqa: ANN401 - pyarrow has no types
    """The column's type for what the model says of a key."""
    if isinstance(said, inspecting.UnionType):
        (said,) = [one for one in said.types if not isinstance(one, inspecting.NoneType)]
    if isinstance(said, inspecting.VarTupleType):
        return pa.list_(_column(said.item_type))
    if isinstance(said, inspecting.DictType):
        return pa.map_(_column(said.key_type), _column(said.value_type))
    if isinstance(said, inspecting.StructType):
        return pa.struct(list(_fields(said)))
    return _PLAIN[type(said)]


def _fields(said: inspecting.Type) -> Iterator[tuple[str, Any]]:
    if isinstance(said, inspecting.StructType):
        yield from ((field.encode_name, _column(field.type)) for field in said.fields)
