#!/usr/bin/env python3
"""The main job on tokens other than SoftHSM2 beside us: keys by URI, every scheme, RSA decryption, whole handshakes
with `handfast serve` and openssl as the client.

nss      NSS's softokn, another implementation from the ground up, from an empty folder to the handshake
remote   SoftHSM2 in another process, behind p11-kit's remoting
nss-remote   both; the fault module hands the one in the server its configuration
"""

import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

WAIT = 60  # seconds; only ends what hangs
KEYS = ("rsa:2048", "ec:p256", "ec:p384", "ec:p521")
EC_SIGNS = ("ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384", "ecdsa_secp521r1_sha512")
SIGNS = {
    "rsa:2048": tuple(f"rsa_{kind}_sha{bits}" for kind in ("pss_rsae", "pkcs1") for bits in (256, 384, 512)),
    "ec:p256": EC_SIGNS, "ec:p384": EC_SIGNS, "ec:p521": EC_SIGNS,
}
# s_client's options, whose key (0: RSA, 1: P-256), and what it must say was negotiated (up to OpenSSL 3.2, or since).
HANDSHAKES = (
    (("-tls1_2", "-cipher", "AES128-GCM-SHA256"), 0, "AES128-GCM-SHA256"),
    (("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"), 0, "ECDHE-RSA-AES128-GCM-SHA256"),
    (("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"), 1, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (("-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256"), 0, "Peer signature type: (RSA-PSS|rsa_pss_rsae_sha256)"),
    (("-tls1_3", "-sigalgs", "ecdsa_secp256r1_sha256"), 1, "Peer signature type: (ECDSA|ecdsa_secp256r1_sha256)"),
)
checks = 0


def expect(good, what):
    global checks
    checks += 1
    if not good:
        sys.exit(f"WRONG: {what}")


def run(argv, env, text_in=None, code=0):
    done = subprocess.run([str(word) for word in argv], env=env, input=text_in, text=True, timeout=WAIT,
                          stdin=subprocess.DEVNULL if text_in is None else None,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    expect(done.returncode == code, f"{' '.join(map(str, argv))} ended with {done.returncode}: {done.stdout}")
    return done.stdout


class Token:
    """A token "web" with a PIN file, the module that leads to it, and the environment that the module needs."""

    def __init__(self, args, folder):
        self.args = args
        self.folder = folder
        self.env = dict(os.environ)
        self.server = None
        self.module_args = []
        self.write("pin", "1234\n")
        self.write("so-pin", "4321\n")

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def token(self, action, *words, label="web", **options):
        argv = [self.args.handfast, "token", action, *words, "--module", self.module, *self.module_args,
                "--token", label, "--pin-source", self.folder / "pin"]
        return run(argv, self.env, **options)

    def make_nss(self):
        """A database that has no security officer and takes its name from the module's arguments."""
        (self.folder / "db").mkdir()
        self.module = self.args.softokn
        told = self.token("init", code=1)  # softokn refuses to start, or (since 3.110) starts without a database
        expect(("CKR_ARGUMENTS_BAD" in told or "no slot" in told) and "--module-args" in told, told)
        argument = f"configdir='sql:{self.folder}/nowhere' dbTokenDescription='web'"
        self.module_args = ["--module-args", argument]
        told = self.token("init", code=1)
        expect("--module-args" in told, "a folder that is not there: " + told)
        argument = argument.replace("nowhere", "db")
        self.module_args = ["--module-args", argument]
        expect("not initialised" in self.token("list", code=1), "nothing tells that there is no PIN yet")
        told = self.token("init", label="other", code=1)
        expect('"web"' in told and "--token" in told, told)
        expect(self.token("init").strip() == "pkcs11:token=web", "no URI of the new token")
        self.check_no_second_init()
        if "remote" in self.args.kind:
            self.write("fault.conf", f'module = {self.args.softokn}\nargument = "{argument}"\n')
            self.env["HANDFAST_FAULT_CONF"] = str(self.folder / "fault.conf")
            self.module = self.args.fault
            self.module_args = []

    def check_no_second_init(self):
        """Neither under its name nor under another: what is there stays."""
        so_pin = ("--so-pin-source", self.folder / "so-pin")
        expect("exists already" in self.token("init", *so_pin, code=1), "a token is initialised twice")
        if self.args.kind == "nss":
            expect("no slot" in self.token("init", *so_pin, label="other", code=1), "a token gets another name")

    def make_softhsm(self):
        (self.folder / "tokens").mkdir()
        self.write("softhsm2.conf", f"directories.tokendir = {self.folder}/tokens\nlog.level = ERROR\n")
        self.env["SOFTHSM2_CONF"] = str(self.folder / "softhsm2.conf")
        self.module = self.args.softhsm
        self.token("init", "--so-pin-source", self.folder / "so-pin")

    def make_remote(self):
        """The module moves into a server; its environment goes with it."""
        socket = self.folder / "socket"
        with (self.folder / "server.log").open("w") as log:
            self.server = subprocess.Popen(["p11-kit", "server", "--foreground", "--provider", self.module, "--name",
                                            str(socket), "pkcs11:"], env=self.env, stdout=log, stderr=log)
        end = time.monotonic() + WAIT
        while not socket.exists() and self.server.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        expect(socket.exists(), "p11-kit server does not come: " + (self.folder / "server.log").read_text())
        for name in ("SOFTHSM2_CONF", "HANDFAST_FAULT_CONF"):
            self.env.pop(name, None)
        self.env["P11_KIT_SERVER_ADDRESS"] = f"unix:path={socket}"
        self.module = self.args.client

    def close(self):
        if self.server:
            self.server.terminate()
            self.server.wait(WAIT)


def check_key(token, key):
    """Made in the token, signs with every scheme that it must offer, decrypts; a certificate is signed in the token."""
    label = key.replace(":", "-")
    uri = token.token("keygen", key, "--label", label).strip()
    expect(uri.startswith("pkcs11:") and f"object={label}" in uri, f"no URI of {label}: {uri}")
    told = token.token("check", "--label", label)
    for scheme in SIGNS[key]:
        expect(f"ok      sign {scheme}: verified" in told, f"{key}: no {scheme} in: {told}")
    expect("sensitive, never extractable" in told, told)
    if key.startswith("rsa"):
        expect("ok      decrypt a premaster secret: equal" in told, told)
        expect("ok      decrypt a bad premaster secret: answered like a good one" in told, told)
    chain = token.folder / f"{label}.pem"
    token.token("selfsign", "--label", label, "--subject", "CN=localhost", "--san", "dns:localhost", "--out", chain)
    told = token.token("check", "--label", label, "--cert", chain)
    expect("belongs to the key" in told, told)
    return uri, chain


def wait_for_port(serve, log):
    end = time.monotonic() + WAIT
    while time.monotonic() < end and serve.poll() is None:
        said = re.search(r"^listening on 127\.0\.0\.1:(\d+)$", log.read_text(), re.M)
        if said:
            return said.group(1)
        time.sleep(0.02)
    sys.exit(f"WRONG: serve does not listen: {log.read_text()}")


def handshakes(token, keys, *more):
    """Each kind of handshake, with data there and back; the port comes from the program itself."""
    argv = [token.args.handfast, "serve", "--listen", "127.0.0.1:0", "--policy", "compatible", "--echo", *more, "--module",
            token.module, *token.module_args, "--pin-source", token.folder / "pin"]
    for uri, chain in keys:
        argv += ["--cert", chain, "--key", uri]
    log = token.folder / "serve.log"
    with log.open("w") as out:
        serve = subprocess.Popen([str(word) for word in argv], env=token.env, stdout=out, stderr=out)
    try:
        port = wait_for_port(serve, log)
        for options, key, expected in HANDSHAKES:
            client = [token.args.openssl, "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost",
                      "-CAfile", keys[key][1],
                      "-verify_return_error", "-ign_eof", *options]
            told = talk(client, token.env)
            expect(re.search(expected, told), f"{options}: {told}")
            expect("there and back" in told.split("---")[-1], f"{options}: no echo: {told}")
    finally:
        serve.send_signal(signal.SIGTERM)
        code = serve.wait(WAIT)
    expect(code == 0, f"serve ended with {code}: {log.read_text()}")


def talk(argv, env):
    """s_client, a line, and what it says until the line came back."""
    client = subprocess.Popen([str(word) for word in argv], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    told = b""
    client.stdin.write(b"there and back\n")
    client.stdin.flush()
    while b"there and back" not in told:
        piece = os.read(client.stdout.fileno(), 65536)
        if not piece:
            break
        told += piece
    client.kill()
    client.wait(WAIT)
    client.stdin.close()
    client.stdout.close()
    return told.decode(errors="replace")


def main():
    parser = argparse.ArgumentParser()
    for name in ("handfast", "fault", "softhsm", "softokn", "client", "openssl", "kind"):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()
    signal.alarm(8 * WAIT)
    with tempfile.TemporaryDirectory() as folder:
        token = Token(args, pathlib.Path(folder))
        try:
            token.make_nss() if "nss" in args.kind else token.make_softhsm()
            if "remote" in args.kind:
                token.make_remote()
            keys = [check_key(token, key) for key in KEYS]
            token.check_no_second_init()
            handshakes(token, keys)
            if args.kind == "nss":
                handshakes(token, keys, "--isolate")
        finally:
            token.close()
    expect(checks >= 50, f"only {checks} checks ran")
    print(f"{args.kind}: {checks} checks")


if __name__ == "__main__":
    main()
