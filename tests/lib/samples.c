/* The messages behind samples.h. */
#include "samples.h"

#include <stdlib.h>
#include <string.h>

void sample_fill(sample *s, unsigned byte, size_t n)
{
    if (n > SAMPLE_SIZE - s->len)
        abort();
    memset(s->bytes + s->len, (int)byte, n);
    s->len += n;
}

void sample_bytes(sample *s, const void *p, size_t n)
{
    size_t at = s->len;
    sample_fill(s, 0, n);
    memcpy(s->bytes + at, p, n);
}

void sample_u8(sample *s, unsigned v)
{
    sample_fill(s, v, 1);
}

void sample_u16(sample *s, unsigned v)
{
    sample_u8(s, v >> 8);
    sample_u8(s, v & 0xff);
}

size_t sample_open(sample *s, unsigned length_bytes)
{
    if (s->n_fields == SAMPLE_FIELDS)
        abort();
    s->fields[s->n_fields].at = s->len;
    s->fields[s->n_fields].size = length_bytes;
    sample_fill(s, 0, length_bytes);
    return s->n_fields++;
}

void sample_close(sample *s, size_t field)
{
    size_t at = s->fields[field].at;
    unsigned size = s->fields[field].size;
    size_t n = s->len - at - size;
    for (unsigned i = 0; i < size; i++)
        s->bytes[at + i] = (uint8_t)(n >> 8 * (size - 1 - i));
}

/* ---- Hellos ---------------------------------------------------------------------------------------- */

void sample_client_hello_start(sample *s)
{
    s->codec = "client_hello";
    sample_u16(s, 0x0303);
    sample_fill(s, 0xc1, 32);
    size_t id = sample_open(s, 1);
    sample_fill(s, 0x5e, 32);
    sample_close(s, id);
    size_t suites = sample_open(s, 2);
    sample_u16(s, 0xc02f);
    sample_u16(s, 0x009c);
    sample_u16(s, 0x00ff);
    sample_close(s, suites);
    size_t compression = sample_open(s, 1);
    sample_u8(s, 0);
    sample_close(s, compression);
}

void sample_server_hello_start(sample *s)
{
    s->codec = "server_hello";
    sample_u16(s, 0x0303);
    sample_fill(s, 0x5e, 32);
    size_t id = sample_open(s, 1);
    sample_fill(s, 0xd1, 32);
    sample_close(s, id);
    sample_u16(s, 0xc02f);
    sample_u8(s, 0);
}

static void flag(sample *s, unsigned type)
{
    sample_u16(s, type);
    sample_close(s, sample_open(s, 2));
}

/* An extension whose data is one vector. */
static void vector(sample *s, unsigned type, unsigned length_bytes, const void *p, size_t n)
{
    sample_u16(s, type);
    size_t data = sample_open(s, 2);
    size_t list = sample_open(s, length_bytes);
    sample_bytes(s, p, n);
    sample_close(s, list);
    sample_close(s, data);
}

static void server_name(sample *s, const char *name)
{
    sample_u16(s, 0);
    size_t data = sample_open(s, 2);
    size_t list = sample_open(s, 2);
    sample_u8(s, 0);
    size_t host = sample_open(s, 2);
    sample_bytes(s, name, strlen(name));
    sample_close(s, host);
    sample_close(s, list);
    sample_close(s, data);
}

static void alpn(sample *s, const char *first, const char *second)
{
    sample_u16(s, 16);
    size_t data = sample_open(s, 2);
    size_t list = sample_open(s, 2);
    size_t name = sample_open(s, 1);
    sample_bytes(s, first, strlen(first));
    sample_close(s, name);
    if (second) {
        name = sample_open(s, 1);
        sample_bytes(s, second, strlen(second));
        sample_close(s, name);
    }
    sample_close(s, list);
    sample_close(s, data);
}

static void number(sample *s, unsigned type, unsigned bytes, unsigned value)
{
    sample_u16(s, type);
    size_t data = sample_open(s, 2);
    if (bytes == 2)
        sample_u16(s, value);
    else
        sample_u8(s, value);
    sample_close(s, data);
}

/* certificate_authorities, RFC 8446 section 4.2.4. */
static void names(sample *s, unsigned type)
{
    sample_u16(s, type);
    size_t data = sample_open(s, 2);
    size_t list = sample_open(s, 2);
    for (int i = 0; i < 2; i++) {
        size_t name = sample_open(s, 2);
        sample_bytes(s, "name", 4);
        sample_close(s, name);
    }
    sample_close(s, list);
    sample_close(s, data);
}

/* key_share, RFC 8446 section 4.2.8. */
static void client_shares(sample *s)
{
    sample_u16(s, 51);
    size_t data = sample_open(s, 2);
    size_t list = sample_open(s, 2);
    for (unsigned group = 0x1d; group >= 0x17; group -= 6) {
        sample_u16(s, group);
        size_t share = sample_open(s, 2);
        sample_fill(s, 0x77, 32);
        sample_close(s, share);
    }
    sample_close(s, list);
    sample_close(s, data);
}

static void identity(sample *s, const char *name, unsigned age)
{
    size_t f = sample_open(s, 2);
    sample_bytes(s, name, strlen(name));
    sample_close(s, f);
    sample_u16(s, age >> 16);
    sample_u16(s, age & 0xffff);
}

static void binder(sample *s, unsigned byte, size_t n)
{
    size_t f = sample_open(s, 1);
    sample_fill(s, byte, n);
    sample_close(s, f);
}

/* status_request, RFC 6066 section 8. */
static void status_request(sample *s)
{
    sample_u16(s, 5);
    size_t data = sample_open(s, 2);
    sample_u8(s, 1);
    sample_close(s, sample_open(s, 2)); /* as we write it: any responder, no extensions */
    sample_close(s, sample_open(s, 2));
    sample_close(s, data);
}

static void pre_shared_keys(sample *s)
{
    sample_u16(s, 41);
    size_t data = sample_open(s, 2), identities = sample_open(s, 2);
    identity(s, "first", 0x01020304);
    identity(s, "second", 0xfffefdfc);
    sample_close(s, identities);
    size_t binders = sample_open(s, 2);
    binder(s, 0xb1, 32);
    binder(s, 0xb2, 48);
    sample_close(s, binders);
    sample_close(s, data);
}

static void client_hello_full(sample *s)
{
    s->title = "every extension";
    sample_client_hello_start(s);
    s->optional_at = s->len;
    size_t block = sample_open(s, 2);
    server_name(s, "www.example.org");
    number(s, 1, 1, 4);
    vector(s, 10, 2, "\x00\x1d\x00\x17\x00\x18\x00\x19", 8);
    vector(s, 11, 1, "\x00", 1);
    vector(s, 13, 2, "\x04\x03\x08\x04\x04\x01", 6);
    vector(s, 50, 2, "\x04\x03\x04\x01", 4);
    alpn(s, "h2", "http/1.1");
    flag(s, 22);
    flag(s, 23);
    number(s, 28, 2, 0x4001);
    vector(s, 43, 1, "\x03\x04\x03\x03", 4);
    vector(s, 0xff01, 1, "", 0);
    vector(s, 44, 2, "cookie", 6);
    names(s, 47);
    client_shares(s);
    sample_u16(s, 21); /* padding */
    size_t padding = sample_open(s, 2);
    sample_fill(s, 0, 7);
    sample_close(s, padding);
    sample_u16(s, 35);
    size_t ticket = sample_open(s, 2);
    sample_fill(s, 0x54, 9);
    sample_close(s, ticket);
    vector(s, 45, 1, "\x01\x00", 2);
    flag(s, 42);
    status_request(s);
    pre_shared_keys(s);
    sample_close(s, block);
}

static void client_hello_bare(sample *s)
{
    s->title = "no extensions";
    sample_client_hello_start(s);
}

static void client_hello_empty_session(sample *s)
{
    s->codec = "client_hello";
    s->title = "empty session_id, empty extensions";
    sample_u16(s, 0x0303);
    sample_fill(s, 0xc1, 32);
    sample_close(s, sample_open(s, 1));
    size_t suites = sample_open(s, 2);
    sample_u16(s, 0xc02f);
    sample_close(s, suites);
    size_t compression = sample_open(s, 1);
    sample_u8(s, 0);
    sample_close(s, compression);
    s->optional_at = s->len;
    sample_close(s, sample_open(s, 2));
}

static void server_hello_full(sample *s)
{
    s->title = "every extension";
    sample_server_hello_start(s);
    s->optional_at = s->len;
    size_t block = sample_open(s, 2);
    flag(s, 0);
    number(s, 1, 1, 2);
    vector(s, 11, 1, "\x00", 1);
    alpn(s, "h2", NULL);
    flag(s, 22);
    flag(s, 23);
    number(s, 28, 2, 0x4000);
    number(s, 43, 2, 0x0304);
    vector(s, 0xff01, 1, "abcdefghijkl", 12);
    flag(s, 35);
    number(s, 41, 2, 7);
    sample_close(s, block);
}

static void server_hello_bare(sample *s)
{
    s->title = "no extensions";
    sample_server_hello_start(s);
}

/* ---- The other messages ------------------------------------------------------------------------------ */

static void certificates(sample *s, size_t n)
{
    s->codec = "certificate";
    size_t list = sample_open(s, 3);
    for (size_t i = 0; i < n; i++) {
        size_t cert = sample_open(s, 3);
        sample_fill(s, 0x30 + (unsigned)i, 40 + i);
        sample_close(s, cert);
    }
    sample_close(s, list);
}

static void certificate_chain(sample *s)
{
    s->title = "three certificates";
    certificates(s, 3);
}

static void certificate_none(sample *s)
{
    s->title = "no certificate";
    certificates(s, 0);
}

static void server_key_exchange(sample *s)
{
    s->codec = "server_key_exchange";
    s->title = "P-256";
    sample_u8(s, 3);
    sample_u16(s, 23);
    size_t point = sample_open(s, 1);
    sample_u8(s, 4);
    sample_fill(s, 0xee, 64);
    sample_close(s, point);
    sample_u16(s, 0x0804);
    size_t signature = sample_open(s, 2);
    sample_fill(s, 0x99, 256);
    sample_close(s, signature);
}

static void certificate_request(sample *s, unsigned names)
{
    s->codec = "certificate_request";
    size_t types = sample_open(s, 1);
    sample_u8(s, 1);
    sample_u8(s, 64);
    sample_close(s, types);
    size_t schemes = sample_open(s, 2);
    sample_u16(s, 0x0403);
    sample_u16(s, 0x0804);
    sample_close(s, schemes);
    size_t authorities = sample_open(s, 2);
    for (unsigned i = 0; i < names; i++) {
        size_t name = sample_open(s, 2);
        sample_fill(s, 0x30 + i, 20 + i);
        sample_close(s, name);
    }
    sample_close(s, authorities);
}

static void certificate_request_any(sample *s)
{
    s->title = "no authorities";
    certificate_request(s, 0);
}

static void certificate_request_named(sample *s)
{
    s->title = "two authorities";
    certificate_request(s, 2);
}

static void server_hello_done(sample *s)
{
    s->codec = "server_hello_done";
    s->title = "empty";
}

static void client_key_exchange_rsa(sample *s)
{
    s->codec = "client_key_exchange_rsa";
    s->title = "RSA-2048";
    size_t vec = sample_open(s, 2);
    sample_fill(s, 0x77, 256);
    sample_close(s, vec);
}

static void client_key_exchange_ecdhe(sample *s)
{
    s->codec = "client_key_exchange_ecdhe";
    s->title = "X25519";
    size_t vec = sample_open(s, 1);
    sample_fill(s, 0x66, 32);
    sample_close(s, vec);
}

static void certificate_verify(sample *s)
{
    s->codec = "certificate_verify";
    s->title = "ECDSA";
    sample_u16(s, 0x0403);
    size_t signature = sample_open(s, 2);
    sample_fill(s, 0x55, 71);
    sample_close(s, signature);
}

static void finished(sample *s)
{
    s->codec = "finished";
    s->title = "twelve bytes";
    sample_fill(s, 0xf1, 12);
}

/* ---- TLS 1.3: RFC 8446 section 4 ----------------------------------------------------------------------- */

static void hello_retry_request(sample *s)
{
    s->codec = "server_hello";
    s->title = "HelloRetryRequest";
    sample_u16(s, 0x0303);
    sample_bytes(s,
                 "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
                 "\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c",
                 32);
    size_t id = sample_open(s, 1);
    sample_fill(s, 0xd1, 32);
    sample_close(s, id);
    sample_u16(s, 0x1301);
    sample_u8(s, 0);
    s->optional_at = s->len;
    size_t block = sample_open(s, 2);
    number(s, 43, 2, 0x0304);
    vector(s, 44, 2, "a cookie", 8);
    number(s, 51, 2, 29);
    sample_close(s, block);
}

static void encrypted_extensions(sample *s)
{
    s->codec = "encrypted_extensions";
    s->title = "every extension";
    size_t block = sample_open(s, 2);
    flag(s, 0);
    vector(s, 10, 2, "\x00\x1d\x00\x17", 4);
    alpn(s, "h2", NULL);
    number(s, 1, 1, 1);
    number(s, 28, 2, 0x4001);
    sample_close(s, block);
}

static void encrypted_extensions_none(sample *s)
{
    s->codec = "encrypted_extensions";
    s->title = "empty";
    sample_close(s, sample_open(s, 2));
}

static void certificate_request13(sample *s)
{
    s->codec = "certificate_request13";
    s->title = "schemes and authorities";
    sample_close(s, sample_open(s, 1));
    size_t block = sample_open(s, 2);
    vector(s, 13, 2, "\x04\x03\x08\x04", 4);
    sample_u16(s, 47);
    size_t data = sample_open(s, 2), list = sample_open(s, 2), name = sample_open(s, 2);
    sample_fill(s, 0x30, 20);
    sample_close(s, name);
    sample_close(s, list);
    sample_close(s, data);
    sample_close(s, block);
}

static void certificate13(sample *s)
{
    s->codec = "certificate13";
    s->title = "two certificates";
    sample_close(s, sample_open(s, 1));
    size_t list = sample_open(s, 3);
    for (unsigned i = 0; i < 2; i++) {
        size_t cert = sample_open(s, 3);
        sample_fill(s, 0x41 + i, 40);
        sample_close(s, cert);
        sample_close(s, sample_open(s, 2));
    }
    sample_close(s, list);
}

static void finished13(sample *s)
{
    s->codec = "finished13";
    s->title = "SHA-256";
    sample_fill(s, 0xf3, 32);
}

static void key_update(sample *s)
{
    s->codec = "key_update";
    s->title = "requested";
    sample_u8(s, 1);
}

static void new_session_ticket13(sample *s)
{
    s->codec = "new_session_ticket13";
    s->title = "without extensions";
    sample_fill(s, 0x0e, 8); /* lifetime and age_add */
    sample_u8(s, 1);
    sample_u8(s, 'n');
    sample_u8(s, 0);
    sample_u8(s, 6);
    sample_fill(s, 't', 6);
    sample_u8(s, 0);
    sample_u8(s, 0);
}

static void new_session_ticket(sample *s)
{
    s->codec = "new_session_ticket";
    s->title = "one";
    sample_u16(s, 0x0102);
    sample_u16(s, 0x0304);
    size_t ticket = sample_open(s, 2);
    sample_fill(s, 0x54, 20);
    sample_close(s, ticket);
}

static void new_session_ticket_empty(sample *s)
{
    s->codec = "new_session_ticket";
    s->title = "none after all";
    sample_u16(s, 0);
    sample_u16(s, 0);
    sample_close(s, sample_open(s, 2));
}

static void certificate_status(sample *s)
{
    s->codec = "certificate_status";
    s->title = "a response";
    sample_u8(s, 1);
    size_t response = sample_open(s, 3);
    sample_fill(s, 0x0c, 300);
    sample_close(s, response);
}

static void (*const makers[])(sample *s) = {
    client_hello_full,
    client_hello_bare,
    client_hello_empty_session,
    server_hello_full,
    server_hello_bare,
    certificate_chain,
    certificate_none,
    server_key_exchange,
    certificate_request_any,
    certificate_request_named,
    server_hello_done,
    client_key_exchange_rsa,
    client_key_exchange_ecdhe,
    certificate_verify,
    finished,
    hello_retry_request,
    encrypted_extensions,
    encrypted_extensions_none,
    certificate_request13,
    certificate13,
    finished13,
    key_update,
    new_session_ticket13,
    new_session_ticket,
    new_session_ticket_empty,
    certificate_status,
};

const sample *sample_at(size_t i)
{
    static sample s;
    if (i >= sizeof makers / sizeof makers[0])
        return NULL;
    memset(&s, 0, sizeof s);
    makers[i](&s);
    return &s;
}
