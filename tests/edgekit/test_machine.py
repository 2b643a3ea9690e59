import os
import platform
import struct
from pathlib import Path

import pytest

from edgekit.machine import read_machine, usable_cores

PI = {
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
    "proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n\nprocessor\t: 1\nCPU part\t: 0xd09\n",
    "proc/meminfo": "MemTotal:        3884332 kB\nMemFree:         2000000 kB\n",
    "etc/os-release": 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_board_is_named_with_its_processor_memory_and_system(tmp_path: Path) -> None:
    machine = read_machine(write(tmp_path, PI))
    assert machine.board == "Raspberry Pi 4 Model B Rev 1.4"
    assert machine.processor == "implementer 0x41 part 0xd08", "of the first core"
    assert machine.memory_mb == 3793
    assert machine.system == "Debian GNU/Linux 12 (bookworm)"
    assert machine.pointer_bits == 8 * struct.calcsize("P")


def test_a_pc_is_named_by_its_processor(tmp_path: Path) -> None:
    machine = read_machine(write(tmp_path, {"proc/cpuinfo": "processor : 0\nmodel name : Some CPU @ 2.00GHz\n"}))
    assert (machine.processor, machine.board, machine.memory_mb) == ("Some CPU @ 2.00GHz", None, None)


@pytest.mark.parametrize("text", ["", "MemTotal:\n", "MemTotal: much kB\n", "\xff\n"])
def test_what_the_system_does_not_say_is_left_out(text: str, tmp_path: Path) -> None:
    machine = read_machine(write(tmp_path, {"proc/meminfo": text, "proc/cpuinfo": text}))
    assert machine.memory_mb is None
    assert machine.processor == (platform.processor() or platform.machine())
    assert machine.system == f"{platform.system()} {platform.release()}"


def test_only_cores_that_the_process_may_use_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 6}, raising=False)
    assert usable_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1
