# SPDX-License-Identifier: Apache-2.0
"""Initial RAM file systems of test machines. Linux unpacks several archives, one behind the other."""

import pathlib
import shutil
import subprocess


def archive(directory: pathlib.Path) -> bytes:
    """The files below a directory, as root's."""
    names = subprocess.run(["find", "."], cwd=directory, check=True, capture_output=True).stdout
    return subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], cwd=directory, input=names, check=True,
                          capture_output=True).stdout


def with_command(root: pathlib.Path, command: str, scratch: pathlib.Path, overlay: pathlib.Path | None = None) -> pathlib.Path:
    """A copy of the root file system that runs a command and powers off; an empty command: a shell."""
    contents = root.read_bytes()
    if overlay:
        contents += archive(overlay)
    if command:
        (scratch / "tree/testhost").mkdir(parents=True)
        (scratch / "tree/testhost/command").write_text(command + "\n", encoding="utf-8")
        contents += archive(scratch / "tree")
    path = scratch / "root.cpio"
    path.write_bytes(contents)
    return path


def add_tools(overlay: pathlib.Path, build: pathlib.Path, kernel: pathlib.Path):
    """Lays hvd, hvctl and a kernel for guests over a root file system."""
    for folder in ("bin", "boot"):
        (overlay / folder).mkdir(parents=True, exist_ok=True)
    for tool in ("hvd", "hvctl"):
        shutil.copy(build / "dom0-tools" / tool, overlay / "bin" / tool)
    shutil.copy(kernel, overlay / "boot/vmlinux")
