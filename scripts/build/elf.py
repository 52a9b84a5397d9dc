# SPDX-License-Identifier: Apache-2.0
"""The little of the ELF format that the build needs: program headers of 64-bit files, and 32-bit files to write."""

import struct
from dataclasses import dataclass

PT_LOAD = 1
PT_GNU_STACK = 0x6474E551
EXECUTE, WRITE, READ = 1, 2, 4
EM_386 = 3


@dataclass
class Segment:
    kind: int
    flags: int
    file_offset: int
    virtual_address: int
    physical_address: int
    file_size: int
    memory_size: int


def read_elf64(data):
    """Returns the entry point and the program headers of a little-endian 64-bit ELF file."""
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("not a little-endian 64-bit ELF file")
    entry, table = struct.unpack_from("<QQ", data, 24)
    entry_size, count = struct.unpack_from("<HH", data, 54)
    segments = []
    for index in range(count):
        kind, flags, offset, virtual, physical, file_size, memory_size, _ = struct.unpack_from(
            "<IIQQQQQQ", data, table + index * entry_size
        )
        segments.append(Segment(kind, flags, offset, virtual, physical, file_size, memory_size))
    return entry, segments


def write_elf32(entry, segments, contents, alignment=4096):
    """Returns a 32-bit ELF executable that loads `contents[i]` at the physical address of `segments[i]`."""
    header_size, entry_size = 52, 32
    offset = alignment
    headers, payload = b"", b""
    for segment, content in zip(segments, contents):
        address = segment.physical_address
        headers += struct.pack(
            "<8I", PT_LOAD, offset, address, address, len(content), segment.memory_size, segment.flags, alignment
        )
        padded = content + bytes(-len(content) % alignment)
        payload += padded
        offset += len(padded)
    identification = b"\x7fELF\x01\x01\x01" + bytes(9)
    header = identification + struct.pack(
        "<HHIIIIIHHHHHH", 2, EM_386, 1, entry, header_size, 0, 0, header_size, entry_size, len(segments), 40, 0, 0
    )
    front = header + headers
    return front + bytes(alignment - len(front)) + payload
