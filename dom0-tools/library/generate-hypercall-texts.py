#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Generates from abi/hypercalls.toml what the tools say when a hypercall is refused: rows of

  HYPERCALL(number, "name")
  CAUSE(number, error, "what the error means for this call")
"""

import argparse
import json
import pathlib
import tomllib


def rows(table):
    for call in table["hypercall"]:
        yield f'HYPERCALL({call["number"]}, {json.dumps(call["name"])})'
    for call in table["hypercall"]:
        for error in call.get("errors", []):
            yield f'CAUSE({call["number"]}, RINGFOLD_{error["error"]}, {json.dumps(error["cause"])})'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    options = parser.parse_args()
    table = tomllib.loads(options.table.read_text(encoding="utf-8"))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(rows(table)) + "\n"
    options.output.write_text(f"// Generated from abi/hypercalls.toml.\n{text}", encoding="utf-8")


if __name__ == "__main__":
    main()
