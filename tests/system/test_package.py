# SPDX-License-Identifier: Apache-2.0
"""The Debian package of dom0's tools: what is in it, that it is sound, and what its scripts do. Nothing is installed."""

import hashlib
import os
import re
import shutil
import subprocess

import pytest

from machine import BUILD, ROOT

UNITS = ("hvd.service", "ringfold-guests.service")
SCRIPTS = ("postinst", "prerm", "postrm")


def output_of(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def make_package(directory):
    return output_of(ROOT / "scripts/make-deb", BUILD, directory).strip()


@pytest.fixture(scope="module", name="package")
def package_fixture(tmp_path_factory):
    return make_package(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module", name="unpacked")
def unpacked_fixture(package, tmp_path_factory):
    directory = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "--raw-extract", package, directory], check=True)
    return directory


def test_it_has_the_tools_and_what_belongs_to_them(package):
    version = re.search(r"^project\(ringfold VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"),
                        re.MULTILINE).group(1)
    assert os.path.basename(package) == f"ringfold-tools_{version}_amd64.deb"
    assert output_of("dpkg-deb", "--field", package, "Package", "Version", "Architecture").split() \
        == ["Package:", "ringfold-tools", "Version:", version, "Architecture:", "amd64"]
    files = {}
    for line in output_of("dpkg-deb", "--contents", package).splitlines():
        mode, owner, _, _, _, name = line.split(maxsplit=5)
        assert owner == "root/root" and mode[5] == mode[8] == "-", f"others may write to it: {line}"
        files[name.removeprefix(".")] = mode
    for name in ("/usr/bin/hvctl", "/usr/sbin/hvd", "/usr/lib/ringfold/start-guests"):
        assert files[name] == "-rwxr-xr-x", name
    for name in ("/usr/share/man/man1/hvctl.1.gz", "/usr/share/man/man5/hvctl-domain.5.gz", "/usr/share/man/man8/hvd.8.gz",
                 "/usr/share/bash-completion/completions/hvctl", "/usr/share/zsh/vendor-completions/_hvctl",
                 "/usr/share/doc/ringfold-tools/copyright", "/usr/share/doc/ringfold-tools/hvctl.md",
                 *(f"/lib/systemd/system/{unit}" for unit in UNITS)):
        assert files[name] == "-rw-r--r--", name
    assert files["/etc/ringfold/auto/"] == "drwxr-xr-x"


def test_its_files_are_what_it_says(unpacked):
    listed = {}
    for line in (unpacked / "DEBIAN/md5sums").read_text(encoding="utf-8").splitlines():
        digest, name = line.split(maxsplit=1)
        listed[name] = digest
    there = {str(path.relative_to(unpacked)): hashlib.md5(path.read_bytes()).hexdigest()
             for path in unpacked.rglob("*") if path.is_file() and path.parent.name != "DEBIAN"}
    assert listed == there


def test_the_tools_run_from_it(unpacked, tmp_path):
    environment = {"PATH": f"{unpacked / 'usr/bin'}:{unpacked / 'usr/sbin'}"}
    version = (unpacked / "DEBIAN/control").read_text(encoding="utf-8").split("Version: ")[1].split()[0]
    for program in ("hvctl", "hvd"):
        assert output_of(program, "--version", env=environment).strip() == version
        assert "INTERP" not in output_of("readelf", "-lW", shutil.which(program, path=environment["PATH"])), "it needs a C library"
    assert "versions of tools and hypervisor" in output_of("hvctl", "version", "--help", env=environment)
    example = unpacked / "usr/share/doc/ringfold-tools/examples/guest.toml"
    assert '"name": "web"' in output_of("hvctl", "create", "-n", example, env=environment)
    # Without hvd, and with a text that cannot be sent to it, hvctl says so.
    done = subprocess.run(["hvctl", "--socket", tmp_path / "none", "version"], env=environment, check=False, capture_output=True,
                          text=True)
    assert (done.returncode, str(tmp_path / "none") in done.stderr) == (11, True)
    # As deep as a file can make a key: what reads it goes down by recursion.
    deep = tmp_path / "deep.toml"
    deep.write_text("a." * 8190 + "a=1", encoding="utf-8")
    done = subprocess.run(["hvctl", "create", "-n", deep], env=environment, check=False, capture_output=True, text=True)
    assert (done.returncode, f'{deep}:1: unknown key "a"' in done.stderr) == (6, True)
    strange = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(strange)
    done = subprocess.run(["hvctl", "create", "-n", "--set", "name=a", "--set", "kernel=k"], cwd=strange, env=environment, check=False,
                          capture_output=True)
    assert (done.returncode, b"not UTF-8" in done.stderr) == (2, True)


def test_the_same_sources_make_the_same_package(package, tmp_path):
    with open(package, "rb") as first, open(make_package(tmp_path), "rb") as second:
        assert first.read() == second.read()


def test_its_units_are_sound(unpacked, tmp_path):
    copies = []
    for unit in UNITS:
        text = (unpacked / "lib/systemd/system" / unit).read_text(encoding="utf-8")
        copies.append(tmp_path / unit)
        # Its programs are where it was unpacked, and its pages are not where man looks.
        text = re.sub(r"(=-?|\s)(/usr/(?:bin/hvctl|sbin/hvd|lib/ringfold))", rf"\1{unpacked}\2", text)
        copies[-1].write_text(re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", *copies], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# What the scripts call: it is written down, and asks as on a machine where everything is enabled.
RECORDER = """#!/bin/sh
echo "${0##*/} $*" >> "$RECORD"
"""


@pytest.fixture(name="run_script")
def run_script_fixture(unpacked, tmp_path):
    """Runs a maintainer script; returns what it calls. systemd seems to run, or not."""
    (tmp_path / "bin").mkdir()
    for name in ("systemctl", "deb-systemd-helper", "deb-systemd-invoke", "rm"):
        (tmp_path / "bin" / name).write_text(RECORDER, encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)

    def run(script, *arguments, systemd=True):
        record = tmp_path / "record"
        record.write_text("", encoding="utf-8")
        text = (unpacked / "DEBIAN" / script).read_text(encoding="utf-8")
        here = tmp_path / script
        here.write_text(text.replace("/run/systemd/system", str(tmp_path / ("bin" if systemd else "none"))), encoding="utf-8")
        subprocess.run(["sh", here, *arguments], check=True, env={"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "RECORD": str(record)})
        return record.read_text(encoding="utf-8").splitlines()

    return run


def test_an_installation_starts_hvd_and_the_guests(run_script):
    calls = run_script("postinst", "configure", "")
    for unit in UNITS:
        assert f"deb-systemd-helper enable {unit}" in calls
    assert calls[-3:] == ["systemctl --system daemon-reload", "deb-systemd-invoke restart hvd.service",
                          "deb-systemd-invoke start ringfold-guests.service"]
    assert not any("invoke" in call for call in run_script("postinst", "configure", "", systemd=False))


def test_an_upgrade_leaves_the_guests_alone(run_script):
    assert run_script("prerm", "upgrade", "9.9") == []
    calls = run_script("postinst", "configure", "0.0.1")  # starting what is active does nothing
    assert [call for call in calls if "invoke" in call] \
        == ["deb-systemd-invoke restart hvd.service", "deb-systemd-invoke start ringfold-guests.service"]


def test_a_removal_ends_the_guests_and_a_purge_takes_the_logs(run_script):
    assert run_script("prerm", "remove") == ["deb-systemd-invoke stop ringfold-guests.service", "deb-systemd-invoke stop hvd.service"]
    assert not any(call.startswith("rm") for call in run_script("postrm", "remove"))
    calls = run_script("postrm", "purge")
    assert calls[-1] == "rm -rf /var/log/ringfold"
    for unit in UNITS:
        assert f"deb-systemd-helper purge {unit}" in calls


def start_guests(unpacked, directory, statuses):
    """start-guests with a hvctl that ends with `statuses` of each file; returns its status, and the files in order."""
    hvctl = directory / "hvctl"
    cases = "".join(f"'{name}') exit {status} ;;\n" for name, status in statuses.items())
    hvctl.write_text(f'#!/bin/sh\necho "$1 ${{2##*/}}"\ncase ${{2##*/}} in\n{cases}esac\nexit 99\n', encoding="utf-8")
    hvctl.chmod(0o755)
    (directory / "auto").mkdir()
    for name in statuses:
        (directory / "auto" / name).touch()
    (directory / "auto/README").touch()
    done = subprocess.run([unpacked / "usr/lib/ringfold/start-guests", directory / "auto"], check=False, capture_output=True, text=True,
                          env={"PATH": f"{directory}:/usr/bin:/bin"})
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("statuses, expected", [({}, 0), ({"b.toml": 0, "a.toml": 0}, 0), ({"a.toml": 4, "two words.toml": 0}, 0),
                                                ({"a.toml": 6, "b.toml": 0}, 1), ({"a.toml": 0, "b.toml": 11}, 1)])
def test_guests_start_with_the_machine(unpacked, tmp_path, statuses, expected):
    assert start_guests(unpacked, tmp_path, statuses) == (expected, [f"create {name}" for name in sorted(statuses)])


@pytest.mark.skipif(shutil.which("lintian") is None, reason="lintian is not installed: it would bring 128 packages")
def test_lintian_finds_no_mistake(package):
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", package], check=False, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout
