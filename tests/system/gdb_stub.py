# SPDX-License-Identifier: Apache-2.0
"""QEMU's gdb stub, as far as stopping a one-processor machine at instructions goes (GDB manual, "Remote Protocol")."""

import re
import socket


class GdbStub:
    """Connecting stops the machine."""

    def __init__(self, path, patience):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(patience)
        self.connection.connect(str(path))
        self.buffer = b""
        self._receive()  # the stop that connecting makes is reported unasked

    def close(self):
        self.connection.close()

    def set_breakpoint(self, address):
        assert self.command(f"Z1,{address:x},1") == "OK"

    def clear_breakpoint(self, address):
        assert self.command(f"z1,{address:x},1") == "OK"

    def resume(self):
        """Until the next breakpoint: its address; None: the machine has ended."""
        self._send("c")
        try:
            answer = self._receive()
        except ConnectionError:
            return None
        assert re.match("[TS]05", answer), answer
        return self.instruction_pointer()

    def instruction_pointer(self):
        registers = self.command("g")
        return int.from_bytes(bytes.fromhex(registers[16 * 16:17 * 16]), "little")  # RAX ... R15, then RIP

    def detach(self):
        """Lets the machine run on."""
        self._send("D")
        self.close()

    def command(self, text):
        self._send(text)
        return self._receive()

    def _send(self, text):
        self.connection.sendall(f"${text}#{sum(text.encode()) % 256:02x}".encode())

    def _receive(self):
        while True:
            packet = re.search(rb"\$([^#]*)#..", self.buffer)
            if packet:
                self.buffer = self.buffer[packet.end():]
                self.connection.sendall(b"+")
                if packet[1].startswith(b"W"):
                    raise ConnectionError("the machine has ended")
                return packet[1].decode()
            more = self.connection.recv(65536)
            if not more:
                raise ConnectionError("the stub has gone")
            self.buffer += more
