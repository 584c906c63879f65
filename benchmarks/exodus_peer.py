"""Runs in an environment of its own, with exodus-core: ``python exodus_peer.py APK...`` prints what each can pay with.

exodus-core knows trackers by regular expressions over class names; it is given those of the payment SDKs that our
signatures look for in classes, in place of its own list, which it would fetch from the network.
"""

import json
import sys
from collections import namedtuple

from exodus_core.analysis.static_analysis import StaticAnalysis

Tracker = namedtuple("Tracker", "name code_signature")  # noqa: PYI024 - as exodus-core makes them


def main() -> None:
    """The payment SDKs of each APK."""
    rules = json.loads(sys.argv[1])
    found = {}
    for path in sys.argv[2:]:
        analysis = StaticAnalysis(path)
        analysis.signatures = [Tracker(name, rule) for name, rule in rules.items()]
        analysis._compile_signatures()  # noqa: SLF001 - what its own loading of signatures ends with
        found[path] = sorted(tracker.name for tracker in analysis.detect_trackers())
    print("FOUND " + json.dumps(found))


if __name__ == "__main__":
    main()
