"""serve with the same key in two tokens, the whole program: one goes and comes back, both go and come back."""
import concurrent.futures
import os
import re
import socket
import ssl
import time
import unittest

from token_support import FAULT, TokenTest
from support import WAIT, ask_metrics, run, until

TOKENS = ("one", "two")


class Failover(TokenTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fault("# nothing yet")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-keyout", f"{cls.folder}/both.key", "-out", f"{cls.folder}/both.pem", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost")
        os.chmod(f"{cls.folder}/both.key", 0o600)
        for token in TOKENS:
            cls.tool("init", "--token", token, "--so-pin-source", f"{cls.folder}/so-pin")
            cls.tool("import", "--key", f"{cls.folder}/both.key", "--token", token, "--label", "both")

    def start(self, *arguments):
        keys = [word for token in TOKENS for word in ("--key", f"pkcs11:token={token};object=both")]
        self.fault("# nothing")
        self.server = self.serve("--echo", "--metrics", "127.0.0.1:0", "--module", FAULT, "--pin-source",
                                 self.file("pin"), "--cert", self.file("both.pem"), *keys, *arguments, cert=None)
        line = self.server.process.stdout.readline().decode()
        self.server.metrics = int(re.fullmatch(r"metrics on 127\.0\.0\.1:(\d+)\n", line).group(1))
        self.trusting = ssl.create_default_context(cafile=self.file("both.pem"))

    def metric(self, name, labels=""):
        """With --isolate the key process may be late with its part; then that part is left out."""
        pattern = re.compile(rf"^{name}{re.escape('{' + labels + '}' if labels else '')} (\S+)$", re.M)
        return float(until(pattern.pattern, lambda: pattern.search(ask_metrics(self.server, "/metrics")[2])).group(1))

    def await_health(self, status):
        until(f"/healthz with {status}", lambda: ask_metrics(self.server, "/healthz")[0] == status)

    def state(self, token):
        return [state for state in ("closed", "open", "half_open")
                if self.metric("handfast_token_breaker_state", f'token="{token}",state="{state}"') == 1]

    def await_up(self, token, up):
        until(f"token {token} becomes {up}", lambda: self.metric("handfast_token_up", f'token="{token}"') == up)
        self.assertEqual(self.state(token) == ["closed"], up == 1)

    def used(self, token):
        return self.metric("handfast_token_operations_total", f'token="{token}",result="ok"')

    def open(self, session=None):
        raw = socket.create_connection(("127.0.0.1", self.server.port), WAIT)
        try:
            return self.trusting.wrap_socket(raw, server_hostname="localhost", session=session)
        except BaseException:
            raw.close()
            raise

    def echo(self, connection, text=b"something"):
        connection.sendall(text)
        self.assertEqual(connection.recv(100), text)

    def await_handshake(self):
        """Until one succeeds: with --isolate the network process asks no more for a moment after a refusal."""
        end = time.monotonic() + WAIT
        while True:
            try:
                return self.handshakes(1)
            except ssl.SSLError:
                self.assertLess(time.monotonic(), end, self.server.errors())
                time.sleep(0.02)

    def handshakes(self, n):
        for _ in range(n):
            with self.open() as connection:
                self.echo(connection)
                self.assertFalse(connection.session_reused)

    def crowd(self, n, each):
        """Handshakes side by side, as many as it takes for both tokens to be asked."""
        with concurrent.futures.ThreadPoolExecutor(n) as pool:
            for done in [pool.submit(self.handshakes, each) for _ in range(n)]:
                done.result()

    def refused(self):
        """A new handshake ends with an alert, not with a mere end."""
        with self.assertRaises(ssl.SSLError) as caught:
            self.open()
        self.assertIn("ALERT_INTERNAL_ERROR", str(caught.exception))

    def check_one_goes(self, *arguments):
        self.start(*arguments)
        for token in TOKENS:
            self.assertEqual(self.state(token), ["closed"])
        for gone, left in (TOKENS, TOKENS[::-1]):
            before = self.used(left)
            self.fault(f"latency C_Sign = 20ms\n[{gone}]\ntoken = absent")
            self.crowd(16, 3)  # none of them fails
            self.assertGreater(self.used(left), before)
            self.await_up(gone, 0)
            self.assertEqual(self.metric("handfast_token_up", f'token="{left}"'), 1)
            self.await_health(200)
            self.server.await_error(f'token "{gone}" is not used')
            self.fault(f"# {gone} is back")
            self.await_up(gone, 1)
            self.server.await_error(f'token "{gone}" is back')
        before = {token: self.used(token) for token in TOKENS}
        self.fault("[two]\ntoken = absent # so that the one that went first is used again")
        self.handshakes(3)
        self.assertGreaterEqual(self.used("one"), before["one"] + 3)

    def check_all_go(self, *arguments):
        self.start(*arguments)
        established = self.open()
        self.addCleanup(established.close)
        self.echo(established)
        session = established.session
        self.fault("token = absent")
        self.refused()
        for token in TOKENS:
            self.await_up(token, 0)
        before = self.metric("handfast_key_refused_total")

        def refused_by_itself():  # with --isolate it hears of it a moment later, and asks again after a moment
            self.refused()
            self.echo(established)
            return self.metric("handfast_key_refused_total") >= before + 5

        until("refusals without a use of the key", refused_by_itself)
        self.await_health(503)
        with self.open(session) as resumed:
            self.assertTrue(resumed.session_reused)
            self.echo(resumed)
        self.fault("[two]\ntoken = absent # one of them is back")
        self.await_up("one", 1)
        self.await_handshake()
        self.handshakes(3)
        self.await_health(200)
        self.fault("# both are")
        self.await_up("two", 1)
        self.handshakes(3)
        self.echo(established)

    def test_one_goes(self):
        self.check_one_goes()

    def test_one_goes_isolated(self):
        self.check_one_goes("--isolate")

    def test_all_go(self):
        self.check_all_go()

    def test_all_go_isolated(self):
        self.check_all_go("--isolate")


if __name__ == "__main__":
    unittest.main()
