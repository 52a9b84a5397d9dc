#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the markers that hypervisor/gate/offsets_macro.hpp leaves in compiler output into nasm %define lines."""

import re
import sys

MARKER = re.compile(r'^\s*\.ascii\s+"->(\w+) (-?\d+) (-?\d+)"')


def read_constants(assembly):
    with open(assembly, encoding="utf-8") as file:
        found = [match.groups() for match in map(MARKER.match, file) if match]
    if not found:
        sys.exit(f"assembly_offsets.py: no markers in {assembly}")
    constants = {name: (int(high) & 0xFFFFFFFF) << 32 | int(low) & 0xFFFFFFFF for name, high, low in found}
    if len(constants) != len(found):
        sys.exit("assembly_offsets.py: a name is defined twice")
    return constants


def main(assembly, include):
    constants = read_constants(assembly)
    with open(include, "w", encoding="utf-8") as file:
        file.write("; Generated from hypervisor/gate/offsets.cpp.\n")
        file.writelines(f"%define {name} {value:#x}\n" for name, value in constants.items())


if __name__ == "__main__":
    main(*sys.argv[1:])
