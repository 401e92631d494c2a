"""The server's flight goes out whole: nothing of it is sent while the token still has its signature, but an alert."""
import socket
import ssl
import unittest

from token_support import FAULT, TokenTest
from support import WAIT


class Flight(TokenTest):
    def start(self, latency, *arguments):
        self.fault("# none: the server signs at its start, too")
        self.token = [FAULT if word == self.use[1] else word for word in self.token]
        self.server = self.serve_token("--echo", *arguments)
        self.fault(f"latency C_Sign = {latency}")

    def say_hello(self):
        """The socket after a ClientHello, and the client that said it."""
        context = ssl.create_default_context(cafile=self.file("ca.pem"))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(self.into, out, server_hostname="localhost")
        with self.assertRaises(ssl.SSLWantReadError):
            client.do_handshake()
        raw = socket.create_connection(("127.0.0.1", self.server.port), WAIT)
        self.addCleanup(raw.close)
        raw.sendall(out.read())
        return raw, client

    def test_one_read_after_the_client_hello_is_enough(self):
        """In TLS 1.3, where ServerHello to Certificate are records of their own, ready before the signature."""
        self.start("200ms")
        raw, client = self.say_hello()
        self.into.write(raw.recv(65536))
        client.do_handshake()  # to the server's Finished: nothing more is wanted
        self.assertEqual(client.version(), "TLSv1.3")

    def test_an_alert_does_not_wait_for_the_token(self):
        self.start("4000ms", "--handshake-timeout", "1")
        raw, client = self.say_hello()
        self.into.write(self.read_all(raw))
        self.into.write_eof()
        with self.assertRaises(ssl.SSLError) as caught:
            client.do_handshake()
        self.assertIn("ALERT", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
