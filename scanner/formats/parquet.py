"""``parquet``: every row as in ``jsonl``, in columns, for DuckDB, Spark and whatever else reads Apache Parquet.

One table of all keys of the rows of every ``type``, lists and objects nested as they are; a key that a row does not
have is null. The columns are made from the model, as the JSON Schema is. Source of the format:
https://parquet.apache.org/docs/file-format/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TextIO

import msgspec
import msgspec.inspect as inspecting
import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from scanner.model import SCHEMA_VERSION, AppRow, SummaryRow, UnreadRow

BATCH = 1_000
"""Rows that are Python objects at once; as columns they take less."""
GROUP_ROWS, GROUP_BYTES = 100_000, 32 << 20
"""What ends a row group: as many rows as readers like (DuckDB's guide says 100,000), or as many bytes in memory."""
NUMBERS = range(-1 << 63, 1 << 63)
"""What a column of numbers holds, as Android's own version codes."""
_PLAIN = {
    inspecting.StrType: pa.string(),
    inspecting.IntType: pa.int64(),
    inspecting.BoolType: pa.bool_(),
    inspecting.EnumType: pa.string(),
    inspecting.LiteralType: pa.string(),
}


class ParquetFormat:
    """See `Format`. Bytes go to the buffer beneath ``out``."""

    def __init__(self, out: TextIO) -> None:
        self._schema = rows_schema()
        self._writer = ParquetWriter(pa.PythonFile(out.buffer, mode="w"), self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []
        self._batches: list[Any] = []
        self._waiting = self._bytes = 0

    def row(self, row: AppRow | UnreadRow) -> None:
        """See `Format.row`."""
        self._take(row)

    def end(self, summary: SummaryRow) -> None:
        """See `Format.end`."""
        self._take(summary)
        self._gather()
        self._flush()
        self._writer.close()

    def _take(self, row: AppRow | UnreadRow | SummaryRow) -> None:
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
