#!/usr/bin/env python3
"""The world that the matrix plays in: a test CA, certificates, keys in files for the foreign peers, and a SoftHSM2
token whose keys Handfast uses and nobody else has.

`world.py --make FOLDER --handfast PROGRAM` makes it (a ctest fixture); `World(FOLDER)` is the way to look at it.
"""

import argparse
import base64
import functools
import os
import pathlib
import random
import shutil
import subprocess

SERVER_KEYS = ("rsa", "p256", "p384", "p521", "ed25519")
CLIENT_KEYS = ("client-rsa", "client-p256", "client-ed25519")
TICKET_KEYS = ("tickets", "tickets-new")  # secret keys for serve --ticket-key
TOKEN = "handfast-interop"
PIN = "interop-1234"

GENERATE = {
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "p521": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "ed25519": ["-algorithm", "ED25519"],
}
ALGORITHM = {"rsa": "rsa:2048", "p256": "ec:p256", "p384": "ec:p384", "p521": "ec:p521", "ed25519": "ed25519"}
SERVER_EXTENSIONS = """basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature{encipherment}
extendedKeyUsage=serverAuth
subjectAltName=DNS:localhost,IP:127.0.0.1
"""
CLIENT_EXTENSIONS = """basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=clientAuth
"""


@functools.lru_cache(maxsize=4)
def binary_payload(size):
    """Bytes that look random, the same in every run."""
    return random.Random(size).randbytes(size)


@functools.lru_cache(maxsize=4)
def text_payload(size):
    """Lines of 75 characters: gnutls-serv echoes lines."""
    raw = base64.b64encode(binary_payload(size))
    lines = b"\n".join(raw[at:at + 75] for at in range(0, size, 75))
    return lines[:size - 1] + b"\n"


class World:
    """Names of everything in the folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder).resolve()
        self.ca = self.folder / "ca.pem"
        self.other_ca = self.folder / "other-ca.pem"
        self.pin_file = self.folder / "pin"
        self.softhsm_conf = self.folder / "softhsm2.conf"

    def cert(self, name):
        return self.folder / f"{name}.pem"

    def key(self, name):
        return self.folder / f"{name}.key"

    def token_cert(self, name):
        """The certificate of a key that lives in the token only."""
        return self.folder / f"token-{name}.pem"

    def token_key(self, name, module=True, kind="private"):
        """The PKCS#11 URI of a key; module False: found through the modules that p11-kit is configured with."""
        uri = f"pkcs11:token={TOKEN};object={name};type={kind}"
        query = [f"pin-source={self.pin_file}"] + ([f"module-path={softhsm_module()}"] if module else [])
        return uri + "?" + "&".join(query)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path


def softhsm_module():
    """Where Debian and others put SoftHSM2's module."""
    places = ["/usr/lib/softhsm/libsofthsm2.so", *map(str, pathlib.Path("/usr/lib").glob("*/softhsm/libsofthsm2.so")),
              *map(str, pathlib.Path("/usr/lib").glob("*/pkcs11/libsofthsm2.so")),
              "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so"]
    for place in places:
        if os.path.exists(place):
            return place
    raise SystemExit("no libsofthsm2.so found: install softhsm2")


def call(*words, env=None):
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=env)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, words))}: {done.stderr or done.stdout}")
    return done.stdout


def make_ca(world, name):
    call("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2",
         "-subj", f"/CN=Handfast test {name}", "-keyout", world.folder / f"{name}.key", "-out",
         world.folder / f"{name}.pem", "-addext", "keyUsage=critical,keyCertSign,cRLSign")


def extensions(name):
    if name.startswith("client"):
        return CLIENT_EXTENSIONS
    return SERVER_EXTENSIONS.format(encipherment=",keyEncipherment" if name.endswith("rsa") else "")


def sign(world, request, name, out, ca="ca", days=2):
    profile = world.file(f"{out.stem}.ext", extensions(name).encode())
    call("openssl", "x509", "-req", "-in", request, "-CA", world.folder / f"{ca}.pem", "-CAkey",
         world.folder / f"{ca}.key", "-days", days, "-extfile", profile, "-out", out)


def make_file_credential(world, name, ca="ca", issued=None, days=2):
    """A key in a PEM file and its certificate, for the foreign programs."""
    issued = issued or name
    call("openssl", "genpkey", *GENERATE[name.split("-")[-1]], "-out", world.key(issued))
    request = world.folder / f"{issued}.csr"
    call("openssl", "req", "-new", "-key", world.key(issued), "-subj", f"/CN={name}", "-out", request)
    sign(world, request, name, world.cert(issued), ca, days)


def make_token(world, handfast):
    """Keys that were born in the token, through `handfast token`; only requests come out of it, to be signed."""
    (world.folder / "tokens").mkdir()
    world.file("softhsm2.conf", f"directories.tokendir = {world.folder}/tokens\nobjectstore.backend = file\n"
               "log.level = ERROR\n".encode())
    for name in ("pin", "so-pin"):
        world.file(name, f"{name}-{PIN}\n".encode()).chmod(0o600)
    environment = dict(os.environ, SOFTHSM2_CONF=str(world.softhsm_conf))

    def token(action, *words):
        return call(handfast, "token", action, *words, "--module", softhsm_module(), "--pin-source", world.pin_file,
                    env=environment)

    token("init", "--token", TOKEN, "--so-pin-source", world.folder / "so-pin")
    for name in SERVER_KEYS + CLIENT_KEYS:
        uri = token("keygen", ALGORITHM[name.split("-")[-1]], "--token", TOKEN, "--label", name).strip()
        request = world.folder / f"token-{name}.csr"
        token("csr", uri, "--subject", f"CN={name}", "--out", request)
        sign(world, request, name, world.token_cert(name))
        token("import", "--token", TOKEN, "--cert", world.token_cert(name))
        token("check", uri, "--cert", world.token_cert(name))
    for name in TICKET_KEYS:
        token("keygen", "hmac", "--token", TOKEN, "--label", name)


def make(folder, handfast):
    folder = pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    world = World(folder)
    make_ca(world, "ca")
    make_ca(world, "other-ca")
    for name in SERVER_KEYS + CLIENT_KEYS:
        make_file_credential(world, name)
    make_file_credential(world, "client-p256", ca="other-ca", issued="stranger")
    make_file_credential(world, "p256", ca="other-ca", issued="impostor")
    make_token(world, handfast)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--make", required=True)
    parser.add_argument("--handfast", required=True)
    arguments = parser.parse_args()
    make(arguments.make, arguments.handfast)
