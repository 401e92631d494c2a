#!/usr/bin/env python3
"""Records TLS 1.2 handshakes between other programs and stores their messages as seeds, one folder a parser.

Usage: make_corpus.py [OUTPUT]        (default: the folder `corpus` beside this file)

openssl, gnutls-cli, gnutls-serv and curl talk to each other through a recording relay; the plaintext handshake
messages become tests/fuzz/corpus/<parser>/<client>-<server>-<case>. Finished travels encrypted: it is computed from
the key log (RFC 5246 section 7.4.9). The tests of lib read the same files.
"""
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

HANDSHAKE = 22
NAMES = {1: "client_hello", 2: "server_hello", 11: "certificate", 12: "server_key_exchange",
         13: "certificate_request", 15: "certificate_verify"}
SERVER_HELLO_DONE = 14
SHA384_SUITES = {0x009D, 0xC02C, 0xC030, 0xC028, 0xC024}
RSA_SUITES = {0x002F, 0x0035, 0x003C, 0x003D, 0x009C, 0x009D}


class Relay:
    """One connection between a client and a server, with what each side said."""

    def __init__(self, backend_port):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.backend_port = backend_port
        self.said = {"client": bytearray(), "server": bytearray()}
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        client, _ = self.listener.accept()
        server = connect(self.backend_port)
        both = [threading.Thread(target=self.copy, args=(client, server, "client"), daemon=True),
                threading.Thread(target=self.copy, args=(server, client, "server"), daemon=True)]
        for t in both:
            t.start()
        for t in both:
            t.join()

    def copy(self, source, sink, who):
        try:
            while data := source.recv(65536):
                self.said[who] += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def connect(port):
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.05)
    sys.exit(f"make_corpus: nothing listens on port {port}")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def messages(stream):
    """(type, body, whole message) of the plaintext handshake messages, up to ChangeCipherSpec."""
    plain, at = bytearray(), 0
    while at + 5 <= len(stream) and stream[at] == HANDSHAKE:
        n = int.from_bytes(stream[at + 3:at + 5], "big")
        plain += stream[at + 5:at + 5 + n]
        at += 5 + n
    out, at = [], 0
    while at + 4 <= len(plain):
        n = int.from_bytes(plain[at + 1:at + 4], "big")
        out.append((plain[at], bytes(plain[at + 4:at + 4 + n]), bytes(plain[at:at + 4 + n])))
        at += 4 + n
    return out


def prf(name, secret, label, seed):
    """P_hash, one block: RFC 5246 section 5."""
    a = hmac.digest(secret, label + seed, name)
    return hmac.digest(secret, a + label + seed, name)[:12]


def client_finished(keylog, client, server):
    random = client[0][1][2:34].hex()
    hello = server[0][1]
    suite = int.from_bytes(hello[35 + hello[34]:37 + hello[34]], "big")
    name = "sha384" if suite in SHA384_SUITES else "sha256"
    for line in open(keylog):
        word = line.split()
        if word[:2] == ["CLIENT_RANDOM", random]:
            said = client[0][2] + b"".join(m[2] for m in server) + b"".join(m[2] for m in client[1:])
            return prf(name, bytes.fromhex(word[2]), b"client finished", hashlib.new(name, said).digest())
    return None


def store(out, case, relay, keylog):
    client, server = messages(relay.said["client"]), messages(relay.said["server"])
    kinds = [m[0] for m in server]
    if not client or SERVER_HELLO_DONE not in kinds:
        sys.exit(f"make_corpus: {case}: no TLS 1.2 handshake")
    ske = 12 in kinds
    for who, said in (("client", client), ("server", server)):
        for kind, body, _ in said:
            name = NAMES.get(kind)
            if kind == 16:
                name = "client_key_exchange_ecdhe" if ske else "client_key_exchange_rsa"
            if name:
                put(out, name, f"{case}-{who}" if kind == 11 else case, body)
    finished = client_finished(keylog, client, server)
    if finished:
        put(out, "finished", case, finished)


def put(out, name, file, body):
    os.makedirs(f"{out}/{name}", exist_ok=True)
    with open(f"{out}/{name}/{file}", "wb") as f:
        f.write(body)


def run(args, **more):
    return subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          timeout=20, **more)


def make_keys(work):
    for name, how in (("rsa", ["rsa:2048"]), ("p256", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
                      ("p384", ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]), ("ed25519", ["ed25519"])):
        run(["openssl", "req", "-x509", "-nodes", "-days", "3650", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost", "-newkey", *how, "-keyout", f"{work}/{name}.key", "-out",
             f"{work}/{name}.crt"], check=True)


def openssl_server(port, work, key, auth, ciphers):
    args = ["openssl", "s_server", "-accept", str(port), "-cert", f"{work}/{key}.crt", "-key", f"{work}/{key}.key",
            "-tls1_2", "-www", "-alpn", "h2,http/1.1", "-cipher", ciphers]
    return args + (["-Verify", "1", "-CAfile", f"{work}/p256.crt"] if auth else [])


def gnutls_server(port, work, key, auth, ciphers):
    priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2:+RSA:+GROUP-ALL:+SIGN-EDDSA-ED25519"
    args = ["gnutls-serv", "--port", str(port), f"--x509certfile={work}/{key}.crt", f"--x509keyfile={work}/{key}.key",
            "--http", "--priority", priority, f"--x509cafile={work}/p256.crt"]
    return args + (["--require-client-cert"] if auth else ["--disable-client-cert"])


def openssl_client(port, work, ciphers):
    return ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-alpn",
            "h2,http/1.1", "-cert", f"{work}/p256.crt", "-key", f"{work}/p256.key", "-keylogfile", f"{work}/keylog",
            "-cipher", ciphers]


def gnutls_client(port, work, ciphers):
    return ["gnutls-cli", "--port", str(port), "--insecure", "--sni-hostname=localhost", "--alpn=h2",
            f"--x509certfile={work}/p256.crt", f"--x509keyfile={work}/p256.key", "127.0.0.1", "--priority",
            "NORMAL:+RSA" if ciphers == "ALL" else "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA"]


def curl_client(port, work, ciphers):
    return ["curl", "--silent", "--insecure", "--cert", f"{work}/p256.crt", "--key", f"{work}/p256.key", "--resolve",
            f"localhost:{port}:127.0.0.1", "--ciphers", ciphers, f"https://localhost:{port}/"]


CLIENTS = {"openssl": openssl_client, "gnutls": gnutls_client, "curl": curl_client}
SERVERS = {"openssl": openssl_server, "gnutls": gnutls_server}
CASES = {  # name: key, client authentication, cipher string
    "rsa_transport": ("rsa", False, "AES128-GCM-SHA256:AES256-SHA256"),
    "ecdhe_rsa": ("rsa", False, "ALL"),
    "ecdhe_p384": ("p384", False, "ALL"),
    "auth": ("p256", True, "ALL"),
}


def record(out, work, client, server, case):
    key, auth, ciphers = CASES[case]
    port = free_port()
    args = SERVERS[server](port, work, key, auth, ciphers)
    process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        connect(port).close()
        relay = Relay(port)
        env = dict(os.environ, SSLKEYLOGFILE=f"{work}/keylog")
        try:
            run(CLIENTS[client](relay.port, work, ciphers), env=env)
        except subprocess.TimeoutExpired:
            pass
        relay.thread.join(5)
        store(out, f"{client}-{server}-{case}", relay, f"{work}/keylog")
    finally:
        process.kill()
        process.wait()


PASS, CHANGE, PUT_MESSAGE, WRITE, CLOSE = 0, 1, 7, 8, 10  # orders of fuzz_engine.c
SUITES, WITH_CERTIFICATE, REQUIRE_CERTIFICATE, VERSION13 = 24, 4, 3, 128


def put_message(kind, body):
    return bytes([PUT_MESSAGE, kind]) + min(len(body), 1023).to_bytes(2, "big") + body[:1023]


def make_orders(out):
    """Seeds of the state machines: honest handshakes, one change at each message, the recorded messages put in."""
    for suite in range(SUITES):
        for flags in (0, WITH_CERTIFICATE | REQUIRE_CERTIFICATE, VERSION13, VERSION13 | 1):
            for side in ("server12", "client12"):
                put(out, side, f"honest-{suite}-{flags}", bytes([suite, flags] + 8 * [PASS] + [WRITE, 9, PASS, CLOSE]))
    for at in range(8):
        for side in ("server12", "client12"):
            change = bytes([1, WITH_CERTIFICATE | REQUIRE_CERTIFICATE] + at * [PASS] + [CHANGE, 0, 9, 1])
            put(out, side, f"change-{at}", change)
    recorded = (("client_hello", 1, "server12", 0), ("client_key_exchange_ecdhe", 16, "server12", 1),
                ("certificate_verify", 15, "server12", 1), ("server_hello", 2, "client12", 0),
                ("certificate", 11, "client12", 1), ("server_key_exchange", 12, "client12", 2),
                ("certificate_request", 13, "client12", 3))
    for name, kind, side, passed in recorded:
        for file in sorted(os.listdir(f"{out}/{name}")):
            with open(f"{out}/{name}/{file}", "rb") as f:
                put(out, side, f"{name}-{file}", bytes([1, 0] + passed * [PASS]) + put_message(kind, f.read()))


def make_messages13(out):
    """The messages of TLS 1.3 that travel protected: small ones, written by hand (RFC 8446 section 4)."""
    scheme, name = bytes.fromhex("000d0006000404030804"), bytes.fromhex("002f0008000600043002310a")
    put(out, "encrypted_extensions", "empty", bytes(2))
    put(out, "encrypted_extensions", "alpn", bytes.fromhex("00090010000500030268 32".replace(" ", "")))
    put(out, "certificate_request13", "schemes", bytes([0, 0, len(scheme)]) + scheme)
    put(out, "certificate_request13", "names", bytes([0, 0, len(scheme + name)]) + scheme + name)
    put(out, "certificate13", "none", bytes(4))
    put(out, "certificate13", "one", bytes([0, 0, 0, 9, 0, 0, 4]) + b"0\x020\0" + bytes(2))
    put(out, "finished13", "zeros", bytes(32))
    put(out, "certificate_status", "one", bytes([1, 0, 0, 3]) + b"rsp")
    put(out, "key_update", "not_requested", bytes(1))
    put(out, "key_update", "requested", bytes([1]))


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
    for program in ("openssl", "gnutls-cli", "gnutls-serv", "curl"):
        if not shutil.which(program):
            sys.exit(f"make_corpus: {program} is not installed")
    with tempfile.TemporaryDirectory() as work:
        make_keys(work)
        for name in [*NAMES.values(), "client_key_exchange_rsa", "client_key_exchange_ecdhe", "finished",
                     "server12", "client12"]:
            shutil.rmtree(f"{out}/{name}", ignore_errors=True)
        for client in CLIENTS:
            for server in SERVERS:
                for case in CASES:
                    record(out, work, client, server, case)
        put(out, "server_hello_done", "empty", b"")
    make_messages13(out)
    make_orders(out)


if __name__ == "__main__":
    main()
