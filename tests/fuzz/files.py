"""What reads the files of those who decide: signatures (YAML, CSV, other tools' formats, bundles) and policies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

from scanner.curation.exchange import FORMATS, write_foreign
from scanner.curation.writing import to_yaml
from scanner.database import default_folder, load_database, read_signature_file
from scanner.database.bundle import Facts, facts_of, with_facts
from scanner.database.signaturefile import check_file, parse_shape
from scanner.database.signaturelist import parse_list
from scanner.policies.policyfile import parse_policy
from scanner.policies.policylint import check_lists, lint
from scanner.strictyaml import load_yaml
from tests.fuzz.apks import DATABASE, A
from tests.fuzz.target import Refused, Target, numbered, outcome, twice

FILE = Path(__file__)
"""A name for messages, and a day for lists that state none."""
POLICY = """
schema: 1
lists: [us-eo-13971]
fail_on: [confirmed, impostor]
strict: true
allow:
  - package: [com.tencent.mm]
    signature: wechat-pay
    signer: [{sha256}]
    device: S1
    user: [0, 10]
    verdict: confirmed
    owner: ops
    reason: a test phone
    expires: 2026-12-31
"""


def yaml_text(data: bytes) -> None:
    """YAML is plain values, or a `ValueError` of one line."""

    def read() -> object:
        try:
            return load_yaml(data)
        except ValueError as error:
            return Refused("ValueError", str(error))

    first, second = read(), read()
    assert repr(first) == repr(second)
    assert not isinstance(first, Refused) or "\n" not in first.text


def signatures(data: bytes) -> None:
    """A signature file is refused with a reason, or is one that we write the same again."""

    def read():  # type: ignore[no-untyped-def]
        content = parse_shape(data, FILE)
        check_file(content, FILE)
        return content

    content = twice(read)
    if not isinstance(content, Refused):
        assert parse_shape(to_yaml(content).encode(), FILE) == content


def signature_seeds() -> Iterator[bytes]:
    """A small file, and the smallest that come with the program."""
    yield DATABASE.format(sha256=A.sha256).encode()
    files = sorted(default_folder().glob("*.yaml"), key=lambda file: file.stat().st_size)
    yield from (file.read_bytes() for file in files[:3])


def signature_list(data: bytes) -> None:
    """A list is refused, or is a file of the right shape."""

    def read():  # type: ignore[no-untyped-def]
        content = parse_list(data, FILE)
        check_file(content, FILE)
        return content

    twice(read)


@cache
def _apps():  # type: ignore[no-untyped-def]
    return read_signature_file(min(default_folder().glob("*.yaml"), key=lambda file: file.stat().st_size)).apps


def list_seeds() -> Iterator[bytes]:
    """Our own CSV, and one that somebody wrote by hand."""
    yield _written("csv")
    yield b"package,name,sha256\ncom.example.a,A," + b"ab" * 32 + b"\ncom.example.b,B,\n"


def _written(name: str) -> bytes:
    return write_foreign(name, _apps(), {}).text.encode()


def foreign(data: bytes) -> None:
    """A file of another tool is refused with a `ValueError` or one of ours, or is apps."""
    name, rest = numbered(data, sorted(FORMATS))
    reader, _ = FORMATS[name]

    def read() -> object:
        try:
            return list(reader(rest, FILE))
        except ValueError as error:
            return Refused("ValueError", str(error))

    twice(read)


def foreign_seeds() -> Iterator[bytes]:
    """What we write in each format."""
    for number, name in enumerate(sorted(FORMATS)):
        yield bytes([number]) + _written(name)


def bundle(data: bytes) -> None:
    """The comment of an installed bundle is facts, or a `ValueError`; what follows is a signature file or refused."""
    try:
        facts = facts_of(data)
        assert facts_of(with_facts(b"", facts)) == facts
    except ValueError:
        pass
    outcome(lambda: parse_shape(data, FILE))


def bundle_seeds() -> Iterator[bytes]:
    """A bundle."""
    facts = Facts(1, "key", "ab" * 32, "https://example.org/bundle.yaml")
    yield with_facts(next(signature_seeds()), facts)


def policy(data: bytes) -> None:
    """A policy is understood whole, or every problem has a line; lint never fails on one that is understood."""
    found = twice(lambda: parse_policy(data, "p.yaml"))
    assert not isinstance(found, Refused), found
    document, problems = found
    if document is None:
        assert problems
        assert all(problem.line >= 1 for problem in problems)
        return
    assert document.policy().fail_on
    lint(document, _database(), date(2026, 11, 27))
    refused = outcome(lambda: check_lists(document, _database()))
    assert refused is None or "\n" not in refused.text


@cache
def _database():  # type: ignore[no-untyped-def]
    return load_database()


YAML_WORDS = (b"&a ", b"*a", b"!!python/object", b"<<: ", b"? ", b"- ", b": ", b"|\n", b"'", b"{", b"[")
TARGETS = (
    Target("yaml", yaml_text, signature_seeds, longest=4 << 10, words=YAML_WORDS),
    Target("signatures", signatures, signature_seeds, longest=8 << 10, words=YAML_WORDS),
    Target("signature-list", signature_list, list_seeds, longest=8 << 10),
    Target("foreign-signatures", foreign, foreign_seeds, longest=8 << 10),
    Target("bundle", bundle, bundle_seeds, longest=8 << 10),
    Target(
        "policy", policy, lambda: iter([POLICY.format(sha256=A.sha256).encode()]), longest=4 << 10, words=YAML_WORDS
    ),
)
