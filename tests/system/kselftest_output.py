# SPDX-License-Identifier: Apache-2.0
"""What programs of the kernel's self-tests said, as results by name: `ok`, `fail` or `skip`.

Their dialects: TAP (`ok 3 name`, `not ok`, `# SKIP`); sections of the x86 tests (`[RUN] name`, then `[OK]`, `[FAIL]`); lines that
end with `[OK]` or `[FAIL]`, or with dots and `OK` or `Fail`; and the exit status, which all have: 0, 4 for skipped, or everything else.
"""

import collections
import re

TAP = re.compile(r"\s*(?:# )?(not ok|ok)\b\s*\d*\s*(?:- )?(.*?)\s*(?:#\s*(SKIP|XFAIL|TODO)\b.*)?")
SECTION = re.compile(r"\s*\[RUN\]\s*(.*?)\s*")
VERDICT = re.compile(r"\s*\[(OK|FAIL|SKIP)\].*")
LINE = re.compile(r"(?!\s*\[)(.+?)[\s.]*\[(OK|FAIL)\].*")
DOTTED = re.compile(r"(.+?)\s*\.{3,}\s*(OK|Fail|Skip)\s*")
STATUS = "exit status"
ORDER = ("skip", "ok", "fail")  # one failure is enough; what is done once was not skipped


def _name(text):
    """Addresses, numbers and process ids differ from run to run."""
    return re.sub(r"0x[0-9a-fA-F]+|\b[0-9a-f]{8,16}\b|\d+", "N", text)


def results(lines, status):
    found = {}
    times = collections.Counter()
    section = None

    def add(name, result):
        found[name] = max(found.get(name, result), result, key=ORDER.index)

    for line in lines:
        if match := SECTION.fullmatch(line):
            section = _name(match[1])
        elif (match := VERDICT.fullmatch(line)) and section:
            add(section, match[1].lower())
        elif match := TAP.fullmatch(line):
            name = _name(match[2])
            times[name] += 1  # of one name, they are told apart by their order
            result = "skip" if match[3] else "ok" if match[1] == "ok" else "fail"
            add(name if times[name] == 1 else f"{name} ({times[name]})", result)
        elif match := LINE.fullmatch(line) or DOTTED.fullmatch(line):
            add(_name(match[1]), match[2].lower())
    found[STATUS] = {0: "ok", 4: "skip"}.get(status, "fail")
    return found


def programs(said):
    """Of what tests/system/dom0/kselftest prints: (name, lines, status) of each program that came to its end."""
    name, lines = None, []
    for line in said:
        if line.startswith("kselftest: begin "):
            name, lines = line.removeprefix("kselftest: begin ").replace(" ", "/", 1), []
        elif line.startswith("kselftest: end "):
            yield name, lines, int(line.split()[-1])
        else:
            lines.append(line)
