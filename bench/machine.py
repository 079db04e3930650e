# SPDX-License-Identifier: Apache-2.0
"""What machine a figure was measured on, in words that mean something elsewhere."""

from __future__ import annotations

import os
import platform
import tempfile
from pathlib import Path
from typing import Any


def describe() -> dict[str, Any]:
    """Processor, cores, memory (GiB), storage, kernel and Python of this machine. No name, no address."""
    processor = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": processor,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory),
        "storage": _storage(Path(tempfile.gettempdir())),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
    }


def _storage(folder: Path) -> str:
    """The file system and the device the figures' files lie on, as the kernel names them."""
    device = folder.stat().st_dev
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        major, minor = before.split()[2].split(":")
        if os.makedev(int(major), int(minor)) == device:
            kind, source = after.split()[:2]
            return f"{kind} on {source.rpartition('/')[2]}"
    return "unknown"


def resident_mib(process: int) -> float:
    """Resident memory of one process and its children, MiB, from /proc."""
    total = 0.0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended between the listing and the reading
        if int(fields["Pid"]) == process or int(fields["PPid"]) == process:
            total += int(fields.get("VmRSS", "0 kB").split()[0]) / 1024
    return round(total, 1)
