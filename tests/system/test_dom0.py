# SPDX-License-Identifier: Apache-2.0
"""Linux as the control domain: it boots, runs programs on all its CPUs, and its own drivers work the machine's devices.

`make linux root` builds what this boots; without it these tests are skipped.
"""

import re
import socket
import subprocess

import pytest

from linux_host import ROOT_FILES, ZEROS, assert_properties, empty_disk, linux_modules, needs_linux, number_of, run, script
from machine import NIGHTLY, PATIENCE, Machine
from ramdisk import with_command

pytestmark = needs_linux


@pytest.mark.parametrize("on", ["ringfold", "native"])
@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_programs_run(tmp_path, on, cpus):
    said = run(tmp_path, script("programs"), "--on", on, "--smp", cpus)
    assert said[:3] == ["50 programs ran", "20000 lines through two pipes", f"{ZEROS} of 16 MiB of zeros"]
    slept = re.fullmatch(r"a sleep of 2 seconds took (\d+)", said[3])  # more on a busy machine; a clock that runs wild takes days
    assert slept and 2 <= int(slept[1]) < 60, said[3]
    assert said[4] == "a program that dies of signal 11 exits with 139"
    assert said[5] == f"{cpus} CPUs"


def test_memory_that_was_used_before(tmp_path):
    """The control domain gets its memory as the machine left it; what the hypervisor builds in it begins cleared all the same."""
    (tmp_path / "old").write_bytes(b"\xa5" * (384 << 20))
    command = f"hypercall {number_of('debug_audit')}; grep -c . /proc/meminfo > /dev/null && echo it lives"
    loader = f"-device loader,file={tmp_path}/old,addr=0x10000000,force-raw=on"
    assert run(tmp_path, command, "--smp", 2, "--qemu", loader) == ["0 0", "it lives"]
    (tmp_path / "old").unlink()


@pytest.mark.parametrize("kind, name", [("virtio", "vda"), ("ahci", "sda"), ("nvme", "nvme0n1")])
def test_disk(tmp_path, kind, name):
    disk = empty_disk(tmp_path / "disk", 64)
    command = f"set -- {name}\n{script('disk')}"
    assert run(tmp_path, command, "--disk", f"{kind}:{disk}", "--tools")[-1] == f"{name} holds what was written"
    # The first bytes that fio wrote were seen by somebody outside as well.
    assert disk.read_bytes().strip(b"\0") != b""


@pytest.fixture
def iperf3_port():
    """Where a server outside of the machine listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(["iperf3", "-s", "-B", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL) as server:
        yield port
        server.terminate()


@pytest.mark.parametrize("on", ["ringfold", "native"])
@pytest.mark.parametrize("kind", ["virtio", "e1000e"])
def test_network(tmp_path, kind, on, iperf3_port):
    command = f"set -- eth0 {iperf3_port}\n{script('network')}"
    echo = ",guestfwd=tcp:10.0.2.100:7-cmd:cat"
    said = run(tmp_path, command, "--on", on, "--net", kind, "--net-options", echo, "--tools")
    assert_properties(said, "eth0 carries what was sent", "eth0 streams both ways")


def test_cpus_go_and_come_back(tmp_path):
    command = """for round in 1 2 3; do
        echo 0 > /sys/devices/system/cpu/cpu1/online || exit 1
        [ "$(nproc)" = 1 ] || exit 1
        echo 1 > /sys/devices/system/cpu/cpu1/online || exit 1
        taskset 2 /bin/busybox true || exit 1
    done
    nproc"""
    assert run(tmp_path, command, "--smp", 2) == ["2"]


def test_hypervisor_is_seen(tmp_path):
    said = run(tmp_path, "cat /sys/hypervisor/type /sys/hypervisor/abi; grep -c . /sys/hypervisor/counters; head -1 /sys/hypervisor/log; "
                         "ls -l /dev/ringfold; date +%Y")
    assert said[0] == "ringfold"
    assert said[1] == "1"
    assert int(said[2]) > 10
    assert "Ringfold" in said[3]
    assert said[4].startswith("crw-------")
    assert int(said[5]) >= 2024  # the machine's clock


def test_what_a_command_exits_with_is_passed_on(tmp_path):
    with pytest.raises(AssertionError, match="status 7\n"):
        run(tmp_path, "exit 7")


def test_console_input(tmp_path):
    with Machine(tmp_path, memory=512, typed=True, extra=linux_modules(ROOT_FILES, "dom0 memory=256M", "console=hvc0 quiet")) as machine:
        machine.wait_for("The machine goes off when this shell ends.")
        machine.type(b"echo $((6 * 7)) is it\n")
        machine.wait_for("42 is it")
        machine.type(b"exit\n")
        assert machine.process.wait(PATIENCE) is not None


@pytest.mark.parametrize("action", ["stop", "restart"])
def test_crash(tmp_path, action):
    root = with_command(ROOT_FILES, "echo c > /proc/sysrq-trigger", tmp_path)
    with Machine(tmp_path, memory=512, extra=linux_modules(root, f"dom0 memory=256M on_crash={action}", "console=hvc0")) as machine:
        status = machine.process.wait(PATIENCE)
    console = machine.console
    # Linux' own report, then the hypervisor's of the vCPU, and the machine does as it was told: QEMU ends at a restart with 0.
    assert re.search(r"^\(d1\) .*sysrq triggered crash", console, re.MULTILINE | re.IGNORECASE), console
    assert re.search(r"cpu 0: d1 v0, in ring 1", console), console
    assert re.search(r"ringfold::hypercall::shutdown \+", console), console
    assert "d1 vmlinux: ended with crash" in console, console
    assert (status == 0) == (action == "restart"), status


@pytest.mark.parametrize("on", ["ringfold", "native"])
def test_32_bit_programs(tmp_path, on):
    command = "for n in 1 2 3 4; do ia32 & done; wait; ia32; echo $?"
    assert run(tmp_path, command, "--on", on) == ["32 bits"] * 5 + ["32"]


def test_reboot_restarts_the_machine(tmp_path):
    root = with_command(ROOT_FILES, "reboot -f", tmp_path)
    with Machine(tmp_path, memory=512, extra=linux_modules(root, "dom0 memory=256M", "console=hvc0 quiet")) as machine:
        assert machine.process.wait(PATIENCE) == 0, machine.console  # QEMU ends at a restart, with 0
    assert "d1 vmlinux: ended with reboot" in machine.console


def test_hypercalls_by_program(tmp_path):
    refused = ["page_table_batch", "call_buffer_set", "vcpu_stop", "shutdown"]
    command = "\n".join([f"hypercall {number_of('version')} 0", f"hypercall {number_of('debug_audit')}",
                         *(f"hypercall {number_of(name)} 0 0 2>&1 || echo refused" for name in refused),
                         f"hypercall {number_of('log_read')} 0 @0 100 | cut -d' ' -f1",
                         f"hypercall {number_of('log_read')} 0 @5000 100 2>&1 || echo outside"])
    said = run(tmp_path, command)
    assert said[:2] == ["0 1", "0 0"]
    assert said[2:10] == ["RINGFOLD_REQUEST: Operation not permitted", "refused"] * 4
    assert said[10:] == ["0", "RINGFOLD_REQUEST: Invalid argument", "outside"]


@pytest.mark.parametrize("load", ["--vm 2 --vm-bytes 32M", "--fork 2", "--mmap 2 --mmap-bytes 16M", "--switch 2", "--pipe 2", "--clone 2",
                                  "--madvise 2", "--mremap 2 --mremap-bytes 8M", "--futex 2", "--sigq 2", "--userfaultfd 2",
                                  "--mmaphuge 2 --mmaphuge-mmaps 16"])
def test_load(tmp_path, load):
    command = f"stress-ng {load} --timeout {60 if NIGHTLY else 5} --verify 2>&1; status=$?; hypercall {number_of('debug_audit')}; exit $status"
    said = run(tmp_path, command, "--smp", 2, "--tools")
    assert said[-1] == "0 0", said  # the hypervisor's recount of every frame
