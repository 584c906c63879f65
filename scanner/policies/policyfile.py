"""What a policy file may hold, and what is wrong with one: each problem with its line and the nearest right word.

The YAML's shape is `PolicyFile`, published as ``docs/policy.schema.json``; ``docs/policies.md`` says what it means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from scanner.errors import PolicyError
from scanner.model import Value, Verdict, printable
from scanner.policies.allowing import Allowance, Policy
from scanner.policies.policy import FAILING
from scanner.strictyaml import bounded_bytes, line_numbers, load_yaml

Place = tuple[str | int, ...]
MAX_FILE = 8 << 20
"""Largest policy file that is read, in bytes."""
SCOPES = ("package", "signature", "signer", "device", "user", "verdict")
WHAT = ("package", "signature", "signer")
"""Scopes of which an allowance names one at least: nobody allows whatever there is on a phone."""
WANTED = {
    "schema": "1",
    "lists": "ids of lists, such as [us-eo-13971]",
    "fail_on": "verdicts, such as [confirmed, impostor]",
    "strict": "true or false",
    "allow": "allowances, each behind a dash",
    "package": "a package name such as com.example.app, without wildcards",
    "signature": "the id of a signature, such as wechat-pay",
    "signer": "the SHA-256 of a signing certificate: 64 hex digits",
    "device": "a serial number, in quotes where it is all digits",
    "user": "the number of an Android user, such as 0 or 10",
    "verdict": "a verdict, such as name-only",
    "owner": "who allows it",
    "reason": "why it is allowed",
    "expires": "the last day on which it holds, such as 2027-03-31",
}
"""Key → what its value must be."""

FindingName = Literal[
    "confirmed",
    "likely",
    "name-only",
    "impostor",
    "past-signer",
    "same-signer",
    "embedded-sdk",
    "display-name",
    "look-alike",
]
"""The verdicts on a finding; ``clear`` and ``unread`` are none."""
FINDINGS = tuple(str(verdict) for verdict in Verdict if verdict not in {Verdict.CLEAR, Verdict.UNREAD})
Text = Annotated[str, Meta(pattern=r"\S")]
PackageName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.]+$")]
Sha256 = Annotated[str, Meta(pattern=r"^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$")]
UserId = Annotated[int, Meta(ge=0)]
SEVERAL = Meta(min_length=1)


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of what a policy holds: an unknown key is a typo, and a typo is an error."""


class AllowanceEntry(_Strict, frozen=True, kw_only=True):
    """A finding that may be, until a day. A scope takes one value or a list; one that is left out is any."""

    # NOTE: not "one value | a list of them": msgspec 0.22 crashes when it frees such a union with a pattern in it
    # (https://github.com/msgspec/msgspec/issues/717). `_listed` makes lists; the schema says that one value will do.
    package: Annotated[tuple[PackageName, ...], SEVERAL] = ()
    signature: Annotated[tuple[Text, ...], SEVERAL] = ()
    signer: Annotated[tuple[Sha256, ...], SEVERAL] = ()
    device: Annotated[tuple[Text, ...], SEVERAL] = ()
    user: Annotated[tuple[UserId, ...], SEVERAL] = ()
    verdict: Annotated[tuple[FindingName, ...], SEVERAL] = ()
    owner: Text
    reason: Text
    expires: date


class PolicyFile(_Strict, frozen=True, kw_only=True):
    """What fails a scan, and what is allowed."""

    schema: Literal[1] = 1
    lists: Annotated[tuple[Text, ...], SEVERAL] = ()
    fail_on: Annotated[tuple[FindingName, ...], SEVERAL] = ()
    strict: bool = False
    allow: tuple[AllowanceEntry, ...] = ()


class Problem(Value, frozen=True):
    """Something wrong with a policy. An ``error`` makes it unusable, a ``note`` is only worth knowing."""

    line: int
    level: Literal["error", "warning", "note"]
    text: str


class PolicyDocument(Value, frozen=True):
    """A policy file that was understood, and where everything in it stands."""

    file: str
    content: PolicyFile
    lines: dict[Place, int]

    def policy(self) -> Policy:
        """What it means."""
        content = self.content
        return Policy(
            fail_on=frozenset(map(Verdict, content.fail_on)) or FAILING,
            lists=frozenset(content.lists),
            strict=content.strict,
            allowances=tuple(self._allowance(number, entry) for number, entry in enumerate(content.allow)),
        )

    def _allowance(self, number: int, entry: AllowanceEntry) -> Allowance:
        return Allowance(
            owner=printable(entry.owner),
            reason=printable(entry.reason),
            expires=entry.expires,
            packages=frozenset(entry.package),
            signatures=frozenset(entry.signature),
            signers=frozenset(signer.replace(":", "").lower() for signer in entry.signer),
            devices=frozenset(entry.device),
            users=frozenset(entry.user),
            verdicts=frozenset(map(Verdict, entry.verdict)),
            where=f"{self.file}, line {self.lines['allow', number]}",
        )


def nearest(word: str, known: Iterable[str]) -> str:
    """What somebody who wrote ``word`` may have meant, as the end of a sentence."""
    options = list(known)
    close = get_close_matches(word, options, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(options)}"


def load_policy(path: Path) -> PolicyDocument:
    """A policy from its file. Raises `PolicyError` with the first problem, and how many more there are."""
    document, problems = read_policy(path)
    if document is None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more: app-scanner policy lint)" if len(problems) > 1 else ""
        raise PolicyError(f"{path}, line {first.line}: {first.text}{more}")
    return document


def read_policy(path: Path) -> tuple[PolicyDocument | None, tuple[Problem, ...]]:
    """A policy, or all that is wrong with it. Raises `PolicyError` where the file cannot be read."""
    try:
        data = bounded_bytes(path, MAX_FILE, "policy")
    except ValueError as error:
        raise PolicyError(f"{path}: {error}") from error
    return parse_policy(data, str(path))


def parse_policy(data: bytes, file: str) -> tuple[PolicyDocument | None, tuple[Problem, ...]]:
    """A policy from the bytes of its file, or all that is wrong with it, in the order of its lines."""
    try:
        content = load_yaml(data)
    except ValueError as error:
        said = re.fullmatch(r"line (\d+)(?:, column \d+)?: (.*)", str(error))
        return None, (Problem(int(said[1]) if said else 1, "error", said[2] if said else str(error)),)
    lines = line_numbers(data)
    found = [
        Problem(next(lines[place[:end]] for end in range(len(place), -1, -1) if place[:end] in lines), "error", text)
        for place, text in _problems(content)
    ]
    if found:
        return None, tuple(sorted(found, key=lambda problem: problem.line))
    content = {**content, "allow": [_listed(entry) for entry in content.get("allow", ())]}
    return PolicyDocument(file, msgspec.convert(content, PolicyFile), lines), ()


def _listed(entry: dict[str, Any]) -> dict[str, Any]:
    """An allowance in which every scope is a list."""
    return {key: _list(value) if key in SCOPES else value for key, value in entry.items()}


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - it is checked by its type
    return value if isinstance(value, list) else [value]


def _problems(content: object) -> Iterator[tuple[Place, str]]:
    """Everything that is wrong with the content of a file, and where."""
    if not isinstance(content, dict):
        yield (), f"want a policy with the keys {', '.join(PolicyFile.__struct_fields__)}"
        return
    allow = content.get("allow", [])
    yield from _of_fields(PolicyFile, content, (), apart="allow" if isinstance(allow, list) else "")
    for number, entry in enumerate(allow if isinstance(allow, list) else ()):
        place = ("allow", number)
        if not isinstance(entry, dict):
            yield place, f"allow[{number}]: want an allowance with owner, reason and expires"
            continue
        yield from _of_fields(AllowanceEntry, entry, place)
        if not any(scope in entry for scope in WHAT):
            yield place, f"allow[{number}]: names none of {', '.join(WHAT)}: nobody allows everything"


def _of_fields(
    kind: type[msgspec.Struct], content: dict[str, Any], place: Place, apart: str = ""
) -> Iterator[tuple[Place, str]]:
    """What is wrong with the keys of one mapping and their values; the value of ``apart`` is looked at elsewhere."""
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    prefix = f"allow[{place[1]}]." if place else ""
    for key, value in content.items():
        if key not in fields:
            yield (*place, key), f"{prefix}{key}: no such key; {nearest(key, fields)}"
        elif key != apart:
            yield from (((*place, *at), f"{prefix}{text}") for at, text in _of_value(key, value, fields[key].type))
    for name, field in fields.items():
        if field.required and name not in content:
            yield place, f"{prefix.rstrip('.')}: {name} is missing; want {WANTED[name]}"


def _of_value(key: str, value: object, wanted: Any) -> Iterator[tuple[Place, str]]:  # noqa: ANN401 - a type
    listed = _list(value) if key in SCOPES else value
    try:
        msgspec.convert(listed, wanted)
    except msgspec.ValidationError as error:
        index = re.search(r" - at `\$\[(\d+)\]", str(error))
        wrong = listed[int(index[1])] if index and isinstance(listed, list) else value
        place: Place = (key, int(index[1])) if index and listed is value else (key,)
        if isinstance(wrong, str) and key in {"fail_on", "verdict"}:
            yield place, f"{key}: {printable(wrong)!r} is no verdict on a finding; {nearest(wrong, FINDINGS)}"
        else:
            yield place, f"{key}: want {WANTED[key]}; this is {_shown(wrong)}"


def _shown(value: object) -> str:
    return "empty" if value in (None, []) else printable(repr(value))[:80]
