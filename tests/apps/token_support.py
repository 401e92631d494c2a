"""What the tests with a token share: SoftHSM2 in a folder of the test's own, with a key and a PIN nobody else has."""
import os
import re
import secrets
import subprocess
import sys
import time

MODULE = sys.argv.pop(2)
FAULT = sys.argv.pop(2)
SANITIZED = sys.argv[2:3] == ["sanitized"] and bool(sys.argv.pop(2))  # such a build is not confined

from support import HANDFAST, WAIT, ProgramTest  # noqa: E402  (it takes its own arguments first)

KEY = "pkcs11:token=t;object=site"


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(word) for word in f.read().split()]


def status_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


class TokenTest(ProgramTest):
    """self.token: the options of `serve` for the key; the token's certificate is in the trust file ca.pem too."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pin = "".join(secrets.choice("0123456789") for _ in range(24))
        os.mkdir(f"{cls.folder}/tokens", 0o700)
        cls.write("softhsm2.conf", f"directories.tokendir = {cls.folder}/tokens\nlog.level = ERROR\n")
        cls.write("pin", cls.pin + "\n")
        cls.write("so-pin", "0815081508\n")
        os.environ["SOFTHSM2_CONF"] = f"{cls.folder}/softhsm2.conf"
        cls.use = ["--module", MODULE, "--pin-source", f"{cls.folder}/pin"]
        cls.tool("init", "--token", "t", "--so-pin-source", f"{cls.folder}/so-pin")
        cls.tool("keygen", "ec:p256", "--token", "t", "--label", "site")
        cls.tool("selfsign", "--token", "t", "--label", "site", "--subject", "CN=localhost", "--san", "dns:localhost",
                 "--out", f"{cls.folder}/site.pem")
        with open(f"{cls.folder}/site.pem") as site, open(f"{cls.folder}/ca.pem", "a") as trust:
            trust.write(site.read())
        cls.token = ["--key", KEY, *cls.use]

    @classmethod
    def write(cls, name, text):
        with open(os.open(f"{cls.folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(text)

    @classmethod
    def tool(cls, *arguments):
        subprocess.run([HANDFAST, "token", *arguments, *cls.use], check=True, stdout=subprocess.DEVNULL)

    @classmethod
    def fault(cls, rules, name="fault"):
        """What the fault module does from now on, for a server with --module FAULT; for another token another name."""
        cls.write(f"{name}.new", f"module = {MODULE}\ncounters = {cls.folder}/{name}.counters\n{rules}\n")
        os.rename(f"{cls.folder}/{name}.new", f"{cls.folder}/{name}.conf")
        os.environ["HANDFAST_FAULT_CONF"] = f"{cls.folder}/fault.conf"

    def await_count(self, counter, least, name="fault"):
        """Waits until a counter of the fault module is so high."""
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            try:
                with open(self.file(f"{name}.counters")) as f:
                    found = re.search(rf"^{counter} +(\d+)", f.read(), re.M)
            except FileNotFoundError:
                found = None
            if found and int(found.group(1)) >= least:
                return
            time.sleep(0.02)
        self.fail(f"{counter} does not reach {least}")

    def serve_token(self, *arguments, **options):
        """A server with the token's key alone, and the certificate that lies beside it."""
        return self.serve(*self.token, *arguments, cert=None, **options)

    def process_of(self, server, command):
        for child in children(server.process.pid):
            try:
                with open(f"/proc/{child}/cmdline") as f:
                    if f.read().split("\0")[1] == command:
                        return child
            except (OSError, IndexError):
                pass
        return None

    def key_process(self, server):
        """The process id of the key process of a server with --isolate, None while there is none."""
        return self.process_of(server, "key-process")

    def network_process(self, server):
        return self.process_of(server, "serve")
