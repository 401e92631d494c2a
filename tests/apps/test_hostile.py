"""Peers that mean no good, or no TLS: each one gets its end, the others do not notice."""
import os
import resource
import select
import socket
import ssl
import unittest

from support import WAIT, ProgramTest, in_time, read_exactly


class Hostile(ProgramTest):
    def raw(self, server):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=WAIT)
        self.addCleanup(connection.close)
        return connection

    def ended(self, connection):
        """Reads to the end; what came before it. A reset is an end."""
        try:
            return self.read_all(connection)
        except ConnectionResetError:
            return b""

    def works(self, server):
        connection = self.tls(server)
        connection.sendall(b"fine")
        self.assertEqual(read_exactly(connection, 4), b"fine")

    def test_plain_http_to_the_tls_port(self):
        server = self.serve("--echo")
        connection = self.raw(server)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = self.ended(connection)
        self.assertEqual(answer[:1], b"\x15", "an alert")
        server.await_error(r"127\.0\.0\.1:\d+: handshake failed: ")
        self.works(server)

    def test_silent_and_slow_clients_run_into_the_handshake_limit(self):
        server = self.serve("--echo", "--handshake-timeout", "1")
        silent, slow = self.raw(server), self.raw(server)
        slow.sendall(b"\x16\x03\x01\x00\x80\x01")
        in_time(lambda: self.works(server))
        self.ended(silent)
        self.ended(slow)
        server.await_error("handshake failed: .*--handshake-timeout")
        in_time(lambda: self.works(server))

    def test_idle_connection_is_closed_properly(self):
        server = self.serve("--echo", "--idle-timeout", "1")
        connection = self.tls(server)
        self.assertEqual(connection.recv(1), b"")

    def test_connection_limit_waits_and_goes_on(self):
        server = self.serve("--echo", "--max-connections", "2")
        first, second = self.tls(server), self.tls(server)
        third = self.raw(server)  # in the backlog: not accepted
        third.sendall(b"GET / HTTP/1.1\r\n\r\n")  # would be answered with an alert at once
        for connection in (first, second):
            connection.sendall(b"x")
            self.assertEqual(read_exactly(connection, 1), b"x")
        self.assertEqual(select.select([third], [], [], 1)[0], [], "more connections than allowed")
        first.close()
        self.assertEqual(self.ended(third)[:1], b"\x15")
        third.close()
        self.works(server)

    def test_out_of_descriptors(self):
        def limits():
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))

        server = self.serve("--echo", "--max-connections", "1000", limits=limits)
        many = [self.raw(server) for _ in range(60)]
        server.await_error("cannot accept a connection")
        for connection in many:
            connection.close()
        self.works(server)

    def nearly_connected(self, server):
        """A connection whose handshake waits for our last flight; and that."""
        raw, incoming, outgoing = self.raw(server), ssl.MemoryBIO(), ssl.MemoryBIO()
        client = self.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        while True:
            try:
                client.do_handshake()
                return raw, outgoing.read()
            except ssl.SSLWantReadError:
                if outgoing.pending:
                    raw.sendall(outgoing.read())
                incoming.write(raw.recv(65536))

    def test_no_descriptor_for_the_backend(self):
        """Whoever takes all descriptors costs others their connection, and not the server."""
        def limits():
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))

        with socket.create_server(("127.0.0.1", 0)) as backend:
            server = self.serve("--backend", "127.0.0.1:%d" % backend.getsockname()[1], "--max-connections", "1000",
                                limits=limits)
            unlucky, last_flight = self.nearly_connected(server)
            many = [self.raw(server) for _ in range(60)]
            for connection in many:
                connection.sendall(b"\x16")  # a silent one is accepted after a second only
            server.await_error("cannot accept a connection")
            unlucky.sendall(last_flight)
            self.ended(unlucky)
            server.await_error("backend .*: Too many open files")
            for connection in many:
                connection.close()
            self.tls(server)

    def test_random_bytes_and_cut_off_hellos(self):
        server = self.serve("--echo")
        for size in (1, 5, 6, 100, 20000):
            connection = self.raw(server)
            connection.sendall(os.urandom(size))
            connection.shutdown(socket.SHUT_WR)
            self.ended(connection)
        for _ in range(50):
            connection = self.raw(server)
            connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(505))
            connection.close()
        self.works(server)

    def test_log_is_limited_and_clean(self):
        server = self.serve("--echo")
        for connection in [self.raw(server) for _ in range(300)]:  # all at once: it is a limit for each second
            connection.sendall(b"\x1b[31mGET / HTTP/1.0\r\n\r\n")
        server.await_error("more lines like these were suppressed")
        text = server.errors()
        self.assertLess(text.count("handshake failed"), 300)
        self.assertNotIn("\x1b", text)

    def test_many_that_connect_and_leave(self):
        server = self.serve("--echo")
        for _ in range(500):
            self.raw(server).close()
        self.works(server)


if __name__ == "__main__":
    unittest.main()
