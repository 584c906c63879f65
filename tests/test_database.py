"""Signature files: those that came with this program, and bad ones, refused by name."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from scanner import database as module
from scanner.certificate import complete, from_der, hash32
from scanner.database import (
    SignatureDatabase,
    agreement,
    comparable,
    default_folder,
    load_database,
    read_signature_file,
)
from scanner.errors import DatabaseError
from scanner.model import Certificate
from tests.support.signer import key

SHIPPED = sorted(default_folder().glob("*.yaml"))
ALICE = complete(from_der(key("alice").certificate))
ALIPAY_HK_MODULUS = "cc17431144ccac603c9c6b3002efc40ca17ee65d88e889a742418844c70608cf"
TIM_MD5 = "775e696d09856872fdd8ab4f3f06b1e0"


def document() -> dict[str, Any]:
    """A good file, small enough to spoil one field at a time."""
    return {
        "schema": 1,
        "lists": [{"id": "my-list", "title": "Mine", "status": "in-force", "cites": ["me"]}],
        "apps": [
            {
                "id": "my-app",
                "name": "My App",
                "publisher": "Me",
                "updated": "2026-11-23",
                "lists": [{"list": "my-list", "named_as": "My App"}],
                "packages": [
                    {
                        "name": "com.example.app",
                        "variant": "main",
                        "status": "confirmed",
                        "pins": "complete",
                        "signers": ["alice"],
                        "cites": ["me"],
                    }
                ],
                "signers": [
                    {
                        "id": "alice",
                        "confidence": "computed",
                        "sha256": ALICE.sha256,
                        "sha1": ALICE.sha1,
                        "md5": ALICE.md5,
                        "spki_sha256": ALICE.spki_sha256,
                        "hash32": hash32(key("alice").certificate),
                        "der": key("alice").certificate.hex(),
                        "cites": ["me"],
                    }
                ],
            }
        ],
    }


class WithoutAliases(yaml.SafeDumper):
    """A writer that repeats what stands twice."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def written(folder: Path, content: object, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else yaml.dump(content, Dumper=WithoutAliases).encode())
    return path


def spoiled(where: str, value: object) -> dict[str, Any]:
    """The good file with the value at a path such as ``apps.0.name`` changed; `...` removes it."""
    content = document()
    *path, last = [int(step) if step.isdigit() else step for step in where.split(".")]
    at: Any = content
    for step in path:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return content


# The shipped files


@pytest.mark.parametrize("file", SHIPPED, ids=[file.stem for file in SHIPPED])
def test_a_shipped_file_loads_by_itself(file):
    content = read_signature_file(file)
    assert content.apps or content.lists
    assert all(signature.id == file.stem for signature in content.apps)


def test_all_eight_apps_are_there():
    found = {signature.id: signature.name for signature in load_database().signatures}
    assert found == {
        "alipay": "Alipay",
        "camscanner": "CamScanner",
        "qq-wallet": "QQ Wallet",
        "shareit": "SHAREit",
        "tencent-qq": "Tencent QQ",
        "vmate": "VMate",
        "wechat-pay": "WeChat Pay",
        "wps-office": "WPS Office",
    }


def test_every_app_is_named_by_the_executive_order():
    database = load_database()
    for signature in database.signatures:
        assert {"us-eo-13971", "texas-prohibited-technologies"} <= {mention.list_id for mention in signature.lists}
    assert database.lists["us-eo-13971"].status == "revoked"


def test_the_pins_are_complete_for_these_packages_and_no_other():
    complete_pins = {
        package.name
        for signature in load_database().signatures
        for package in signature.packages
        if package.pins == "complete"
    }
    assert complete_pins == {
        "com.tencent.mm",
        "com.tencent.mobileqq",
        "com.tencent.qqlite",
        "com.tencent.mobileqqi",
        "com.eg.android.AlipayGphone",
    }


def test_a_complete_pin_is_a_certificate_and_not_a_weaker_digest():
    for signature in load_database().signatures:
        for package in signature.packages:
            if package.pins == "complete":
                assert all(signer.sha256 for signer in signature.signers_of(package))


def test_one_package_may_belong_to_two_signatures():
    found = load_database().by_name("com.tencent.mobileqq")
    assert [(signature.id, package.name) for signature, package in found] == [
        ("qq-wallet", "com.tencent.mobileqq"),
        ("tencent-qq", "com.tencent.mobileqq"),
    ]


def test_an_unlisted_name_or_certificate_is_not_found():
    database = load_database()
    assert database.by_name("com.example.app") == []
    assert database.by_certificate(ALICE) == {}
    assert database.by_certificate(Certificate()) == {}


def test_alipay_hk_is_found_by_the_modulus_of_its_key():
    found = load_database().by_certificate(Certificate(sha256="0" * 64, rsa_modulus_sha256=ALIPAY_HK_MODULUS))
    ((signature, (_, signer)),) = found.items()
    assert (signature, signer.id) == ("alipay", "alipay-hk")


def test_tim_is_found_by_md5():
    found = load_database().by_certificate(Certificate(sha256="0" * 64, md5=TIM_MD5))
    ((signature, (_, signer)),) = found.items()
    assert (signature, signer.id) == ("tencent-qq", "tencent-tim")


def test_the_strongest_digest_is_the_one_told():
    (pinned,) = [one for s in load_database().signatures if s.id == "wechat-pay" for one in s.signers]
    der = bytes.fromhex(pinned.der or "")
    assert agreement(complete(from_der(der)), pinned) == "sha256"
    assert agreement(Certificate(md5=pinned.md5), pinned) == "md5"
    assert agreement(Certificate(sha1=pinned.sha1, md5=pinned.md5), pinned) == "sha1"


def test_digests_that_no_certificate_binds_each_count_for_themselves():
    (wps,) = [one for s in load_database().signatures if s.id == "wps-office" for one in s.signers]
    assert wps.der is None
    assert agreement(Certificate(sha256="0" * 64, sha1=wps.sha1, md5="0" * 32), wps) == "sha1"
    assert agreement(Certificate(sha256="0" * 64, sha1="0" * 40, md5="0" * 32), wps) is None


def test_a_weaker_digest_never_outvotes_a_stronger_one_that_differs():
    (pinned,) = [one for s in load_database().signatures if s.id == "wechat-pay" for one in s.signers]
    forged = Certificate(sha256="0" * 64, md5=pinned.md5)
    assert load_database().by_certificate(forged) == {}
    assert agreement(forged, pinned) is None
    assert comparable(forged, pinned)
    assert not comparable(Certificate(hash32=pinned.hash32), pinned)


def test_the_32_bit_hash_finds_a_signer_only_where_nothing_stronger_is_known():
    assert list(load_database().by_certificate(Certificate(hash32="0962f5b7"))) == ["wechat-pay"]
    assert load_database().by_certificate(Certificate(hash32="0962f5b7", sha256="ab" * 32)) == {}
    assert load_database().by_certificate(Certificate(hash32="0962f5b8")) == {}


def test_the_digest_of_the_data_is_the_same_every_time_and_changes_with_it(tmp_path):
    assert load_database().digest == load_database().digest
    assert len(load_database().digest) == 64
    mine = written(tmp_path, document())
    with_mine = load_database([mine]).digest
    assert with_mine != load_database().digest
    written(tmp_path, spoiled("apps.0.name", "Another"))
    assert load_database([mine]).digest != with_mine


def test_a_database_can_be_sent_to_a_worker():
    database = load_database()
    received = pickle.loads(pickle.dumps(database))
    assert isinstance(received, SignatureDatabase)
    assert received.signatures == database.signatures
    assert received.by_name("com.tencent.mm") == database.by_name("com.tencent.mm")


# Added files


def test_an_added_file_adds_its_apps(tmp_path):
    database = load_database([written(tmp_path, document())])
    assert len(database.signatures) == 9
    assert [signature.id for signature in database.signatures] == sorted(one.id for one in database.signatures)
    assert database.by_certificate(ALICE)["my-app"][1].id == "alice"
    assert "my-list" in database.lists


def test_replacing_leaves_only_the_given_files(tmp_path):
    database = load_database([written(tmp_path, document())], replace=True)
    assert [signature.id for signature in database.signatures] == ["my-app"]
    assert list(database.lists) == ["my-list"]
    assert database.by_name("com.tencent.mm") == []


def test_an_added_app_with_a_shipped_id_replaces_the_shipped_one(tmp_path):
    database = load_database([written(tmp_path, spoiled("apps.0.id", "wechat-pay"))])
    assert len(database.signatures) == 8
    assert database.by_name("com.tencent.mm") == []
    assert [package.name for _, package in database.by_name("com.example.app")] == ["com.example.app"]


def test_an_added_app_may_be_named_by_a_shipped_list(tmp_path):
    content = spoiled("apps.0.lists.0.list", "us-eo-13971")
    assert len(load_database([written(tmp_path, content)]).signatures) == 9
    with pytest.raises(DatabaseError, match="us-eo-13971"):
        load_database([written(tmp_path, content)], replace=True)


def test_a_replaced_app_says_what_is_no_longer_known_of_it(tmp_path):
    content = spoiled("apps.0.id", "wps-office")
    (said,) = load_database([written(tmp_path, content)]).replaced
    assert said[0] == "some of wps-office"
    assert "package name cn.wps.moffice_eng, " in said[1]
    assert " more; list texas-prohibited-technologies, us-eo-13971" in said[1]
    assert "another id would leave both" in said[1]
    wechat = next(one for one in load_database().signatures if one.id == "wechat-pay")
    packages = tuple(replace(one, pins="partial") for one in wechat.packages)
    assert replace(wechat, packages=packages).lacks(wechat) == "complete pins of com.tencent.mm"
    assert wechat.lacks(wechat) == ""
    assert load_database([written(tmp_path, document())]).replaced == ()
    assert load_database([written(tmp_path, content)], replace=True).replaced == ()


def test_a_folder_gives_its_signature_files_and_lists_and_no_other(tmp_path):
    other = spoiled("apps.0.id", "other")
    del other["lists"]
    written(tmp_path, document())
    written(tmp_path, other, "other.yml")
    written(tmp_path, b"not a signature file", "README.md")
    written(tmp_path, b"package\ncom.example.listed\n", "list.csv")
    database = load_database([tmp_path], replace=True)
    assert [signature.id for signature in database.signatures] == ["com-example-listed", "my-app", "other"]


def test_the_good_file_of_these_tests_is_good(tmp_path):
    signature = load_database([written(tmp_path, document())], replace=True).signatures[0]
    assert signature.signers_of(signature.packages[0]) == signature.signers


# Bad files: each is refused by file, field and reason


@pytest.mark.parametrize(
    ("where", "value", "field", "reason"),
    [
        ("apps.0.pakcages", [], "apps[0]", "unknown field `pakcages`"),
        ("extra", 1, "", "unknown field `extra`"),
        ("apps.0.signers.0.sha265", "0" * 64, "apps[0].signers[0]", "unknown field `sha265`"),
        ("lists.0.titel", "x", "lists[0]", "unknown field `titel`"),
        ("schema", "1", "schema", "Expected `int`"),
        ("schema", 2, "schema", "2 is unknown"),
        ("schema", 0, "schema", "0 is unknown"),
        ("schema", ..., "", "missing required field `schema`"),
        ("apps", {}, "apps", "Expected `array`"),
        ("apps.0", "my-app", "apps[0]", "Expected `object`"),
        ("apps.0.name", 5, "apps[0].name", "Expected `str`"),
        ("apps.0.name", ..., "apps[0]", "missing required field `name`"),
        ("apps.0.packages", ..., "apps[0]", "missing required field `packages`"),
        ("apps.0.packages.0.status", "sure", "apps[0].packages[0].status", "Invalid enum value 'sure'"),
        ("apps.0.packages.0.pins", "all", "apps[0].packages[0].pins", "Invalid enum value 'all'"),
        ("apps.0.packages.0.signers", "alice", "apps[0].packages[0].signers", "Expected `array`"),
        ("apps.0.packages.0.signers", ["bob"], "apps[0].packages[0].signers", "no signer 'bob'"),
        ("apps.0.packages.0.pins", "none", "apps[0].packages[0].pins", "'none' with 1 signer"),
        ("apps.0.packages.0.signers", [], "apps[0].packages[0].pins", "'complete' with 0 signers"),
        ("apps.0.packages.0.cites", [], "apps[0].packages[0].cites", "nobody can cite"),
        ("apps.0.packages.0.cites", ..., "apps[0].packages[0]", "missing required field `cites`"),
        ("apps.0.titles", [{"name": "Ours", "cites": []}], "apps[0].titles[0].cites", "nobody can cite"),
        ("apps.0.code", [{"prefix": "Lcom/a/", "cites": []}], "apps[0].code[0]", "what cites it"),
        ("apps.0.code", [{"prefix": "com/a/", "cites": ["x"]}], "apps[0].code[0]", "a prefix of type descriptors"),
        ("apps.0.titles", [{"name": " ", "cites": ["x"]}], "apps[0].titles[0].name", "no name"),
        ("apps.0.signers.0.cites", [], "apps[0].signers[0].cites", "nobody can cite"),
        ("apps.0.signers.0.cites", ..., "apps[0].signers[0]", "missing required field `cites`"),
        ("lists.0.cites", ..., "lists[0]", "missing required field `cites`"),
        ("lists.0.status", "over", "lists[0].status", "Invalid enum value 'over'"),
        ("apps.0.signers.0.sha256", "0" * 63, "apps[0].signers[0].sha256", "wants 64 lower-case hex digits"),
        ("apps.0.signers.0.sha256", "0" * 65, "apps[0].signers[0].sha256", "wants 64 lower-case hex digits"),
        ("apps.0.signers.0.sha256", "", "apps[0].signers[0].sha256", "wants 64 lower-case hex digits"),
        ("apps.0.signers.0.sha256", "g" * 64, "apps[0].signers[0].sha256", "wants 64 lower-case hex digits"),
        ("apps.0.signers.0.sha256", "A" * 64, "apps[0].signers[0].sha256", "wants 64 lower-case hex digits"),
        ("apps.0.signers.0.sha1", "0" * 64, "apps[0].signers[0].sha1", "wants 40 lower-case hex digits"),
        ("apps.0.signers.0.md5", "0" * 31, "apps[0].signers[0].md5", "wants 32 lower-case hex digits"),
        ("apps.0.signers.0.hash32", "962f5b7", "apps[0].signers[0].hash32", "wants 8 lower-case hex digits"),
        ("apps.0.signers.0.rsa_modulus_sha256", "00", "apps[0].signers[0].rsa_modulus_sha256", "wants 64"),
        ("apps.0.signers.0.spki_sha256", " " * 64, "apps[0].signers[0].spki_sha256", "wants 64"),
        ("apps.0.signers.0.sha256", "0" * 64, "apps[0].signers[0].sha256", "not that of the DER"),
        ("apps.0.signers.0.sha1", "0" * 40, "apps[0].signers[0].sha1", "not that of the DER"),
        ("apps.0.signers.0.md5", "0" * 32, "apps[0].signers[0].md5", "not that of the DER"),
        ("apps.0.signers.0.hash32", "0" * 8, "apps[0].signers[0].hash32", "not that of the DER"),
        ("apps.0.signers.0.spki_sha256", "0" * 64, "apps[0].signers[0].spki_sha256", "not that of the DER"),
        ("apps.0.signers.0.rsa_modulus_sha256", "0" * 64, "apps[0].signers[0].rsa_modulus_sha256", "not that of"),
        ("apps.0.signers.0.der", "3082zz", "apps[0].signers[0].der", "not hex"),
        ("apps.0.signers.0.confidence", "high", "apps[0].signers[0].confidence", "Invalid enum value 'high'"),
        ("apps.0.lists.0.list", "no-list", "my-app.lists[0].list", "no list 'no-list' is defined"),
    ],
)  # fmt: skip
def test_a_bad_field_is_refused_by_file_field_and_reason(tmp_path, where, value, field, reason):
    path = written(tmp_path, spoiled(where, value))
    with pytest.raises(DatabaseError) as caught:
        load_database([path], replace=True)
    text = str(caught.value)
    assert text.startswith(f"{path}: {field}: " if field else f"{path}: ")
    assert reason in text
    assert "\n" not in text


def test_a_signer_without_any_digest_is_refused(tmp_path):
    content = document()
    content["apps"][0]["signers"][0] = {"id": "alice", "confidence": "computed", "hash32": "0" * 8, "cites": ["me"]}
    path = written(tmp_path, content)
    with pytest.raises(DatabaseError, match=r"apps\[0\]\.signers\[0\]\.sha256: no digest at all"):
        load_database([path])


@pytest.mark.parametrize("kind", ["packages", "signers"])
def test_the_same_id_twice_in_one_app_is_refused(tmp_path, kind):
    content = document()
    content["apps"][0][kind] *= 2
    path = written(tmp_path, copy.deepcopy(content))
    with pytest.raises(DatabaseError, match=rf"mine\.yaml: apps\[0\]\.{kind}: .* stands twice"):
        load_database([path])


def test_the_same_app_twice_in_one_file_is_refused(tmp_path):
    content = document()
    content["apps"].append(copy.deepcopy(content["apps"][0]))
    path = written(tmp_path, content)
    with pytest.raises(DatabaseError, match=r"mine\.yaml: apps: id 'my-app' is also in .*mine\.yaml"):
        load_database([path])


def test_the_same_app_in_two_added_files_is_refused(tmp_path):
    written(tmp_path, document(), "a.yaml")
    written(tmp_path, {**document(), "lists": []}, "b.yaml")
    with pytest.raises(DatabaseError, match=r"b\.yaml: apps: id 'my-app' is also in .*a\.yaml"):
        load_database([tmp_path])


def test_the_same_list_twice_in_one_file_is_refused(tmp_path):
    content = document()
    content["lists"].append({**content["lists"][0], "status": "revoked"})
    path = written(tmp_path, content)
    with pytest.raises(DatabaseError, match=r"mine\.yaml: lists.*my-list"):
        load_database([path])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "Expected `object`"),
        (b"- a", "Expected `object`"),
        (b"just text", "Expected `object`"),
        (b"a: [1", "line 2, column 1"),
        (b"schema: 1\nschema: 1", "the key 'schema' stands twice"),
        (b"schema: 1\napps: &a []\nlists: *a", "aliases are not allowed"),
        (b"schema: 1\n? [apps]\n: []", "line 2"),
        (b"\x00\x01\x02\x03", "not YAML"),
        (b"PK\x03\x04" + bytes(100), "not YAML"),
        (b"\xff" * 50, "not YAML"),
        (b"1: 2", ""),
        (b"{schema: 1, 5: x}", ""),
    ],
)
def test_what_is_no_signature_file_is_refused_by_name(tmp_path, data, reason):
    path = written(tmp_path, data)
    with pytest.raises(DatabaseError) as caught:
        load_database([path])
    assert str(caught.value).startswith(f"{path}: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(DatabaseError, match=r"none\.yaml: No such file"):
        load_database([tmp_path / "none.yaml"])


def test_a_file_larger_than_the_limit_is_refused(tmp_path, monkeypatch):
    path = written(tmp_path, document())
    monkeypatch.setattr(module, "MAX_FILE", path.stat().st_size)
    assert load_database([path], replace=True).signatures
    monkeypatch.setattr(module, "MAX_FILE", path.stat().st_size - 1)
    with pytest.raises(DatabaseError, match="larger than"):
        load_database([path], replace=True)


def test_no_app_at_all_is_refused(tmp_path):
    with pytest.raises(DatabaseError, match="no signatures"):
        load_database([], replace=True)
    with pytest.raises(DatabaseError, match=r"no \.yaml or \.csv file"):
        load_database([tmp_path], replace=True)
    with pytest.raises(DatabaseError, match="no signatures"):
        load_database([written(tmp_path, {"schema": 1})], replace=True)


def test_one_bad_file_spoils_the_whole_database(tmp_path):
    written(tmp_path, document(), "good.yaml")
    written(tmp_path, b"a: [", "bad.yaml")
    with pytest.raises(DatabaseError, match=r"bad\.yaml"):
        load_database([tmp_path])
