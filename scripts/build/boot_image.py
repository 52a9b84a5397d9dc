#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the linked hypervisor and packs it for boot loaders.

QEMU's -kernel loads a multiboot kernel only from a 32-bit ELF file, and GRUB takes one as well; so the loadable segments
go, at their physical addresses, into a 32-bit ELF. The checks: no segment writable and executable, no two segments on
one page, everything at or above 2 MiB and in reach of the 32-bit entry, and the multiboot headers where loaders look.
"""

import struct
import sys

import elf

LOAD_ADDRESS = 2 << 20
MULTIBOOT1_MAGIC, MULTIBOOT1_SEARCH = 0x1BADB002, 8192
MULTIBOOT2_MAGIC, MULTIBOOT2_SEARCH = 0xE85250D6, 32768


def check_segments(segments):
    end = LOAD_ADDRESS
    for segment in segments:
        where = f"segment at {segment.virtual_address:#x}"
        if segment.flags & elf.WRITE and segment.flags & elf.EXECUTE:
            raise ValueError(f"{where} is writable and executable")
        if segment.physical_address % 4096 or segment.virtual_address % 4096:
            raise ValueError(f"{where} does not begin at a page")
        if segment.physical_address < end:
            raise ValueError(f"{where} overlaps the one below it, or lies below 2 MiB")
        end = segment.physical_address + segment.memory_size
    if end > 1 << 30:
        raise ValueError("the image does not end below 1 GiB, which the boot page tables map")


def check_headers(image):
    for magic, limit in ((MULTIBOOT1_MAGIC, MULTIBOOT1_SEARCH), (MULTIBOOT2_MAGIC, MULTIBOOT2_SEARCH)):
        if struct.pack("<I", magic) not in image[:limit]:
            raise ValueError(f"no multiboot header {magic:#x} in the first {limit} bytes")


def main(source, target):
    with open(source, "rb") as file:
        data = file.read()
    entry, headers = elf.read_elf64(data)
    stacks = [header for header in headers if header.kind == elf.PT_GNU_STACK]
    if len(stacks) != 1 or stacks[0].flags & elf.EXECUTE:
        raise ValueError("the stack is not marked as not executable")
    segments = sorted(
        (header for header in headers if header.kind == elf.PT_LOAD and header.memory_size),
        key=lambda header: header.physical_address,
    )
    check_segments(segments)
    contents = [data[segment.file_offset : segment.file_offset + segment.file_size] for segment in segments]
    image = elf.write_elf32(entry, segments, contents)
    check_headers(image)
    with open(target, "wb") as file:
        file.write(image)


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2])
    except ValueError as problem:
        sys.exit(f"boot_image.py: {sys.argv[1]}: {problem}")
