"""serve: how data is cut into records, as it stands on the wire."""
import os
import socket
import ssl
import time
import unittest

from support import WAIT, ProgramTest, in_time

SMALL = 1400  # bytes of a small record with its header: one packet
FULL = 16384
OVERHEAD = 64  # of a record, more than any cipher needs
SMALL_FOR = 65536


class Wire:
    """A TLS client that sees the lengths of the records that come."""

    def __init__(self, context, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT)
        self.came, self.goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.came, self.goes, server_hostname="localhost")
        self.raw, self.records = b"", []
        self.until(self.tls.do_handshake)

    def until(self, act):
        while True:
            try:
                result = act()
                self.socket.sendall(self.goes.read())
                return result
            except ssl.SSLWantReadError:
                self.socket.sendall(self.goes.read())
                part = self.socket.recv(65536)
                if not part:
                    raise AssertionError("the connection ended")
                self.came.write(part)
                self.note(part)

    def note(self, part):
        self.raw += part
        while len(self.raw) >= 5:
            size = 5 + int.from_bytes(self.raw[3:5], "big")
            if len(self.raw) < size:
                break
            if self.raw[0] == 23:
                self.records.append(size)
            self.raw = self.raw[size:]

    def get(self, path):
        """(answer, sizes of its records): one answer, by its Content-Length."""
        self.records = []
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        self.until(lambda: self.tls.write(request))
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.until(lambda: self.tls.read(65536))
        head, body = data.split(b"\r\n\r\n", 1)
        fields = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
        while len(body) < int(fields["content-length"]):
            body += self.until(lambda: self.tls.read(65536))
        return body, self.records

    def close(self):
        self.socket.close()


class Records(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = f"{cls.folder}/root"
        os.makedirs(cls.root)
        cls.big, cls.little = os.urandom(400000), b"little" * 40
        for name, content in (("big", cls.big), ("little", cls.little)):
            with open(f"{cls.root}/{name}", "wb") as f:
                f.write(content)

    def wire(self, *options):
        return self.wire_to(self.serve("--root", self.root, *options))

    def wire_to(self, server):
        wire = Wire(self.context(), server.port)
        self.addCleanup(wire.close)
        wire.get("/little")  # what TLS 1.3 sends behind the handshake is in front of this
        return wire

    def check_start(self, records):
        """Small records for a while, then full ones; returns how many were small."""
        small = next(i for i, size in enumerate(records) if size > SMALL)
        self.assertGreaterEqual(sum(records[:small]), SMALL_FOR - 2000)
        self.assertLessEqual(sum(records[:small]), SMALL_FOR + 50 * OVERHEAD)
        self.assertLess(sum(size < FULL for size in records[small:]), 10, records)  # where parts of the file meet
        return small

    def test_small_at_a_start_and_after_a_pause(self):
        server = self.serve("--root", self.root)
        in_time(lambda: self.check_pauses(self.wire_to(server)))

    def check_pauses(self, wire):
        """Where the machine makes a pause of a second by itself, the records are small again."""
        body, records = wire.get("/big")
        self.assertEqual(body, self.big)
        self.check_start(records)
        body, records = wire.get("/big")
        self.assertEqual(body, self.big)
        self.assertGreater(records[0], FULL - 1000, "in full flow")
        time.sleep(1.2)
        body, records = wire.get("/big")
        self.assertEqual(body, self.big)
        self.check_start(records)

    def test_a_size_of_choice(self):
        body, records = self.wire("--record-size", "4000").get("/big")
        self.assertEqual(body, self.big)
        self.assertLessEqual(max(records), 4000 + OVERHEAD)
        self.assertGreater(min(records[:-1]), 1000)
        body, records = self.wire("--record-size", "64").get("/big")
        self.assertEqual(body, self.big)
        self.assertLess(max(records), 64 + 2 * OVERHEAD)
        body, records = self.wire("--record-size", "16384").get("/big")
        self.assertEqual(body, self.big)
        self.assertGreater(records[0], FULL)

    def test_a_small_answer_is_one_record(self):
        body, records = self.wire().get("/little")
        self.assertEqual(body, self.little)
        self.assertEqual(len(records), 1, records)


if __name__ == "__main__":
    unittest.main()
