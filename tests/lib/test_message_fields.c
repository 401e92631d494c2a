/* What each message parser hands out, field by field, and its own limits and alerts. */
#include <criterion/criterion.h>

#include "codecs.h"
#include "extensions_psk.h"
#include "msg13.h"
#include "samples.h"

static hf_slice body_of(const sample *s)
{
    return (hf_slice){s->bytes, s->len};
}

static void assert_slice(hf_slice got, const void *want, size_t len)
{
    cr_assert_eq(got.len, len, "%zu bytes, not %zu", got.len, len);
    cr_assert_arr_eq(got.ptr, want, len);
}

static void assert_fill(hf_slice got, unsigned byte, size_t len)
{
    cr_assert_eq(got.len, len, "%zu bytes, not %zu", got.len, len);
    for (size_t i = 0; i < len; i++)
        cr_assert_eq(got.ptr[i], byte);
}

static const sample *find(const char *of, const char *title)
{
    const sample *s;
    for (size_t i = 0; (s = sample_at(i)) != NULL; i++)
        if (strcmp(s->codec, of) == 0 && strcmp(s->title, title) == 0)
            return s;
    cr_assert(false, "no sample %s, %s", of, title);
    return NULL;
}

Test(fields, client_hello)
{
    hf_client_hello m;
    cr_assert_eq(hf_client_hello_parse(body_of(find("client_hello", "every extension")), &m), HF_OK);
    cr_assert_eq(m.legacy_version, 0x0303);
    assert_fill(m.random, 0xc1, 32);
    assert_fill(m.session_id, 0x5e, 32);
    assert_slice(m.cipher_suites, "\xc0\x2f\x00\x9c\x00\xff", 6);
    assert_slice(m.compression_methods, "\x00", 1);
    cr_assert(m.ext.has_block);
    cr_assert_eq(m.ext.present, HF_EXT_BIT(HF_EXT_COUNT) - 1);
    assert_slice(m.ext.server_name, "www.example.org", 15);
    cr_assert_eq(m.ext.max_fragment_length, 4);
    assert_slice(m.ext.supported_groups, "\x00\x1d\x00\x17\x00\x18\x00\x19", 8);
    assert_slice(m.ext.ec_point_formats, "\x00", 1);
    assert_slice(m.ext.signature_algorithms, "\x04\x03\x08\x04\x04\x01", 6);
    assert_slice(m.ext.signature_algorithms_cert, "\x04\x03\x04\x01", 4);
    assert_slice(m.ext.alpn, "\x02h2\x08http/1.1", 12);
    cr_assert_eq(m.ext.padding, 7);
    cr_assert_eq(m.ext.record_size_limit, 0x4001);
    assert_slice(m.ext.supported_versions, "\x03\x04\x03\x03", 4);
    cr_assert_eq(m.ext.renegotiation_info.len, 0);
    assert_fill(m.ext.session_ticket, 0x54, 9);
    assert_slice(m.ext.psk_modes, "\x01\x00", 2);
    assert_slice(m.ext.psk_identities, "\0\5first\1\2\3\4\0\6second\xff\xfe\xfd\xfc", 23);
    cr_assert_eq(m.ext.psk_binders.len, 33 + 49);
    assert_fill(hf_psk_binder_at(m.ext.psk_binders, 0), 0xb1, 32);
    assert_fill(hf_psk_binder_at(m.ext.psk_binders, 1), 0xb2, 48);
    cr_assert_eq(hf_psk_binder_at(m.ext.psk_binders, 2).len, 0);
}

Test(fields, new_session_ticket)
{
    hf_new_session_ticket m;
    cr_assert_eq(hf_new_session_ticket_parse(body_of(find("new_session_ticket", "one")), &m), HF_OK);
    cr_assert_eq(m.lifetime_s, 0x01020304);
    assert_fill(m.ticket, 0x54, 20);
    cr_assert_eq(hf_new_session_ticket_parse(body_of(find("new_session_ticket", "none after all")), &m), HF_OK);
    cr_assert_eq(m.ticket.len, 0);
}

Test(fields, client_hello_without_extensions)
{
    hf_client_hello m;
    cr_assert_eq(hf_client_hello_parse(body_of(find("client_hello", "no extensions")), &m), HF_OK);
    cr_assert_not(m.ext.has_block);
    cr_assert_eq(m.ext.present, 0);
    cr_assert_eq(hf_client_hello_parse(body_of(find("client_hello", "empty session_id, empty extensions")), &m), HF_OK);
    cr_assert(m.ext.has_block);
    cr_assert_eq(m.ext.present, 0);
    cr_assert_eq(m.session_id.len, 0);
}

/* Any version parses: what is spoken is the state machine's business (RFC 5246 appendix E.1). */
Test(fields, client_hello_any_version)
{
    for (unsigned version = 0; version <= 0xffff; version += 0x33) {
        sample s = *find("client_hello", "no extensions");
        hf_client_hello m;
        s.bytes[0] = (uint8_t)(version >> 8);
        s.bytes[1] = (uint8_t)version;
        cr_assert_eq(hf_client_hello_parse(body_of(&s), &m), HF_OK);
        cr_assert_eq(m.legacy_version, version);
    }
}

/* A ClientHello with lists of the given sizes. */
static hf_status client_hello_lists(size_t session_id, size_t suites, size_t compression)
{
    sample s = {0};
    hf_client_hello m;
    sample_u16(&s, 0x0303);
    sample_fill(&s, 1, 32);
    size_t f = sample_open(&s, 1);
    sample_fill(&s, 2, session_id);
    sample_close(&s, f);
    f = sample_open(&s, 2);
    sample_fill(&s, 3, suites);
    sample_close(&s, f);
    f = sample_open(&s, 1);
    sample_fill(&s, 0, compression);
    sample_close(&s, f);
    return hf_client_hello_parse(body_of(&s), &m);
}

Test(fields, client_hello_limits)
{
    const hf_status bad = HF_SEND(HF_ALERT_DECODE_ERROR);
    cr_assert_eq(client_hello_lists(0, 2, 1), HF_OK);
    cr_assert_eq(client_hello_lists(32, 2, 1), HF_OK);
    cr_assert_eq(client_hello_lists(33, 2, 1), bad);
    cr_assert_eq(client_hello_lists(255, 2, 1), bad);
    cr_assert_eq(client_hello_lists(0, 0, 1), bad);
    cr_assert_eq(client_hello_lists(0, 1, 1), bad);
    cr_assert_eq(client_hello_lists(0, 3, 1), bad);
    cr_assert_eq(client_hello_lists(0, 3000, 1), HF_OK);
    cr_assert_eq(client_hello_lists(0, 2, 0), bad);
    cr_assert_eq(client_hello_lists(0, 2, 255), HF_OK);
}

/* RFC 8701: reserved values are suites like any other we do not know. */
Test(fields, client_hello_grease_suites)
{
    for (unsigned v = 0; v < 16; v++) {
        sample s = *find("client_hello", "no extensions");
        hf_client_hello m;
        s.bytes[2 + 32 + 1 + 32 + 2] = s.bytes[2 + 32 + 1 + 32 + 3] = (uint8_t)(v << 4 | 0xa);
        cr_assert_eq(hf_client_hello_parse(body_of(&s), &m), HF_OK);
        cr_assert_eq(m.cipher_suites.ptr[0], v << 4 | 0xa);
        cr_assert_eq(m.cipher_suites.len, 6);
    }
}

Test(fields, server_hello)
{
    hf_server_hello m;
    cr_assert_eq(hf_server_hello_parse(body_of(find("server_hello", "every extension")), &m), HF_OK);
    cr_assert_eq(m.version, 0x0303);
    assert_fill(m.random, 0x5e, 32);
    assert_fill(m.session_id, 0xd1, 32);
    cr_assert_eq(m.cipher_suite, 0xc02f);
    cr_assert_eq(m.compression_method, 0);
    const uint32_t want =
        HF_EXT_BIT(HF_EXT_SERVER_NAME) | HF_EXT_BIT(HF_EXT_MAX_FRAGMENT_LENGTH) | HF_EXT_BIT(HF_EXT_EC_POINT_FORMATS) |
        HF_EXT_BIT(HF_EXT_ALPN) | HF_EXT_BIT(HF_EXT_ENCRYPT_THEN_MAC) | HF_EXT_BIT(HF_EXT_EXTENDED_MASTER_SECRET) |
        HF_EXT_BIT(HF_EXT_RECORD_SIZE_LIMIT) | HF_EXT_BIT(HF_EXT_SUPPORTED_VERSIONS) |
        HF_EXT_BIT(HF_EXT_RENEGOTIATION_INFO) | HF_EXT_BIT(HF_EXT_SESSION_TICKET) | HF_EXT_BIT(HF_EXT_PRE_SHARED_KEY);
    cr_assert_eq(m.ext.present, want);
    cr_assert_eq(m.ext.psk_selected, 7);
    cr_assert_eq(m.ext.server_name.len, 0);
    cr_assert_eq(m.ext.max_fragment_length, 2);
    assert_slice(m.ext.alpn, "\x02h2", 3);
    cr_assert_eq(m.ext.record_size_limit, 0x4000);
    assert_slice(m.ext.supported_versions, "\x03\x04", 2);
    assert_slice(m.ext.renegotiation_info, "abcdefghijkl", 12);

    cr_assert_eq(hf_server_hello_parse(body_of(find("server_hello", "no extensions")), &m), HF_OK);
    cr_assert_not(m.ext.has_block);
}

static hf_status server_hello_session_id(size_t n)
{
    sample s = {0};
    hf_server_hello m;
    sample_u16(&s, 0x0303);
    sample_fill(&s, 1, 32);
    size_t f = sample_open(&s, 1);
    sample_fill(&s, 2, n);
    sample_close(&s, f);
    sample_u16(&s, 0xc02f);
    sample_u8(&s, 0);
    return hf_server_hello_parse(body_of(&s), &m);
}

Test(fields, server_hello_session_id)
{
    cr_assert_eq(server_hello_session_id(0), HF_OK);
    cr_assert_eq(server_hello_session_id(32), HF_OK);
    cr_assert_eq(server_hello_session_id(33), HF_SEND(HF_ALERT_DECODE_ERROR));
}

Test(fields, certificate)
{
    hf_certificate_msg m;
    cr_assert_eq(hf_certificate_parse(body_of(find("certificate", "three certificates")), &m), HF_OK);
    cr_assert_eq(m.n, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_fill(m.certs[i], 0x30 + i, 40 + i);
    cr_assert_eq(hf_certificate_parse(body_of(find("certificate", "no certificate")), &m), HF_OK);
    cr_assert_eq(m.n, 0);
}

static hf_status certificate_chain(size_t n, size_t each, hf_certificate_msg *m)
{
    static sample s;
    memset(&s, 0, sizeof s);
    size_t list = sample_open(&s, 3);
    for (size_t i = 0; i < n; i++) {
        size_t cert = sample_open(&s, 3);
        sample_fill(&s, 0x30, each);
        sample_close(&s, cert);
    }
    sample_close(&s, list);
    return hf_certificate_parse(body_of(&s), m);
}

Test(fields, certificate_limits)
{
    hf_certificate_msg m;
    cr_assert_eq(certificate_chain(HF_CHAIN_MAX, 3, &m), HF_OK);
    cr_assert_eq(m.n, HF_CHAIN_MAX);
    cr_assert_eq(certificate_chain(HF_CHAIN_MAX + 1, 3, &m), HF_SEND(HF_ALERT_BAD_CERTIFICATE));
    cr_assert_eq(m.n, 0, "zeroed on error");
    cr_assert_null(m.certs[0].ptr);
    cr_assert_eq(certificate_chain(1, 1, &m), HF_OK);
    cr_assert_eq(certificate_chain(1, 0, &m), HF_SEND(HF_ALERT_DECODE_ERROR));
    cr_assert_eq(certificate_chain(2, 0, &m), HF_SEND(HF_ALERT_DECODE_ERROR));
}

Test(fields, server_key_exchange)
{
    const sample *s = find("server_key_exchange", "P-256");
    hf_server_key_exchange m;
    cr_assert_eq(hf_server_key_exchange_parse(body_of(s), &m), HF_OK);
    cr_assert_eq(m.group, HF_GROUP_P256);
    cr_assert_eq(m.public_key.len, 65);
    cr_assert_eq(m.public_key.ptr[0], 4);
    assert_slice(m.params, s->bytes, 4 + 65);
    cr_assert_eq(m.scheme, HF_RSA_PSS_RSAE_SHA256);
    assert_fill(m.signature, 0x99, 256);

    uint8_t room[128];
    hf_writer w = hf_writer_of(room, sizeof room);
    hf_server_ecdh_params_write(&w, m.group, m.public_key);
    assert_slice((hf_slice){room, w.len}, m.params.ptr, m.params.len);
}

/* RFC 8422 section 5.4: explicit_prime (1) and explicit_char2 (2) are deprecated; nothing but named_curve (3). */
Test(fields, server_key_exchange_curve_types)
{
    for (unsigned type = 0; type < 256; type++) {
        sample s = *find("server_key_exchange", "P-256");
        hf_server_key_exchange m;
        s.bytes[0] = (uint8_t)type;
        cr_assert_eq(hf_server_key_exchange_parse(body_of(&s), &m),
                     type == 3 ? HF_OK : HF_SEND(HF_ALERT_HANDSHAKE_FAILURE), "curve_type %u", type);
        if (type != 3)
            cr_assert(m.params.ptr == NULL && m.signature.ptr == NULL && m.group == 0, "zeroed on error");
    }
}

static hf_status server_key_exchange_sizes(size_t point, size_t signature)
{
    sample s = {0};
    hf_server_key_exchange m;
    sample_u8(&s, 3);
    sample_u16(&s, 29);
    size_t f = sample_open(&s, 1);
    sample_fill(&s, 1, point);
    sample_close(&s, f);
    sample_u16(&s, 0x0804);
    f = sample_open(&s, 2);
    sample_fill(&s, 1, signature);
    sample_close(&s, f);
    return hf_server_key_exchange_parse(body_of(&s), &m);
}

Test(fields, server_key_exchange_limits)
{
    cr_assert_eq(server_key_exchange_sizes(1, 1), HF_OK);
    cr_assert_eq(server_key_exchange_sizes(255, 2000), HF_OK);
    cr_assert_eq(server_key_exchange_sizes(32, 0), HF_OK, "an empty signature parses; it does not verify");
    cr_assert_eq(server_key_exchange_sizes(0, 1), HF_SEND(HF_ALERT_DECODE_ERROR));
}

Test(fields, certificate_request)
{
    hf_certificate_request m;
    cr_assert_eq(hf_certificate_request_parse(body_of(find("certificate_request", "two authorities")), &m), HF_OK);
    assert_slice(m.certificate_types, "\x01\x40", 2);
    assert_slice(m.signature_algorithms, "\x04\x03\x08\x04", 4);
    cr_assert_eq(m.authorities.len, 2 + 20 + 2 + 21);
    cr_assert_eq(hf_certificate_request_parse(body_of(find("certificate_request", "no authorities")), &m), HF_OK);
    cr_assert_eq(m.authorities.len, 0);
}

static hf_status certificate_request_sizes(size_t types, size_t schemes, size_t name)
{
    sample s = {0};
    hf_certificate_request m;
    size_t f = sample_open(&s, 1);
    sample_fill(&s, 1, types);
    sample_close(&s, f);
    f = sample_open(&s, 2);
    sample_fill(&s, 4, schemes);
    sample_close(&s, f);
    f = sample_open(&s, 2);
    size_t dn = sample_open(&s, 2);
    sample_fill(&s, 0x30, name);
    sample_close(&s, dn);
    sample_close(&s, f);
    return hf_certificate_request_parse(body_of(&s), &m);
}

Test(fields, certificate_request_limits)
{
    const hf_status bad = HF_SEND(HF_ALERT_DECODE_ERROR);
    cr_assert_eq(certificate_request_sizes(1, 2, 1), HF_OK);
    cr_assert_eq(certificate_request_sizes(255, 64, 100), HF_OK);
    cr_assert_eq(certificate_request_sizes(0, 2, 1), bad);
    cr_assert_eq(certificate_request_sizes(1, 0, 1), bad);
    cr_assert_eq(certificate_request_sizes(1, 3, 1), bad);
    cr_assert_eq(certificate_request_sizes(1, 2, 0), bad);
}

Test(fields, client_key_exchange)
{
    hf_slice got;
    cr_assert_eq(hf_client_key_exchange_rsa_parse(body_of(find("client_key_exchange_rsa", "RSA-2048")), &got), HF_OK);
    assert_fill(got, 0x77, 256);
    cr_assert_eq(hf_client_key_exchange_ecdhe_parse(body_of(find("client_key_exchange_ecdhe", "X25519")), &got), HF_OK);
    assert_fill(got, 0x66, 32);
    /* RFC 8422 section 5.7: opaque point <1..2^8-1> */
    cr_assert_eq(hf_client_key_exchange_ecdhe_parse((hf_slice){(const uint8_t *)"\0", 1}, &got),
                 HF_SEND(HF_ALERT_DECODE_ERROR));
    cr_assert(got.ptr == NULL && got.len == 0, "zeroed on error");
    cr_assert_eq(hf_client_key_exchange_rsa_parse((hf_slice){(const uint8_t *)"\0\1", 2}, &got),
                 HF_SEND(HF_ALERT_DECODE_ERROR));
    cr_assert(got.ptr == NULL && got.len == 0, "zeroed on error");
}

Test(fields, certificate_verify)
{
    hf_certificate_verify m;
    cr_assert_eq(hf_certificate_verify_parse(body_of(find("certificate_verify", "ECDSA")), &m), HF_OK);
    cr_assert_eq(m.scheme, HF_ECDSA_SECP256R1_SHA256);
    assert_fill(m.signature, 0x55, 71);
}

Test(fields, finished)
{
    hf_slice got;
    cr_assert_eq(hf_finished_parse(body_of(find("finished", "twelve bytes")), &got), HF_OK);
    assert_fill(got, 0xf1, HF_VERIFY_DATA_SIZE);
}

Test(fields, empty)
{
    uint8_t room[4];
    hf_writer w = hf_writer_of(room, sizeof room);
    cr_assert_eq(hf_empty_parse((hf_slice){0}), HF_OK);
    cr_assert_eq(hf_empty_parse((hf_slice){(const uint8_t *)"", 1}), HF_SEND(HF_ALERT_DECODE_ERROR));
    hf_empty_write(&w, HF_MSG_HELLO_REQUEST);
    cr_assert(hf_writer_ok(&w));
    assert_slice((hf_slice){room, w.len}, "\0\0\0\0", 4);
}

/* RFC 8446 section 4.6.3: update_not_requested, update_requested; any other value is illegal_parameter. */
Test(fields, key_update)
{
    for (unsigned value = 0; value < 256; value++) {
        const uint8_t body[] = {(uint8_t)value};
        bool requested = true;
        cr_assert_eq(hf_key_update_parse((hf_slice){body, 1}, &requested),
                     value < 2 ? HF_OK : HF_SEND(HF_ALERT_ILLEGAL_PARAMETER));
        cr_assert_eq(requested, value == 1);
    }
}

/* RFC 8446 section 4.1.3: a HelloRetryRequest is told by its random alone, and other extensions stand in it. */
Test(fields, hello_retry_request)
{
    hf_server_hello m;
    sample s = *find("server_hello", "HelloRetryRequest");
    cr_assert_eq(hf_server_hello_parse(body_of(&s), &m), HF_OK);
    cr_assert(m.is_retry);
    cr_assert_eq(m.ext.key_share_group, HF_GROUP_X25519);
    assert_slice(m.ext.cookie, "a cookie", 8);
    s.bytes[2] ^= 1; /* an ordinary random: neither a cookie nor a share without key may stand there */
    cr_assert_neq(hf_server_hello_parse(body_of(&s), &m), HF_OK);
}

/* Section 4.3.2: signature_algorithms must be there. */
Test(fields, certificate_request13_without_schemes)
{
    hf_certificate_request13 m;
    cr_assert_eq(hf_certificate_request13_parse((hf_slice){(const uint8_t *)"\0\0\0", 3}, &m),
                 HF_SEND(HF_ALERT_MISSING_EXTENSION));
}

/* Section 4.6.1: lifetime, age_add, nonce, ticket, extensions. */
Test(fields, new_session_ticket13)
{
    static const uint8_t body[] = {0, 0, 0x1c, 0x20, 1, 2, 3, 4, 1, 9, 0, 2, 7, 7, 0, 4, 0, 42, 0, 0};
    hf_new_session_ticket13 m;
    cr_assert_eq(hf_new_session_ticket13_parse((hf_slice){body, sizeof body}, &m), HF_OK);
    cr_assert_eq(m.lifetime_s, 7200);
    cr_assert_eq(m.age_add, 0x01020304);
    assert_slice(m.nonce, "\x09", 1);
    assert_slice(m.ticket, "\x07\x07", 2);
    for (size_t n = 0; n < sizeof body; n++)
        cr_assert_eq(hf_new_session_ticket13_parse((hf_slice){body, n}, &m), HF_SEND(HF_ALERT_DECODE_ERROR), "%zu", n);
}
