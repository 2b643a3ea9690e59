"""How warm and how fast the machine is right now, and whether it holds itself back, where Linux shows it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgekit.machine import read_text

# Bits of `vcgencmd get_throttled`. Source: Raspberry Pi documentation, vcgencmd.
_NOW = {0: "under-voltage", 1: "clock capped", 2: "throttled", 3: "soft temperature limit"}
_SINCE_START = {bit + 16: text for bit, text in _NOW.items()}


@dataclass(frozen=True)
class Conditions:
    """The state of the machine; empty or None where the system does not show it.

    `temperatures_c` are by sensor, `clocks_mhz` by core. `throttled` is what a Raspberry Pi holds itself back for now,
    `throttled_since_start` what it did for at any time since it was switched on; None on other machines.
    """

    temperatures_c: dict[str, float]
    clocks_mhz: tuple[float, ...]
    governors: tuple[str, ...]
    load_1min: float | None = None
    throttled: tuple[str, ...] | None = None
    throttled_since_start: tuple[str, ...] | None = None


def ask_firmware() -> str:
    """What `vcgencmd get_throttled` prints on a Raspberry Pi; empty elsewhere."""
    try:
        found = subprocess.run(["vcgencmd", "get_throttled"], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return found.stdout


def read_conditions(root: Path = Path("/"), throttled: Callable[[], str] = ask_firmware) -> Conditions:
    """The conditions of this moment.

    Args:
        root: Where `sys` is looked for.
        throttled: Gives the output of `vcgencmd get_throttled`, empty where there is none.
    """
    bits = parse_throttled(throttled())
    return Conditions(
        temperatures_c=_temperatures_c(root / "sys/class/thermal"),
        clocks_mhz=_clocks_mhz(root),
        governors=tuple(sorted({text for text in _of_each_core(root, "scaling_governor") if text})),
        load_1min=_load_1min(),
        throttled=None if bits is None else _set_bits(bits, _NOW),
        throttled_since_start=None if bits is None else _set_bits(bits, _SINCE_START),
    )


def parse_throttled(text: str) -> int | None:
    """The bits in the output of `vcgencmd get_throttled`; None where it has none.

    >>> parse_throttled("throttled=0x50005")
    327685
    """
    name, _, value = text.strip().partition("=")
    try:
        return int(value, 16) if name == "throttled" else None
    except ValueError:
        return None


def _set_bits(bits: int, names: dict[int, str]) -> tuple[str, ...]:
    return tuple(text for bit, text in names.items() if bits >> bit & 1)


def _temperatures_c(folder: Path) -> dict[str, float]:
    """By the sensor's type; of several with one type, the hottest."""
    found: dict[str, float] = {}
    for zone in sorted(folder.glob("thermal_zone*")):
        value = _number(read_text(zone / "temp"))
        if value is not None:
            name = read_text(zone / "type") or zone.name
            found[name] = max(value / 1000, found.get(name, value / 1000))  # the kernel counts thousandths
    return found


def _clocks_mhz(root: Path) -> tuple[float, ...]:
    values = (_number(text) for text in _of_each_core(root, "scaling_cur_freq"))
    return tuple(value / 1000 for value in values if value is not None)  # the kernel counts kHz


def _of_each_core(root: Path, name: str) -> list[str]:
    folders = (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq")
    return [read_text(folder / name) for folder in sorted(folders, key=lambda path: int(path.parent.name[3:]))]


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _load_1min() -> float | None:
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows has none
        return None
