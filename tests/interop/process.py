"""Programs as peers: start them, talk through their standard streams, end them, and keep what they said."""

import os
import shlex
import signal
import socket
import subprocess
import tempfile
import threading
import time

PATIENCE = 60  # seconds until a peer that says nothing counts as hung; no test asserts how long anything takes


class PeerError(Exception):
    """A cell of the matrix failed; the text says what was seen."""


def shell(argv):
    """The command as one would type it, for reproduction."""
    return " ".join(shlex.quote(str(word)) for word in argv)


def clean_environment(**more):
    """The environment for every program: no library path, no locale, nothing of the caller's OpenSSL settings."""
    keep = ("PATH", "HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS")
    environment = {name: os.environ[name] for name in keep if name in os.environ}
    return {**environment, "LC_ALL": "C", **{name: str(value) for name, value in more.items()}}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def read_log(file):
    """All text of a log that a child still writes: pread, because the child shares the file's position."""
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), size, 0).decode(errors="replace")


class Conversation:
    """A program that is fed `payload` on stdin while its stdout is collected.

    stdin stays open until `expect` bytes came back (or the program ended): closing it earlier makes most TLS tools leave
    before the other direction is through. With `after`, nothing is sent before stderr says that word. stdout is a file:
    gnutls-cli writes it byte by byte, and through a pipe each would wake us.
    """

    def __init__(self, argv, payload=b"", expect=0, env=None, after=None):
        self.argv, self.payload, self.expect, self.after = argv, payload, expect, after
        self.stdout, self.stderr = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.PIPE, stdout=self.stdout,
                                        stderr=self.stderr, env=env or clean_environment())
        self.writer = threading.Thread(target=self._write, daemon=True)
        self.writer.start()

    def _write(self):
        while self.after and self._runs() and self.after not in self.errors():
            time.sleep(0.01)
        try:
            self.process.stdin.write(self.payload)
            self.process.stdin.flush()
            while self._runs() and self.received_size() < self.expect:
                time.sleep(0.01)
            self.process.stdin.close()
        except OSError:
            pass  # the program left; its exit code and stderr tell why

    def _runs(self):
        return self.process.poll() is None

    def received_size(self):
        return os.fstat(self.stdout.fileno()).st_size

    def finish(self):
        """Waits for the end; returns (exit code, received bytes, stderr text). Patience lasts while bytes arrive."""
        seen, code = -1, None
        while code is None and seen != self.received_size():
            seen = self.received_size()
            try:
                code = self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                pass
        if code is None:
            self.process.kill()
            self.process.wait()
            code = f"nothing happened for {PATIENCE} s, {seen} bytes received"
        self.writer.join(PATIENCE)
        return code, os.pread(self.stdout.fileno(), self.received_size(), 0), self.errors()

    def errors(self):
        return read_log(self.stderr)

    def text(self):
        """What came on stdout so far."""
        return read_log(self.stdout)


def converse(argv, payload=b"", expect=0, env=None):
    conversation = Conversation(argv, payload, expect, env)
    return conversation.finish()


class Server:
    """A listening program: started with a free port, ready when it accepts, ended by a signal.

    `argv_of(port)` gives its command. Use as a context manager; `port`, `argv` and `output()` are for the cell.
    """

    def __init__(self, argv_of, env=None, payload=None, expect=0, after=None):
        self.argv_of, self.env = argv_of, env
        self.payload, self.expect, self.after = payload, expect, after
        self.exit_code = None

    def __enter__(self):
        for _ in range(3):  # somebody may take the free port before the server does
            self.port = free_port()
            self.argv = [str(word) for word in self.argv_of(self.port)]
            self._start()
            if self._ready():
                return self
            self._end(signal.SIGKILL)
        raise PeerError(f"server does not start: {shell(self.argv)}\n{self.output()}")

    def _start(self):
        self.log = tempfile.TemporaryFile()
        if self.payload is not None:
            self.conversation = Conversation(self.argv, self.payload, self.expect, self.env, self.after)
            self.process, self.log = self.conversation.process, self.conversation.stderr
        else:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                            env=self.env or clean_environment())

    def _ready(self):
        """Seen without a connection: some servers take only one. Another program may have won the port: not ready."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            if self._is_listening():
                return True
            time.sleep(0.02)
        return False

    def _is_listening(self):
        return bool(listeners(self.port) & sockets_of(self.process.pid))

    def output(self):
        return read_log(self.log)

    def _end(self, sign):
        if self.process.poll() is None:
            self.process.send_signal(sign)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                self.exit_code = f"did not end within {PATIENCE} s of signal {sign}"
                return
        self.exit_code = self.process.returncode

    def __exit__(self, *_):
        self._end(signal.SIGTERM)


def listeners(port):
    """Inodes of the sockets that listen on the port; some programs listen for IPv4 by a socket of IPv6."""
    rows = []
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        if os.path.exists(name):
            with open(name) as table:
                rows += [row.split() for row in table]
    return {row[9] for row in rows if len(row) > 9 and row[3] == "0A" and row[1].endswith(f":{port:04X}")}


def sockets_of(pid):
    """Inodes of a child's sockets."""
    inodes = set()
    folder = f"/proc/{pid}/fd"
    try:
        for name in os.listdir(folder):
            target = os.readlink(f"{folder}/{name}")
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    except OSError:
        pass  # it ended, or closed one meanwhile
    return inodes
