/* Exporters: RFC 5705 (TLS 1.2), RFC 8446 section 7.5 (TLS 1.3), RFC 7627 section 5.4 (never without extended master
 * secret). The values themselves are compared with libcrypto's own PRF and HKDF, and with foreign programs in the
 * interoperability tests; the exporter master secret with RFC 8448 in schedule13/trace_of_a_handshake. */
#include <criterion/criterion.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include "exporter.h"
#include "gate.h"
#include "world.h"

TestSuite(exporter, .timeout = 600);

#define LABEL "EXPORTER-test"
#define SIZE 40

static void connected(pair *p, bool tls13, uint16_t suite)
{
    const side s = {.tls13 = tls13, .exporters = true, .suites = {suite}};
    memset(p, 0, sizeof *p);
    world_run(p, &s, &s);
    cr_assert(pair_connected(p), "%s", hf_conn_reason(p->client.conn));
}

/* What both ends give, which is one and the same. */
static void both(pair *p, const char *label, const hf_export_context *context, uint8_t *out, size_t len)
{
    static uint8_t other[HF_LIMIT_EXPORT];
    cr_assert_eq(hf_conn_export(p->client.conn, label, context, out, len), HF_OK);
    cr_assert_eq(hf_conn_export(p->server.conn, label, context, other, len), HF_OK);
    cr_assert_arr_eq(out, other, len, "both ends export the same");
}

static const struct {
    bool tls13;
    uint16_t suite;
} worlds[] = {{false, 0xc02f}, {false, 0xc030}, {true, 0x1301}, {true, 0x1302}};

Test(exporter, both_ends_agree_and_every_input_counts)
{
    for (size_t i = 0; i < sizeof worlds / sizeof worlds[0]; i++) {
        const hf_export_context empty = {NULL, 0}, one = {(const uint8_t *)"1", 1}, two = {(const uint8_t *)"2", 1};
        uint8_t a[SIZE], b[SIZE], longer[SIZE + 8];
        pair p;
        connected(&p, worlds[i].tls13, worlds[i].suite);
        both(&p, LABEL, NULL, a, SIZE);
        both(&p, LABEL, NULL, b, SIZE);
        cr_assert_arr_eq(a, b, SIZE, "asking twice changes nothing");
        both(&p, LABEL "2", NULL, b, SIZE);
        cr_assert_arr_neq(a, b, SIZE, "label");
        both(&p, LABEL, &one, b, SIZE);
        cr_assert_arr_neq(a, b, SIZE, "context");
        both(&p, LABEL, &two, longer, SIZE);
        cr_assert_arr_neq(b, longer, SIZE, "context");
        both(&p, LABEL, &empty, b, SIZE);
        cr_assert_eq(memcmp(a, b, SIZE) == 0, worlds[i].tls13, "an empty context is one in TLS 1.2 only");
        both(&p, LABEL, NULL, longer, sizeof longer);
        cr_assert_eq(memcmp(a, longer, SIZE) == 0, !worlds[i].tls13, "the length counts in TLS 1.3 only");
        pair_cleanup(&p);
    }
}

Test(exporter, connections_differ)
{
    for (size_t i = 0; i < sizeof worlds / sizeof worlds[0]; i++) {
        uint8_t a[SIZE], b[SIZE];
        pair p;
        connected(&p, worlds[i].tls13, worlds[i].suite);
        both(&p, LABEL, NULL, a, SIZE);
        pair_cleanup(&p);
        connected(&p, worlds[i].tls13, worlds[i].suite);
        both(&p, LABEL, NULL, b, SIZE);
        pair_cleanup(&p);
        cr_assert_arr_neq(a, b, SIZE);
    }
}

static void kdf(const char *name, const OSSL_PARAM *params, uint8_t *out, size_t len)
{
    EVP_KDF *algorithm = EVP_KDF_fetch(NULL, name, NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(algorithm);
    cr_assert_not_null(ctx);
    cr_assert_eq(EVP_KDF_derive(ctx, out, len, params), 1);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(algorithm);
}

/* RFC 5705 section 4, word by word, by libcrypto's PRF; the master secret is the one of the key log. */
Test(exporter, tls12_is_the_prf)
{
    const char hash[] = "SHA384";
    const hf_export_context context = {(const uint8_t *)"context", 7};
    uint8_t seed[256], want[SIZE], got[SIZE];
    pair p;
    connected(&p, false, 0xc030);
    size_t len = strlen(LABEL);
    memcpy(seed, LABEL, len);
    memcpy(seed + len, p.client.logged_random, HF_RANDOM_SIZE);
    memcpy(seed + len + HF_RANDOM_SIZE, p.server.conn->exporter->randoms + HF_RANDOM_SIZE, HF_RANDOM_SIZE);
    len += (size_t)2 * HF_RANDOM_SIZE;
    memcpy(seed + len, "\0\7context", 9);
    for (size_t i = 0; i < 2; i++) {
        OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)hash, 0),
                               OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, p.client.logged_secret, 48),
                               OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, len + 9 * i),
                               OSSL_PARAM_construct_end()};
        kdf("TLS1-PRF", params, want, SIZE);
        both(&p, LABEL, i ? &context : NULL, got, SIZE);
        cr_assert_arr_eq(got, want, SIZE, "%s context", i ? "with" : "without");
    }
    pair_cleanup(&p);
}

static void expand(const char *hash, const uint8_t *key, size_t key_len, const char *label, const uint8_t *context,
                   size_t context_len, uint8_t *out, size_t len)
{
    uint8_t info[256];
    size_t n = 0;
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    info[n++] = (uint8_t)(len >> 8);
    info[n++] = (uint8_t)len;
    info[n++] = (uint8_t)(6 + strlen(label));
    memcpy(info + n, "tls13 ", 6);
    memcpy(info + n + 6, label, strlen(label));
    n += 6 + strlen(label);
    info[n++] = (uint8_t)context_len;
    memcpy(info + n, context, context_len);
    n += context_len;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                           OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)hash, 0),
                           OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key, key_len),
                           OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, n), OSSL_PARAM_construct_end()};
    kdf("HKDF", params, out, len);
}

/* RFC 8446 section 7.5, by libcrypto's HKDF. */
Test(exporter, tls13_is_the_hkdf)
{
    uint8_t empty[48], digest[48], secret[48], want[SIZE], got[SIZE];
    const hf_export_context context = {(const uint8_t *)"context", 7};
    unsigned n;
    pair p;
    connected(&p, true, 0x1302);
    const uint8_t *master = p.client.conn->exporter->secret;
    cr_assert_eq(EVP_Digest("", 0, empty, &n, EVP_sha384(), NULL), 1);
    cr_assert_eq(EVP_Digest("context", 7, digest, &n, EVP_sha384(), NULL), 1);
    expand("SHA384", master, 48, LABEL, empty, 48, secret, 48);
    expand("SHA384", secret, 48, "exporter", digest, 48, want, SIZE);
    both(&p, LABEL, &context, got, SIZE);
    cr_assert_arr_eq(got, want, SIZE);
    expand("SHA384", secret, 48, "exporter", empty, 48, want, SIZE);
    both(&p, LABEL, NULL, got, SIZE);
    cr_assert_arr_eq(got, want, SIZE);
    pair_cleanup(&p);
}

static void gives(pair *p, const char *label, const hf_export_context *context, size_t len, hf_status want)
{
    static uint8_t out[HF_LIMIT_EXPORT + 1];
    memset(out, 7, sizeof out);
    hf_status status = hf_conn_export(p->server.conn, label, context, out, len);
    cr_assert_eq(status, want, "%s, %zu: %s", label, len, hf_status_text(status));
    for (size_t i = 0; status != HF_OK && i < len; i++)
        cr_assert_eq(out[i], 0, "zeroed on error");
}

Test(exporter, limits_and_reserved_labels)
{
    static const char *const reserved[] = {"client finished", "server finished", "master secret",
                                           "extended master secret", "key expansion"};
    static uint8_t bytes[HF_LIMIT_EXPORT_CONTEXT + 1];
    const hf_export_context most = {bytes, HF_LIMIT_EXPORT_CONTEXT}, more = {bytes, HF_LIMIT_EXPORT_CONTEXT + 1};
    char label[HF_LIMIT_EXPORT_LABEL + 2];
    for (size_t i = 0; i < sizeof worlds / sizeof worlds[0]; i++) {
        pair p;
        connected(&p, worlds[i].tls13, worlds[i].suite);
        for (size_t j = 0; j < sizeof reserved / sizeof reserved[0]; j++)
            gives(&p, reserved[j], NULL, SIZE, HF_ERR_INVALID);
        memset(label, 'x', sizeof label);
        label[HF_LIMIT_EXPORT_LABEL + 1] = '\0';
        gives(&p, label, &most, SIZE, HF_ERR_INVALID);
        label[HF_LIMIT_EXPORT_LABEL] = '\0';
        gives(&p, label, &most, SIZE, HF_OK);
        gives(&p, label, &more, SIZE, HF_ERR_INVALID);
        gives(&p, "", NULL, SIZE, HF_ERR_INVALID);
        gives(&p, LABEL, NULL, 0, HF_ERR_INVALID);
        gives(&p, LABEL, NULL, HF_LIMIT_EXPORT, HF_OK);
        gives(&p, LABEL, NULL, HF_LIMIT_EXPORT + 1, HF_ERR_INVALID);
        pair_cleanup(&p);
    }
}

/* Nothing is kept where nobody asked for it, nor after a failure. */
Test(exporter, off_by_default_and_gone_after_a_failure)
{
    for (size_t i = 0; i < 2; i++) {
        const side off = {.tls13 = i == 1};
        pair p;
        memset(&p, 0, sizeof p);
        world_run(&p, &off, &off);
        cr_assert(pair_connected(&p));
        gives(&p, LABEL, NULL, SIZE, HF_ERR_STATE);
        cr_assert_null(p.server.conn->exporter);
        pair_cleanup(&p);

        const side on = {.tls13 = i == 1, .exporters = true};
        memset(&p, 0, sizeof p);
        world_pair(&p, &on, &on);
        gives(&p, LABEL, NULL, SIZE, HF_ERR_STATE);
        pair_run(&p);
        gives(&p, LABEL, NULL, SIZE, HF_OK);
        hf_conn_fail(p.server.conn, p.server.worker, HF_ERR_IO, "test");
        gives(&p, LABEL, NULL, SIZE, HF_ERR_STATE);
        cr_assert_null(p.server.conn->exporter);
        pair_cleanup(&p);
    }
}

/* In TLS 1.3 a server has its application secrets before it has seen the client's Finished. */
Test(exporter, not_before_the_handshake_is_complete)
{
    const side on = {.tls13 = true, .exporters = true};
    pair p;
    memset(&p, 0, sizeof p);
    world_pair(&p, &on, &on);
    p.server.held_out = true; /* the client hears nothing, so its Finished never comes */
    pair_run(&p);
    cr_assert_eq(hf_conn_status(p.server.conn), HF_OK);
    cr_assert_not_null(p.server.conn->exporter, "the server has sent its Finished");
    gives(&p, LABEL, NULL, SIZE, HF_ERR_STATE);
    pair_cleanup(&p);
}

/* Neither end of ours leaves extended_master_secret out, so the end of a handshake is played again without it. A whole
 * one, with a foreign client, is in the interoperability tests. */
Test(exporter, not_without_extended_master_secret)
{
    const side s = {.policy = HF_POLICY_COMPATIBLE, .exporters = true};
    pair p;
    memset(&p, 0, sizeof p);
    world_run(&p, &s, &s);
    cr_assert(pair_connected(&p));
    hf_exporter_forget(p.server.conn);
    p.server.conn->extended_master_secret = false;
    cr_assert_eq(hf_handshake_new(p.server.conn), HF_OK);
    cr_assert_eq(hf_exporter_keep12(p.server.conn), HF_OK);
    cr_assert_null(p.server.conn->exporter);
    hf_handshake_free(p.server.conn);
    gives(&p, LABEL, NULL, SIZE, HF_ERR_UNSUPPORTED);
    pair_cleanup(&p);
}
