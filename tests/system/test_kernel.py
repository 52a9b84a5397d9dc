# SPDX-License-Identifier: Apache-2.0
"""What a kernel developer expects of a kernel, the same on Ringfold as on the bare machine: tracing, events, modules, a clock that takes
no system calls; and what a kernel with more vCPUs than processors needs.
"""

import bisect
import re
import shutil
import struct
import subprocess

import pytest

from linux_host import KERNEL, assert_properties, needs_linux, number_of, program, run, script

pytestmark = needs_linux
everywhere = pytest.mark.parametrize("machine", [["--on", "native"], ["--on", "ringfold"], ["--on", "ringfold", "--guest"]],
                                     ids=["native", "dom0", "guest"])
on_both = pytest.mark.parametrize("on", ["ringfold", "native"])


def changing_code(on):
    """Where the kernel changes its code while the other processor may be running it."""
    return ["--on", on, "--smp", 2, "--one-thread"]


@pytest.mark.parametrize("machine", [[], ["--guest"]], ids=["dom0", "guest"])
def test_clock_takes_no_system_calls(tmp_path, machine):
    run(tmp_path, "clock_without_calls", "--smp", 2, "--overlay", program(tmp_path, "clock_without_calls"), *machine)


@everywhere
def test_perf_events(tmp_path, machine):
    said = run(tmp_path, "count_events", "--overlay", program(tmp_path, "count_events"), *machine)
    assert_properties(said, "page faults", "context switches", "task clock", "stores to a watched word")


@on_both
def test_tracing(tmp_path, on):
    overlay = program(tmp_path, "count_events")
    symbols = subprocess.run(["nm", overlay / "bin/count_events"], check=True, capture_output=True, text=True).stdout
    place = int(re.search(r"^(\w+) T main$", symbols, re.MULTILINE)[1], 16) - 0x400000  # where the linker puts the file
    said = run(tmp_path, f"set -- /bin/count_events {place:#x}\n{script('tracing')}", *changing_code(on), "--overlay", overlay)
    assert_properties(said, "kprobes", "uprobes", "function tracer", "function graph tracer")


@everywhere
def test_big_pages_of_programs(tmp_path, machine):
    """Pages of 2 MiB that are copied, split, moved, made of small ones, and of the pool."""
    audit = "" if "native" in machine or "--guest" in machine else f"; hypercall {number_of('debug_audit')}"
    command = f"echo madvise > /sys/kernel/mm/transparent_hugepage/enabled; echo 24 > /proc/sys/vm/nr_hugepages; for round in 1 2; do big_pages $(cat /proc/sys/vm/nr_hugepages) || exit 1; done{audit}"
    said = run(tmp_path, command, "--smp", 2, "--mem", 768, "--guest-mem", 256, "--overlay", program(tmp_path, "big_pages"), *machine)
    assert_properties(said, *(["copied after a fork", "split", "moved", "other rights", "collapsed", "zeroes", "of the pool"] * 2))
    assert not audit or said[-1] == "0 0", said


@on_both
def test_modules(tmp_path, on):
    """A module that greets; and one that turns branches in its own text and in that of another module."""
    overlay = tmp_path / "overlay"
    shutil.copytree(KERNEL.parent / "modules", overlay / "modules")
    command = """cd /modules || exit 1
        insmod test_module.ko && rmmod test_module && dmesg | grep -c -e "Hello, world" -e Goodbye
        insmod test_static_key_base.ko && insmod test_static_keys.ko && cut -d' ' -f1 /proc/modules | sort
        rmmod test_static_keys && rmmod test_static_key_base && wc -l < /proc/modules"""
    assert run(tmp_path, command, *changing_code(on), "--overlay", overlay) == ["2", "test_static_key_base", "test_static_keys", "0"]


def kernel_section(name, scratch):
    subprocess.run(["objcopy", "-O", "binary", "--only-section", name, KERNEL, scratch], check=True)
    return scratch.read_bytes()


def test_what_the_hypervisor_writes_too_is_changed_with_locks(tmp_path):
    """A kernel with one CPU takes the lock prefixes away that `.smp_locks` lists; the hypervisor writes to some words all the same."""
    listed = struct.iter_unpack("<i", kernel_section(".smp_locks", tmp_path / "locks"))
    symbols = [line.split() for line in subprocess.run(["nm", "--numeric-sort", KERNEL], check=True, capture_output=True, text=True).stdout.splitlines()]
    functions = [(int(address, 16), name) for address, kind, name in symbols if kind in "tT"]
    starts = [address for address, _ in functions]
    table = next(int(address, 16) for address, _, name in symbols if name == "__smp_locks")
    losing = {functions[bisect.bisect_right(starts, table + 4 * index + distance) - 1][1] for index, (distance,) in enumerate(listed)}
    assert len(losing) > 1000, "the list is not read as it is meant"
    words = {"__sysvec_ringfold_upcall", "ringfold_mask_irq", "ringfold_unmask_irq", "ringfold_bind_silent_ipi", "ringfold_take_pending", "revoke"}
    assert words <= {name for _, name in functions}
    assert not words & losing


def test_more_cpus_than_processors(tmp_path):
    """Who waits for a lock whose holder waits for a processor sleeps; and the time that others took is told."""
    command = f"""audit() {{ [ "$(hypercall {number_of('debug_audit')})" = "0 0" ] || {{ echo "wrong counts"; exit 1; }}; }}
        nproc
        for round in $(seq 10); do
            stress-ng --switch 4 --dentry 4 --timeout 3 > /dev/null 2>&1 || exit 1
            grep -q "^hypercall_{number_of('event_poll')} " /sys/hypervisor/counters && echo "waiters sleep" && break
        done
        audit
        [ "$(head -1 /proc/stat | cut -d' ' -f10)" -gt 0 ] && echo "time was stolen"
        dmesg | grep -e lockup -e stall; true"""
    assert run(tmp_path, command, "--smp", 4, "--qemu", "-smp 2", "--tools") == ["4", "waiters sleep", "time was stolen"]
