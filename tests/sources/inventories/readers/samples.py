"""A short sample of each format, made up, and what to ask of a reader."""

from __future__ import annotations

import base64
import hashlib
import json

from scanner.model import Installed
from scanner.sources.inventories.reading import Gap
from tests.support.documents import FilesBundle, TextDocument

ONE, TWO, THREE = "0fe4" * 16, "6cec" * 16, "abcd" * 16
SHA1, MD5 = "ab12" * 10, "cd34" * 8
DER, OTHER_DER = b"\x30\x03one", b"\x30\x03two"
UUID = "01234567-89ab-cdef-0123-456789abcdef"


def colons(digest):
    return ":".join(digest[at : at + 2] for at in range(0, 64, 2)).upper()


PM = """package:/data/app/~~0aX7==/com.shop-hc==/base.apk=com.shop versionCode:7  installer=com.android.vending uid:10123,1010123
package:/system/app/My Player/Player.apk=com.player versionCode:1  installer=null uid:10050
"""  # noqa: E501
BLOCKS = """Packages:
  Package [com.shop] (de9cb72):
    userId=10123
    codePath=/data/app/~~0aX7==/com.shop-hc==
    versionCode=7 minSdk=24 targetSdk=34
    versionName=1.2
    splits=[base, config.en]
    apkSigningVersion=3
    lastUpdateTime=2026-01-02 03:04:05
    installerPackageName=com.android.vending
    signatures=PackageSignatures{a5fdf92 version:3, signatures:[2cac3db6], past signatures:[]}
    flags=[ HAS_CODE UPDATED_SYSTEM_APP SYSTEM ]
    requested permissions:
      android.permission.INTERNET
    User 0: ceDataInode=39050 installed=true hidden=false suspended=false stopped=false notLaunched=false enabled=0
      firstInstallTime=2025-01-02 03:04:05
    User 10: ceDataInode=0 installed=false hidden=false suspended=false stopped=true notLaunched=true enabled=0
  Package [com.gone] (1e9cb72):
    codePath=/system/app/Gone
    versionCode=3 minSdk=24 targetSdk=34
    User 0: ceDataInode=0 installed=false hidden=false suspended=false stopped=true notLaunched=true enabled=0
  Package [com.kept] (2e9cb72):
    versionCode=3 minSdk=24 targetSdk=34
    User 0: ceDataInode=77 installed=false hidden=false suspended=false stopped=true notLaunched=true enabled=0
Hidden system packages:
  Package [com.shop] (3e9cb72):
    codePath=/product/app/Shop
    versionCode=5 minSdk=24 targetSdk=30
    signatures=PackageSignatures{b5fdf92 version:2, signatures:[2cac3db6], past signatures:[]}
    User 0: ceDataInode=39050 installed=true hidden=false suspended=false stopped=false notLaunched=false enabled=0
"""
LINKS = f"""  com.shop:
    ID: {UUID}
    Signatures: [{colons(ONE)}]
    Domain verification state:
      www.example.org: verified
"""
DUMPSYS = f"""Database versions:
  Internal:
    sdkVersion=34 databaseVersion=SIGNATURE_MALFORMED_RECOVER

Libraries:
  javax.obex -> (jar) /system/framework/javax.obex.jar

Domain verification status:
{LINKS}
{BLOCKS}
Package Changes:
  User 0:
"""
CHECKIN = """vers,1
lib,javax.obex,jar,/system/framework/javax.obex.jar
pkg,com.shop,10118,116434610,1486361139496,1491403362196,com.android.vending
pkg-splt,base,0
pkg-splt,config.en,3
pkg-usr,0,IbsusL,0,com.android.vending
pkg-usr,10,ibsusl,0,?
pkg,com.short,10119,7,1,2,?
pkg-usr,0,IbsusL,2,?
dis,com.shop,10118,5,1,2,null
dis-usr,0,Ibsl,0,?
"""
TRANSPARENCY = f"""Preload Info [Format: package_name,package_version,content_digest_algorithm:content_digest]:
com.preload,123,CHUNKED_SHA256:{"AB" * 32}
--- App Details ---
Label: Preload
--- Package Installation Info ---
Current install location: /product/app/X/X.apk
--- Package Signer Info ---
Has multiple signers: false
Signing key has been rotated: true
Signer cert's SHA256-digest: {ONE.upper()}
== Signing Cert Lineage (Excluding The Most Recent) ==
  ++ Signer cert #1 ++
  Cert SHA256-digest: {TWO.upper()}

com.silent,9,CHUNKED_SHA256:{"AB" * 32}
--- App Details ---
Label: Silent
--- Package Installation Info ---
Current install location: /data/app/~~x==/com.silent-1==/base.apk
--- Package Signer Info ---
Has multiple signers: false
Signing key has been rotated: false
Signer cert's SHA256-digest: {THREE.upper()}

"""
GETPROP = """[ro.serialno]: [R58N]
[ro.product.model]: [SM-A1]
[ro.build.version.release]: [14]
"""
RULE = "-" * 79
SERVICE = f"""{RULE}
DUMP OF SERVICE package:
{DUMPSYS}--------- 0.412s was the duration of dumpsys package, ending at: 2026-01-31 12:00:00
"""
DUMPSTATE = f"""========================================================
== dumpstate: 2026-01-31 12:00:00
========================================================

Build: TEST
Build fingerprint: 'maker/a1/a1:13/TEST.1/7:user/release-keys'
------ UPTIME (uptime) ------
 12:00
------ SYSTEM PROPERTIES (getprop) ------
{GETPROP}------ 0.010s was the duration of 'SYSTEM PROPERTIES' ------
------ DUMPSYS NORMAL (/system/bin/dumpsys) ------
{RULE}
DUMP OF SERVICE account:
Packages:
--------- 0.001s was the duration of dumpsys account, ending at: 2026-01-31 12:00:00
{SERVICE}------ 5.000s was the duration of 'DUMPSYS NORMAL' ------
------ CHECKIN PACKAGE (dumpsys package --checkin) ------
{CHECKIN}------ 0.100s was the duration of 'CHECKIN PACKAGE' ------
"""
WHOLE_DUMPSYS = f"""Currently running services:
  account
  package
{SERVICE}"""


def aqf_file(path="/data/app/~~x==/com.shop-1==/base.apk", verified=True, certificate=True, error="", **more):
    said = {"Md5": MD5, "Sha1": SHA1.upper(), "Sha256": ONE, "ValidFrom": "2016-01-01T00:00:00Z", "Subject": "CN=Shop"}
    zero = {"Md5": "", "Sha1": "", "Sha256": "", "ValidFrom": "0001-01-01T00:00:00Z", "Subject": ""}
    return {
        "path": path,
        "local_name": "",
        "md5": MD5,
        "sha256": TWO,
        "error": "",
        "verified_certificate": verified,
        "certificate": said if certificate else zero,
        "certificate_error": error,
        "trusted_certificate": True,
        **more,
    }


def aqf_entry(name="com.shop", files=None, **more):
    return {
        "name": name,
        "files": [aqf_file()] if files is None else files,
        "installer": "com.android.vending",
        "uid": 10123,
        "disabled": False,
        "system": False,
        "third_party": True,
        **more,
    }


AQF = {"packages.json": json.dumps([aqf_entry()], indent=1), "getprop.txt": GETPROP}
MVT_ENTRY = {
    "package_name": "com.shop",
    "uid": "10123",
    "version_name": "1.2",
    "version_code": "7 minSdk=24 targetSdk=34",
    "timestamp": "",
    "first_install_time": "2025-01-02 03:04:05",
    "last_update_time": "2026-01-02 03:04:05",
    "permissions": [{"name": "android.permission.INTERNET", "granted": True, "type": "install"}],
    "requested_permissions": [],
}
MVT = {
    "info.json": '{"mvt_version": "3.0"}',
    "dumpsys_packages.json": json.dumps([MVT_ENTRY], indent=4),
    "getprop.json": json.dumps([{"name": "ro.serialno", "value": "R58N"}, {"name": "ro.product.model", "value": "A1"}]),
}


def sha256(der):
    return hashlib.sha256(der).hexdigest()


def hubble_file(total, key, *items):
    return (
        f'{{ "version": "2.2.0", "{total}": {len(items)},\n"{key}": [\n' + ",\n".join(map(json.dumps, items)) + "\n]\n}"
    )


def hubble_package(name="com.shop", ders=(DER,), **more):
    return {
        "activities": [],
        "certIds": [sha256(der) for der in ders],
        "hash": TWO,
        "installLocation": "/data/app/x/base.apk",
        "isApex": False,
        "isEnabled": True,
        "isHidden": False,
        "isPreinstalled": False,
        "isSuspended": False,
        "label": "Shop",
        "name": name,
        "splits": [{"name": "config.en", "location": "/x", "hash": THREE}],
        "versionCode": 7,
        "versionName": "1.2",
        **more,
    }


def hubble(*packages, certificates=(DER, OTHER_DER)):
    certs = [{"hash": sha256(der), "encodedCert": base64.b64encode(der).decode()} for der in certificates]
    properties = {"encodedDevProps": base64.b64encode(b"[ro.serialno]: []\n").decode()}
    return {
        "packages.txt": hubble_file("totalPackages", "packages", *packages),
        "preinstalled_packages.txt": hubble_file("totalPreinstalledPackages", "preinstalledPackages"),
        "certificates.txt": hubble_file("totalCerts", "certs", *certs),
        "device_properties.txt": hubble_file("totalDeviceProps", "b64EncodedDeviceProps", properties),
        "build.txt": hubble_file(
            "totalBuild", "buildInfo", {"apiLevel": 34, "fingerprint": "maker/a1/a1:14/T/7:user/k"}
        ),
        "hardware.txt": hubble_file("totalHardware", "hwInfo", {"modelName": "A1"}),
    }


TEXTS = {
    "pm": PM,
    "dumpsys": DUMPSYS,
    "checkin": CHECKIN,
    "app-links": LINKS,
    "transparency": TRANSPARENCY,
    "bugreport": DUMPSTATE,
    "androidqf": AQF["packages.json"],
}
BUGREPORT = {
    "version.txt": "2.0",
    "main_entry.txt": "bugreport-a1-TEST.1-2026-01-31-12-00-00.txt\n",
    "bugreport-a1-TEST.1-2026-01-31-12-00-00.txt": DUMPSTATE,
    "dumpstate_log.txt": "started",
    "FS/data/anr/trace_00": "x",
}


def evidence(sums=True, **more):
    """What ``--save-evidence`` keeps of a phone of two users, one of whom was denied."""
    listing = "pm list packages -f -i -U --show-versioncode --user"
    denied = "Error: java.lang.SecurityException: Shell does not have permission to access user 150\n"
    said = {
        "getprop": GETPROP + "[ro.build.version.sdk]: [34]\n",
        "pm list users": "Users:\n\tUserInfo{0:Owner:4c13} running\n\tUserInfo{150:Secure Folder:10061030} running\n",
        f"{listing} 0": PM,
        f"{listing} 150": denied,
        "pm list packages -u --user 0": "package:com.shop\npackage:com.player\n",
        "dumpsys package packages": BLOCKS,
        "pm get-app-links": LINKS,
    }
    files = {f"{number:03d}.out": text for number, text in enumerate(said.values())} | {
        f"{digest(DER)}.der": DER.decode()
    }
    lines = [{"command": one, "file": f"{number:03d}.out", "at": "2026", "exit_status": 0, "problem": None}
             for number, one in enumerate(said)]  # fmt: skip
    read = {"package_name": "com.shop", "copy": "active", "signers": [digest(DER)], "certificate_history": []}
    return {
        "commands.jsonl": "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines),
        "identities.jsonl": json.dumps(read) + "\n",
        **(
            {"SHA256SUMS": "".join(f"{digest(text.encode())}  {name}\n" for name, text in files.items())}
            if sums
            else {}
        ),
        **files,
        **more,
    }


def digest(data):
    return hashlib.sha256(data).hexdigest()


BUNDLES = {
    "androidqf": AQF,
    "mvt": MVT,
    "hubble": hubble(hubble_package()),
    "bugreport": BUGREPORT,
    "evidence": evidence(),
}


def entries(reader, source, name="saved"):
    """What a reader gives for a text, or for files by name."""
    given = TextDocument(name, source) if isinstance(source, str) else FilesBundle(name, source)
    return list(reader.read(given, "the spec"))


def apps(found):
    return [entry for entry in found if isinstance(entry, Installed)]


def gaps(found):
    return [(entry.what, entry.reason) for entry in found if isinstance(entry, Gap)]
