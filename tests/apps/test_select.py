"""serve with several --cert: which certificate each client is shown; --strict-sni; connect with several --key."""
import ssl
import socket
import unittest

from support import LEAF_EXTENSIONS, VERSION, WAIT, ProgramTest, run


class Select(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, san, key in (("a", "DNS:a.example", "rsa:2048"), ("b", "DNS:*.b.example", "ec")):
            cls.issue(name, san, key)

    @classmethod
    def issue(cls, name, san, key):
        base = f"{cls.folder}/{name}"
        curve = ("-pkeyopt", "ec_paramgen_curve:P-256") if key == "ec" else ()
        with open(f"{base}.ext", "w") as f:
            f.write(f"{LEAF_EXTENSIONS}subjectAltName={san}\n")
        run("openssl", "req", "-newkey", key, *curve, "-nodes", "-keyout", f"{base}.key", "-out", f"{base}.csr",
            "-subj", f"/CN={name}")
        run("openssl", "x509", "-req", "-in", f"{base}.csr", "-CA", f"{cls.folder}/ca.pem", "-CAkey",
            f"{cls.folder}/ca.key", "-CAcreateserial", "-days", "30", "-extfile", f"{base}.ext", "-out", f"{base}.pem")
        run("chmod", "600", f"{base}.key")

    def pair(self, name):
        return "--cert", self.file(f"{name}.pem"), "--key", self.file(f"{name}.key")

    def shown(self, server, name):
        """The common name of what Python's ssl (libssl) is shown."""
        context = self.context()
        context.check_hostname = False
        with socket.create_connection(("127.0.0.1", server.port), timeout=WAIT) as raw:
            with context.wrap_socket(raw, server_hostname=name) as connection:
                return dict(field[0] for field in connection.getpeercert()["subject"])["commonName"]

    def test_by_name(self):
        server = self.serve("--echo", *self.pair("a"), *self.pair("b"))
        default = "server" if VERSION == "1.3" else "b"  # TLS 1.2: the suite decides, and ECDSA comes first
        for name, want in (("a.example", "a"), ("x.b.example", "b"), ("localhost", "server"), ("c.example", default),
                           (None, default)):
            with self.subTest(name=name):
                self.assertEqual(self.shown(server, name), want)
        for name in ("a.example", "x.b.example", "localhost"):  # our client verifies the name
            result = self.connect(server, "--name", name)
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_strict(self):
        server = self.serve("--echo", "--strict-sni", *self.pair("a"))
        self.assertEqual(self.shown(server, "a.example"), "a")
        self.assertEqual(self.shown(server, None), "server")
        with self.assertRaisesRegex(ssl.SSLError, "(?i)unrecognized.name"):
            self.shown(server, "c.example")
        server.await_error("strict SNI")

    def test_our_client_shows_what_the_server_trusts(self):
        server = self.serve("--echo", "--client-ca", self.file("ca.pem"))
        for order in (("stranger", "client"), ("client", "stranger")):
            result = self.connect(server, *self.pair(order[0]), *self.pair(order[1]))
            self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    unittest.main()
