"""The peer at its best on an archive: apk-info in a pool of two processes, one JSON line an APK.

``python -m benchmarks.peer_pool FOLDER FILE``. What `app-scanner scan FOLDER -j 2 -o jsonl=FILE` is held against.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from pathlib import Path

from apk_info import APK, APKError

PROCESSES = 2
CHUNK = 32


def row(path: str) -> str:
    """The fields that a row of ours has too, as one line."""
    try:
        apk = APK(path)
        found = {
            "location": path,
            "package_name": apk.get_package_name(),
            "version_code": apk.get_version_code(),
            "version_name": apk.get_version_name(),
            "min_sdk": apk.get_min_sdk_version(),
            "target_sdk": apk.get_target_sdk_version(),
            "signers": [_certificates(signature) for signature in apk.get_signatures()],
        }
    except (APKError, OSError, ValueError) as error:
        found = {"location": path, "unread": str(error)}
    return json.dumps(found) + "\n"


def _certificates(signature: object) -> list[dict[str, str]]:
    return [
        {
            "sha256": certificate.sha256_fingerprint,
            "sha1": certificate.sha1_fingerprint,
            "md5": certificate.md5_fingerprint,
            "subject": certificate.subject,
        }
        for certificate in getattr(signature, "certificates", ())
    ]


def main() -> None:
    """Read every APK below the folder."""
    folder, file = sys.argv[1:3]
    paths = sorted(os.path.join(above, name) for above, _, names in os.walk(folder) for name in names)  # noqa: PTH118
    with multiprocessing.Pool(PROCESSES) as pool, Path(file).open("w", encoding="utf-8") as out:
        out.writelines(pool.imap(row, paths, CHUNK))


if __name__ == "__main__":
    main()
