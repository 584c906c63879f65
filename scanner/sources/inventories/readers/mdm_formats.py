"""The readers of what management services export, most specific first."""

from __future__ import annotations

from scanner.sources.inventories.readers import (
    amapi,
    blackberry_uem,
    fleetdm,
    google_workspace,
    intune_csv,
    intune_graph,
    ivanti,
    workspace_one,
)
from scanner.sources.inventories.reading import Reader

MDM_READERS: tuple[Reader, ...] = (
    google_workspace.READER,
    amapi.READER,
    workspace_one.READER,
    blackberry_uem.READER,
    fleetdm.READER,
    intune_graph.READER,
    ivanti.READER,
    intune_csv.READER,
)
