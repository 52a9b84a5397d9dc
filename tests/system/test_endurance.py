# SPDX-License-Identifier: Apache-2.0
"""Linux as the control domain, many times, for long, and in machines of all sizes. What takes minutes is run by `make nightly`."""

import re
import subprocess
import time

import pytest

from linux_host import needs_linux, program, run
from machine import BUILD, NIGHTLY, PATIENCE, ROOT

pytestmark = needs_linux

BOOTS = 200 if NIGHTLY else 4
MOST_WRITTEN = 4096 if NIGHTLY else 32  # MiB
DRIFT_SECONDS = 300
DRIFT_LIMIT = 100e-6


def test_boots_in_a_row(tmp_path):
    for number in range(BOOTS):
        said = run(tmp_path, "nproc; echo it lives", "--smp", 1 + number % 4)
        assert said == [str(1 + number % 4), "it lives"], f"boot {number + 1} of {BOOTS}"


@pytest.mark.parametrize("mebibytes", [128, 256, 1024, 4096])
def test_memory_of_all_sizes(tmp_path, mebibytes):
    """All of it is there, and can be used: up to half of what is free is written, and read again."""
    command = f"""most={MOST_WRITTEN}; grep MemTotal /proc/meminfo
        mkdir /tmp/big && mount -t tmpfs -o size=90% none /tmp/big || exit 1
        half=$(($(grep MemFree /proc/meminfo | tr -dc 0-9) / 2048)); [ $half -le $most ] || half=$most
        dd if=/dev/zero of=/tmp/big/file bs=1M count=$half 2> /dev/null && [ "$(wc -c < /tmp/big/file)" = $((half << 20)) ] && echo written"""
    said = run(tmp_path, command, "--mem", mebibytes * 9 // 8 + 128, "--dom0-mem", mebibytes)
    total = int(re.search(r"(\d+) kB", said[0])[1]) >> 10
    assert mebibytes * 0.8 - 32 < total <= mebibytes
    assert said[1] == "written"


@pytest.mark.skipif(not NIGHTLY, reason="takes 5 minutes: make nightly runs it")
def test_clock_keeps_time(tmp_path):
    """The domain's clock beside the host's, by lines that the domain sends: the quickest of 40 at each end, since a line can only be late."""
    command = [ROOT / "tests/testhost", "run", "--build", BUILD, "--console", tmp_path / "console", "--overlay", program(tmp_path, "clock_readings"),
               "--timeout", str(DRIFT_SECONDS + int(PATIENCE * 8)), "--", f"clock_readings {DRIFT_SECONDS}"]
    ahead = []  # of the domain's clock, by the host's
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as machine:
        for line in machine.stdout:
            if line.strip().isdigit():
                ahead.append(int(line) / 1e9 - time.monotonic())
    assert machine.returncode == 0 and len(ahead) == 80
    drift = (max(ahead[40:]) - max(ahead[:40])) / DRIFT_SECONDS
    assert abs(drift) < DRIFT_LIMIT, f"{drift * 1e6:.0f} ppm"
