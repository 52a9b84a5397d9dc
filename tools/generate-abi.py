#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks abi/hypercalls.toml and generates from it what must never drift apart:

  DIR/ringfold/hypercall_numbers.h    the numbers, C11 and C++20
  DIR/ringfold/hypercall_wrappers.h   one inline function a hypercall, for guests
  DIR/ringfold/dispatch_table.inc     one row a hypercall, for hypervisor/hypercall/dispatcher.cpp
  DIR/ringfold/alone_table.inc        one row for each that cannot be part of a multicall
  DIR/ringfold/hypercall_grammar.inc  what each takes and may answer, for tests/fuzz/dispatcher/grammar.hpp
  docs/abi.md                         the reference page
"""

import argparse
import pathlib
import re
import sys
import tomllib
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Argument registers in the order of the calling convention (ringfold/hypercall.h), with GCC's constraint for each;
# r10, r8 and r9 have none and need a register variable.
REGISTERS = {"rdi": "D", "rsi": "S", "rdx": "d", "r10": None, "r8": None, "r9": None}
ARGUMENT_TYPES = {8: "uint8_t", 16: "uint16_t", 32: "uint32_t", 64: "uint64_t"}

# What a call may ask of its caller, and how the reference page says it.
RIGHT_NAMES = ("control", "inspect", "schedule", "console", "hardware", "machine", "trace", "debug")
RIGHTS = {"none": "any domain, for itself",
          **{name: f"`{name}`" for name in RIGHT_NAMES},
          **{f"{name} of another": f"any domain, for itself; `{name}`, to act on another" for name in RIGHT_NAMES}}

# What an argument stands for, where its name says it; `kind` in the table says otherwise. The rest are numbers.
KINDS = ("number", "offset", "count", "frame", "domain", "vcpu", "port", "time")
KIND_OF_NAME = {"count": "count", "length": "count", "frame": "frame", "domain": "domain", "remote": "domain",
                "vcpu": "vcpu", "port": "port", "remote_port": "port", "deadline": "time"}
OFFSET = "call-buffer offset"
RECORD = re.compile(r"\b(?:struct (ringfold_\w+)|(uint(?:32|64)_t))\b")

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
C_WORDS = set("""auto break case char const continue default do double else enum extern float for goto if inline int
    long register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    class delete new operator private public this throw template namespace using""".split())


class TableError(Exception):
    """The table breaks one of its rules; the text says which and where."""


@dataclass(frozen=True)
class Argument:
    name: str
    bits: int
    register: str
    meaning: str
    kind: str = ""

    @property
    def declaration(self):
        return f"{ARGUMENT_TYPES[self.bits]} {self.name}"

    @property
    def stands_for(self):
        if self.kind:
            return self.kind
        return "offset" if self.meaning.startswith(OFFSET) else KIND_OF_NAME.get(self.name, "number")


@dataclass(frozen=True)
class Hypercall:
    number: int
    name: str
    summary: str
    since: int
    arguments: tuple
    rights: str
    errors: tuple  # of (error, cause)
    result: str    # meaning of RDX on success, or ""
    progress: str  # meaning of RDX on success and error, or ""
    alone: bool    # cannot be part of a multicall

    @property
    def second_register(self):
        return "progress" if self.progress else "value" if self.result else "nothing"

    @property
    def needed_rights(self):
        """What the caller must hold in any case, and what to act on another domain; as C constants."""
        name, of, _ = self.rights.partition(" of another")
        always, for_another = ("", name) if of else (name, "")
        return right_constant(always), right_constant(for_another)

    def record_at(self, argument):
        """The type of what is at a call-buffer offset, as the argument's meaning or the summary names it; or ""."""
        found = RECORD.search(argument.meaning) or RECORD.search(self.summary)
        return found[1] or found[2] if found and argument.stands_for == "offset" else ""


@dataclass(frozen=True)
class Base:
    """What the generator needs of ringfold/base.h."""

    version: int
    errors: dict  # name without RINGFOLD_ to (number, meaning)


def require(condition, text):
    if not condition:
        raise TableError(text)


def read_base(path):
    text = path.read_text(encoding="utf-8")
    version = re.search(r"^#define RINGFOLD_ABI_VERSION (0x[0-9a-fA-F]+)U$", text, re.MULTILINE)
    require(version, f"{path}: no RINGFOLD_ABI_VERSION")
    errors = re.findall(r"^#define RINGFOLD_(E[A-Z]+) (\d+)\s+/\* (.*) \*/$", text, re.MULTILINE)
    require(errors, f"{path}: no errors")
    return Base(int(version[1], 16), {name: (int(number), meaning) for name, number, meaning in errors})


def check_keys(entry, required, optional, where):
    require(isinstance(entry, dict), f"{where}: not a table")
    missing = sorted(set(required) - entry.keys())
    unknown = sorted(entry.keys() - set(required) - set(optional))
    require(not missing, f"{where}: missing {', '.join(missing)}")
    require(not unknown, f"{where}: unknown key {', '.join(unknown)}")
    for key, kind in {**required, **optional}.items():
        if key in entry:
            right = isinstance(entry[key], kind) and (kind is bool or not isinstance(entry[key], bool))
            require(right, f"{where}: {key} is not of type {kind.__name__}")
            require(kind is not str or entry[key].strip(), f"{where}: {key} is empty")


def check_name(name, where):
    require(NAME.fullmatch(name) and name not in C_WORDS, f"{where}: '{name}' is no name")


def read_arguments(entries, where):
    require(len(entries) <= len(REGISTERS), f"{where}: more than {len(REGISTERS)} arguments")
    arguments = []
    for entry, register in zip(entries, REGISTERS):
        check_keys(entry, {"name": str, "bits": int, "register": str, "meaning": str}, {"kind": str}, f"{where}: argument")
        argument = Argument(**entry)
        require(argument.stands_for in KINDS, f"{where}: {argument.name} is of no kind '{argument.kind}'")
        check_name(argument.name, f"{where}: argument")
        require(argument.bits in ARGUMENT_TYPES, f"{where}: {argument.name} has {argument.bits} bits")
        require(argument.register == register, f"{where}: {argument.name} is in {argument.register}, not {register}")
        require(all(argument.name != other.name for other in arguments), f"{where}: two arguments {argument.name}")
        arguments.append(argument)
    return tuple(arguments)


def read_errors(entries, base, where):
    for entry in entries:
        check_keys(entry, {"error": str, "cause": str}, {}, f"{where}: error")
        require(entry["error"] in base.errors, f"{where}: unknown error {entry['error']}")
    names = [entry["error"] for entry in entries]
    require(len(names) == len(set(names)), f"{where}: an error stands twice")
    return tuple((entry["error"], entry["cause"]) for entry in entries)


def read_result(entries, where):
    require(len(entries) <= 1, f"{where}: more than one result")
    for entry in entries:
        check_keys(entry, {"register": str, "meaning": str}, {}, f"{where}: result")
        require(entry["register"] == "rdx", f"{where}: a result can only be in rdx")
    return entries[0]["meaning"] if entries else ""


def read_hypercall(entry, number, base):
    where = f"hypercall {entry.get('name', number) if isinstance(entry, dict) else number}"
    required = {"number": int, "name": str, "summary": str, "since": int, "arguments": list, "rights": str, "errors": list}
    check_keys(entry, required, {"results": list, "progress": str, "alone": bool}, where)
    check_name(entry["name"], where)
    require(entry["number"] == number, f"{where}: number {entry['number']}, but {number} is next")
    require(1 <= entry["since"] <= base.version, f"{where}: since version {entry['since']} of {base.version}")
    require(entry["rights"] in RIGHTS, f"{where}: unknown rights '{entry['rights']}'")
    call = Hypercall(number, entry["name"], entry["summary"], entry["since"],
                     read_arguments(entry["arguments"], where), entry["rights"],
                     read_errors(entry["errors"], base, where),
                     read_result(entry.get("results", []), where), entry.get("progress", ""), entry.get("alone", False))
    require(not (call.result and call.progress), f"{where}: rdx cannot be both result and progress")
    if call.rights.endswith(" of another"):
        require(call.arguments and call.arguments[0].name == "domain", f"{where}: its first argument must be 'domain'")
    if call.rights != "none":
        require("EPERM" in [error for error, _ in call.errors], f"{where}: needs a right, but lists no EPERM")
    return call


def read_table(text, base):
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TableError(str(error)) from error
    check_keys(table, {"hypercall": list}, {}, "table")
    calls = [read_hypercall(entry, number, base) for number, entry in enumerate(table["hypercall"])]
    names = [call.name for call in calls]
    require(calls, "table: no hypercall")
    require(len(names) == len(set(names)), "table: two hypercalls of one name")
    return calls


HEADER = """\
/* SPDX-License-Identifier: MIT */
/* {purpose} Generated from abi/hypercalls.toml by tools/generate-abi.py. */
"""


def numbers_header(calls):
    width = max(len(call.name) for call in calls)
    rows = [f"#define RINGFOLD_HYPERCALL_{call.name.upper():<{width}} {call.number}U" for call in calls]
    return "\n".join([
        HEADER.format(purpose="The number of each hypercall, for RAX."),
        "#ifndef RINGFOLD_HYPERCALL_NUMBERS_H",
        "#define RINGFOLD_HYPERCALL_NUMBERS_H\n",
        *rows,
        f"\n#define RINGFOLD_HYPERCALL_COUNT {len(calls)}U",
        "\n#endif\n",
    ])


WRAPPERS_HEAD = """\
#ifndef RINGFOLD_HYPERCALL_WRAPPERS_H
#define RINGFOLD_HYPERCALL_WRAPPERS_H

#include <ringfold/hypercall.h>
#include <ringfold/hypercall_numbers.h>

/*
 * A SYSCALL is a hypercall only if it returns to exactly one address, so all wrappers go through one instruction, which
 * the guest's assembly provides in its kernel half, in a page that ring 3 cannot reach:
 *
 *      ringfold_hypercall_entry:       syscall
 *      the hypercall_return address:   ret
 *
 * The wrappers push a return address: compile with -mno-red-zone. Define RINGFOLD_HYPERCALL_INSTRUCTION to get there in
 * another way.
 */
#ifndef RINGFOLD_HYPERCALL_INSTRUCTION
#define RINGFOLD_HYPERCALL_INSTRUCTION "call ringfold_hypercall_entry"
#endif
"""


def wrapper_body(number, arguments):
    """A hypercall's statements: everything that the convention says may change is an output or a clobber."""
    lines = ["\tstruct ringfold_hypercall_result result;"]
    variables = [argument for argument in arguments if REGISTERS[argument.register] is None]
    for argument in variables:
        lines.append(f"\tregister uint64_t {argument.register}_ __asm__(\"{argument.register}\") = {argument.name};")
    inputs = [f'"a"({number})']
    second = ""
    for argument in arguments:
        constraint = REGISTERS[argument.register]
        if argument.register == "rdx":
            second = argument.name
        elif constraint:
            inputs.append(f'"{constraint}"({argument.name})')
        else:
            inputs.append(f'"r"({argument.register}_)')
    if second:
        lines.append(f"\tresult.value = {second};")
    lines.append("\t__asm__ volatile(RINGFOLD_HYPERCALL_INSTRUCTION")
    lines.append(f'\t\t\t : "=a"(result.status), "{"+" if second else "="}d"(result.value)')
    lines.append(f"\t\t\t : {', '.join(inputs)}")
    lines.append('\t\t\t : "rcx", "r11", "memory", "cc");')
    lines.append("\treturn result;")
    return lines


def wrapper(name, number, arguments, comment):
    declarations = [argument.declaration for argument in arguments]
    if number == "number":
        declarations.insert(0, "uint64_t number")
    return "\n".join([f"/* {comment} */", "static inline struct ringfold_hypercall_result",
                      f"{name}({', '.join(declarations) or 'void'})", "{", *wrapper_body(number, arguments), "}\n"])


def wrappers_header(calls):
    raw = tuple(Argument(f"argument{i}", 64, register, "-") for i, register in enumerate(REGISTERS))
    parts = [HEADER.format(purpose="An inline function for each hypercall."), WRAPPERS_HEAD,
             wrapper("ringfold_hypercall", "number", raw, "Any hypercall or gate call, by number.")]
    for call in calls:
        parts.append(wrapper(f"ringfold_{call.name}", f"RINGFOLD_HYPERCALL_{call.name.upper()}", call.arguments,
                             call.summary))
    parts.append("#endif\n")
    return "\n".join(parts)


def right_constant(name):
    return "0" if name in ("", "none") else f"RINGFOLD_RIGHT_{name.upper()}"


def dispatch_row(call):
    fields = [str(call.number), call.name, *call.needed_rights, call.second_register]
    return f"HYPERCALL({', '.join(fields + [argument.declaration for argument in call.arguments])})"


def dispatch_table(calls):
    return "\n".join([
        "// SPDX-License-Identifier: Apache-2.0",
        "//",
        "// HYPERCALL(number, name, right, right for another, second register, parameters...). Generated from",
        "// abi/hypercalls.toml by tools/generate-abi.py. The rights are RINGFOLD_RIGHT_* or 0: the first one is checked before",
        "// the handler, the second one by the handler (domain/access.hpp) if it is to act on another domain. The second",
        "// register is what RDX means: `nothing` (0), `value` (0 on error) or `progress`.",
        *map(dispatch_row, calls),
        "#undef HYPERCALL\n",
    ])


def alone_table(calls):
    return "\n".join([
        "// SPDX-License-Identifier: Apache-2.0",
        "//",
        "// ALONE(number, name) for each hypercall that cannot be part of a multicall. Generated from abi/hypercalls.toml by",
        "// tools/generate-abi.py.",
        *[f"ALONE({call.number}, {call.name})" for call in calls if call.alone],
        "#undef ALONE\n",
    ])


def grammar_row(call):
    always, for_another = call.needed_rights
    errors = ", ".join(f"RINGFOLD_{error}" for error, _ in call.errors)
    arguments = ", ".join(f'{{"{argument.name}", {argument.bits}, Kind::{argument.stands_for}, "{call.record_at(argument)}"}}'
                          for argument in call.arguments)
    alone = "true" if call.alone else "false"
    return (f'{{{call.number}, "{call.name}", Second::{call.second_register}, {alone}, {always}, {for_another}, {{{errors}}}, '
            f'{{{arguments}}}}},')


def grammar(calls):
    return "\n".join([
        "// SPDX-License-Identifier: Apache-2.0",
        "//",
        "// {number, name, second register, alone, right, right for another, {errors}, {{name, bits, kind, record}...}}, an",
        "// initialiser for each hypercall: tests/fuzz/dispatcher/grammar.hpp says what they mean. Generated from",
        "// abi/hypercalls.toml by tools/generate-abi.py.",
        *map(grammar_row, calls), ""])


REFERENCE_HEAD = """\
<!-- Generated from abi/hypercalls.toml by tools/generate-abi.py: edit the table and run `make abi`. -->
# Hypercall reference

ABI version {version}. A hypercall is a `syscall` from ring 1 that returns to the registered address; the structures are
in `abi/include/ringfold/`, the calling convention in `hypercall.h` there:

- RAX is the number; arguments are in RDI, RSI, RDX, R10, R8, R9. A register that does not fit an argument of fewer than
  64 bits is refused with `ERANGE`: nothing is cut off silently.
- On return RAX is 0 or a negated error. RDX is 0 unless the call has a result or tells its progress; a result is 0 when
  the call fails, progress is told also then. RCX and R11 are lost, all other registers are kept.
- A number that is not in this table gives `ENOSYS`.

## Errors

| error | number | meaning |
| --- | --- | --- |
"""


def cell(text):
    return text.replace("|", "\\|")


def reference_entry(call):
    lines = [f"### {call.number}: {call.name}", "", call.summary, ""]
    if call.arguments:
        lines += ["| argument | register | bits | meaning |", "| --- | --- | --- | --- |"]
        lines += [f"| {a.name} | {a.register.upper()} | {a.bits} | {cell(a.meaning)} |" for a in call.arguments]
        lines.append("")
    if call.result or call.progress:
        lines += [f"{'Progress' if call.progress else 'Result'} (RDX): {call.progress or call.result}.", ""]
    alone = " Cannot be part of a multicall." if call.alone else ""
    lines += [f"Rights: {RIGHTS[call.rights]}. Since ABI version {call.since}.{alone}", ""]
    if call.errors:
        lines += ["| error | cause |", "| --- | --- |"]
        lines += [f"| {error} | {cell(cause)} |" for error, cause in call.errors]
    else:
        lines.append("Does not fail.")
    return "\n".join([*lines, ""])


def reference_page(calls, base):
    errors = [f"| {name} | {number} | {cell(meaning)} |" for name, (number, meaning) in base.errors.items()]
    index = [f"| {call.number} | [{call.name}](#{call.number}-{call.name}) | {cell(call.summary)} |" for call in calls]
    return "\n".join([REFERENCE_HEAD.format(version=f"{base.version >> 16}.{base.version & 0xffff}") + "\n".join(errors),
                      "", "## Hypercalls", "", "| number | name | |", "| --- | --- | --- |", *index, "",
                      "## Rights", "", "Calls that need one (`RINGFOLD_RIGHT_*` of `ringfold/domain.h`); without it they give `EPERM`.", "",
                      "| call | needs |", "| --- | --- |",
                      *[f"| {call.name} | {RIGHTS[call.rights]} |" for call in calls if call.rights != "none"], "",
                      *[reference_entry(call) for call in calls]])


def write_if_changed(path, text):
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=pathlib.Path, default=ROOT / "abi/hypercalls.toml")
    parser.add_argument("--base", type=pathlib.Path, default=ROOT / "abi/include/ringfold/base.h")
    parser.add_argument("--headers", type=pathlib.Path, metavar="DIR", help="write the generated headers below DIR")
    parser.add_argument("--reference", type=pathlib.Path, metavar="FILE", help="write the reference page")
    options = parser.parse_args()
    try:
        base = read_base(options.base)
        calls = read_table(options.table.read_text(encoding="utf-8"), base)
    except TableError as error:
        sys.exit(f"{options.table}: {error}")
    if options.headers:
        write_if_changed(options.headers / "ringfold/hypercall_numbers.h", numbers_header(calls))
        write_if_changed(options.headers / "ringfold/hypercall_wrappers.h", wrappers_header(calls))
        write_if_changed(options.headers / "ringfold/dispatch_table.inc", dispatch_table(calls))
        write_if_changed(options.headers / "ringfold/alone_table.inc", alone_table(calls))
        write_if_changed(options.headers / "ringfold/hypercall_grammar.inc", grammar(calls))
    if options.reference:
        write_if_changed(options.reference, reference_page(calls, base))


if __name__ == "__main__":
    main()
