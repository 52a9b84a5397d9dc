# SPDX-License-Identifier: Apache-2.0
"""Disks of guests: written, verified, read-only, taken away under load, in real machines whose dom0 serves them; and back ends of all devices
that end and begin anew meanwhile.

`make linux root` builds what this boots; without it these tests are skipped.
"""

import pytest

from linux_host import TYPED_GUEST, assert_properties, empty_disk, needs_linux, number_of, program, run, script, tools_overlay
from machine import NIGHTLY

pytestmark = needs_linux

@pytest.fixture
def overlay(tmp_path):
    return tools_overlay(tmp_path, TYPED_GUEST)


@pytest.mark.parametrize("cpus", [1, 2])
def test_disks_hold_what_guests_write(tmp_path, overlay, cpus):
    disk = empty_disk(tmp_path / "disk", 64)
    said = run(tmp_path, script("block"), "--overlay", overlay, "--smp", cpus, "--mem", 1024, "--dom0-mem", 448,
               "--disk", f"virtio:{disk}", "--tools")
    assert_properties(said,
                      "a guest has its disks",
                      "a file system holds what was written, also for dom0",
                      "a read-only disk refuses to be written",
                      "fio verifies what it wrote",
                      "a disk comes and goes while the guest runs",
                      "a disk is as slow as its limit",
                      "a guest that is destroyed while it writes leaves nothing")


@pytest.mark.parametrize("cpus", [1, 2] if NIGHTLY else [2])
def test_back_ends_end_and_begin_anew(tmp_path, overlay, cpus):
    disk = empty_disk(tmp_path / "disk", 64)
    drawn = f"rounds={6 if NIGHTLY else 1} audit={number_of('debug_audit')}\n"
    said = run(tmp_path, drawn + script("reconnect"), "--overlay", overlay, "--smp", cpus, "--mem", 1024, "--dom0-mem", 448,
               "--disk", f"virtio:{disk}", "--tools")
    print("\n".join(said))
    assert_properties(said,
                      "what is written and verified outlives its back end",
                      "so does a file system",
                      "a guest that sleeps meanwhile connects again",
                      "a disk that comes or goes may be reset",
                      "what waits for a disk that is gone fails",
                      "what TCP carries arrives whole",
                      "a mounted disk grows",
                      "resets, also of a guest that is destroyed, leave nothing")


def test_disks_do_what_they_offer(tmp_path, overlay):
    disk = empty_disk(tmp_path / "disk", 16)
    program(tmp_path, "block_ranges")
    big_blocks = f"-drive if=none,id=big,format=raw,file={disk} -device virtio-blk-pci,drive=big,logical_block_size=4096,physical_block_size=4096"
    said = run(tmp_path, script("block_kinds"), "--overlay", overlay, "--smp", 2, "--mem", 1024, "--dom0-mem", 448, "--qemu", big_blocks, "--tools")
    assert_properties(said,
                      "a guest with more queues than there is room for is not made",
                      "a disk with blocks of 4096 bytes",
                      "writes are forced and flushed as they are asked to be",
                      "ranges are discarded, zeroed and unmapped, as they are asked to be",
                      "a disk that fails tells so, and only this one",
                      "who does not answer keeps nothing that is taken by force")


def test_a_disk_of_dom0_that_does_not_answer(tmp_path, overlay):
    disk = empty_disk(tmp_path / "disk", 16)
    said = run(tmp_path, f"audit={number_of('debug_audit')}\n{script('stuck_disk')}", "--overlay", overlay, "--smp", 2, "--mem", 768, "--dom0-mem", 448,
               "--disk", f"virtio:{disk}", "--tools")
    assert_properties(said,
                      "who waits for it does not keep others waiting",
                      "a connection ends, and begins anew when it answers",
                      "it is taken away from a guest, and nobody else gets it yet",
                      "its guest is destroyed",
                      "what it kept is given back when it answers")


@pytest.mark.skipif(not NIGHTLY, reason="takes a minute: make nightly runs it")
@pytest.mark.parametrize("vcpus", [1, 2])
def test_a_guest_swaps(tmp_path, vcpus):
    disk = empty_disk(tmp_path / "disk", 256)
    overlay = tools_overlay(tmp_path, TYPED_GUEST, program(tmp_path / "in-guest", "swap_pages"))
    said = run(tmp_path, f"vcpus={vcpus}\n{script('swap')}", "--overlay", overlay, "--smp", 2, "--mem", 768, "--dom0-mem", 448,
               "--disk", f"virtio:{disk}", "--tools")
    assert_properties(said, "what went to the disk comes back as it was", "all of it comes back, and nothing stalls")


@pytest.mark.skipif(not NIGHTLY, reason="takes minutes: make nightly runs it")
def test_devices_that_have_events_at_once(tmp_path, overlay):
    disk = empty_disk(tmp_path / "disk", 64)
    said = run(tmp_path, f"duration=180\n{script('two_devices')}", "--overlay", overlay, "--smp", 2, "--mem", 768, "--dom0-mem", 448,
               "--disk", f"virtio:{disk}", "--tools")
    assert_properties(said, "no event is lost")
