"""The machine that a measurement was made on: what it is and what it has. Nothing here names a person or a network."""

from __future__ import annotations

import os
import platform
import struct
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """Board, processor and system; None where the system does not say."""

    processor: str
    architecture: str
    pointer_bits: int
    cores: int
    system: str
    board: str | None = None
    memory_mb: int | None = None


def read_machine(root: Path = Path("/")) -> Machine:
    """This machine.

    Args:
        root: Where `proc` and `etc` are looked for.
    """
    return Machine(
        processor=_processor(root),
        architecture=platform.machine(),
        pointer_bits=8 * struct.calcsize("P"),  # the kernel's name tells 64 bits below a 32-bit system
        cores=usable_cores(),
        system=_system(root),
        board=_first_line(root / "proc/device-tree/model"),
        memory_mb=_memory_mb(root),
    )


def usable_cores() -> int:
    """Processor cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_text(path: Path) -> str:
    """A small file of the system; empty where there is none or it may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return ""


def _first_line(path: Path) -> str | None:
    return next(iter(read_text(path).splitlines()), None)


def _processor(root: Path) -> str:
    """The name that the kernel gives; Arm kernels give the part number instead, which says as much."""
    fields = _fields(read_text(root / "proc/cpuinfo"))
    if "model name" in fields:
        return fields["model name"]
    if "CPU part" in fields:
        return f"implementer {fields.get('CPU implementer', '?')} part {fields['CPU part']}"
    return platform.processor() or platform.machine()


def _memory_mb(root: Path) -> int | None:
    words = _fields(read_text(root / "proc/meminfo")).get("MemTotal", "").split()
    return int(words[0]) // 1024 if words and words[0].isdigit() else None


def _system(root: Path) -> str:
    for line in read_text(root / "etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip("\"'")
    return f"{platform.system()} {platform.release()}"


def _fields(text: str) -> dict[str, str]:
    """`name : value` lines; of a name that comes again, for each core, the first."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), value.strip())
    return fields
