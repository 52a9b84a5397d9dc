# SPDX-License-Identifier: Apache-2.0
"""hvd and hvctl in Linux as the control domain: guests of the same kernel are made, watched, typed to, killed and gone.

`make linux root` builds what this boots; without it these tests are skipped.
"""

import pytest

from linux_host import TYPED_GUEST, assert_properties, empty_disk, needs_linux, program, run, script, tools_overlay

pytestmark = needs_linux

# What a guest of these tests does: it repeats what it reads, and ends as it is told.
GUEST = """
echo "guest: up"
while read -r word; do
    echo "guest: heard $word"
    case $word in
        poweroff) exit 0 ;;
        crash) echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger ;;
    esac
done < /dev/hvc0
"""


@pytest.fixture
def overlay(tmp_path):
    return tools_overlay(tmp_path, GUEST)


@pytest.mark.parametrize("cpus", [1, 2])
def test_guests_are_made_watched_and_ended(tmp_path, overlay, cpus):
    said = run(tmp_path, script("hvctl"), "--overlay", overlay, "--smp", cpus, "--mem", 1024, "--dom0-mem", 448)
    assert_properties(said,
                      "a guest runs beside dom0",
                      "it hears what is typed",
                      "its console is a terminal",
                      "hvd was killed and lost nothing",
                      "it is paused, dumped, scheduled; mistakes are told apart",
                      "gdb stops it at a breakpoint, and it goes on",
                      "it powered off and left nothing but its console",
                      "a crash leaves a bundle",
                      "three guests at once, which do as they are told")


@pytest.mark.parametrize("cpus", [1, 2])
def test_commands_run_in_guests_that_are_thrown_away(tmp_path, overlay, cpus):
    program(tmp_path, "on_terminal")
    said = run(tmp_path, script("run"), "--overlay", overlay, "--smp", cpus, "--mem", 1024, "--dom0-mem", 448)
    assert_properties(said,
                      "a command runs in a guest",
                      "its status and its outputs are the command's",
                      "no output is lost",
                      "its input is what it is given, and what is typed only if it shall be",
                      "it has a root of its own",
                      "its time of day is dom0's, also when that was set",
                      "nothing stays, however it ends")


def test_testhost_runs_a_command_in_a_guest(tmp_path):
    said = run(tmp_path, "cat /sys/hypervisor/type; nproc; [ ! -e /proc/acpi ]", "--guest", "--smp", 2, "--mem", 1024)
    assert said == ["ringfold", "2"]  # a guest has no ACPI


def test_a_guest_sleeps_and_wakes(tmp_path):
    disk = empty_disk(tmp_path / "disk", 16)
    said = run(tmp_path, script("suspend"), "--overlay", tools_overlay(tmp_path, TYPED_GUEST), "--smp", 2, "--mem", 1024, "--dom0-mem", 448,
               "--disk", f"virtio:{disk}")
    assert_properties(said,
                      "it sleeps and wakes, again and again",
                      "an order to wake is not lost, however soon it comes",
                      "any order wakes it",
                      "one that sleeps can be told to power off")
