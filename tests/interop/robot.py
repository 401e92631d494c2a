"""Bleichenbacher's attack from outside (RFC 5246 section 7.4.7.1; "ROBOT"): whatever the padding of the encrypted
premaster secret is like, the server must answer with the same bytes.

All cases end in a Finished that cannot be right, the well-padded one too: nothing but the padding differs.
"""

import os
import subprocess

import raw_tls
from cells import expect

EXPONENT = 65537
RSA_SUITE = 0x009c  # TLS_RSA_WITH_AES_128_GCM_SHA256


def modulus_of(certificate):
    text = subprocess.run(["openssl", "x509", "-in", str(certificate), "-noout", "-modulus"], check=True,
                          capture_output=True, text=True).stdout
    return int(text.strip().split("=")[1], 16)


def nonzero(size):
    return bytes(byte or 1 for byte in os.urandom(size))


def padded_blocks(size):
    """Name -> the block before encryption, `size` bytes each, all below the modulus."""
    premaster = b"\x03\x03" + os.urandom(46)
    fill = nonzero(size - 3 - 48)
    good = b"\x00\x02" + fill + b"\x00" + premaster
    return {
        "well padded": good,
        "first byte 0x01": b"\x01" + good[1:],
        "block type 1": b"\x00\x01" + good[2:],
        "block type 0": b"\x00\x00" + good[2:],
        "no separator": b"\x00\x02" + nonzero(size - 2),
        "separator at once": b"\x00\x02\x00" + nonzero(size - 3),
        "separator after 7 bytes": b"\x00\x02" + fill[:7] + b"\x00" + nonzero(size - 10),
        "premaster of 47 bytes": b"\x00\x02" + fill + b"\x01\x00" + premaster[:47],
        "premaster of 49 bytes": b"\x00\x02" + fill[:-1] + b"\x00\x03" + premaster,
        "premaster empty": b"\x00\x02" + nonzero(size - 3) + b"\x00",
        "separator inside the premaster": b"\x00\x02" + fill + b"\x00\x00" + premaster[1:],
        "version 3.2 in the premaster": good[:-48] + b"\x03\x02" + premaster[2:],
        "version 0.0 in the premaster": good[:-48] + b"\x00\x00" + premaster[2:],
        "all zero": bytes(size),
        "one": (1).to_bytes(size, "big"),
    }


def ask(port, modulus, block, finished):
    """One handshake with this block; returns all that the server says after it."""
    size = (modulus.bit_length() + 7) // 8
    encrypted = pow(int.from_bytes(block, "big"), EXPONENT, modulus).to_bytes(size, "big")
    with raw_tls.Connection(port) as connection:
        connection.send(raw_tls.record(raw_tls.HANDSHAKE, raw_tls.client_hello(suites=[RSA_SUITE])))
        connection.read_until_done()
        key_exchange = raw_tls.message(raw_tls.CLIENT_KEY_EXCHANGE, raw_tls.vector(encrypted, 2))
        connection.send(raw_tls.record(raw_tls.HANDSHAKE, key_exchange))
        if finished:
            connection.send(raw_tls.record(raw_tls.CHANGE_CIPHER_SPEC, b"\x01"))
            connection.send(raw_tls.record(raw_tls.HANDSHAKE, os.urandom(40)))
        else:
            connection.half_close()
        return connection.read_to_end()


def check(port, certificate):
    modulus = modulus_of(certificate)
    blocks = padded_blocks((modulus.bit_length() + 7) // 8)
    for finished in (True, False):
        answers = {name: ask(port, modulus, block, finished) for name, block in blocks.items()}
        expected = answers["well padded"]
        for name, answer in answers.items():
            expect(answer == expected, f"padding '{name}' is answered by {answer}, a good one by {expected}")
        if finished:
            expect(raw_tls.alerts(expected) == [(2, raw_tls.BAD_RECORD_MAC)],
                   f"answer to a wrong Finished is {expected}, not the alert bad_record_mac")
