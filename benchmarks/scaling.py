"""``python -m benchmarks.scaling``: how long a bucket of APKs takes, what it costs, and which part saturates first.

A model, not a measurement: every part is what one APK needs of it times their number, the parts work at the same time,
and the one that needs longest decides. What one APK needs was measured (docs/scaling.md); what machines and requests
cost is given by who asks. Another machine's CPU is taken to be as fast as the one that was measured on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

LISTED_AT_ONCE = 1000
"""Objects that one request lists (ListObjectsV2)."""


class Need(NamedTuple):
    """What one APK needs, as measured with 2,000 real APKs of 10 MB on average."""

    requests: float = 3.3
    fetched: float = 167_000
    """Bytes."""
    cpu: float = 0.0054
    """Seconds of one core, all of it: signing, TLS not included, reading, judging, writing."""
    row: float = 870
    """Bytes of jsonl."""


class Machine(NamedTuple):
    """A kind of machine: its cores, its share of the network in bytes a second, and its price for an hour."""

    name: str
    cores: int
    network: float
    price: float


class Store(NamedTuple):
    """How a store answers, and what it asks for it."""

    latency: float = 0.02
    """Seconds until an answer begins."""
    per_second: float = 5500
    """Requests a second for the prefix."""
    get: float = 0.0004
    """Price of a thousand reads."""
    listing: float = 0.005
    """Price of a thousand listings."""


class Estimate(NamedTuple):
    """What a scan takes. Times are seconds."""

    parts: dict[str, float]
    machine_cost: float
    request_cost: float

    @property
    def seconds(self) -> float:
        """How long it takes: as long as its slowest part."""
        return max(self.parts.values())

    @property
    def saturated(self) -> str:
        """The part that decides."""
        return max(self.parts, key=lambda name: self.parts[name])


def estimate(
    apks: int, machine: Machine, count: int = 1, at_once: int = 32, need: Need | None = None, store: Store | None = None
) -> Estimate:
    """What ``apks`` take on so many machines of a kind, each with ``at_once`` requests under way."""
    need, store = need or Need(), store or Store()
    requests, listings = apks * need.requests, -(-apks // LISTED_AT_ONCE)
    parts = {
        "cpu": apks * need.cpu / (machine.cores * count),
        "network": apks * need.fetched / (machine.network * count),
        "latency": requests * store.latency / (at_once * count),
        "store": requests / store.per_second,
        "listing": listings * store.latency,
    }
    hours = max(parts.values()) / 3600 * count
    return Estimate(parts, hours * machine.price, (requests * store.get + listings * store.listing) / 1000)


def table(apks: Sequence[int], machine: Machine, counts: Sequence[int], at_once: int, store: Store) -> list[str]:
    """Lines of Markdown: a line for each number of APKs and machines."""
    lines = [
        f"| APKs | {machine.name} | Time | Decided by | Fetched | Rows | Requests | Machines | Together |",
        "| ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    need = Need()
    for number in apks:
        for count in counts:
            of = estimate(number, machine, count, at_once, need, store)
            money = (of.request_cost, of.machine_cost, of.request_cost + of.machine_cost)
            cells = [f"{number:,}", str(count), _duration(of.seconds), of.saturated]
            cells += [f"{number * need.fetched / 1e9:,.0f} GB", f"{number * need.row / 1e9:,.1f} GB"]
            lines.append(f"| {' | '.join(cells + [f'${cost:,.2f}' for cost in money])} |")
    return lines


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{max(minutes, 1)} min"


def main(words: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__.partition("\n")[0])
    parser.add_argument("--apks", type=int, nargs="+", default=[1_000_000, 10_000_000], metavar="N")
    parser.add_argument("--machines", type=int, nargs="+", default=[1, 4], metavar="N", help="how many of the kind")
    parser.add_argument("--name", default="machines", help="what the kind is called")
    parser.add_argument("--cores", type=int, required=True)
    parser.add_argument("--price", type=float, required=True, help="of one for an hour")
    parser.add_argument("--network", type=float, required=True, metavar="MBIT", help="Mbit/s of one, sustained")
    parser.add_argument("--io-concurrency", type=int, default=32, metavar="N", help="of one, as for app-scanner scan")
    parser.add_argument("--latency", type=float, default=20, metavar="MS", help="until an answer begins")
    parser.add_argument("--get", type=float, default=Store().get, help="price of a thousand reads")
    parser.add_argument("--list", type=float, default=Store().listing, help="price of a thousand listings")
    parser.add_argument("--per-second", type=float, default=Store().per_second, help="requests the store takes")
    given = parser.parse_args(words)
    machine = Machine(given.name, given.cores, given.network * 1e6 / 8, given.price)
    store = Store(given.latency / 1000, given.per_second, given.get, given.list)
    print("\n".join(table(given.apks, machine, given.machines, given.io_concurrency, store)))


if __name__ == "__main__":
    main()
