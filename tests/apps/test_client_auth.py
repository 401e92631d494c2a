"""serve --client-auth: none, request, optional, required, each with a good, an unknown and no certificate."""
import unittest

from support import ProgramTest

# mode: {certificate of the client: whether it is let in}
MODES = {
    "none": {None: True, "client": True, "stranger": True},
    "request": {None: True, "client": True, "stranger": True},
    "optional": {None: True, "client": True, "stranger": False},
    "required": {None: False, "client": True, "stranger": False},
}


class ClientAuth(ProgramTest):
    def ask_all(self, mode, check):
        server = self.serve("--root", self.folder, "--client-auth", mode, "--client-ca", self.file("ca.pem"))
        for cert, welcome in MODES[mode].items():
            with self.subTest(mode=mode, cert=cert):
                check(server, cert, welcome)
        if not all(MODES[mode].values()):
            server.await_error("handshake failed")

    def by_our_client(self, server, cert, welcome):
        arguments = ("--cert", self.file(f"{cert}.pem"), "--key", self.file(f"{cert}.key")) if cert else ()
        result = self.connect(server, "--get", "/ca.pem", *arguments)
        self.assertEqual(result.returncode, 0 if welcome else 1, result.stderr)
        self.assertEqual(bool(result.stdout), welcome)

    def by_another_client(self, server, cert, welcome):
        try:
            connection = self.tls(server, cert=cert)
            connection.sendall(b"GET /ca.pem HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            got = self.read_all(connection)
        except OSError:
            got = b""
        self.assertEqual(got.startswith(b"HTTP/1.1 200"), welcome)

    def test_our_client(self):
        for mode in MODES:
            self.ask_all(mode, self.by_our_client)

    def test_another_client(self):
        for mode in MODES:
            self.ask_all(mode, self.by_another_client)

    def test_authority_alone_means_required(self):
        server = self.serve("--root", self.folder, "--client-ca", self.file("ca.pem"))
        self.assertEqual(self.connect(server, "--get", "/ca.pem").returncode, 1)

    def test_explain_shows_the_client_signing(self):
        server = self.serve("--echo", "--client-ca", self.file("ca.pem"), "--explain")
        result = self.connect(server, "--cert", self.file("client.pem"), "--key", self.file("client.key"), "--explain",
                              data=b"x")
        self.assertIn(b"(5) ", result.stderr)
        self.assertIn(b"CertificateVerify", result.stderr)
        server.await_error("verified: .*CN=client")


if __name__ == "__main__":
    unittest.main()
