# SPDX-License-Identifier: Apache-2.0
"""Runs commands in test machines for the tests of Linux: what tests/testhost does, with its status and lines."""

import os
import pathlib
import random
import re
import shutil
import subprocess

import pytest

from machine import BUILD, PATIENCE, ROOT
from ramdisk import add_tools, with_command

KERNEL = ROOT / "build/linux/vmlinux"
ROOT_FILES = ROOT / "build/testhost/root.cpio"
DOM0 = ROOT / "tests/system/dom0"
ZEROS = "2c7ab85a893283e98c931e9511add182"  # MD5 of 16 MiB

# What a guest may do: it runs each line that is typed, and says how that ended. `type_in` of dom0/functions types.
TYPED_GUEST = """
echo "guest: up"
while read -r line; do
    echo "guest: run $line"
    sh -c "$line" < /dev/null
    echo "guest: status $?"
done < /dev/hvc0
"""

needs_linux = pytest.mark.skipif(not KERNEL.exists(), reason="make linux has not built the kernel")


def run(directory, command, *options):
    """The command's lines; it must succeed, and the machine with it."""
    done = subprocess.run([ROOT / "tests/testhost", "run", "--build", BUILD, "--console", directory / "console",
                           "--timeout", str(int(PATIENCE * 8)), *map(str, options), "--", command],
                          check=False, capture_output=True, text=True)
    reason = next((f", {line}" for line in done.stderr.splitlines() if line.startswith("testhost: ")), "")
    assert done.returncode == 0, f"status {done.returncode}{reason}\n{done.stdout}\n{done.stderr}"
    return done.stdout.splitlines()


def number_of(hypercall):
    text = (ROOT / "abi/hypercalls.toml").read_text(encoding="utf-8")
    return re.search(rf'number = (\d+)\nname = "{hypercall}"', text).group(1)


def drawn_seed():
    """Another one each time, but for RINGFOLD_SEED, which repeats what was drawn."""
    seed = int(os.environ.get("RINGFOLD_SEED") or random.randrange(1 << 31))
    print(f"RINGFOLD_SEED={seed}")  # shown if it fails
    return seed


def script(name):
    return "".join((DOM0 / part).read_text(encoding="utf-8") for part in ("functions", name))


def empty_disk(path: pathlib.Path, mebibytes):
    with path.open("wb") as file:
        file.truncate(mebibytes << 20)
    return path


def program(tmp_path, name, *options):
    """Compiled from dom0/NAME.c, in an overlay's /bin; returns the overlay."""
    folder = tmp_path / "overlay/bin"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-O2", "-static", "-no-pie", *options, "-o", folder / name, DOM0 / f"{name}.c"], check=True)
    return folder.parent


def tools_overlay(tmp_path, guest_command, guest_overlay=None):
    """What a control domain with guests needs: the tools, a kernel for guests, and a RAM disk whose command they run."""
    directory = tmp_path / "overlay"
    add_tools(directory, BUILD, KERNEL)
    scratch = tmp_path / "guest"
    scratch.mkdir()
    shutil.copy(with_command(ROOT_FILES, guest_command, scratch, guest_overlay), directory / "boot/guest.cpio")
    return directory


def linux_modules(ramdisk, domain, command_line):
    """For a Machine that starts the kernel as a domain: QEMU's option."""
    return ["-initrd", f"{KERNEL} {domain} -- {command_line},{ramdisk} ramdisk"]


def assert_properties(said, *properties):
    """A script has shown all of them, in this order."""
    assert [line for line in said if line.startswith("ok ")] == [f"ok {text}" for text in properties], said
