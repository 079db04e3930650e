# SPDX-License-Identifier: Apache-2.0
"""Run the measurements and write what they found: bench/results.json, and the page docs/measured.md from it.

`bench/run.py` runs all, `bench/run.py notary "network 7 20"` some (the others keep their last figures), and `--page`
only writes the page. `--runs=5` measures each five times and keeps the middle of every figure and its extremes.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from machine import describe

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "docs/measured.md"
MEASUREMENTS = (
    *(
        "start",
        "notary",
        "command_line",
        "evidence",
        "ledger",
        "attack",
        "members",
        "network",
        "portal",
        "flood",
    ),
    *("engine", "network 7 20", "network 10 20", "network 13 20", "snapshot"),
)
"""Scripts, with their arguments."""
MOST_SECONDS = 7_200
"""One measurement. The 100,000 blocks of `snapshot` take most of an hour."""

TARGETS: tuple[tuple[str, str, str, str, float], ...] = (
    ("start", "cold_seconds_to_ready", "cold `up`, new home, to ready (s)", "under", 6),
    ("start", "second_seconds_to_ready", "second start to ready (s)", "under", 3),
    ("start", "resident_mib_when_ready", "memory when ready (MiB)", "under", 200),
    ("notary", "single_appends_per_second", "single appends over HTTP, per second", "over", 3000),
    ("notary", "receipt_ready_p99_seconds", "request to receipt ready, p99 (s)", "under", 1.5),
    ("notary", "batch_digests_per_second_acknowledged", "digests in batches, per second", "over", 50_000),
    ("notary", "stamps_per_second", "RFC 3161 stamps over HTTP, per second", "over", 1500),
    (
        "command_line",
        "notarise_share_of_bare_loop_cold",
        "100,000 files notarised from a cold disk, in times of a bare loop that reads and writes",
        "under",
        1.1,
    ),
    ("command_line", "verify_seconds_with_start", "`verify`, one file, start-up included (s)", "under", 0.4),
    ("evidence", "receipts_per_second", "receipts verified in one process, per second", "over", 500),
    ("members", "search_three_words_p95_ms", "directory search with 2,000 members, p95 (ms)", "under", 50),
    ("portal", "processor_p95_ms of members", "the page of it, p95 (ms)", "under", 60),
    (
        "portal",
        "worst_processor_p95_ms",
        "slowest page; 2,000 members, 5,000 people, 1,000 votes; p95 (ms)",
        "under",
        60,
    ),
    ("portal", "worst_weight_kb", "heaviest of these pages with all it needs, uncached (kB)", "under", 150),
    ("portal", "processor_p95_ms of votes-all", "list of votes, 1,000 of them, p95 (ms)", "under", 60),
    ("portal", "processor_p95_ms of vote-of-everybody", "a vote of 2,000 members, p95 (ms)", "under", 60),
    ("ledger", "transfers_per_second", "ERC-20 transfers in full blocks, durable, per second", "over", 400),
    ("network", "offered_900_mined_per_second", "four validators: ERC-20 transfers mined per second", "over", 600),
    ("network", "offered_900_lost", "of these lost", "under", 1),
    ("network", "offered_900_empty_blocks_while_transactions_waited", "empty blocks meanwhile", "under", 1),
    ("network", "offered_1800_share", "mined of as much when three times the mark is offered, share", "over", 0.8),
    (
        "network",
        "submit_to_final_p50_seconds",
        "four validators: submit to final at 100 per second, p50 (s)",
        "under",
        1.2,
    ),
    ("network", "submit_to_final_p95_seconds", "the same, p95 (s)", "under", 1.7),
    ("network", "one_dead_share", "throughput with one of four dead, share", "over", 0.8),
    ("network", "recovery_after_kill_seconds", "a node back after SIGKILL (s)", "under", 10),
    ("snapshot", "replay_blocks_per_second", "a newcomer's replay, nearly empty blocks per second", "over", 60),
    ("snapshot", "join_by_snapshot_seconds", "a join by snapshot (s)", "under", 120),
)


OTHERS: tuple[tuple[str, str, str, float], ...] = (
    ("notary", "single_appends_per_second", "single appends: Tessera, POSIX storage, in Go", 12_600),
    ("notary", "stamps_per_second", "RFC 3161 stamps: a server in Go", 2_440),
    ("network", "offered_900_mined_per_second", "ERC-20 transfers of four validators: the design's prototype", 586),
    ("engine", "mined_per_second", "ERC-20 transfers of one geth alone, as the design measured it", 1_270),
)
"""What others do in a second on the same kind of machine, their faster day."""


def run(name: str) -> dict[str, Any]:
    """One measurement in a process of its own; the last line it prints is its figures."""
    print(f"measuring {name} …", file=sys.stderr)
    script, *arguments = name.split()
    finished = subprocess.run(
        [sys.executable, str(HERE / f"{script}.py"), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=MOST_SECONDS,
    )
    figures: dict[str, Any] = json.loads(finished.stdout.strip().splitlines()[-1])
    return figures


def middle(found: list[dict[str, Any]]) -> dict[str, Any]:
    """One run as it is; of several, the middle of each figure, and its extremes."""
    if len(found) == 1:
        return {"figures": found[0]}
    values = {key: sorted(each[key] for each in found) for key in found[0]}
    return {
        "figures": {key: each[(len(each) - 1) // 2] for key, each in values.items()},
        "extremes": {key: [each[0], each[-1]] for key, each in values.items()},
        "runs": len(found),
    }


def page(results: dict[str, Any]) -> str:
    """The page, from the figures alone."""
    lines = (HERE / "measured.head.md").read_text().rstrip().splitlines()
    lines += ["", "## Against what we asked of ourselves", "", "| what | asked | measured | |", "|---|---|---|---|"]
    for measurement, key, words, side, bound in TARGETS:
        measured = results.get(measurement, {}).get("figures", {}).get(key)
        if measured is None:
            lines.append(f"| {words} | {side} {bound:,} | not measured | |")
            continue
        holds = measured < bound if side == "under" else measured >= bound
        lines.append(f"| {words} | {side} {bound:,} | **{measured:,}** | {'holds' if holds else '**falls short**'} |")
    lines += [
        "",
        "## Beside others",
        "",
        "| what, in a second | theirs | ours | ours in times of theirs |",
        "|---|---|---|---|",
    ]
    for measurement, key, words, theirs in OTHERS:
        ours = results.get(measurement, {}).get("figures", {}).get(key)
        if ours is not None:
            lines.append(f"| {words} | {theirs:,} | {ours:,} | {ours / theirs:.2f} |")
    lines += ["", "## Every figure", ""]
    for measurement, result in sorted(results.items()):
        machine = result["machine"]
        script, *arguments = measurement.split()
        command = " ".join((f"python bench/{script}.py", *arguments))
        lines += [
            f"### {measurement}",
            "",
            (
                f"`{command}`, {result['date']}, {machine['cores']} cores of "
                f"{machine['processor']}, {machine['memory_gib']} GiB, "
                + (f"{machine['storage']}, " if "storage" in machine else "")
                + f"{machine['system']}, Python {machine['python']}."
                + (f" The middle of {result['runs']} runs, and their extremes." if "runs" in result else "")
            ),
            "",
            *(
                ("| figure | value | from | to |", "|---|---|---|---|")
                if "runs" in result
                else ("| figure | value |", "|---|---|")
            ),
        ]
        for key, value in result["figures"].items():
            extremes = "".join(f" {end:,} |" for end in result.get("extremes", {}).get(key, ()))
            lines.append(f"| {key.replace('_', ' ')} | {value:,} |{extremes}")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Measure what is named, keep the rest, write both files."""
    kept: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    # What has no script any more is nobody's to repeat.
    results = {name: result for name, result in kept.items() if name in MEASUREMENTS}
    chosen = [name for name in sys.argv[1:] if not name.startswith("-")]
    runs = next((int(name.removeprefix("--runs=")) for name in sys.argv if name.startswith("--runs=")), 1)
    if "--page" not in sys.argv:
        for name in chosen or MEASUREMENTS:
            found = [run(name) for _ in range(runs)]
            results[name] = {"date": dt.datetime.now(dt.UTC).date().isoformat(), "machine": describe()} | middle(found)
            RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    PAGE.write_text(page(results))


if __name__ == "__main__":
    main()
