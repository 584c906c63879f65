"""What an address may show of itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Location, redacted


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://name:secret@host/a.apk", "https://host/a.apk"),
        ("https://host/a.apk?X-Amz-Signature=0a1b&v=3", "https://host/a.apk?X-Amz-Signature=…&v=3"),
        ("https://host/a.apk?id=7&sig=x#part", "https://host/a.apk?id=7&sig=…#part"),
        ("https://host/a.apk?h=0123456789abcdef0123", "https://host/a.apk?h=…"),
        ("https://host/user@name/a.apk", "https://host/user@name/a.apk"),
        ("https://a@b@host/x", "https://host/x"),
        ("s3://bucket/a?b=0123456789abcdef0123", "s3://bucket/a?b=0123456789abcdef0123"),
        ("folder/https://name:secret@host", "folder/https://name:secret@host"),
    ],
)
def test_secrets_of_an_address_are_not_shown(address: str, shown: str) -> None:
    assert redacted(address) == shown
    assert str(Location(address)) == shown


@given(st.text("abc:/?=&@#%…", max_size=40))
def test_any_text_is_redacted_once(text: str) -> None:
    once = redacted("https://" + text)
    assert redacted(once) == once
