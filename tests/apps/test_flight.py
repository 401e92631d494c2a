"""The server's flight goes out whole: nothing of it is sent while the token still has its signature."""
import socket
import ssl
import unittest

from token_support import FAULT, TokenTest
from support import WAIT


class Flight(TokenTest):
    def setUp(self):
        self.fault("latency C_Sign = 200ms")
        self.token = [FAULT if word == self.use[1] else word for word in self.token]
        self.server = self.serve_token("--echo")

    def test_one_read_after_the_client_hello_is_enough(self):
        """In TLS 1.3, where ServerHello to Certificate are records of their own, ready before the signature."""
        context = ssl.create_default_context(cafile=self.file("ca.pem"))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(into, out, server_hostname="localhost")
        with self.assertRaises(ssl.SSLWantReadError):
            client.do_handshake()
        raw = socket.create_connection(("127.0.0.1", self.server.port), WAIT)
        self.addCleanup(raw.close)
        raw.sendall(out.read())
        into.write(raw.recv(65536))
        client.do_handshake()  # to the server's Finished: nothing more is wanted
        self.assertEqual(client.version(), "TLSv1.3")


if __name__ == "__main__":
    unittest.main()
