# SPDX-License-Identifier: Apache-2.0
"""hvctl trace: what the hypervisor does, recorded in dom0 while a guest runs, and the timeline that is made of it.

`make linux root` builds what this boots; without it this test is skipped.
"""

import collections
import json

import pytest

from linux_host import TYPED_GUEST, assert_properties, empty_disk, needs_linux, run, script, tools_overlay

pytestmark = needs_linux


def timeline(disk):
    """What the machine wrote at the begin of its disk."""
    with disk.open("rb") as file:
        return json.loads(file.read().rstrip(b"\0").decode("utf-8"))


def tracks(events):
    """Slices by (process, thread), both by name."""
    processes = {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}
    threads = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    found = collections.defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            found[processes[event["pid"]], threads[event["tid"]]].append(event)
    return found


def assert_one_after_the_other(slices):
    end = 0
    for one in sorted(slices, key=lambda each: each["ts"]):
        assert one["ts"] >= end - 0.0015, one
        end = one["ts"] + one["dur"]


@pytest.mark.parametrize("cpus", [1, 2])
def test_a_timeline_has_what_guests_did(tmp_path, cpus):
    overlay = tools_overlay(tmp_path, TYPED_GUEST)
    disk = empty_disk(tmp_path / "disk", 64)
    said = run(tmp_path, script("trace"), "--overlay", overlay, "--smp", cpus, "--mem", 1024, "--dom0-mem", 448, "--disk", f"virtio:{disk}")
    assert_properties(said,
                      "the memory of a trace is as long as somebody looks at it",
                      "without a trace there is nothing to end or to write",
                      "what happens while a guest runs is recorded",
                      "a timeline is written",
                      "a trace ends with the program that made it, however that ends")
    written = timeline(disk)
    events = written["traceEvents"]
    slices = tracks(events)
    for cpu in range(cpus):
        assert_one_after_the_other(slices["physical CPUs", f"CPU {cpu}"])
    running = {event["name"] for event in events if event["ph"] == "X" and event["cat"] == "scheduling"}
    assert {"dom0 vCPU 0", "web vCPU 0"} <= running
    for domain in ("dom0", "web"):
        calls = {event["name"] for event in slices[domain, "vCPU 0"]}
        assert "page_table_batch" in calls, calls
    instants = {event["cat"] for event in events if event["ph"] == "i"}
    assert {"entries", "events", "memory", "interrupts", "scheduling"} <= instants
    assert all(event["ts"] >= 0 for event in events if event["ph"] != "M")
    assert 0 < written["otherData"]["records"] <= 50000
