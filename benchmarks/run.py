"""``python -m benchmarks.run``: every budget of the design, in one run.

Machines are noisy, so contestants take turns and only ratios are the result; times are context. Run it from
the checkout, with the extra ``bench`` installed, after ``make samples``.
"""

from __future__ import annotations

import argparse
import compileall
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks import apksig, cluster, data, hostile, inventories, measures, objects, phones, sdk, verification
from benchmarks.data import FULL, QUICK, Scale
from benchmarks.processes import ROOT
from benchmarks.results import Result, as_markdown, as_text, environment
from benchmarks.tools import ANDROGUARD, APK_INFO

BIG_MIN_SDK = 24
"""Below it the large APK, which has no JAR signature, does not verify."""
PARTS = ("verification", "phones", "inventories", "objects", "sdk", "hostile", "cluster")
COMMANDS = 10
"""Small APKs that the command is started for."""


class Inputs(NamedTuple):
    """Everything that is measured on."""

    real: list[Path]
    small: list[Path]
    big: Path
    big_without_table: Path
    archive: Path
    small_archive: Path
    mixed_archive: Path


def main() -> None:
    """Make the data, measure, print."""
    compileall.compile_dir(
        ROOT / "scanner", quiet=2
    )  # as installing a package does, whatever PYTHONDONTWRITEBYTECODE says
    options = _options()
    scale = QUICK if options.quick else FULL
    if options.only == "inventories":
        results, notes = _told(inventories.inventories(scale)), inventories.notes(scale)
    elif options.only == "objects":
        results = _told(objects.objects(data.real_apks(options.samples), scale.objects))
        notes = objects.notes()
    elif options.only == "hostile":
        real = data.real_apks(options.samples)
        results = _told(hostile.hostile(real, scale.archive, scale.small_archive, scale.runs))
        notes = hostile.notes(scale.runs)
    elif options.only == "cluster":
        results, notes = _told(cluster.cluster(data.real_apks(options.samples), scale)), cluster.notes(scale.runs)
    elif options.only == "sdk":
        results = _told(sdk.sdks(data.real_apks(options.samples), scale.runs))
        notes = sdk.notes(scale.runs)
    else:
        results, notes = _with_apks(options.samples, scale, options.only)
    print("\n".join((as_text(results), "", *notes, *environment())))
    if options.markdown:
        options.markdown.write_text(as_markdown(results, notes), encoding="utf-8")


def _with_apks(samples: Path, scale: Scale, part: str | None) -> tuple[list[Result], list[str]]:
    """Everything, or a part that is measured on APKs, with its notes."""
    _say("making what is measured on")
    inputs = _inputs(samples, scale)
    results = _told(_measure(inputs, scale, part))
    notes = _notes(inputs, scale)
    if not part:
        notes += [
            *inventories.notes(scale),
            *objects.notes(),
            *sdk.notes(scale.runs),
            *hostile.notes(scale.runs),
            *cluster.notes(scale.runs),
            *measures.disagreements([*inputs.real, *inputs.small, inputs.big]),
        ]
    return results, notes


def _told(measured: Iterator[Result]) -> list[Result]:
    """The results, each told as soon as it is there."""
    results = []
    for result in measured:
        _say(" ".join(result.cells()))
        results.append(result)
    return results


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=Path, default=ROOT / "samples" / "apks", help="folder of real APKs")
    parser.add_argument("--quick", action="store_true", help="a smoke test: everything shrunk, ratios mean little")
    parser.add_argument("--only", choices=PARTS, help="measure this part alone")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table to FILE as well")
    return parser.parse_args()


def _inputs(samples: Path, scale: Scale) -> Inputs:
    real = data.real_apks(samples)
    small = data.small_apks(scale.small_apks)
    return Inputs(
        real=real,
        small=small,
        big=data.big(scale.big_bytes, scale.big_entries, data.largest_table(real)),
        big_without_table=data.big(scale.big_bytes, scale.big_entries),
        archive=data.archive("real", real, scale.archive),
        small_archive=data.archive("real", real, scale.small_archive),
        mixed_archive=data.archive("mixed", data.mixed(real, small), scale.archive),
    )


def _measure(inputs: Inputs, scale: Scale, part: str | None) -> Iterator[Result]:
    """The budgets, in the design's order; or only those of one part."""
    if part == "phones":
        yield from phones.phones(scale.phone_apps, scale.phone_bytes, scale.phone_turns)
        return
    big = f"APK of {scale.big_bytes // 10**6} MB, {scale.big_entries:,} entries"
    if part == "verification":
        yield from _verification(inputs, scale, big)
        return
    real = f"{len(inputs.real)} real APKs, each"
    yield from measures.identities(real, inputs.real, {APK_INFO: 5, ANDROGUARD: 40}, scale.passes)
    small = f"{scale.small_apks} small APKs, each"
    yield from measures.identities(small, inputs.small, {APK_INFO: 1, ANDROGUARD: None}, scale.passes)
    yield from measures.identities(big, [inputs.big], {APK_INFO: 3, ANDROGUARD: 100}, scale.passes)
    bare = f"{big}, no resources.arsc"
    context: dict[str, float | None] = {APK_INFO: None, ANDROGUARD: None}
    yield from measures.identities(bare, [inputs.big_without_table], context, scale.passes)
    yield from measures.big_memory(big, inputs.big)
    yield from measures.archive(f"archive of {scale.archive:,} real APKs", inputs.archive, 4, scale.runs)
    yield from measures.archive(f"archive of {scale.archive:,}, half small", inputs.mixed_archive, None, scale.runs)
    what = f"memory at {scale.archive:,} APKs against {scale.small_archive:,}"
    yield from measures.archive_memory(what, inputs.small_archive, inputs.archive)
    yield from measures.help_text(scale.starts)
    yield from _verification(inputs, scale, big)
    if not phones.missing():
        yield from phones.phones(scale.phone_apps, scale.phone_bytes, scale.phone_turns)
    yield from inventories.inventories(scale)
    if not objects.missing():
        yield from objects.objects(inputs.real, scale.objects)
    yield from sdk.sdks(inputs.real, scale.runs)
    yield from hostile.hostile(inputs.real, scale.archive, scale.small_archive, scale.runs)
    if not cluster.missing():
        yield from cluster.cluster(inputs.real, scale)


def _verification(inputs: Inputs, scale: Scale, big: str) -> Iterator[Result]:
    """The budget of full verification, where Java and apksig are."""
    if apksig.missing():
        return
    what, large = f"verify {big}", [inputs.big]
    yield from verification.against_warm(what, large, BIG_MIN_SDK, scale.passes)
    yield from verification.against_command(what, large, BIG_MIN_SDK, scale.runs)
    yield from verification.peak_memory(what, inputs.big, BIG_MIN_SDK)
    small = f"verify {scale.small_apks} small APKs, each"
    yield from verification.against_warm(small, inputs.small, None, scale.runs)
    yield from verification.against_warm_at_once(small, inputs.small, scale.runs)
    some = verification.verifying(inputs.small, COMMANDS)
    yield from verification.against_command(f"verify {len(some)} of the small APKs, each", some, None, scale.runs)
    real = f"verify {len(inputs.real)} real APKs, each"
    yield from verification.against_warm(real, inputs.real, None, scale.runs, floor=None)


def _notes(inputs: Inputs, scale: Scale) -> list[str]:
    mean = sum(path.stat().st_size for path in inputs.small) / len(inputs.small) / 1e6
    turns = f"{scale.passes} passes in one process, {scale.runs} runs of whole processes, {scale.starts} starts"
    missing = apksig.missing()
    return [
        f"verification: not measured, without {missing}" if missing else verification.note(inputs.small),
        f"small APKs: {mean:.2f} MB on average, without resources.arsc, which apk-info would parse whole",
        f"large APK: its resources.arsc is the largest of the samples, {len(data.largest_table(inputs.real)):,} bytes",
        f"medians of {turns}; in brackets the smallest and the largest ratio of a turn",
    ]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
