"""What the tests of the programs share: certificates, a server in its own folder and on its own port, a client."""
import http.client
import os
import re
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HANDFAST = sys.argv.pop(1)
# The server's highest version: "1.2", or what the policy says, which is 1.3.
VERSION = sys.argv.pop(1) if sys.argv[1:2] == ["1.2"] else "1.3"
WAIT = 60  # seconds until something that must happen counts as not happening
ATTEMPTS = 10


def until(what, condition):
    """Waits for a condition and returns its value."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"it does not happen: {what}")


def in_time(attempt):
    """For what is promised to those only who are quick enough: they have a second, or two, by the program's own limits.
    On a machine that stood still just then the attempt is made anew; once it must succeed."""
    for left in range(ATTEMPTS - 1, -1, -1):
        try:
            return attempt()
        except (AssertionError, OSError):
            if left == 0:
                raise


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

# What Python's ssl asks of a certificate from 3.13 on (VERIFY_X509_STRICT).
LEAF_EXTENSIONS = "basicConstraints=CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"


def make_certificates(folder):
    """ca, other-ca (unrelated), server and client (by ca), stranger (by other-ca): NAME.pem and NAME.key."""
    for ca in ("ca", "other-ca"):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-keyout", f"{folder}/{ca}.key", "-out", f"{folder}/{ca}.pem", "-subj", f"/CN={ca}",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    for name, ca, key in (("server", "ca", "rsa:2048"), ("server-ec", "ca", "ec"), ("client", "ca", "ec"),
                          ("stranger", "other-ca", "ec")):
        curve = ("-pkeyopt", "ec_paramgen_curve:P-256") if key == "ec" else ()
        extensions = f"{folder}/{name}.ext"
        with open(extensions, "w") as f:
            f.write(LEAF_EXTENSIONS + "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        run("openssl", "req", "-newkey", key, *curve, "-nodes", "-keyout", f"{folder}/{name}.key", "-out",
            f"{folder}/{name}.csr", "-subj", f"/CN={name}")
        run("openssl", "x509", "-req", "-in", f"{folder}/{name}.csr", "-CA", f"{folder}/{ca}.pem", "-CAkey",
            f"{folder}/{ca}.key", "-CAcreateserial", "-days", "30", "-extfile", extensions, "-out",
            f"{folder}/{name}.pem")
        os.chmod(f"{folder}/{name}.key", 0o600)


class Server:
    """`handfast serve` on a port of its own; everything it says on stderr is in errors() after stop()."""

    def __init__(self, folder, *arguments, cert="server", limits=None):
        self.log = tempfile.NamedTemporaryFile(dir=folder, suffix=".log", delete=False)
        credential = ("--cert", f"{folder}/{cert}.pem", "--key", f"{folder}/{cert}.key") if cert else ()
        command = [HANDFAST, "serve", "--listen", "127.0.0.1:0", *credential, "--threads", "2", *(("--max-version", "1.2") if VERSION == "1.2" else ()), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, preexec_fn=limits)
        ready, _, _ = select.select([self.process.stdout], [], [], WAIT)
        line = self.process.stdout.readline().decode() if ready else ""
        match = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", line)
        if not match:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not start: {line!r} {self.errors()}")
        self.port = int(match.group(1))

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self):
        code = self.process.wait(WAIT)
        self.process.stdout.close()
        self.log.close()
        return code

    def errors(self):
        with open(self.log.name) as f:
            return f.read()

    def await_error(self, pattern):
        """Waits until a line on stderr matches."""
        try:
            until(pattern, lambda: re.search(pattern, self.errors()))
        except AssertionError:
            raise AssertionError(f"{pattern!r} is not in: {self.errors()}") from None


class ProgramTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="handfast-apps-")
        make_certificates(cls.folder)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def serve(self, *arguments, expect=0, **options):
        """Starts a server that is stopped after the test; its exit code must be `expect`."""
        server = Server(self.folder, *arguments, **options)

        def stop():
            if server.process.poll() is None:
                server.terminate()
            code = server.wait()
            self.assertEqual(code, expect, server.errors())
            self.assertNotIn("runtime error", server.errors())
            self.assertNotIn("Sanitizer", server.errors())

        self.addCleanup(stop)
        return server

    def file(self, name):
        return f"{self.folder}/{name}"

    def context(self, cert=None):
        context = ssl.create_default_context(cafile=self.file("ca.pem"))
        if cert:
            context.load_cert_chain(self.file(f"{cert}.pem"), self.file(f"{cert}.key"))
        return context

    def tls(self, server, **options):
        """A connection by Python's ssl (libssl): an independent peer."""
        raw = socket.create_connection(("127.0.0.1", server.port), timeout=WAIT)
        connection = self.context(**options).wrap_socket(raw, server_hostname="localhost")
        self.addCleanup(connection.close)
        return connection

    def connect(self, server, *arguments, data=b"", trust=True):
        """Runs `handfast connect` to its end."""
        trusted = ("--ca", self.file("ca.pem")) if trust else ()
        return subprocess.run([HANDFAST, "connect", f"127.0.0.1:{server.port}", *trusted, *arguments], input=data,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=4 * WAIT)

    def exchange(self, server, *arguments, data, trust=True):
        """`handfast connect` with an echo: writes data, reads as much, then ends standard input. (code, out, err)"""
        trusted = ("--ca", self.file("ca.pem")) if trust else ()
        client = subprocess.Popen([HANDFAST, "connect", f"127.0.0.1:{server.port}", *trusted, *arguments],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        def write():
            try:
                client.stdin.write(data)
                client.stdin.flush()
            except BrokenPipeError:
                pass  # the client gave up: its exit code tells

        writer = threading.Thread(target=write)
        writer.start()
        out = client.stdout.read(len(data))
        writer.join()
        try:
            client.stdin.close()
        except BrokenPipeError:
            pass
        out += client.stdout.read()
        err = client.stderr.read()
        client.stdout.close()
        client.stderr.close()
        return client.wait(WAIT), out, err

    def read_all(self, connection):
        parts = []
        while True:
            part = connection.recv(65536)
            if not part:
                return b"".join(parts)
            parts.append(part)


def ask_metrics(server, path, method="GET"):
    """What --metrics answers: (status, content type, text). It gives each request two seconds."""
    def once():
        connection = http.client.HTTPConnection("127.0.0.1", server.metrics, timeout=WAIT)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.getheader("Content-Type"), response.read().decode()
        except http.client.HTTPException as error:
            raise ConnectionError(f"half an answer: {error!r}") from error
        finally:
            connection.close()

    return in_time(once)


def client_hello():
    """The first bytes of a client that may not come to say more."""
    context, out = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def reset(raw):
    """Closes a socket so that the peer is told at once that nobody is there."""
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()


def duplex(connection, data, size):
    """Sends data and reads `size` bytes at the same time: one thread, because an SSL object belongs to one."""
    connection.setblocking(False)
    parts, sent, got = [], 0, 0
    while sent < len(data) or got < size:
        progress = False
        try:
            part = connection.recv(65536)
            if not part:
                raise AssertionError(f"the connection ended {size - got} bytes early")
            parts.append(part)
            got += len(part)
            progress = True
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        if sent < len(data):
            try:
                sent += connection.send(data[sent:sent + 65536])
                progress = True
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
        if not progress:
            ready = select.select([connection], [connection] if sent < len(data) else [], [], WAIT)
            if not any(ready):
                raise AssertionError(f"nothing moves: {sent} bytes sent, {got} read")
    connection.settimeout(WAIT)
    return b"".join(parts)


def read_exactly(connection, size):
    parts, left = [], size
    while left:
        part = connection.recv(min(left, 65536))
        if not part:
            raise AssertionError(f"the connection ended {left} bytes early")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
