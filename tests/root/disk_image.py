# SPDX-License-Identifier: Apache-2.0
"""Disk images that test machines find by their label and mount as /usr: programs with all libraries that they need."""

import pathlib
import re
import shutil
import subprocess

LABEL = "testhost-tools"
SPACE = 16 << 20  # bytes beside the files


def _libraries(program):
    listing = subprocess.run(["ldd", program], check=False, capture_output=True, text=True)
    return re.findall(r"(?:=> )?(/\S+) \(0x", listing.stdout)  # nothing, for what is linked statically


def _folder(library):
    """Where the loader searches by itself. Two C libraries of one name, for 64 and for 32 bits, need two folders."""
    if "ld-linux-x86-64" in library:
        return "lib64"
    return "lib32" if library.startswith(("/lib32/", "/usr/lib32/")) else "lib"


def add_libraries(usr: pathlib.Path, programs, more=()):
    """What the programs are linked with, and more that they load."""
    for library in {*more, *(library for program in programs for library in _libraries(program))}:
        folder = usr / _folder(library)
        folder.mkdir(exist_ok=True)
        shutil.copy(library, folder / pathlib.Path(library).name)


def write_image(usr: pathlib.Path, output: pathlib.Path):
    """An ext4 image of the folder."""
    size = sum(path.stat().st_size for path in usr.rglob("*") if path.is_file()) + SPACE
    output.parent.mkdir(parents=True, exist_ok=True)
    image = output.with_suffix(".new")
    image.unlink(missing_ok=True)
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-L", LABEL, "-d", usr, "-O", "^has_journal", image, f"{size >> 10}k"], check=True)
    image.rename(output)
