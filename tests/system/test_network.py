# SPDX-License-Identifier: Apache-2.0
"""Network interfaces of guests, in real machines: on a bridge of dom0 with the card of the machine, plugged and unplugged, destroyed
under load.

`make linux root` builds what this boots; without it these tests are skipped.
"""

import pytest

from linux_host import TYPED_GUEST, assert_properties, needs_linux, run, script, tools_overlay

pytestmark = needs_linux


@pytest.mark.parametrize("cpus", [1, 2])
def test_guests_have_networks(tmp_path, cpus):
    overlay = tools_overlay(tmp_path, TYPED_GUEST)
    said = run(tmp_path, script("guest_network"), "--overlay", overlay, "--smp", cpus, "--mem", 1024, "--dom0-mem", 448, "--net", "virtio", "--tools")
    assert_properties(said,
                      "a guest reaches dom0, another guest and the outside",
                      "what is sent is what comes, with and without offload",
                      "iperf3 runs between all of them",
                      "a cable is unplugged and plugged in",
                      "an interface comes and goes while the guest runs",
                      "guests that are destroyed while they send leave nothing")
