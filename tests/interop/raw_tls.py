"""Just enough of TLS 1.2 by hand to say what no decent program says, and to read the alert that comes back."""

import os
import socket

ALERT, HANDSHAKE, CHANGE_CIPHER_SPEC, APPLICATION_DATA = 21, 22, 20, 23
CLIENT_HELLO, SERVER_HELLO_DONE, CLIENT_KEY_EXCHANGE = 1, 14, 16
PATIENCE = 60  # seconds; only a server that hangs lets it pass

# AlertDescription, RFC 5246 section 7.2.
CLOSE_NOTIFY, UNEXPECTED_MESSAGE, BAD_RECORD_MAC, RECORD_OVERFLOW = 0, 10, 20, 22
HANDSHAKE_FAILURE, ILLEGAL_PARAMETER, DECODE_ERROR, PROTOCOL_VERSION = 40, 47, 50, 70


def vector(content, size):
    return len(content).to_bytes(size, "big") + content


def extension(number, content):
    return number.to_bytes(2, "big") + vector(content, 2)


GROUPS = extension(10, vector(bytes.fromhex("001d0017"), 2))
POINTS = extension(11, b"\x01\x00")
SCHEMES = extension(13, vector(bytes.fromhex("0403050306030807080408050806040105010601"), 2))
RENEGOTIATION_INFO = extension(0xff01, b"\x00")
EXTENDED_MASTER_SECRET = extension(23, b"")
DEFAULT_EXTENSIONS = GROUPS + POINTS + SCHEMES + RENEGOTIATION_INFO + EXTENDED_MASTER_SECRET


def message(kind, body):
    return bytes([kind]) + vector(body, 3)


def record(kind, body, version=0x0303):
    return bytes([kind]) + version.to_bytes(2, "big") + vector(body, 2)


def client_hello(suites=(0xc02f, 0x009c), version=0x0303, extensions=DEFAULT_EXTENSIONS, compression=b"\x00"):
    """The handshake message; extensions None leaves the whole block away."""
    names = b"".join(suite.to_bytes(2, "big") for suite in suites)
    body = version.to_bytes(2, "big") + os.urandom(32) + b"\x00" + vector(names, 2) + vector(compression, 1)
    return message(CLIENT_HELLO, body if extensions is None else body + vector(extensions, 2))


def sslv2_client_hello():
    """RFC 5246 appendix E.2: the hello of SSL 2 that names version 2."""
    body = b"\x01" + b"\x00\x02" + b"\x00\x03" + b"\x00\x00" + b"\x00\x10" + b"\x01\x00\x80" + os.urandom(16)
    return (0x8000 | len(body)).to_bytes(2, "big") + body


class Connection:
    """A TCP connection to the server, and the records that come over it."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """Sends; a server that closed already is no error here, what it answered is read afterwards."""
        try:
            self.socket.sendall(data)
        except OSError:
            pass

    def half_close(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def reset(self):
        """Closes with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.socket.close()

    def read_record(self):
        """(type, body); None at the end of the connection."""
        while len(self.buffer) < 5 or len(self.buffer) < 5 + int.from_bytes(self.buffer[3:5], "big"):
            try:
                data = self.socket.recv(65536)
            except ConnectionError:
                return None
            if not data:
                return None
            self.buffer += data
        size = 5 + int.from_bytes(self.buffer[3:5], "big")
        kind, body, self.buffer = self.buffer[0], self.buffer[5:size], self.buffer[size:]
        return kind, body

    def read_until_done(self):
        """Reads the server's flight to its ServerHelloDone; an alert in its place is a failure."""
        flight = b""
        while True:
            got = self.read_record()
            if got is None or got[0] != HANDSHAKE:
                raise AssertionError(f"instead of the server's flight came {got}")
            flight += got[1]
            if flight.endswith(message(SERVER_HELLO_DONE, b"")):
                return flight

    def read_to_end(self):
        """Everything to the end as [(type, body)]; raises TimeoutError when the server does not close."""
        records = []
        while (got := self.read_record()) is not None:
            records.append(got)
        return records


def alerts(records):
    """[(level, description)] of the plain alerts among the records."""
    return [(body[0], body[1]) for kind, body in records if kind == ALERT and len(body) == 2]
