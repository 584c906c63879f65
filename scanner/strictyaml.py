"""YAML as data only: a document of mappings, lists, text, integers, true, false and null, and nothing else.

PyYAML's safe loader builds plain values too, but takes the last of two equal keys without a word, expands
aliases (which lets a kilobyte stand for gigabytes), and crashes on deep nesting. So its *events* are read here,
flat, and what a signature file has no use for is refused with its line. Plain ``yes``, ``no`` and dates stay text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

MAX_DEPTH = 16
CONSTANTS = {"": None, "~": None, "null": None, "true": True, "false": False}


def bounded_bytes(file: Path, most: int, what: str) -> bytes:
    """The bytes of a file that a person writes, up to ``most``; ``what`` it should be, such as ``policy``.

    Raises:
        ValueError: it cannot be read, or is larger.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    if len(data) > most:
        raise ValueError(f"larger than {most} bytes, no {what}")
    return data


def load_yaml(data: bytes) -> Any:  # noqa: ANN401 - what a file holds is checked by its schema
    """The value in a YAML document.

    Raises:
        ValueError: it is not YAML, holds more than one document, repeats a key, uses an alias or a tag, or nests
            too deep; with the line.
    """
    import yaml

    events = yaml.parse(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    try:
        return _document(events)
    except yaml.YAMLError as error:
        raise ValueError(_one_line(error)) from error
    except UnicodeDecodeError as error:
        raise ValueError("not UTF-8 text") from error


def line_numbers(data: bytes) -> dict[tuple[str | int, ...], int]:
    """Where everything in a document stands: the keys and indexes that lead to it → its line, from 1.

    For a document that `load_yaml` has accepted.
    """
    import yaml

    lines: dict[tuple[str | int, ...], int] = {}

    def walk(node: Any, path: tuple[str | int, ...], line: int) -> None:  # noqa: ANN401
        lines[path] = line + 1
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                walk(value, (*path, key.value), key.start_mark.line)
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                walk(value, (*path, number), value.start_mark.line)

    root = yaml.compose(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    walk(root, (), root.start_mark.line if root else 0)
    return lines


def dump_yaml(value: Any) -> str:  # noqa: ANN401
    """A document that `load_yaml` reads back as the same value: what looks like a number or a date is quoted."""
    import yaml

    class Writer(yaml.SafeDumper):
        """Without anchors: what stands twice is written twice. Lists are indented, as in ``signatures/``."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
            super().increase_indent(flow, False)  # noqa: FBT003

    return yaml.dump(value, Dumper=Writer, sort_keys=False, allow_unicode=True, width=118)


def _document(events: Iterator[Any]) -> Any:  # noqa: ANN401
    import yaml

    value, documents = None, 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise ValueError(f"{_line(event)}: a second document")
            value = _value(next(events), events, 0)
    return value


def _value(event: Any, events: Iterator[Any], depth: int) -> Any:  # noqa: ANN401
    """The value that begins with ``event``; ``depth`` bounds the recursion."""
    import yaml

    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise ValueError(f"{_line(event)}: anchors and aliases are not allowed")
    if event.tag not in {None, "!"}:
        raise ValueError(f"{_line(event)}: tags are not allowed")
    if depth > MAX_DEPTH:
        raise ValueError(f"{_line(event)}: nested deeper than {MAX_DEPTH}")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if isinstance(event, yaml.SequenceStartEvent):
        return list(_items(events, yaml.SequenceEndEvent, depth))
    return _mapping(events, depth)


def _items(events: Iterator[Any], end: type, depth: int) -> Iterator[Any]:
    while not isinstance(event := next(events), end):
        yield _value(event, events, depth + 1)


def _mapping(events: Iterator[Any], depth: int) -> dict[str, Any]:
    import yaml

    found: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        if not isinstance(event, yaml.ScalarEvent):
            raise ValueError(f"{_line(event)}: a key must be text")  # noqa: TRY004 - the document is at fault
        key = str(_value(event, events, depth + 1) if event.anchor or event.tag else event.value)
        if key in found:
            raise ValueError(f"{_line(event)}: the key {key!r} stands twice")
        found[key] = _value(next(events), events, depth + 1)
    return found


def _scalar(event: Any) -> Any:  # noqa: ANN401
    """Text as it is written; unquoted constants and decimal integers as what they are."""
    text = event.value
    if not event.implicit[0]:  # quoted, or a block of text
        return text
    if text.lower() in CONSTANTS:
        return CONSTANTS[text.lower()]
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else text


def _line(event: Any) -> str:  # noqa: ANN401
    return f"line {event.start_mark.line + 1}"


def _one_line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    text = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}, column {mark.column + 1}: {text}" if mark else f"not YAML: {text}"
