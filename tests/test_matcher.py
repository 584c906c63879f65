"""Verdicts: a table of what was seen, against the shipped signatures and against a test database."""

from __future__ import annotations

import pytest

from scanner.database import SignatureDatabase, load_database
from scanner.database.signaturefile import Signature
from scanner.matcher import Observation, match, match_title, unconfirmed_names
from scanner.model import Assurance, Certificate, Verdict

STRANGER = Certificate(sha256="ab" * 32, sha1="ab" * 20, md5="ab" * 16)
DECLARED, VERIFIED, REPORTED = Assurance.DECLARED, Assurance.VERIFIED, Assurance.REPORTED


@pytest.fixture(scope="module")
def database() -> SignatureDatabase:
    return load_database()


def pinned(database: SignatureDatabase, signature_id: str, signer: str) -> Certificate:
    found = next(one for one in signature(database, signature_id).signers if one.id == signer)
    return Certificate(found.sha256, found.sha1, found.md5, rsa_modulus_sha256=found.rsa_modulus_sha256)


def signature(database: SignatureDatabase, signature_id: str) -> Signature:
    return next(one for one in database.signatures if one.id == signature_id)


def verdicts(database: SignatureDatabase, observed: Observation) -> dict[str, Verdict]:
    return {finding.signature: finding.verdict for finding in match(observed, database)}


def seen(name: str, *signers: Certificate, assurance: Assurance = DECLARED, **rest: object) -> Observation:
    return Observation(name, signers, assurance=assurance, **rest)  # type: ignore[arg-type]


COMPLETE = [
    ("com.tencent.mm", "wechat-pay", "tencent-wechat"),
    ("com.tencent.mobileqq", "tencent-qq", "tencent-qq"),
    ("com.tencent.qqlite", "tencent-qq", "tencent-qq"),
    ("com.tencent.mobileqqi", "tencent-qq", "tencent-qq"),
    ("com.eg.android.AlipayGphone", "alipay", "alipay"),
]
PARTIAL = [
    ("com.intsig.camscanner", "camscanner", "intsig"),
    ("com.lenovo.anyshare.gps", "shareit", "lenovo-app"),
    ("cn.wps.moffice_eng", "wps-office", "wps"),
    ("com.tencent.tim", "tencent-qq", "tencent-tim"),
    ("hk.alipay.wallet", "alipay", "alipay-hk"),
]


@pytest.mark.parametrize(("name", "app", "signer"), COMPLETE + PARTIAL)
@pytest.mark.parametrize(
    ("assurance", "verdict"), [(DECLARED, "likely"), (REPORTED, "confirmed"), (VERIFIED, "confirmed")]
)
def test_a_pinned_signer_is_as_good_as_its_assurance(
    database: SignatureDatabase, name: str, app: str, signer: str, assurance: Assurance, verdict: str
) -> None:
    found = verdicts(database, seen(name, pinned(database, app, signer), assurance=assurance))
    assert found[app] == verdict


@pytest.mark.parametrize(("name", "app"), [pair[:2] for pair in COMPLETE])
def test_another_signer_is_an_impostor_only_where_pins_are_complete(
    database: SignatureDatabase, name: str, app: str
) -> None:
    assert verdicts(database, seen(name, STRANGER))[app] == Verdict.IMPOSTOR


@pytest.mark.parametrize(
    ("name", "app"), [*(pair[:2] for pair in PARTIAL), ("com.uc.vmate", "vmate"), ("shareit.lite", "shareit")]
)
def test_another_signer_elsewhere_is_name_only_and_says_why(database: SignatureDatabase, name: str, app: str) -> None:
    (finding,) = match(seen(name, STRANGER), database)
    assert (finding.signature, finding.verdict) == (app, Verdict.NAME_ONLY)
    assert "incomplete pins" in finding.reason or "no certificate of this app is known" in finding.reason


def test_qq_gives_two_findings(database: SignatureDatabase) -> None:
    assert set(verdicts(database, seen("com.tencent.mobileqq", STRANGER))) == {"tencent-qq", "qq-wallet"}


def test_a_declared_certificate_never_confirms(database: SignatureDatabase) -> None:
    for name, app, signer in COMPLETE + PARTIAL:
        for finding in match(seen(name, pinned(database, app, signer)), database):
            assert finding.verdict != Verdict.CONFIRMED
            assert "nobody checked the signature" in finding.reason


def test_the_pinned_signer_in_the_history_alone_is_a_past_signer(database: SignatureDatabase) -> None:
    genuine = pinned(database, "wechat-pay", "tencent-wechat")
    (finding,) = match(seen("com.tencent.mm", STRANGER, history=(genuine,)), database)
    assert finding.verdict == Verdict.PAST_SIGNER
    assert [one.origin for one in finding.evidence if one.agrees] == ["manifest", "certificate-history"]


def test_a_pinned_certificate_beside_another_is_not_the_pinned_signer(database: SignatureDatabase) -> None:
    genuine = pinned(database, "wechat-pay", "tencent-wechat")
    (finding,) = match(seen("com.tencent.mm", STRANGER, genuine), database)
    assert finding.verdict == Verdict.IMPOSTOR
    assert "1 of 2 signers" in finding.reason


@pytest.mark.parametrize(
    ("name", "verdict"), [("com.tencent.mm", Verdict.IMPOSTOR), ("com.uc.vmate", Verdict.NAME_ONLY)]
)
def test_an_unsigned_app_is_an_impostor_only_where_pins_are_complete(
    database: SignatureDatabase, name: str, verdict: Verdict
) -> None:
    (finding,) = match(Observation(name, no_signer="not signed"), database)
    assert finding.verdict == verdict
    assert "not signed" in finding.reason


def test_a_certificate_that_was_not_seen_leaves_the_name(database: SignatureDatabase) -> None:
    (finding,) = match(Observation("com.tencent.mm"), database)
    assert finding.verdict == Verdict.NAME_ONLY
    assert "was not seen" in finding.reason


def test_an_unlisted_name_under_a_pinned_signer_is_the_same_signer(database: SignatureDatabase) -> None:
    found = match(seen("com.qq.reader", pinned(database, "tencent-qq", "tencent-qq")), database)
    assert {finding.verdict for finding in found} == {Verdict.SAME_SIGNER}
    assert "as it is known to" in found[0].reason


def test_an_unlisted_name_with_a_pinned_signer_in_its_history_is_the_same_signer(database: SignatureDatabase) -> None:
    genuine = pinned(database, "camscanner", "intsig")
    (finding,) = match(seen("com.example", STRANGER, history=(genuine,)), database)
    assert (finding.signature, finding.verdict) == ("camscanner", Verdict.SAME_SIGNER)


def test_an_unlisted_name_and_signer_gives_nothing(database: SignatureDatabase) -> None:
    assert match(seen("com.example", STRANGER), database) == ()


def test_an_unconfirmed_name_gives_a_note_and_no_finding(database: SignatureDatabase) -> None:
    assert match(seen("com.wps.moffice_eng", STRANGER), database) == ()
    (note,) = unconfirmed_names("com.wps.moffice_eng", database)
    assert "WPS Office" in note


@pytest.mark.parametrize(
    ("name", "app", "signer", "whose"),
    [
        ("shareit.lite", "shareit", "lenovo-app", "com.lenovo.anyshare.gps"),
        ("com.eg.android.AlipayGphoneRC", "alipay", "alipay", "com.eg.android.AlipayGphone"),
        ("com.intsig.camscannerhd", "camscanner", "intsig", "com.intsig.camscanner, com.intsig.lic.camscanner"),
    ],
)
def test_a_key_is_never_carried_over_to_a_sister_name_but_said(
    database: SignatureDatabase, name: str, app: str, signer: str, whose: str
) -> None:
    (finding,) = match(seen(name, pinned(database, app, signer), assurance=VERIFIED), database)
    assert finding.verdict == Verdict.NAME_ONLY
    assert f"it is the signer pinned for {whose}" in finding.reason


def test_a_signature_that_does_not_verify_is_nobodys(database: SignatureDatabase) -> None:
    wechat, camscanner = pinned(database, "wechat-pay", "tencent-wechat"), pinned(database, "camscanner", "intsig")
    (finding,) = match(seen("com.tencent.mm", wechat, broken="V2_SIG_DID_NOT_VERIFY"), database)
    assert finding.verdict == Verdict.IMPOSTOR
    assert "V2_SIG_DID_NOT_VERIFY" in finding.reason
    (finding,) = match(seen("com.intsig.camscanner", camscanner, broken="V2_SIG_DID_NOT_VERIFY"), database)
    assert finding.verdict == Verdict.NAME_ONLY
    assert match(seen("com.example", wechat, broken="V2_SIG_DID_NOT_VERIFY"), database) == ()


def test_a_family_key_under_a_name_with_complete_pins_does_not_count(database: SignatureDatabase) -> None:
    tim = pinned(database, "tencent-qq", "tencent-tim")
    stranger_to_md5_only = Certificate(sha256="cd" * 32, md5=tim.md5)
    assert verdicts(database, seen("com.tencent.mobileqq", stranger_to_md5_only))["tencent-qq"] == Verdict.IMPOSTOR


def test_a_weaker_digest_never_outvotes_a_stronger_one_that_differs(database: SignatureDatabase) -> None:
    genuine = pinned(database, "wechat-pay", "tencent-wechat")
    forged = Certificate(sha256="ab" * 32, md5=genuine.md5)
    assert verdicts(database, seen("com.tencent.mm", forged))["wechat-pay"] == Verdict.IMPOSTOR
    assert match(seen("com.example", forged), database) == ()


def test_alipayhk_is_told_by_its_modulus_and_tim_by_its_md5(database: SignatureDatabase) -> None:
    hong_kong = Certificate("11" * 32, rsa_modulus_sha256=pinned(database, "alipay", "alipay-hk").rsa_modulus_sha256)
    tim = Certificate("22" * 32, md5=pinned(database, "tencent-qq", "tencent-tim").md5)
    for name, certificate, kind in (
        ("hk.alipay.wallet", hong_kong, "rsa-modulus-sha256"),
        ("com.tencent.tim", tim, "certificate-md5"),
    ):
        (finding,) = match(seen(name, certificate), database)
        assert finding.verdict == Verdict.LIKELY
        assert finding.evidence[1].kind == kind
        assert finding.evidence[1].agrees


def test_every_finding_carries_its_evidence_and_citations(database: SignatureDatabase) -> None:
    for name, app, signer in COMPLETE + PARTIAL:
        for certificate in (pinned(database, app, signer), STRANGER):
            for finding in match(seen(name, certificate), database):
                assert finding.evidence[0].kind == "package-name"
                assert finding.evidence[0].cites
                compared = finding.evidence[1]
                assert compared.value
                assert compared.agrees == (certificate is not STRANGER)
                assert compared.cites or not compared.pinned, "what was compared with nothing cites nobody"
                assert finding.lists


def test_findings_are_sorted_strongest_first(database: SignatureDatabase) -> None:
    found = match(seen("com.tencent.mobileqq", STRANGER), database)
    assert [finding.signature for finding in found] == ["qq-wallet", "tencent-qq"]


@pytest.mark.parametrize(
    ("title", "found"),
    [
        ("WeChat", {"wechat-pay"}),
        ("  wechat ", {"wechat-pay"}),
        ("微信", {"wechat-pay"}),
        ("QQ", {"tencent-qq", "qq-wallet"}),
        ("CamScanner - PDF Scanner App", {"camscanner"}),
        ("SHAREit: Transfer, Share Files", {"shareit"}),
        ("WPS Office-PDF,Word,Sheet,PPT", {"wps-office"}),
        ("QQ Mail", set()),
        ("QQ音乐", set()),
        ("WeChats", set()),
        ("My WeChat", set()),
        ("", set()),
    ],
)
def test_a_title_is_a_reason_to_look_and_no_more(title: str, found: set[str]) -> None:
    findings = match_title(title, "apps.csv:2", load_database())
    assert {finding.signature for finding in findings} == found
    assert {finding.verdict for finding in findings} <= {Verdict.DISPLAY_NAME}
    assert all(evidence.cites and evidence.agrees for finding in findings for evidence in finding.evidence)
