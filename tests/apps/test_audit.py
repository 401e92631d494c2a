"""serve --audit and handfast audit verify: every use of the key in its line, over restarts, rotation and kill -9."""
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import time
import unittest

from token_support import FAULT, HANDFAST, TokenTest
from support import WAIT, client_hello, in_time, reset, until


class Audit(TokenTest):
    def setUp(self):
        for name in os.listdir(self.folder):
            if name.startswith("audit"):
                os.unlink(self.file(name))

    def lines(self, name="audit"):
        """The lines as objects; checks the chain as anybody could."""
        objects, before = [], None
        with open(self.file(name), "rb") as f:
            for line in f.read().splitlines():
                value = json.loads(line)
                if before:
                    self.assertEqual(value["prev"], hashlib.sha256(before).hexdigest())
                    self.assertEqual(value["seq"], objects[-1]["seq"] + 1)
                self.assertRegex(value["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
                objects.append(value)
                before = line
        return objects

    def uses(self, name="audit"):
        return [line for line in self.lines(name) if line["event"] == "use"]

    def verify(self, *arguments, code=0, says="."):
        result = subprocess.run([HANDFAST, "audit", "verify", *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, timeout=WAIT)
        text = (result.stdout + result.stderr).decode()
        self.assertEqual(result.returncode, code, text)
        self.assertRegex(text, says)
        return text

    def handshake(self, server, code=0):
        self.assertEqual(self.connect(server, "--name", "localhost").returncode, code)

    def check_life(self, *isolate):
        server = self.serve_token("--echo", "--audit", self.file("audit"), *isolate)
        before = len(self.uses())  # the trial operations when the key was opened are none of a connection
        for _ in range(3):
            self.handshake(server)
        uses = self.uses()[before:]
        self.assertEqual(len(uses), 3)
        spki = subprocess.run(["sh", "-c", f"openssl x509 -in {self.file('site.pem')} -noout -pubkey | "
                               "openssl pkey -pubin -outform DER"], stdout=subprocess.PIPE, check=True).stdout
        for use in uses:
            self.assertEqual(use["operation"], "sign")
            self.assertEqual(use["scheme"], "ecdsa_secp256r1_sha256")
            self.assertEqual(use["mechanism"], "CKM_ECDSA")
            self.assertEqual(use["token"], "t")
            self.assertEqual((use["result"], use["rv"]), ("ok", "CKR_OK"))
            self.assertEqual(use["spki_sha256"], hashlib.sha256(spki).hexdigest())
            self.assertIn("object=site", use["key"])
        self.assertEqual(len({use["connection"] for use in uses}), 3)
        os.rename(self.file("audit"), self.file("audit.1"))
        server.process.send_signal(signal.SIGHUP)
        until("a new file", lambda: os.path.exists(self.file("audit")))
        self.handshake(server)
        server.terminate()
        server.process.wait(WAIT)
        self.assertEqual(self.lines()[-1]["event"], "end")
        self.assertEqual([line["event"] for line in self.lines()[:2]], ["continued", "use"])
        text = self.verify(self.file("audit.1"), self.file("audit"), says="chain intact from")
        head = re.search("head ([0-9a-f]{64})", text).group(1)
        self.verify("--head", head, self.file("audit.1"), self.file("audit"))
        middle = self.lines()[0]["prev"]
        self.verify("--after", middle, "--head", head, self.file("audit"), says="earlier files")
        self.verify("--head", middle, self.file("audit"), code=1, says="cut off")
        self.verify("--after", head, self.file("audit"), code=1, says="--after")

    def test_in_one_process(self):
        self.check_life()

    def test_isolated(self):
        self.check_life("--isolate")

    def test_no_line_is_lost_with_the_key_process(self):
        server = self.serve_token("--echo", "--isolate", "--audit", self.file("audit"))
        kills = 0

        def attempt():
            nonlocal kills
            before = len(self.uses())
            for _ in range(4):
                self.handshake(server)
            os.kill(until("a key process", lambda: self.key_process(server)), signal.SIGKILL)
            kills += 1
            self.assertGreaterEqual(len(self.uses()), before + 4, "a result was handed out without its line")
            self.handshake(server)  # it waits for the next key process, which goes on with the chain

        for _ in range(3):
            in_time(attempt)
        self.assertEqual(len([1 for line in self.lines() if line["event"] == "start"]), 1 + kills)
        self.verify(self.file("audit"))

    def check_last_use(self, *isolate):
        """The server ends while the token works for a connection that is gone: that is a use of the key like others."""
        self.fault("# nothing yet")
        server = self.serve_token("--echo", "--audit", self.file("audit"), "--module", FAULT, *isolate)
        self.fault("hang C_Sign = forever")
        raw = socket.create_connection(("127.0.0.1", server.port), WAIT)
        raw.sendall(client_hello())
        self.await_count("hanging", 1)
        reset(raw)
        server.terminate()
        time.sleep(0.3)  # it has nothing else to do: without waiting for the token it would be gone by now
        self.fault("# goes on")
        self.assertEqual(server.process.wait(WAIT), 0)
        lines = self.lines()
        self.assertEqual([line["event"] for line in lines], ["start", "use", "end"])
        self.assertEqual(lines[1]["operation"], "sign")

    def test_last_use_in_one_process(self):
        self.check_last_use()

    def test_last_use_isolated(self):
        self.check_last_use("--isolate")

    def test_a_key_in_a_file(self):
        server = self.serve("--echo", "--audit", self.file("audit"))
        self.connect(server)
        (use,) = self.uses()
        self.assertEqual((use["operation"], use["token"], use["result"]), ("sign", "", "ok"))
        self.assertTrue(use["key"].endswith("server.key"))

    def test_no_space_no_key(self):
        for mode, code in (("refuse", 1), ("continue", 0)):
            self.setUp()
            os.symlink("/dev/full", self.file("audit"))
            server = subprocess.run([HANDFAST, "serve", "--listen", "127.0.0.1:0", "--echo", *self.token, "--audit",
                                     self.file("audit")], stderr=subprocess.PIPE, timeout=WAIT)
            self.assertEqual(server.returncode, 1)
            os.unlink(self.file("audit"))
            # A file that may not grow beyond what the start takes: the next line does not fit.
            server = self.serve_token("--echo", "--audit", self.file("audit"), "--audit-full", mode)
            resource_limit(server.process.pid, os.path.getsize(self.file("audit")) + 50)
            self.handshake(server, code=code)
            server.await_error("no key is used until" if mode == "refuse" else "keys are used, and what is missing")
            self.handshake(server, code=code)
            resource_limit(server.process.pid, None)
            until("a handshake", lambda: self.connect(server, "--name", "localhost").returncode == 0)
            missing = [line["uses"] for line in self.lines() if line["event"] == "missing"]
            self.assertEqual(sum(missing), 1 if mode == "refuse" else 2)
            self.verify(self.file("audit"), says="missing")

    def test_two_servers_one_file(self):
        self.serve_token("--echo", "--audit", self.file("audit"))
        result = subprocess.run([HANDFAST, "serve", "--listen", "127.0.0.1:0", "--echo", *self.token, "--audit",
                                 self.file("audit")], stderr=subprocess.PIPE, timeout=WAIT)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"another process writes it", result.stderr)

    def test_verify_usage(self):
        with open(self.file("audit-no"), "w") as f:
            f.write("no audit line\n")
        self.verify(self.file("audit-no"), code=1, says="line 1: the chain is broken")
        self.verify(self.file("nothing"), code=1, says="No such file")
        self.verify(code=2, says="at least one file")
        self.verify("--head", "abc", self.file("audit-no"), code=2, says="64 lower-case")
        self.verify("--nonsense", code=2, says="unknown option")
        self.assertIn(b"--head", subprocess.run([HANDFAST, "audit", "--help"], stdout=subprocess.PIPE).stdout)


def resource_limit(pid, size):
    """Sets how large a file the process may make; None: as large as it likes."""
    import resource
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


if __name__ == "__main__":
    unittest.main()
