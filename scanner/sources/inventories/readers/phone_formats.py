"""The readers of what phones say, and of what forensic tools write down of them."""

from __future__ import annotations

from scanner.sources.inventories.readers import (
    androidqf,
    app_links,
    bugreport,
    dumpsys_package,
    evidence,
    hubble,
    mvt,
    package_checkin,
    pm_list,
    transparency_info,
)
from scanner.sources.inventories.reading import BundleReader, Reader

PHONE_READERS: tuple[Reader, ...] = (
    bugreport.READER,
    dumpsys_package.READER,
    package_checkin.READER,
    app_links.READER,
    transparency_info.READER,
    androidqf.READER,
    pm_list.READER,
)
PHONE_BUNDLES: tuple[BundleReader, ...] = (
    androidqf.BUNDLE_READER,
    mvt.READER,
    hubble.READER,
    bugreport.BUNDLE_READER,
    evidence.READER,
)
