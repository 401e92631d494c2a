"""serve --echo and connect: bulk both ways, many at once, policies, explain, key log, the clean stop."""
import hashlib
import os
import signal
import socket
import ssl
import subprocess
import time
import unittest

from support import HANDFAST, VERSION, WAIT, ProgramTest, duplex, in_time, read_exactly

SIZE = 10 * 1024 * 1024


class Echo(ProgramTest):
    def test_bulk_both_ways(self):
        server = self.serve("--echo")
        data = os.urandom(SIZE)
        for policy in ("intermediate", "compatible"):
            code, out, err = self.exchange(server, "--policy", policy, data=data)
            self.assertEqual(code, 0, err)
            self.assertEqual(hashlib.sha256(out).digest(), hashlib.sha256(data).digest())
            self.assertIn(b"server verified", err)
            self.assertIn(f"TLS {VERSION},".encode(), err)

    def test_bulk_with_another_client(self):
        server = self.serve("--echo")
        data = os.urandom(SIZE)
        connection = self.tls(server)
        self.assertEqual(duplex(connection, data, SIZE), data)

    def test_every_suite_and_group(self):
        server = self.serve("--echo", "--policy", "compatible")
        data = os.urandom(100000)
        suites = {"1.2": ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
                          "TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
                  "1.3": ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
                          "TLS_AES_128_CCM_SHA256")}
        for suite in suites[VERSION]:
            code, out, err = self.exchange(server, "--policy", "compatible", "--suites", suite, data=data)
            self.assertTrue(code == 0 and out == data, err)
            self.assertIn(suite.encode(), err)
        for group in ("X25519", "P-256", "P-384", "P-521"):
            code, out, err = self.exchange(server, "--groups", group, data=data)
            self.assertTrue(code == 0 and out == data, err)
            self.assertIn(group.encode(), err)

    def test_small_records(self):
        server = self.serve("--echo")
        data = os.urandom(300000)
        for option in (("--max-fragment-length", "512"), ("--record-size-limit", "64")):
            code, out, err = self.exchange(server, *option, data=data)
            self.assertTrue(code == 0 and out == data, err)

    def test_two_hundred_at_once(self):
        server = self.serve("--echo")
        connections = [self.tls(server) for _ in range(200)]
        for i, connection in enumerate(connections):
            connection.sendall(b"%d" % i)
        for i, connection in enumerate(connections):
            self.assertEqual(read_exactly(connection, len(b"%d" % i)), b"%d" % i)

    def test_answer_after_the_end_of_input(self):
        server = self.serve("--root", self.folder)
        result = self.connect(server, "--quiet", data=b"GET /ca.pem HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        with open(self.file("ca.pem"), "rb") as f:
            self.assertTrue(result.stdout.endswith(f.read()))

    def test_wrong_name_and_unknown_authority(self):
        server = self.serve("--echo")
        result = self.connect(server, "--name", "elsewhere.example", data=b"x")
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        result = self.connect(server, "--ca", self.file("other-ca.pem"), trust=False, data=b"x")
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        code, out, err = self.exchange(server, "--insecure", trust=False, data=b"x")
        self.assertEqual((code, out), (0, b"x"))
        self.assertIn(b"NOT verified", err)

    def test_answer_to_a_slow_end_of_input(self):
        """Nothing is lost when our direction is closed long before the server's, and much is still to come back."""
        server = self.serve("--echo")
        data = os.urandom(SIZE)

        def attempt():  # TLS 1.2 ends both directions at once; so after a second of silence the rest is given up
            result = self.connect(server, "--quiet", data=data)
            self.assertEqual((result.returncode, result.stderr), (0, b""))
            self.assertEqual(hashlib.sha256(result.stdout).digest(), hashlib.sha256(data).digest())

        in_time(attempt) if VERSION == "1.2" else attempt()

    def test_fallback_is_refused_or_fine(self):
        server = self.serve("--echo")
        code, out, err = self.exchange(server, "--fallback-scsv", "--max-version", "1.2", data=b"x")
        if VERSION == "1.2":  # the server's highest version: nothing was lost
            self.assertEqual((code, out), (0, b"x"), err)
        else:
            self.assertEqual((code, out), (1, b""))
            self.assertIn(b"inappropriate_fallback", err)

    def explain(self, *arguments):
        """A server's and a client's story: (text of the client, server)."""
        server = self.serve("--echo", "--explain", "--policy", "compatible")
        result = self.connect(server, "--explain", "--policy", "compatible", *arguments, data=b"x")
        self.assertEqual(result.returncode, 0, result.stderr)
        server.await_error(r"private key .*in a file: .*server\.key")
        told = result.stderr.decode()
        for step in (1, 2, 3, 4, 6, 7, 8, 9, 10):
            self.assertIn(f"({step}) ", told)
        for word in ("ClientHello", "Finished", "wiped", "verified: CN=server"):
            self.assertIn(word, told)
        return told, server

    def test_explain_tells_the_steps(self):
        told, server = self.explain()
        premaster = VERSION == "1.2"  # TLS 1.3 has none
        self.assertEqual("premaster" in told, premaster, told)
        self.assertEqual("premaster" in server.errors(), premaster, server.errors())

    def test_explain_tells_key_transport(self):
        told, server = self.explain("--suites", "TLS_RSA_WITH_AES_128_GCM_SHA256")
        self.assertIn("premaster secret made, to be encrypted", told)
        self.assertIn("premaster secret decrypted", server.errors())

    def test_explain_tells_the_tls13_agreement_in_order(self):
        if VERSION == "1.2":
            self.assertNotIn("EncryptedExtensions", self.explain()[0])
            return
        told, _ = self.explain()
        order = [int(line[1:line.index(")")]) for line in told.splitlines() if line.startswith("(")]
        self.assertEqual(order, [1, 2, 4, 3, 6, 9, 7, 8, 10])

    def test_explain_tells_a_retry(self):
        """A group that the client has, but sent no share of: HelloRetryRequest in TLS 1.3, nothing special in 1.2."""
        server = self.serve("--echo", "--groups", "P-384")
        code, out, err = self.exchange(server, "--explain", "--groups", "X25519,P-384", data=b"x")
        told = err.decode()
        self.assertEqual((code, out), (0, b"x"), told)
        self.assertEqual(told.count("sent ClientHello"), 1 if VERSION == "1.2" else 2, told)
        self.assertEqual(told.count("received ServerHello,"), 1 if VERSION == "1.2" else 2, told)
        self.assertIn("P-384", told)

    def test_key_log_only_when_asked(self):
        log = self.file("keys.log")
        server = self.serve("--echo", "--keylog", log)
        environment = self.file("environment.log")
        os.environ["SSLKEYLOGFILE"] = environment
        self.addCleanup(os.environ.pop, "SSLKEYLOGFILE")
        self.assertEqual(self.connect(server, data=b"x").returncode, 0)
        self.assertFalse(os.path.exists(environment))
        with open(log) as f:
            lines = f.read()
        for line in lines.splitlines():
            self.assertRegex(line, r"^[A-Z_0-9]+ [0-9a-f]{64} ([0-9a-f]{64}|[0-9a-f]{96})$")
        labels = {"CLIENT_RANDOM"} if VERSION == "1.2" else {
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0",
            "SERVER_TRAFFIC_SECRET_0"}
        self.assertLessEqual(labels, {line.split()[0] for line in lines.splitlines()})
        self.assertEqual(os.stat(log).st_mode & 0o777, 0o600)
        self.assertIn("secrets of every connection", server.errors())


class Stop(ProgramTest):
    def test_idle_connection_gets_close_notify(self):
        server = self.serve("--echo")
        connection = self.tls(server)
        connection.sendall(b"hello")
        self.assertEqual(read_exactly(connection, 5), b"hello")
        server.terminate()
        self.assertEqual(connection.recv(1), b"")  # an end without close_notify would raise SSLEOFError
        connection.close()
        self.assertEqual(server.process.wait(WAIT), 0)

    def test_running_transfer_is_finished(self):
        with open(self.file("big"), "wb") as f:
            f.write(os.urandom(8 * 1024 * 1024))
        server = self.serve("--root", self.folder)
        connection = self.tls(server)
        connection.sendall(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n")
        start = read_exactly(connection, 1000)  # under way; the rest does not fit into the sockets' buffers
        server.terminate()
        with self.assertRaises(ConnectionRefusedError):
            for _ in range(WAIT * 10):
                socket.create_connection(("127.0.0.1", server.port)).close()
                time.sleep(0.1)
        rest = self.read_all(connection)
        head, body = (start + rest).split(b"\r\n\r\n", 1)
        with open(self.file("big"), "rb") as f:
            self.assertEqual(body, f.read())
        connection.close()
        self.assertEqual(server.process.wait(WAIT), 0)

    def test_interactive_client_sees_the_end(self):
        server = self.serve("--echo")
        client = subprocess.Popen([HANDFAST, "connect", f"127.0.0.1:{server.port}", "--ca", self.file("ca.pem")],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        client.stdin.write(b"hello")
        client.stdin.flush()
        self.assertEqual(client.stdout.read(5), b"hello")
        server.terminate()
        self.assertEqual(client.wait(WAIT), 0, client.stderr.read())
        for stream in (client.stdin, client.stdout, client.stderr):
            stream.close()


class Truncation(ProgramTest):
    def test_end_without_close_notify_is_an_error(self):
        """A server that dies in the middle: the client must not take what it got for everything."""
        server = self.serve("--echo", expect=-9)
        client = subprocess.Popen([HANDFAST, "connect", f"127.0.0.1:{server.port}", "--ca", self.file("ca.pem")],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        client.stdin.write(b"hello")
        client.stdin.flush()
        self.assertEqual(client.stdout.read(5), b"hello")
        server.process.kill()
        self.assertEqual(client.wait(WAIT), 1)
        self.assertIn(b"handfast: ", client.stderr.read())
        for stream in (client.stdin, client.stdout, client.stderr):
            stream.close()


if VERSION == "1.3":  # in TLS 1.2 close_notify ends both directions (RFC 5246 section 7.2.1)
    class HalfClosed(ProgramTest):
        def answered_at_once(self, records, close):
            """A server (libssl) that waits for our close_notify, then sends records, perhaps its own close_notify, and
            its end in one piece: (exit code, output, errors) of `handfast connect`."""
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.file("server.pem"), self.file("server.key"))
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_side=True)
            with socket.create_server(("127.0.0.1", 0)) as listener:
                listener.settimeout(WAIT)
                address = f"127.0.0.1:{listener.getsockname()[1]}"
                client = subprocess.Popen([HANDFAST, "connect", address, "--quiet", "--ca", self.file("ca.pem")],
                                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                raw = listener.accept()[0]
            raw.settimeout(WAIT)

            def until_done(call):
                while True:
                    try:
                        return call()
                    except ssl.SSLWantReadError:
                        raw.sendall(outgoing.read())
                        incoming.write(raw.recv(65536))

            until_done(tls.do_handshake)
            self.assertEqual(until_done(lambda: tls.read(1)), b"")  # its close_notify
            for record in records:
                tls.write(record)
            if close:
                tls.unwrap()
            client.send_signal(signal.SIGSTOP)  # so that it finds all of it at once, the end too
            raw.sendall(outgoing.read())
            raw.close()
            client.send_signal(signal.SIGCONT)
            out, err = client.communicate(timeout=WAIT)
            return client.returncode, out, err

        def test_everything_before_the_end_is_read(self):
            code, out, err = self.answered_at_once([b"one", b"two", b"three"], close=True)
            self.assertEqual((code, out, err), (0, b"onetwothree", b""))

        def test_end_after_our_close_notify_is_an_error(self):
            """That our direction is closed does not make theirs whole."""
            code, out, err = self.answered_at_once([b"half ", b"an answ"], close=False)
            self.assertEqual((code, out), (1, b"half an answ"))
            self.assertIn(b"close_notify", err)


if __name__ == "__main__":
    unittest.main()
