#!/usr/bin/env python3
"""What TLS 1.3 has beside the big matrix: HelloRetryRequest, KeyUpdate, groups, AES-CCM, 10 MiB each way, and peers whose
versions differ.
"""

import argparse
import re
import time

import cells
import gnutls_peer
import handfast_peer
import openssl_peer
import process
import suites
import world as worlds
from cells import expect
from report import digest

SMALL, LARGE = 40_000, 10 * 1024 * 1024
AES128, AES256 = suites.TLS13[:2]
ECDHE_RSA = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
PEERS = {"openssl": openssl_peer, "gnutls": gnutls_peer}
GROUPS = ("X25519", "P-256", "P-384", "P-521")


def is_tls13(version):
    return version in ("TLSv1.3", "TLS1.3")


class Tls13:
    def __init__(self, args):
        self.world, self.program = worlds.World(args.world), args.handfast

    def serve(self, keys, policy="intermediate", **options):
        return handfast_peer.Serve(self.world, self.program, keys, policy=policy, **options)

    def connect(self, port, suite, payload, policy="intermediate", **options):
        return handfast_peer.connect(self.world, self.program, port, suite, payload, policy=policy, **options)

    # ---- handfast serve ----

    def client(self, peer, port, suite, size=SMALL, **options):
        payload = worlds.text_payload(size)
        report = PEERS[peer].client(self.world, port, suite, payload, **options)
        report.expect(suite, payload)
        return report

    def serve_cells(self, port):
        for peer in PEERS:
            yield f"{peer} to serve: {suites.CCM}", lambda p=peer: self.client(p, port, suites.CCM)
        for suite in suites.TLS13 + [suites.CCM]:
            yield f"openssl to serve: 10 MiB {suite}", lambda s=suite: self.client("openssl", port, s, LARGE)
        for group in GROUPS:
            yield f"serve: openssl offers {group} only", lambda g=group: self.client_group(port, g)
        yield "serve: KeyUpdate of the client", lambda: self.client_updates_keys(port, "k")
        yield "serve: KeyUpdate of the client, and ours asked for", lambda: self.client_updates_keys(port, "K")
        for command in ("rekey1", "rekey"):  # its own keys; ours too
            yield f"serve: KeyUpdate of gnutls, {command}", lambda c=command: self.gnutls_updates_keys(port, c)
        yield "serve: fallback of openssl", lambda: self.fallback(port)

    def client_group(self, port, group):
        report = self.client("openssl", port, AES128, more=["-groups", group])
        hellos = report.messages.count(", ClientHello")
        expect(hellos == 1, f"{group}: {hellos} ClientHello messages\n{report.messages}")

    def client_updates_keys(self, port, command):
        """s_client takes "k" and "K" as commands at the start of a line: data, update, data."""
        first, second = b"before\n", b"after\n"
        argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", self.world.ca, "-servername",
                "localhost", "-tls1_3", "-brief", "-msg"]
        client = process.Conversation(argv, first, len(first) + 10 ** 9)
        try:
            self.wait_for(client, first)
            client.process.stdin.write(command.encode() + b"\n")
            client.process.stdin.flush()
            self.wait_for(client, b"KeyUpdate")
            client.process.stdin.write(second)
            client.process.stdin.flush()
            self.wait_for(client, second)
            text = client.text()
            ours = len(re.findall(r"<<< .*KeyUpdate", text))
            expect(ours == (1 if command == "K" else 0), f"{ours} KeyUpdates of the server\n{text}\n{client.errors()}")
        finally:
            client.process.kill()
            client.finish()

    def gnutls_updates_keys(self, port, command):
        """gnutls-cli takes "^rekey^" at the start of a line as a command: data, then twice update and data."""
        argv = ["gnutls-cli", "127.0.0.1", "--port", port, "--verify-hostname", "localhost", "--x509cafile",
                self.world.ca, "--priority", gnutls_peer.priority(AES128, True), "--inline-commands", "--debug", 4,
                "--logfile", "/dev/null"]
        client = process.Conversation(argv, b"before\n", 10 ** 9)
        try:
            self.wait_for(client, b"before")
            for number, word in enumerate((b"between\n", b"after\n"), 1):
                client.process.stdin.write(f"^{command}^\n".encode())
                client.process.stdin.flush()
                self.wait_until(client, f"update {number}", lambda n=number: client.errors().count(
                    "KEY_UPDATE was queued") == n)
                client.process.stdin.write(word)
                client.process.stdin.flush()
                self.wait_for(client, word)
            ours = len(re.findall("KEY_UPDATE.* was received", client.errors()))
            expect(ours == (2 if command == "rekey" else 0), f"{ours} KeyUpdates of the server\n{client.errors()}")
        finally:
            client.process.kill()
            client.finish()

    def wait_for(self, client, word):
        self.wait_until(client, word, lambda: word.decode() in client.text())

    @staticmethod
    def wait_until(client, what, condition):
        end = time.monotonic() + process.PATIENCE
        while not condition():
            expect(time.monotonic() < end and client.process.poll() is None,
                   f"{process.shell(client.argv)}: no {what} in:\n{client.text()}\n{client.errors()}")
            time.sleep(0.02)

    def fallback(self, port):
        report = openssl_peer.client(self.world, port, ECDHE_RSA, b"x", more=["-fallback_scsv"])
        if report.code == 0 or report.received or "inappropriate fallback" not in report.errors:
            raise report.explain("expected the alert inappropriate_fallback")

    def serve_retry(self):
        """The client's first group is not ours: HelloRetryRequest."""
        with self.serve(["p256"], more=("--groups", "P-384,P-521")) as server:
            for peer, more in (("openssl", ["-groups", "X25519:P-384"]), ("gnutls", [])):
                report = self.client(peer, server.port, AES256, more=more)
                if peer == "openssl":
                    hellos = report.messages.count(", ClientHello")
                    expect(hellos == 2, f"{hellos} ClientHello messages\n{report.messages}")

    # ---- handfast connect ----

    def exchange(self, peer, key, suite, size=SMALL, server_more=(), more=()):
        payload = worlds.text_payload(size)
        with PEERS[peer].EchoServer(self.world, key, suite, payload, more=server_more) as server:
            code, received, errors, command = self.connect(server.port, suite, payload, more=more)
            expect(code == 0 and digest(received) == digest(payload),
                   f"{command}: exit code {code}, {len(received)} of {len(payload)} bytes\n{errors}\n{server.output()}")
            report = server.report()
        report.command = command
        if peer == "gnutls":
            report.received = payload  # the echo came back whole
        report.expect(suite, payload)
        return report

    def connect_retry(self):
        """The server does not want our first group."""
        report = self.exchange("openssl", "rsa", AES128, server_more=["-groups", "P-384"])
        hellos = report.messages.count(", ClientHello")
        expect(hellos == 2, f"{hellos} ClientHello messages\n{report.messages}")

    def connect_cells(self):
        for peer in PEERS:
            yield f"connect to {peer}: {suites.CCM}", lambda p=peer: self.exchange(p, "rsa", suites.CCM)
        for suite in suites.TLS13 + [suites.CCM]:
            yield f"connect to openssl: 10 MiB {suite}", lambda s=suite: self.exchange("openssl", "rsa", s, LARGE)
        for group in GROUPS:
            yield (f"connect offers {group} only",
                   lambda g=group: self.exchange("openssl", "rsa", AES128, more=["--groups", g]))
        for command, answers in (("k", 0), ("K", 1)):
            yield (f"connect: KeyUpdate of openssl, {answers} of ours asked for",
                   lambda c=command, a=answers: self.server_updates_keys(c, a))

    def server_updates_keys(self, command, answers):
        """s_server takes "k" and "K" at the start of a line: data both ways, update, data both ways."""
        argv = [self.program, "connect", "127.0.0.1:{}", "--name", "localhost", "--ca", self.world.ca]
        with process.Server(lambda port: ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-tls1_3", "-msg",
                                          "-cert", self.world.cert("rsa"), "-key", self.world.key("rsa")],
                            payload=b"", expect=10 ** 9) as server:
            argv[2] = argv[2].format(server.port)
            client = process.Conversation(argv, b"up one\n", 10 ** 9)
            ends = (client, server.conversation)
            try:
                self.wait_for(server.conversation, b"up one")
                for end, line, other, seen in ((ends[1], command, ends[1], b"KeyUpdate"),
                                               (ends[1], "down", ends[0], b"down"),
                                               (ends[0], "up two", ends[1], b"up two")):
                    end.process.stdin.write(line.encode() + b"\n")
                    end.process.stdin.flush()
                    self.wait_for(other, seen)
                text = server.conversation.text()
                expect(len(re.findall(">>> .*KeyUpdate", text)) == 1, f"the server sent no KeyUpdate\n{text}")
                expect(len(re.findall("<<< .*KeyUpdate", text)) == answers, f"not {answers} answers\n{text}")
            finally:
                client.process.kill()
                client.finish()

    # ---- versions ----

    def modern(self):
        """Nothing below TLS 1.3."""
        with self.serve(["rsa"], policy="modern") as server:
            self.client("openssl", server.port, AES128)
            report = openssl_peer.client(self.world, server.port, ECDHE_RSA, b"x")
            if report.code == 0 or "alert protocol version" not in report.errors:
                raise report.explain("expected the alert protocol_version")
        with openssl_peer.EchoServer(self.world, "rsa", ECDHE_RSA, b"") as server:
            code, received, errors, command = self.connect(server.port, None, b"x", policy="modern")
            expect(code == 1 and not received and "protocol_version" in errors, f"{command}: {code} {errors}")

    def defaults(self, policy):
        """Whoever can speak both speaks TLS 1.3; with --max-version 1.2 it stays TLS 1.2."""
        payload = worlds.text_payload(SMALL)
        for more, good in (((), is_tls13), (("--max-version", "1.2"), lambda version: not is_tls13(version))):
            with self.serve(["rsa"], policy=policy, more=more) as server:
                for peer in PEERS.values():
                    report = peer.client(self.world, server.port, None, payload)
                    expect(good(report.version) and report.received == payload and report.code == 0,
                           f"{report.command}: {report.version}\n{report.errors}")
            for peer in PEERS.values():
                with peer.EchoServer(self.world, "rsa", None, payload) as server:
                    code, received, errors, command = self.connect(server.port, None, payload, policy=policy, more=more)
                    expect(code == 0 and received == payload, f"{command}: {code} {errors}\n{server.output()}")
                    report = server.report()
                    expect(good(report.version), f"{command}: {report.version}\n{report.errors}")

    def version_cells(self):
        yield "policy modern", self.modern
        for policy in ("intermediate", "compatible"):
            yield f"versions of policy {policy}", lambda p=policy: self.defaults(p)
        yield "serve: HelloRetryRequest", self.serve_retry
        yield "connect: HelloRetryRequest", self.connect_retry

    def run(self):
        with self.serve(["rsa"], more=("--suites", ",".join(suites.TLS13 + [suites.CCM, ECDHE_RSA]))) as server:
            failed = cells.run_all(dict(self.serve_cells(server.port)), at_least=13)
        return failed + cells.run_all({**dict(self.connect_cells()), **dict(self.version_cells())}, at_least=15)


def main():
    parser = argparse.ArgumentParser()
    handfast_peer.program_argument(parser)
    cells.finish(Tls13(parser.parse_args()).run())


if __name__ == "__main__":
    main()
