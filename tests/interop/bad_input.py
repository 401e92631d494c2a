#!/usr/bin/env python3
"""What reaches a TLS port without being TLS: old versions, other protocols, noise, half and slow connections.

Every cell runs against the same server, at the same time; after its mischief a good client must still be served.
"""

import argparse
import random
import re
import socket
import threading

import cells
import handfast_peer
import openssl_peer
import process
import raw_tls
import robot
import world as worlds
from cells import expect

SUITE = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
HANDSHAKE, FATAL = raw_tls.HANDSHAKE, 2


def hello_record(**options):
    version = options.pop("record_version", 0x0301)
    return raw_tls.record(HANDSHAKE, raw_tls.client_hello(**options), version)


def refused(port, data, *descriptions):
    """The server answers with one fatal alert of `descriptions` and closes, though we keep our side open."""
    with raw_tls.Connection(port) as connection:
        connection.send(data)
        records = connection.read_to_end()
    alerts = raw_tls.alerts(records)
    expect(len(alerts) == 1 and alerts[0][0] == FATAL and alerts[0][1] in descriptions,
           f"{data[:40].hex()}... was answered by {records}, expected a fatal alert of {descriptions}")


def no_handshake(port, data):
    """Whatever this is, the server closes and never gets as far as a ServerHello."""
    with raw_tls.Connection(port) as connection:
        connection.send(data)
        connection.half_close()
        records = connection.read_to_end()
    expect(all(kind == raw_tls.ALERT for kind, _ in records), f"{data[:40].hex()}... was answered by {records}")


# ---- other protocols and old versions ----------------------------------------------------------------------------

def plain_http(world, port):
    refused(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", raw_tls.UNEXPECTED_MESSAGE)


def random_bytes(world, port):
    generator = random.Random(2246)
    for _ in range(50):
        no_handshake(port, generator.randbytes(generator.randrange(1, 3000)))


def random_handshake_bodies(world, port):
    """A right record header before noise."""
    generator = random.Random(5246)
    for _ in range(50):
        no_handshake(port, raw_tls.record(HANDSHAKE, generator.randbytes(generator.randrange(1, 600)), 0x0301))


def cut_hellos(world, port):
    """A good ClientHello that ends early, at every length."""
    hello = hello_record()
    for size in range(0, len(hello), 3):
        no_handshake(port, hello[:size])


def ssl2_hello(world, port):
    refused(port, raw_tls.sslv2_client_hello(), raw_tls.PROTOCOL_VERSION)


def old_version(version):
    def cell(world, port):
        refused(port, hello_record(version=version, record_version=min(version, 0x0301)), raw_tls.PROTOCOL_VERSION)
    return cell


def ssl3_without_extensions(world, port):
    refused(port, hello_record(version=0x0300, record_version=0x0300, suites=[0x002f, 0x000a], extensions=None),
            raw_tls.PROTOCOL_VERSION)


def openssl_old_version(option):
    def cell(world, port):
        argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", option, "-cipher", "ALL:@SECLEVEL=0", "-CAfile",
                world.ca]  # SECLEVEL 0: OpenSSL itself would not send it otherwise
        code, _, errors = process.converse(argv)
        expect(code != 0 and re.search("alert protocol version", errors),
               f"{process.shell(argv)}: exit code {code}\n{errors}")
    return cell


def no_common_suite(world, port):
    refused(port, hello_record(suites=[0x0005, 0x000a, 0x1301]), raw_tls.HANDSHAKE_FAILURE)


def only_compression(world, port):
    refused(port, hello_record(compression=b"\x01"), raw_tls.ILLEGAL_PARAMETER, raw_tls.DECODE_ERROR,
            raw_tls.HANDSHAKE_FAILURE)


def application_data_first(world, port):
    refused(port, raw_tls.record(raw_tls.APPLICATION_DATA, b"hello?"), raw_tls.UNEXPECTED_MESSAGE)


def change_cipher_spec_first(world, port):
    refused(port, raw_tls.record(raw_tls.CHANGE_CIPHER_SPEC, b"\x01"), raw_tls.UNEXPECTED_MESSAGE)


def finished_first(world, port):
    refused(port, raw_tls.record(HANDSHAKE, raw_tls.message(20, bytes(12))), raw_tls.UNEXPECTED_MESSAGE)


def record_too_long(world, port):
    refused(port, bytes([HANDSHAKE, 3, 1]) + (20000).to_bytes(2, "big") + bytes(20000), raw_tls.RECORD_OVERFLOW)


def trailing_byte(world, port):
    hello = raw_tls.client_hello()
    refused(port, raw_tls.record(HANDSHAKE, raw_tls.message(raw_tls.CLIENT_HELLO, hello[4:] + b"\x00"), 0x0301),
            raw_tls.DECODE_ERROR)


def twice_the_same_extension(world, port):
    refused(port, hello_record(extensions=raw_tls.DEFAULT_EXTENSIONS + raw_tls.EXTENDED_MASTER_SECRET),
            raw_tls.ILLEGAL_PARAMETER, raw_tls.DECODE_ERROR)


def early_change_cipher_spec(world, port):
    """CVE-2014-0224: ChangeCipherSpec before the key exchange."""
    with raw_tls.Connection(port) as connection:
        connection.send(hello_record())
        connection.read_until_done()
        connection.send(raw_tls.record(raw_tls.CHANGE_CIPHER_SPEC, b"\x01"))
        records = connection.read_to_end()
    expect(raw_tls.alerts(records) == [(FATAL, raw_tls.UNEXPECTED_MESSAGE)], f"answered by {records}")


def heartbeat(world, port):
    """CVE-2014-0160: a heartbeat request, which nobody negotiated."""
    refused(port, raw_tls.record(24, b"\x01\x40\x00"), raw_tls.UNEXPECTED_MESSAGE)


def bleichenbacher(world, port):
    robot.check(port, world.token_cert("rsa"))


# ---- clients that do not go on, or go away -----------------------------------------------------------------------

def many_half_open(world, port):
    """Hundreds of clients that stop in the middle of their hello do not keep others out."""
    hello = hello_record()
    held = [raw_tls.Connection(port) for _ in range(200)]
    try:
        for at, connection in enumerate(held):
            connection.send(hello[:at % len(hello)])
        good_client(world, port)
    finally:
        for connection in held:
            connection.socket.close()


def left_after_flight(world, port):
    """Clients that take the server's flight (and its signature from the token) and leave, with FIN and with RST."""
    for end in ("close", "reset"):
        for _ in range(10):
            connection = raw_tls.Connection(port)
            connection.send(hello_record())
            connection.read_until_done()
            connection.reset() if end == "reset" else connection.socket.close()


def left_while_signing(world, port):
    """Clients that leave while the token may still be at work for them."""
    for _ in range(20):
        connection = raw_tls.Connection(port)
        connection.send(hello_record())
        connection.reset()


def one_byte_at_a_time(world, port):
    """A whole good connection, in which every byte travels alone in both directions."""
    with Dribble(port) as slow:
        payload = worlds.binary_payload(2000)
        openssl_peer.client(world, slow.port, SUITE, payload).expect(SUITE, payload)


def cut_in_the_middle(world, port):
    """The transport ends without close_notify while data flows."""
    with Dribble(port, limit=20_000, piece=1000) as slow:
        openssl_peer.client(world, slow.port, SUITE, worlds.binary_payload(100_000))


def renegotiation(world, port):
    """RFC 5746 or not: a client that asks for another handshake does not get one."""
    argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-tls1_2", "-CAfile",
            world.ca]
    code, _, errors = process.converse(argv, b"R\n")
    expect("renegotiation" in errors.lower() and code != 0, f"{process.shell(argv)}: exit code {code}\n{errors}")


class Dribble:
    """A relay that passes `piece` bytes at a time, and cuts both directions after `limit`."""

    def __init__(self, port, limit=None, piece=1):
        self.target, self.limit, self.piece = port, limit, piece
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._relay, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _relay(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.target))
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source, sink):
        passed = 0
        try:
            while data := source.recv(4096):
                for at in range(0, len(data), self.piece):
                    sink.sendall(data[at:at + self.piece])
                    passed += self.piece
                    if self.limit and passed >= self.limit:
                        source.shutdown(socket.SHUT_RDWR)
                        sink.shutdown(socket.SHUT_RDWR)
                        return
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def good_client(world, port):
    payload = worlds.binary_payload(10_000)
    openssl_peer.client(world, port, SUITE, payload).expect(SUITE, payload)


CELLS = {
    "plain HTTP": plain_http,
    "random bytes": random_bytes,
    "random handshake bodies": random_handshake_bodies,
    "cut ClientHello": cut_hellos,
    "SSL 2 ClientHello": ssl2_hello,
    "SSL 3 ClientHello": old_version(0x0300),
    "SSL 3 ClientHello without extensions": ssl3_without_extensions,
    "TLS 1.0 ClientHello": old_version(0x0301),
    "TLS 1.1 ClientHello": old_version(0x0302),
    "openssl -tls1": openssl_old_version("-tls1"),
    "openssl -tls1_1": openssl_old_version("-tls1_1"),
    "no common suite": no_common_suite,
    "only compression": only_compression,
    "application data first": application_data_first,
    "ChangeCipherSpec first": change_cipher_spec_first,
    "Finished first": finished_first,
    "record of 20000 bytes": record_too_long,
    "byte after the ClientHello's end": trailing_byte,
    "extension twice": twice_the_same_extension,
    "early ChangeCipherSpec": early_change_cipher_spec,
    "heartbeat": heartbeat,
    "Bleichenbacher": bleichenbacher,
    "200 half-open clients": many_half_open,
    "left after the server's flight": left_after_flight,
    "left while signing": left_while_signing,
    "one byte at a time": one_byte_at_a_time,
    "cut in the middle": cut_in_the_middle,
    "renegotiation": renegotiation,
}


def with_good_client_after(cell, world, port):
    cell(world, port)
    good_client(world, port)


# ---- limits: each with a server of its own -----------------------------------------------------------------------

class Limits:
    def __init__(self, args):
        self.world, self.program = worlds.World(args.world), args.handfast

    def serve(self, *more):
        return handfast_peer.Serve(self.world, self.program, ["rsa"], more=more)

    def handshake_timeout(self):
        """Whoever does not finish a handshake is put out: silent, half a hello, or gone quiet after the flight."""
        hello = hello_record()
        with self.serve("--handshake-timeout", "1") as server:
            for opening in (b"", hello[:60], hello):
                with raw_tls.Connection(server.port) as connection:
                    connection.send(opening)
                    connection.read_to_end()  # raises when the server does not close
            cells.in_time(lambda: good_client(self.world, server.port))

    def idle_timeout(self):
        """An established connection without traffic is closed in good order."""
        with self.serve("--idle-timeout", "1") as server:
            argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", "localhost", "-tls1_2",
                    "-CAfile", self.world.ca, "-verify_return_error", "-brief", "-nocommands"]
            # One byte more than ever comes back: stdin stays open until the server has closed.

            def attempt():
                code, received, errors = process.converse(argv, b"hello", 6)
                expect(code == 0 and received == b"hello",
                       f"{process.shell(argv)}: exit code {code}, {received}\n{errors}")

            cells.in_time(attempt)

    def max_connections(self):
        """Beyond the limit nobody is served; as soon as one leaves, somebody is."""
        with self.serve("--max-connections", "3", "--threads", "1") as server:
            held = [raw_tls.Connection(server.port) for _ in range(3)]
            for connection in held:
                connection.send(hello_record())
                connection.read_until_done()
            with raw_tls.Connection(server.port) as extra:
                extra.send(hello_record())
                extra.socket.settimeout(1)
                try:
                    answer = extra.read_record()
                except TimeoutError:
                    answer = None
                expect(answer is None or answer[0] != HANDSHAKE, f"a connection beyond the limit got {answer}")
            for connection in held:
                connection.socket.close()
            good_client(self.world, server.port)


def main():
    parser = argparse.ArgumentParser()
    handfast_peer.program_argument(parser)
    args = parser.parse_args()
    world = worlds.World(args.world)
    with handfast_peer.Serve(world, args.handfast, ["rsa", "p256"]) as server:
        matrix = {name: lambda cell=cell: with_good_client_after(cell, world, server.port)
                  for name, cell in CELLS.items()}
        failed = cells.run_all(matrix, at_least=28)
        alive = server.process.poll() is None
    limits = Limits(args)
    failed += cells.run_all({name: getattr(limits, name) for name in
                             ("handshake_timeout", "idle_timeout", "max_connections")}, at_least=3)
    cells.finish(failed + ([] if alive else ["the server ended before it was told to"]))


if __name__ == "__main__":
    main()
