# SPDX-License-Identifier: Apache-2.0
"""Runs commands in test machines for the tests of Linux: what tests/testhost does, with its status and lines."""

import pathlib
import shutil
import subprocess

import pytest

from machine import BUILD, PATIENCE, ROOT
from ramdisk import add_tools, with_command

KERNEL = ROOT / "build/linux/vmlinux"
DOM0 = ROOT / "tests/system/dom0"

needs_linux = pytest.mark.skipif(not KERNEL.exists(), reason="make linux has not built the kernel")


def run(directory, command, *options):
    """The command's lines; it must succeed, and the machine with it."""
    done = subprocess.run([ROOT / "tests/testhost", "run", "--build", BUILD, "--console", directory / "console",
                           "--timeout", str(int(PATIENCE * 8)), *map(str, options), "--", command],
                          check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout.splitlines()


def script(name):
    return (DOM0 / name).read_text(encoding="utf-8")


def empty_disk(path: pathlib.Path, mebibytes):
    with path.open("wb") as file:
        file.truncate(mebibytes << 20)
    return path


def tools_overlay(tmp_path, guest_command):
    """What a control domain with guests needs: the tools, a kernel for guests, and a RAM disk whose command they run."""
    directory = tmp_path / "overlay"
    add_tools(directory, BUILD, KERNEL)
    scratch = tmp_path / "guest"
    scratch.mkdir()
    shutil.copy(with_command(ROOT / "build/testhost/root.cpio", guest_command, scratch), directory / "boot/guest.cpio")
    return directory
