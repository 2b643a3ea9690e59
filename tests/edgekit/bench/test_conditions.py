"""Heat, clocks and throttling, from made-up system files."""

from pathlib import Path
from typing import Any

import pytest

from edgekit.bench.conditions import ask_firmware, parse_throttled, read_conditions


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


PI = {
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "51540\n",
    **{f"sys/devices/system/cpu/cpu{n}/cpufreq/scaling_cur_freq": f"{600 + 100 * n}000\n" for n in (0, 1, 2, 10)},
    **{f"sys/devices/system/cpu/cpu{n}/cpufreq/scaling_governor": "ondemand\n" for n in (0, 1, 2, 10)},
    "sys/devices/system/cpu/cpufreq/boost": "1\n",
}


def test_a_pi_shows_heat_clocks_and_throttling(tmp_path: Path) -> None:
    found = read_conditions(write(tmp_path, PI), lambda: "throttled=0x50005\n")
    assert found.temperatures_c == {"cpu-thermal": 51.54}
    assert list(found.clocks_mhz) == [600, 700, 800, 1600], "in the order of the cores"
    assert found.governors == ("ondemand",)
    assert found.throttled == ("under-voltage", "throttled")
    assert found.throttled_since_start == ("under-voltage", "throttled")


def test_where_nothing_is_shown_nothing_is_said(tmp_path: Path) -> None:
    found = read_conditions(tmp_path, lambda: "")
    assert (found.temperatures_c, found.clocks_mhz, found.governors) == ({}, (), ())
    assert (found.throttled, found.throttled_since_start) == (None, None)


def test_of_sensors_of_one_type_the_hottest_counts_and_broken_ones_do_not(tmp_path: Path) -> None:
    zones = {
        "zone0/type": "acpitz", "zone0/temp": "30000", "zone1/type": "acpitz", "zone1/temp": "42000",
        "zone2/type": "wifi", "zone2/temp": "", "zone3/temp": "-5000", "zone4/type": "gpu", "zone4/temp": "hot",
    }  # fmt: skip
    root = write(tmp_path, {f"sys/class/thermal/thermal_{name}": text for name, text in zones.items()})
    (root / "sys/class/thermal/thermal_zone5/temp").mkdir(parents=True)
    assert read_conditions(root, lambda: "").temperatures_c == {"acpitz": 42.0, "thermal_zone3": -5.0}


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("throttled=0x0\n", 0), ("throttled=0x50005\n", 0x50005), ("throttled=0xE0000", 0xE0000), ("", None),
        ("error=1 error_msg=\"Command not registered\"", None), ("throttled=", None), ("throttled=high", None),
        ("VCHI initialization failed\n", None), ("temp=0x5", None),
    ],
)  # fmt: skip
def test_the_firmwares_answer_is_bits_or_nothing(text: str, bits: int | None) -> None:
    assert parse_throttled(text) == bits


@pytest.mark.parametrize(
    ("bits", "now", "since_start"),
    [
        ("0x0", (), ()),
        ("0x1", ("under-voltage",), ()),
        ("0x2", ("clock capped",), ()),
        ("0x80008", ("soft temperature limit",), ("soft temperature limit",)),
        ("0x60000", (), ("clock capped", "throttled")),
    ],
)
def test_each_bit_has_a_name(bits: str, now: tuple[str, ...], since_start: tuple[str, ...], tmp_path: Path) -> None:
    found = read_conditions(tmp_path, lambda: f"throttled={bits}")
    assert (found.throttled, found.throttled_since_start) == (now, since_start)


def test_the_firmware_is_asked_with_its_own_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ask_firmware() == ""
    program = tmp_path / "vcgencmd"
    program.write_text('#!/bin/sh\n[ "$1" = get_throttled ] && echo throttled=0x4\n')
    program.chmod(0o755)
    assert ask_firmware() == "throttled=0x4\n"
    program.chmod(0o644)
    assert ask_firmware() == ""


def test_a_system_without_load_averages_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Any:
        raise OSError

    monkeypatch.setattr("os.getloadavg", none, raising=False)
    assert read_conditions(tmp_path, lambda: "").load_1min is None
