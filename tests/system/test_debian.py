# SPDX-License-Identifier: Apache-2.0
"""Debian as a guest: systemd, ssh, git, SQLite and apt-get on a disk and a network of Ringfold's drivers, destroyed while it writes. And
as the control domain, with the package of the tools.

`make linux root debian` builds what this boots; without it these tests are skipped.
"""

import shutil
import subprocess

import pytest

from linux_host import KERNEL, ROOT_FILES, assert_properties, needs_linux, run, script, tools_overlay
from machine import BUILD, NIGHTLY, ROOT
from ramdisk import with_command

IMAGE = ROOT / "build/testhost/debian.img"

pytestmark = [needs_linux, pytest.mark.skipif(not IMAGE.exists(), reason="make debian has not made the disk")]

FILES = 4000 if NIGHTLY else 200
TRANSACTIONS = 2000 if NIGHTLY else 100
ACKNOWLEDGED = 500 if NIGHTLY else 50
SECONDS = 3600  # a busy machine takes its time, and does not end what it does before


def test_a_debian_guest_works(tmp_path):
    sizes = f"FILES={FILES} TRANSACTIONS={TRANSACTIONS} ACKNOWLEDGED={ACKNOWLEDGED} LONG={'yes' if NIGHTLY else 'no'}\n"
    said = run(tmp_path, sizes + script("debian"), "--overlay", tools_overlay(tmp_path, ""), "--smp", 2, "--mem", 1024, "--dom0-mem", 448,
               "--tools", "--disk", f"virtio,snapshot:{IMAGE}", "--timeout", SECONDS)
    assert_properties(said,
                      "systemd starts everything, and ssh answers",
                      f"git commits, packs and clones {FILES} files",
                      f"SQLite commits {TRANSACTIONS} transactions",
                      *(["apt-get installs and purges packages"] if NIGHTLY else []),
                      "a file system is sound after a destroy in the middle of writing",
                      "what was acknowledged before the destroy is there",
                      *(["it starts again, and shuts down in order"] if NIGHTLY else []))


# It writes until it is told to power off.
WRITING_GUEST = """
mkdir -p /disk && mount -t ext4 /dev/rda /disk && echo "guest: up" || exit 1
while true; do
    dd if=/dev/urandom of=/disk/file bs=64k count=16 conv=fsync 2> /dev/null
    echo "guest: wrote"
    sleep 1
done
"""


def assert_was_unmounted(image):
    done = subprocess.run(["/sbin/e2fsck", "-fn", image], check=False, capture_output=True, text=True)
    assert done.returncode == 0 and "journal" not in done.stdout + done.stderr, done.stdout + done.stderr


@pytest.mark.skipif(not NIGHTLY, reason="takes minutes: make nightly runs it")
def test_debian_is_the_control_domain(tmp_path):
    """It gets the package, is started again, starts its guest, and ends it when it ends."""
    brought = tmp_path / "overlay/testhost"
    brought.mkdir(parents=True)
    subprocess.run([ROOT / "scripts/make-deb", BUILD, brought], check=True)
    shutil.copy(KERNEL, brought)
    (tmp_path / "guest").mkdir()
    shutil.copy(with_command(ROOT_FILES, WRITING_GUEST, tmp_path / "guest"), brought / "guest.cpio")
    disk = tmp_path / "disk"
    subprocess.run(["cp", "--sparse=always", IMAGE, disk], check=True)

    def boot(name):
        return run(tmp_path, script(name), "--overlay", brought.parent, "--smp", 2, "--mem", 1024, "--dom0-mem", 640, "--disk", f"virtio:{disk}",
                   "--net", "virtio", "--append", "testhost.system=/dev/vda", "--timeout", SECONDS)

    assert_properties(boot("debian_install"), "Debian is the control domain", "the package starts hvd")
    assert_was_unmounted(disk)
    assert_properties(boot("debian_host"), "a guest starts with the machine", "the guest does not notice that hvd is killed, or the package upgraded")
    assert " web: ended with power off" in (tmp_path / "console").read_text(encoding="utf-8", errors="replace")
    assert_was_unmounted(disk)
    subprocess.run(["/sbin/debugfs", "-R", f"dump /srv/web.img {tmp_path / 'web.img'}", disk], check=True, capture_output=True)
    assert_was_unmounted(tmp_path / "web.img")
