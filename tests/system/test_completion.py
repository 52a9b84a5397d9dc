# SPDX-License-Identifier: Apache-2.0
"""What hvctl knows is what its manual and its completions for bash and zsh know: `--help` of every command is the measure.

The completions run in their shells, with a hvctl that shows two guests and their devices.
"""

import itertools
import os
import re
import subprocess

import pexpect
import pytest

from machine import BUILD, PATIENCE, ROOT

TOOLS = ROOT / "dom0-tools"
HVCTL = BUILD / "dom0-tools/hvctl"
HVD = BUILD / "dom0-tools/hvd"

# What stands for hvctl: the tables that completions look at, as the real one prints them.
FAKE = r"""#!/bin/sh
case "$*" in
    list) printf 'NAME  ID  MEM/MiB\ndom0   1      512\nweb    2      256\nmail   3       64\n' ;;
    "block-list web") printf 'VDEV  STATE\nrda   connected\nrdb   connected\n' ;;
    "network-list web") printf 'NUMBER  MAC\n     0  fe:79:61:09:2e:4d\n    11  02:00:00:00:00:17\n' ;;
    *) exit 3 ;;
esac
"""
DOMAINS = {"dom0", "web", "mail"}


class Help:
    """What `PROGRAM WORDS --help` lists."""

    def __init__(self, program, *words):
        self.text = subprocess.run([program, *words, "--help"], check=True, capture_output=True, text=True).stdout
        self.options = set(itertools.chain.from_iterable(
            names.split(",") for names in re.findall(r"^  (-[\w,-]+)", self._section("Options"), re.MULTILINE)))
        self.commands = re.findall(r"^  ([\w-]+)", self._section("Subcommands"), re.MULTILINE)

    def _section(self, name):
        found = re.search(rf"^{name}:\n((?:  .*\n)+)", self.text, re.MULTILINE)
        return found.group(1) if found else ""


def all_commands():
    """Words of each command, and its help: `trace start` too."""
    for name in Help(HVCTL).commands:
        own = Help(HVCTL, name)
        yield (name,), own
        for part in own.commands:
            yield (name, part), Help(HVCTL, name, part)


@pytest.fixture(scope="module", name="commands")
def commands_fixture():
    found = dict(all_commands())
    assert len(found) > 30 and {"--set", "-c", "--console", "--help"} <= found[("create",)].options  # --help was understood
    assert ("trace", "start") in found
    return found


def manual(page):
    """(text before COMMANDS, {heading: text of its paragraph}) without troff's marks."""
    text = (TOOLS / "man" / page).read_text(encoding="utf-8").replace(r"\-", "-")
    text = re.sub(r"\\f[A-Z]|[\"()|,]", " ", text)
    before, _, commands = text.partition(".SH COMMANDS\n")
    paragraphs = commands.partition("\n.SH ")[0].split(".TP\n")[1:]
    return before, {heading: heading + "\n" + rest for heading, _, rest in (each.partition("\n") for each in paragraphs)}


def has_word(text, word):
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def test_the_manual_has_each_command_with_its_options(commands):
    _, paragraphs = manual("hvctl.1")
    assert not [words for words, help_ in commands.items() if not help_.commands and "--json" not in help_.options]  # "Each takes --json"
    for words, help_ in commands.items():
        if help_.commands:
            continue  # each of them has its own paragraph
        own = [text for heading, text in paragraphs.items() if has_word(heading, " ".join(words))]
        assert len(own) == 1, f"hvctl.1 has {len(own)} paragraphs for {' '.join(words)}"
        missing = {option for option in help_.options - {"-h", "--help", "--json"} if not has_word(own[0], option)}
        assert not missing, f"hvctl.1 does not say what {missing} of {' '.join(words)} are"


@pytest.mark.parametrize("program, page", [(HVCTL, "hvctl.1"), (HVD, "hvd.8")])
def test_the_manual_has_the_options_of_the_programs(program, page):
    before, _ = manual(page)
    missing = {option for option in Help(program).options if not has_word(before, option)}
    assert not missing, f"{page} does not say what {missing} are"


def test_the_manual_is_sound():
    for page in sorted((TOOLS / "man").iterdir()):
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", page], check=True, capture_output=True, text=True,
                              env={**os.environ, "MANPAGER": "cat", "MANROFFOPT": ""})
        assert done.stderr == "", f"{page.name}: {done.stderr}"


@pytest.fixture(name="fake")
def fake_fixture(tmp_path):
    """An environment in which hvctl is FAKE, and the folder is empty but for two files."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/hvctl").write_text(FAKE, encoding="utf-8")
    (tmp_path / "bin/hvctl").chmod(0o755)
    (tmp_path / "here").mkdir()
    (tmp_path / "here/web.toml").touch()
    (tmp_path / "here/two words.toml").touch()
    return {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "dumb", "LANG": "C.UTF-8"}


class Bash:
    def __init__(self, environment, directory):
        self.environment = environment
        self.directory = directory

    def __call__(self, line):
        """What may stand for the last word of a command line. Bash itself takes words apart at "="."""
        words = re.findall(r"=|[^\s=]+|(?<=\s)$|(?<==)$", line)
        script = f"""source {TOOLS}/completions/hvctl.bash; set -u
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hvctl; printf '%s\\n' "${{COMPREPLY[@]}}" """
        done = subprocess.run(["bash", "--norc", "-c", script, "bash", *words], check=True, capture_output=True, text=True,
                              env=self.environment, cwd=self.directory)
        assert done.stderr == ""
        return set(done.stdout.splitlines()) - {""}


class Zsh:
    """One shell on a terminal: completion works only there. What compadd is given goes to a file instead of the screen."""

    SETUP = """
PROMPT= RPROMPT= fpath=({completions} $fpath)
autoload -Uz compinit && compinit -u -D && unsetopt auto_list
compadd() {{
    local -a found
    if (( ${{@[(I)-[OAD]]}} )); then builtin compadd "$@"; return; fi  # it only asks what would fit
    builtin compadd -A found "$@"
    print -rl -- $found >> {found}
    builtin compadd "$@"
}}
bindkey '^I' complete-word; bindkey '^U' kill-whole-line
cd {directory}; print -r ready >> {done}
"""

    def __init__(self, environment, directory):
        self.found = directory.parent / "found"
        self.done = directory.parent / "done"
        setup = directory.parent / "setup"
        setup.write_text(self.SETUP.format(completions=TOOLS / "completions", directory=directory, found=self.found, done=self.done),
                         encoding="utf-8")
        self.done.touch()
        self.shell = pexpect.spawn("zsh", ["-f", "-i"], env=environment, timeout=PATIENCE, echo=False, dimensions=(50, 200))
        self.shell.sendline(f"source {setup}")
        self._wait("ready")

    def _wait(self, word):
        deadline = PATIENCE * 10
        while word not in self.done.read_text(encoding="utf-8").split():
            self.shell.expect([pexpect.TIMEOUT, r".+"], timeout=0.1)
            deadline -= 1
            assert deadline > 0, f"zsh does not go on: {self.shell.before}"

    def __call__(self, line):
        self.found.write_text("", encoding="utf-8")
        self.done.write_text("", encoding="utf-8")
        self.shell.send(f"{line}\t")
        self.shell.send(f"\x15print -r done >> {self.done}\r")
        self._wait("done")
        names = self.found.read_text(encoding="utf-8").replace("\\", "").splitlines()
        return {name.removesuffix("=") for name in names} - {"", "-"}  # "-" may stand before a command


@pytest.fixture(name="complete", params=[Bash, Zsh])
def complete_fixture(request, fake, tmp_path):
    return request.param(fake, tmp_path / "here")


def test_completion_knows_each_command_and_option(commands, complete):
    assert {words[0] for words in commands if len(words) == 1} <= complete("hvctl ")
    assert Help(HVCTL).options - {"-h"} <= complete("hvctl -")
    for words, help_ in commands.items():
        offered = complete(f"hvctl {' '.join(words)} -")
        missing, unknown = help_.options - offered, offered - help_.options
        assert not missing and not unknown, f"{' '.join(words)}: missing {missing}, unknown {unknown}"
        if help_.commands:
            assert set(help_.commands) <= complete(f"hvctl {' '.join(words)} ")


def test_completion_knows_domains_and_devices(commands, complete):
    for words, help_ in commands.items():
        line = f"hvctl {' '.join(words)} "
        takes_domain = re.search(r"^  DOMAIN ", help_.text, re.MULTILINE) is not None
        assert (DOMAINS <= complete(line)) == takes_domain, line
    assert complete("hvctl block-detach web rd") == {"rda", "rdb"}
    assert complete("hvctl block-detach -F web rd") == {"rda", "rdb"}
    assert complete("hvctl network-detach web ") >= {"0", "11"}
    assert not complete("hvctl block-detach mail ")
    assert complete("hvctl sched -w 512 we") == {"web"}
    assert complete("hvctl --socket /tmp/s shutdown -w web ma") == {"mail"}
    assert not complete("hvctl rename web d")


def test_completion_knows_what_else_stands_there(complete):
    assert complete("hvctl create web") == {"web.toml"}
    assert "two words.toml" in complete("hvctl create ")
    assert complete("hvctl dump-core web web") == {"web.toml"}
    assert complete("hvctl trace export web") == {"web.toml"}
    assert complete("hvctl pool-mode 1 one") == {"one-to-one"}
    assert complete("hvctl vcpu-pin web a") == {"all"}
    assert "rda" in complete("hvctl block-d web ")  # a command may be shortened
    assert not complete("hvctl block- web ")  # if that is clear


def test_bash_completes_values(fake, tmp_path):
    complete = Bash(fake, tmp_path / "here")
    assert complete("hvctl create --set vc") == {"vcpus="}
    assert complete("hvctl create --set kernel=web") == {"web.toml"}
    assert complete("hvctl create --set vcpus=2 web") == {"web.toml"}
    assert complete("hvctl trace start -c events,gr") == {"events,grants"}
    assert complete("hvctl block-attach web tar") == {"target="}
    assert complete("hvctl block-attach web target=web") == {"web.toml"}
