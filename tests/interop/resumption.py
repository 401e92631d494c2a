#!/usr/bin/env python3
"""Resumption with foreign peers: tickets of TLS 1.3 and 1.2 and session IDs, both directions; servers that share a key
in the token; and what an operator may ask for.
"""

import argparse
import pathlib
import re
import tempfile
import time

import cells
import gnutls_peer
import handfast_peer
import process
import suites
import world as worlds
from cells import expect

VERSIONS = ("1.2", "1.3")
ONLY = {"1.2": ("--min-version", "1.2", "--max-version", "1.2"), "1.3": ("--min-version", "1.3")}
SUITE = {"1.2": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "1.3": suites.TLS13[1]}
OPENSSL = {"1.2": "-tls1_2", "1.3": "-tls1_3"}
GNUTLS = {version: f"NORMAL:-VERS-ALL:+VERS-TLS{version}" for version in VERSIONS}


class Resumption:
    def __init__(self, args):
        self.world, self.program = worlds.World(args.world), args.handfast

    def serve(self, more=(), policy="intermediate"):
        return handfast_peer.Serve(self.world, self.program, ["rsa"], policy=policy, more=more)

    def ticket_key(self, name):
        return ("--ticket-key", self.world.token_key(name, kind="secret-key"))

    # ---- handfast serve ----

    def openssl_words(self, port, version, more):
        return ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-CAfile",
                self.world.ca, "-verify_return_error", OPENSSL[version], *more]

    def openssl_once(self, port, version, more):
        """One connection; True: reused. The echo makes sure that tickets of TLS 1.3 have come."""
        argv = self.openssl_words(port, version, [*more, "-ign_eof"])
        text, errors = self.conversation_until(argv, "hello\n")
        said = re.search(r"^(New|Reused), ", text, re.M)
        expect(said, f"{process.shell(argv)}:\n{text}\n{errors}")
        return said.group(1) == "Reused"

    def openssl_resumes(self, version, first, second, expected, what):
        with tempfile.NamedTemporaryFile() as session:
            expect(not self.openssl_once(first.port, version, ["-sess_out", session.name]), f"{what}: reused at once")
            # s_client writes it when the ticket comes, and at its end
            expect(pathlib.Path(session.name).stat().st_size > 0, f"{what}: no session was given")
            reused = self.openssl_once(second.port, version, ["-sess_in", session.name])
        expect(reused == expected, f"{what}: {'reused' if reused else 'a full handshake'}\n{second.output()}")

    def openssl_client(self, version):
        with self.serve() as server:
            self.openssl_resumes(version, server, server, True, version)

    def openssl_client_retried(self):
        """The binder is over the HelloRetryRequest and the hello before it, too: RFC 8446 section 4.2.11.2."""
        groups = ["-groups", "X25519:P-384"]
        with self.serve(("--groups", "P-384", "--explain")) as server, tempfile.NamedTemporaryFile() as session:
            self.openssl_once(server.port, "1.3", [*groups, "-sess_out", session.name])
            reused = self.openssl_once(server.port, "1.3", [*groups, "-sess_in", session.name])
            expect(reused, f"a full handshake\n{server.output()}")
            expect(server.output().count("received ClientHello") == 4, f"not asked again\n{server.output()}")

    def openssl_session_id(self):
        """-reconnect connects five times more; without tickets the ID is all there is."""
        for more, expected in ((("--session-cache", "10"), 5), ((), 0)):
            with self.serve(more) as server:
                argv = self.openssl_words(server.port, "1.2", ["-no_ticket", "-reconnect"])
                code, received, errors = process.converse(argv, b"", 0)
                text = received.decode(errors="replace")
                reused = len(re.findall(r"^Reused, ", text, re.M))
                expect(code == 0 and reused == expected, f"{process.shell(argv)}: {reused} reused\n{text}\n{errors}")

    def tickets_off(self, version):
        with self.serve(("--tickets", "off")) as server:
            with tempfile.NamedTemporaryFile() as session:
                self.openssl_once(server.port, version, ["-sess_out", session.name])
                reused = self.openssl_once(server.port, version, ["-sess_in", session.name]) \
                    if pathlib.Path(session.name).stat().st_size else False
            expect(not reused, "reused without tickets")

    def number_of_tickets(self, number):
        """s_client -msg shows each NewSessionTicket."""
        with self.serve(("--tickets", str(number))) as server:
            argv = self.openssl_words(server.port, "1.3", ["-msg", "-nocommands"])
            text, errors = self.conversation_until(argv, "hello\n")
            count = text.count(", NewSessionTicket")
            expect(count == number, f"{count} tickets, not {number}\n{text}\n{errors}")

    @staticmethod
    def conversation_until(argv, word):
        client = process.Conversation(argv, b"hello\n", 10 ** 9)
        end = time.monotonic() + process.PATIENCE
        while word not in client.text() and client.process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        text = client.text()
        client.process.terminate()
        return text, client.finish()[2]

    def gnutls_client(self, version):
        with self.serve() as server:
            argv = ["gnutls-cli", "127.0.0.1", "--port", server.port, "--verify-hostname", "localhost",
                    "--sni-hostname", "localhost", "--x509cafile", self.world.ca, "--priority", GNUTLS[version],
                    "--resume", "--waitresumption"]
            code, received, errors = process.converse(argv, b"hello\n", 6)
            text = received.decode(errors="replace") + errors
            expect("*** This is a resumed session" in text, f"{process.shell(argv)}: {code}\n{text}")

    def curl_client(self):
        """curl keeps sessions within one command: the second transfer, on a new connection, resumes."""
        with tempfile.TemporaryDirectory() as root:
            (pathlib.Path(root) / "x").write_text("content\n")
            with handfast_peer.Serve(self.world, self.program, ["rsa"], app=("--root", root), policy="intermediate",
                                     more=("--explain",)) as server:
                url = f"https://localhost:{server.port}/x"
                argv = ["curl", "-sS", "--cacert", self.world.ca, "--http1.1", "-H", "Connection: close", url, url]
                code, received, errors = process.converse(argv, b"", 0)
                expect(code == 0 and received == b"content\ncontent\n", f"{process.shell(argv)}: {code}\n{errors}")
                end = time.monotonic() + process.PATIENCE
                while "resumed:" not in server.output() and time.monotonic() < end:
                    time.sleep(0.02)
                expect(server.output().count("resumed: ") == 1, f"not resumed once\n{server.output()}")
                expect("no operation of the private key" in server.output(), server.output())

    def shared_key(self, version):
        """Two servers with one key in the token; after it is replaced, full handshakes without an error."""
        with self.serve(self.ticket_key("tickets")) as one, self.serve(self.ticket_key("tickets")) as two, \
                self.serve(self.ticket_key("tickets-new")) as replaced, self.serve() as alone:
            self.openssl_resumes(version, one, two, True, "another server with the same key")
            self.openssl_resumes(version, one, replaced, False, "after the key was replaced")
            self.openssl_resumes(version, one, alone, False, "a server without the key")
            self.openssl_resumes(version, alone, one, False, "a ticket of a server without the key")

    def shared_key_isolated(self, version):
        """The same when the key processes have the key, and with one server that has it itself."""
        isolated = (*self.ticket_key("tickets"), "--isolate")
        with self.serve(isolated) as one, self.serve(isolated) as two, self.serve(self.ticket_key("tickets")) as plain, \
                self.serve((*self.ticket_key("tickets-new"), "--isolate")) as replaced:
            self.openssl_resumes(version, one, two, True, "another isolated server with the same key")
            self.openssl_resumes(version, one, plain, True, "a server that has the key itself")
            self.openssl_resumes(version, plain, two, True, "a ticket of a server that has the key itself")
            self.openssl_resumes(version, one, replaced, False, "after the key was replaced")

    def client_authentication(self, version):
        """A session without a certificate is none where one is required; the full handshake then asks for it."""
        required = ("--client-ca", self.world.ca)
        with self.serve(self.ticket_key("tickets")) as open_to_all, \
                self.serve((*self.ticket_key("tickets"), *required)) as strict:
            credential = ["-cert", self.world.cert("client-p256"), "-key", self.world.key("client-p256")]
            with tempfile.NamedTemporaryFile() as session:
                self.openssl_once(open_to_all.port, version, ["-sess_out", session.name])
                reused = self.openssl_once(strict.port, version, ["-sess_in", session.name, *credential])
                expect(not reused, "resumed without the certificate that is required")
            with tempfile.NamedTemporaryFile() as session:
                self.openssl_once(strict.port, version, ["-sess_out", session.name, *credential])
                reused = self.openssl_once(strict.port, version, ["-sess_in", session.name])
                expect(reused, "not resumed with the certificate of the first connection")

    # ---- handfast connect ----

    def connect(self, port, more, payload=b"x\n", expect_bytes=None):
        code, received, errors, command = handfast_peer.connect(self.world, self.program, port, None, payload,
                                                                policy="intermediate", expect=expect_bytes, more=more)
        return code, errors, f"{command}: exit code {code}\n{errors}"

    def connect_to_serve(self, version):
        with self.serve(("--explain",)) as server:
            code, errors, what = self.connect(server.port, ("--resume", "3", "--explain", *ONLY[version]))
            expect(code == 0 and errors.count("resumed by a ticket") == 3, what)
            expect(errors.count("resumed: the session of an earlier connection goes on") == 3, what)
            expect(server.output().count("no operation of the private key") == 3, server.output())
            expect(server.output().count("private key asked") == 1, server.output())

    def connect_by_id(self):
        with self.serve(("--tickets", "off", "--session-cache", "4")) as server:
            code, errors, what = self.connect(server.port, ("--resume", "2", *ONLY["1.2"]))
            expect(code == 0 and errors.count("resumed by a session ID") == 2, what)

    def connect_without(self):
        with self.serve(("--tickets", "off")) as server:
            code, errors, what = self.connect(server.port, ("--resume", "2"))
            expect(code == 1 and "the server gave no session to resume" in errors, what)

    def connect_to_openssl(self, version):
        """s_server keeps its ticket key from connection to connection; -rev answers with the line turned round."""
        def argv(port):
            return ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", self.world.cert("rsa"), "-key",
                    self.world.key("rsa"), OPENSSL[version], "-rev"]

        with process.Server(argv) as server:
            code, errors, what = self.connect(server.port, ("--resume", "2", *ONLY[version]), b"abc\n", 4)
            expect(code == 0 and errors.count("resumed by a ticket") == 2, what)

    def connect_to_openssl_retried(self):
        """Through a HelloRetryRequest each time."""
        def argv(port):
            return ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", self.world.cert("rsa"), "-key",
                    self.world.key("rsa"), "-tls1_3", "-groups", "P-384", "-rev"]

        with process.Server(argv) as server:
            code, errors, what = self.connect(server.port, ("--resume", "2", "--explain", *ONLY["1.3"]), b"abc\n", 4)
            expect(code == 0 and errors.count("resumed by a ticket") == 2, what)
            expect(errors.count("sent ClientHello") == 6, what)

    def connect_to_openssl_by_id(self):
        def argv(port):
            return ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", self.world.cert("rsa"), "-key",
                    self.world.key("rsa"), "-tls1_2", "-no_ticket", "-rev"]

        with process.Server(argv) as server:
            code, errors, what = self.connect(server.port, ("--resume", "2"), b"abc\n", 4)
            expect(code == 0 and errors.count("resumed by a session ID") == 2, what)

    def connect_to_gnutls(self, version):
        def argv(port):
            return ["gnutls-serv", "--echo", "--port", port, "--x509certfile", self.world.cert("rsa"), "--x509keyfile",
                    self.world.key("rsa"), "--priority", GNUTLS[version], "--disable-client-cert"]

        with process.Server(argv) as server:
            code, errors, what = self.connect(server.port, ("--resume", "2", *ONLY[version]))
            expect(code == 0 and errors.count("resumed by a ticket") == 2, what)

    # ---- the command line ----

    def refused(self, more, code, word):
        token = handfast_peer.OwnToken(self.world)
        argv = [self.program, "serve", "--listen", "127.0.0.1:0", "--echo", "--cert", self.world.token_cert("rsa"),
                "--key", self.world.token_key("rsa"), *more]
        seen, _, errors = process.converse(argv, env=token.environment)
        token.cleanup()
        expect(seen == code and word in errors and errors.count("\n") == 1, f"{process.shell(argv)}: {seen}\n{errors}")

    def cells(self):
        for version in VERSIONS:
            yield f"openssl to serve, TLS {version}", lambda v=version: self.openssl_client(v)
            yield f"gnutls to serve, TLS {version}", lambda v=version: self.gnutls_client(v)
            yield f"tickets off, TLS {version}", lambda v=version: self.tickets_off(v)
            yield f"a key in the token, TLS {version}", lambda v=version: self.shared_key(v)
            yield f"a key in the token of key processes, TLS {version}", lambda v=version: self.shared_key_isolated(v)
            yield f"client authentication, TLS {version}", lambda v=version: self.client_authentication(v)
            yield f"connect to serve, TLS {version}", lambda v=version: self.connect_to_serve(v)
            yield f"connect to openssl, TLS {version}", lambda v=version: self.connect_to_openssl(v)
            yield f"connect to gnutls, TLS {version}", lambda v=version: self.connect_to_gnutls(v)
        for number in (1, 4):
            yield f"{number} tickets", lambda n=number: self.number_of_tickets(n)
        yield "openssl to serve, HelloRetryRequest", self.openssl_client_retried
        yield "connect to openssl, HelloRetryRequest", self.connect_to_openssl_retried
        yield "openssl to serve, session ID", self.openssl_session_id
        yield "curl to serve", self.curl_client
        yield "connect to serve, session ID", self.connect_by_id
        yield "connect to openssl, session ID", self.connect_to_openssl_by_id
        yield "connect to serve without tickets", self.connect_without
        private = self.world.token_key("rsa")
        for more, code, word in (
                (("--ticket-key", self.world.token_key("nothing", kind="secret-key")), 1, "no secret key"),
                (("--ticket-key", private), 1, "names no secret key"),
                (("--ticket-key", "ticket.key"), 2, "pkcs11: URI"),
                (("--ticket-key", private, "--tickets", "off"), 2, "exclude each other"),
                (("--ticket-key", self.world.token_key("nothing", kind="secret-key"), "--isolate"), 1, "no secret key"),
                (("--ticket-key", private, "--isolate"), 1, "names no secret key"),
                (("--tickets", "9"), 2, "1..8"), (("--tickets", "0"), 2, "1..8"),
                (("--ticket-lifetime", "604801"), 2, "604800"), (("--session-cache", "0"), 2, "1..1048576")):
            yield f"serve {' '.join(map(str, more))} refused", \
                lambda m=more, c=code, w=word: self.refused(m, c, w)

    def run(self):
        return cells.run_all(dict(self.cells()), at_least=37)


def main():
    parser = argparse.ArgumentParser()
    handfast_peer.program_argument(parser)
    cells.finish(Resumption(parser.parse_args()).run())


if __name__ == "__main__":
    main()
