# SPDX-License-Identifier: Apache-2.0
"""A QEMU machine that boots Ringfold, for the system tests: its console as text, its exit status, its monitor."""

import fcntl
import json
import os
import pathlib
import re
import socket
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("RINGFOLD_BUILD", ROOT / "build/gcc-debug"))
IMAGE = BUILD / "ringfold"
NIGHTLY = bool(os.environ.get("RINGFOLD_BOCHS"))  # make nightly: what is slow is run, too
PATIENCE = float(os.environ.get("RINGFOLD_PATIENCE", "60"))  # seconds of wall clock


class Machine:
    """Runs until it ends by itself, or the `with` block does. The console goes to a file in `directory`."""

    def __init__(self, directory, options="exit_port=0x501", *, cpus=1, memory=128, processor="max", boot=None, typed=False, slow=False,
                 extra=()):
        self.input_path = directory / "input"
        self.log = directory / "console"
        self.log_is_complete = threading.Event()  # if it is slow
        self.monitor_path = directory / "monitor"
        serial = ["-serial", f"file:{self.log}"]
        if typed:  # type() works. QEMU's own log of a socket repeats what it could not send at once.
            serial = ["-chardev", f"socket,id=console,path={self.input_path},server=on,wait=on", "-serial", "chardev:console"]
        if slow:  # 40,000 characters a second. With 4096 under way the serial port is not ready, until there are none
            for name in ("input.in", "input.out"):
                os.mkfifo(directory / name)
            serial = ["-chardev", f"pipe,id=console,path={self.input_path}", "-serial", "chardev:console"]
            threading.Thread(target=self._record_slowly, daemon=True).start()
        start = ["-kernel", str(IMAGE), "-append", options] if boot is None else ["-cdrom", str(boot)]
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", processor, "-smp", str(cpus),
             "-m", str(memory), "-display", "none", "-monitor", "none", *serial, "-no-reboot",
             "-device", "isa-debug-exit,iobase=0x501,iosize=4", "-qmp", f"unix:{self.monitor_path},server=on,wait=off",
             *start, *extra],
            stdin=subprocess.DEVNULL)
        self.stream = None
        self.input = self._connect_console() if typed else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for opened in (self.stream, self.input):
            if opened:
                opened.close()

    @property
    def console(self):
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def status(self):
        """Waits for the end; the code that the hypervisor gave (isa-debug-exit makes 2 * code + 1 of it)."""
        status = self.process.wait(PATIENCE)
        assert status % 2 == 1, f"QEMU ended by itself ({status}): {self.console}"
        return status // 2

    def wait_for(self, text):
        end = time.monotonic() + PATIENCE
        while text not in self.console:
            assert time.monotonic() < end, f"no {text!r} in: {self.console}"
            assert self.process.poll() is None or text in self.console, f"ended without {text!r}: {self.console}"
            time.sleep(0.05)

    def type(self, text):
        """Sends bytes to the serial port; with `typed=True` only."""
        self.input.sendall(text)

    def _connect_console(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                connection.connect(str(self.input_path))
                break
            except (FileNotFoundError, ConnectionRefusedError):
                assert time.monotonic() < end, "QEMU does not listen"
                time.sleep(0.02)
        threading.Thread(target=self._record, args=(connection.dup(),), daemon=True).start()
        return connection

    def _record(self, connection):
        connection.settimeout(None)
        with connection, self.log.open("wb", buffering=0) as log:
            try:
                while said := connection.recv(65536):
                    log.write(said)
            except OSError:  # QEMU was killed
                pass

    def _record_slowly(self):
        with open(f"{self.input_path}.out", "rb", buffering=0) as pipe, self.log.open("wb", buffering=0) as log:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
            while said := pipe.read(400):
                log.write(said)
                time.sleep(0.01)
            self.log_is_complete.set()

    def monitor(self, command, cpu=0):
        """Runs a command of QEMU's human monitor, about `cpu` if it is about one."""
        if self.stream is None:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(PATIENCE)
            connection.connect(str(self.monitor_path))
            self.stream = connection.makefile("rw", encoding="utf-8")
            self._answer("QMP")
            self._send({"execute": "qmp_capabilities"})
        return self._send({"execute": "human-monitor-command", "arguments": {"command-line": command, "cpu-index": cpu}})

    def stop_in_guest(self, cpus=1):
        """Stops the machine at a moment when one of its `cpus` CPUs is in a guest and the others are halted, and says which: the
        scheduler chooses. (A CPU that will idle may still be at work: the console's bytes leave by interrupts.)"""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.monitor("stop")
            registers = [self.monitor("info registers", cpu) for cpu in range(cpus)]
            in_guest = [cpu for cpu in range(cpus) if re.search(r"CPL=[13]", registers[cpu])]
            if len(in_guest) == 1 and sum("HLT=1" in text for text in registers) == cpus - 1:
                return in_guest[0]
            self.monitor("cont")
            time.sleep(0.02)
        raise AssertionError(f"one CPU in a guest, the others halted: this was never met: {self.console}")

    def _send(self, message):
        self.stream.write(json.dumps(message) + "\n")
        self.stream.flush()
        return self._answer("return")

    def _answer(self, key):
        while True:
            answer = json.loads(self.stream.readline())
            assert "error" not in answer, answer
            if key in answer:
                return answer[key]
