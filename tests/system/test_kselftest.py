# SPDX-License-Identifier: Apache-2.0
"""The kernel's own self-tests in the control domain: whatever passes in them on the bare machine passes on Ringfold, too.

kselftests.toml has the programs, and what is different by design. `make linux kselftests` builds what this boots; without it these
tests are skipped.
"""

import tomllib

import pytest

from kselftest_output import STATUS, programs, results
from linux_host import needs_linux, run, script
from machine import NIGHTLY, PATIENCE, ROOT

IMAGE = ROOT / "build/testhost/kselftests.img"
LIST = tomllib.loads((ROOT / "tests/system/kselftests.toml").read_text(encoding="utf-8"))
DIFFERENCES = LIST.get("difference", [])
GROUPS = [pytest.param(group, id=group["name"],
                       marks=pytest.mark.skipif(group.get("nightly", False) and not NIGHTLY, reason="slow: make nightly runs it"))
          for group in LIST["group"]]
# QEMU 7.2 checks the stack of a user's far return as if it were the kernel's, so that it faults where SMAP is on.
MACHINE = ["--smp", "2", "--cpu", "max,-smap", "--disk", f"virtio,read-only:{IMAGE}", "--append", "secretmem.enable=1"]
MEMORY = 512  # MiB that Linux has, unless the group says otherwise
HYPERVISOR_MEMORY = 128
SECONDS = 90  # that a program may take at the usual patience; most take less than one on a machine that is not loaded
SHOWN = 40  # lines of a program that did not pass

needs_image = pytest.mark.skipif(not IMAGE.exists(), reason="make kselftests has not built the image")


def outcomes(tmp_path, group, on):
    """For each program of the group by name, its lines and its results."""
    seconds = int(group.get("seconds", SECONDS) * max(1, PATIENCE / 60))
    directory = tmp_path / on
    directory.mkdir()
    memory = group.get("memory", MEMORY)
    machine = ["--mem", memory] if on == "native" else ["--mem", memory + HYPERVISOR_MEMORY, "--dom0-mem", memory]
    listed = "\n".join(f"{seconds} {folder} {line}" for folder, lines in group["run"].items() for line in lines)
    said = run(directory, f"cat > /tmp/programs <<'END'\n{listed}\nEND\n{script('kselftest')}", "--on", on, *MACHINE, *machine)
    return {name: (lines, results(lines, status)) for name, lines, status in programs(said)}


def by_design(name):
    return {subtest for entry in DIFFERENCES if entry["program"] == name for subtest in entry["subtests"]}


def compare(name, bare, here, expected):
    """What is wrong, in words. `bare` and `here` are (lines, results), `expected` the names of the results that differ by design."""
    passed = {subtest for subtest, result in bare[1].items() if result == "ok"}
    lost = {subtest for subtest in passed if here[1].get(subtest) != "ok"}
    if not passed:
        yield f"{name}: nothing of it passes on the bare machine, so that it tests nothing"
    for subtest in sorted(lost - expected):
        tail = "\n  ".join(here[0][-SHOWN:])
        yield f"{name}: {subtest!r} passes on the bare machine; here: {here[1].get(subtest, 'nothing')}\n  {tail}"
    for subtest in sorted(expected - lost):
        yield f"{name}: {subtest!r} is said to be different, and is not"


@needs_linux
@needs_image
@pytest.mark.parametrize("group", GROUPS)
def test_what_passes_bare_passes_here(tmp_path, group):
    bare = outcomes(tmp_path, group, "native")
    here = outcomes(tmp_path, group, "ringfold")
    assert bare.keys() == here.keys() and bare
    wrong = [text for name in bare for text in compare(name, bare[name], here[name], by_design(name))]
    assert not wrong, "\n".join(wrong)
    count = sum(result == "ok" for _, found in here.values() for result in found.values())
    print(f"{len(here)} programs, {count} results")


def test_differences_are_of_programs_in_the_list():
    listed = {f"{folder}/{line}" for group in LIST["group"] for folder, lines in group["run"].items() for line in lines}
    for entry in DIFFERENCES:
        assert entry["program"] in listed and entry["subtests"] and entry["reason"].strip(), entry


def test_results_are_understood():
    tap = ["TAP version 13", "ok 1 global.first", "not ok 2 - global.second", "ok 3 third # SKIP no such thing", "ok 4 [17] Result (0)",
           "ok 5 [18] Result (0)", "# ok 6 in a comment"]
    assert results(tap, 1) == {"global.first": "ok", "global.second": "fail", "third": "skip", "[N] Result (N)": "ok",
                               "[N] Result (N) (2)": "ok", "in a comment": "ok", STATUS: "fail"}
    sections = ["[OK] of no section", "[RUN]\tat 0xabc", "[OK]\tone", "[FAIL]\ttwo", "[RUN]\tanother", "[SKIP]\tthree", "[OK]\tfour"]
    assert results(sections, 0) == {"at N": "fail", "another": "ok", STATUS: "ok"}
    assert results(["Check success of execveat(5)... [OK]", "Check failure... [FAIL] (2)"], 4) == {
        "Check success of execveat(N)": "ok", "Check failure": "fail", STATUS: "skip"}
    assert results(["Run test: a", "Collapse 17 pages.... OK", "Split... Fail"], 0) == {
        "Collapse N pages": "ok", "Split": "fail", STATUS: "ok"}


def test_programs_are_told_apart():
    said = ["kselftest: begin x86 ./a -b", "[RUN] x", "kselftest: end 0", "kselftest: begin vm ./c", "kselftest: end 137", "kselftest: begin vm ./d"]
    assert list(programs(said)) == [("x86/./a -b", ["[RUN] x"], 0), ("vm/./c", [], 137)]


def test_what_is_wrong_is_found():
    good, bad, nothing = ([], {"a": "ok", STATUS: "ok"}), (["seen"], {"a": "ok", STATUS: "fail"}), ([], {"a": "skip", STATUS: "fail"})
    assert not list(compare("x", good, good, set()))
    assert not list(compare("x", bad, good, set()))
    assert list(compare("x", good, bad, set())) == ["x: 'exit status' passes on the bare machine; here: fail\n  seen"]
    assert not list(compare("x", good, bad, {STATUS}))
    assert list(compare("x", good, good, {STATUS})) == ["x: 'exit status' is said to be different, and is not"]
    assert list(compare("x", nothing, nothing, set())) == ["x: nothing of it passes on the bare machine, so that it tests nothing"]
