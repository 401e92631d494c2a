/* The cost of checking our own signatures: see own_check.h. A key made here signs a few digests; each way verifies them
 * over and over, as the engine calls it. */
#include "own_check.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "handfast/providers.h"
#include "measure.h"

#define SIGNATURES 64 /* in turns, so that no branch is learnt by heart */
#define DIGEST_SIZE 32
#define SIGNATURE_MAX 80

enum { BY_PKI, BY_VERIFIER, WAYS };

typedef struct own_check {
    hf_crypto crypto;
    hf_cert *cert;
    const hf_verifier *verifier; /* NULL: none */
    void *state;
    uint8_t digests[SIGNATURES][DIGEST_SIZE];
    uint8_t signatures[SIGNATURES][SIGNATURE_MAX];
    size_t lens[SIGNATURES];
    double ns[WAYS][HF_BENCH_REPETITIONS_MAX], cycles[WAYS][HF_BENCH_REPETITIONS_MAX];
} own_check;

static bool run_pki(void *arg, uint64_t n)
{
    const own_check *c = arg;

    for (uint64_t i = 0; i < n; i++) {
        size_t at = i % SIGNATURES;
        if (c->crypto.pki->verify_digest(c->cert, HF_ECDSA_SECP256R1_SHA256, c->digests[at], DIGEST_SIZE,
                                         c->signatures[at], c->lens[at]) != HF_OK)
            return false;
    }
    return true;
}

static bool run_verifier(void *arg, uint64_t n)
{
    const own_check *c = arg;

    for (uint64_t i = 0; i < n; i++) {
        size_t at = i % SIGNATURES;
        if (c->verifier->verify_digest(c->state, c->digests[at], DIGEST_SIZE, c->signatures[at], c->lens[at]) != HF_OK)
            return false;
    }
    return true;
}

static bool sign_all(own_check *c, EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool good = ctx && EVP_PKEY_sign_init(ctx) == 1;

    for (size_t i = 0; i < SIGNATURES && good; i++) {
        c->lens[i] = SIGNATURE_MAX;
        good = RAND_bytes(c->digests[i], DIGEST_SIZE) == 1 &&
               EVP_PKEY_sign(ctx, c->signatures[i], &c->lens[i], c->digests[i], DIGEST_SIZE) == 1;
    }
    EVP_PKEY_CTX_free(ctx);
    return good;
}

/* The barest certificate that carries the key. */
static bool make_cert(own_check *c, EVP_PKEY *key)
{
    X509 *x509 = X509_new();
    uint8_t *der = NULL;
    bool good = x509 && X509_gmtime_adj(X509_getm_notBefore(x509), 0) &&
                X509_gmtime_adj(X509_getm_notAfter(x509), 60) && X509_set_pubkey(x509, key) == 1 &&
                X509_sign(x509, key, EVP_sha256()) > 0;
    int len = good ? i2d_X509(x509, &der) : 0;

    good = len > 0 && c->crypto.pki->cert_new(der, (size_t)len, &c->cert) == HF_OK;
    OPENSSL_free(der);
    X509_free(x509);
    return good;
}

static bool prepare(own_check *c)
{
    const uint8_t *spki;
    size_t spki_len;

    c->verifier = c->crypto.verifiers[0];
    if (!c->verifier)
        return true;
    c->state = aligned_alloc(HF_VERIFIER_ALIGN,
                             (c->verifier->state_size + HF_VERIFIER_ALIGN - 1) & ~(size_t)(HF_VERIFIER_ALIGN - 1));
    return c->state && c->crypto.pki->cert_spki(c->cert, &spki, &spki_len) == HF_OK &&
           c->verifier->prepare(c->state, spki, spki_len) == HF_OK;
}

static bool set_up(own_check *c)
{
    char why[256];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    bool good = key && hf_crypto_compose(NULL, &c->crypto, NULL, NULL, why, sizeof why) == HF_OK && c->crypto.pki &&
                sign_all(c, key) && make_cert(c, key) && prepare(c);

    EVP_PKEY_free(key);
    return good;
}

static void tell(const own_check *c, const hf_bench_options *options, hf_report *report)
{
    const char *const names[WAYS] = {c->crypto.pki->provider->name, c->verifier ? c->verifier->provider->name : ""};
    hf_figure times = hf_figure_of_ratio(c->ns[BY_PKI], c->ns[BY_VERIFIER], options->repetitions);

    for (int way = 0; way < (c->verifier ? WAYS : 1); way++) {
        hf_figure ns = hf_figure_of(c->ns[way], options->repetitions);
        printf("%-9s %-18s %7d  %-12s %9.0f %8.1f %6.1f", "P-256", "verify-own-ecdsa", 1, names[way], 1e9 / ns.median,
               ns.median / 1e3, 100 * ns.spread);
        printf(way == BY_VERIFIER ? "  %.2f times\n" : "\n", times.median);
        hf_json *row = hf_report_row(report, "keys");
        hf_json_text(row, "provider", names[way]);
        hf_json_text(row, "key", "P-256");
        hf_json_text(row, "operation", "verify-own-ecdsa");
        hf_json_integer(row, "threads", 1);
        hf_json_number(row, "ops_per_s", 1e9 / ns.median);
        hf_json_number(row, "cpu_s_each", ns.median / 1e9);
        hf_json_number(row, "spread", ns.spread);
        hf_report_row_close(row);
    }
    (void)fflush(stdout);
}

bool hf_own_check_measure(const hf_bench_options *options, hf_report *report)
{
    own_check *c = calloc(1, sizeof *c);
    size_t failed;

    hf_bench_progress("verify-own-ecdsa");
    bool good = c && hf_cpu_pin(options->cpu) && set_up(c);
    if (good) {
        hf_task tasks[WAYS] = {
            {.run = run_pki, .arg = c, .ns = c->ns[BY_PKI], .cycles = c->cycles[BY_PKI]},
            {.run = run_verifier, .arg = c, .ns = c->ns[BY_VERIFIER], .cycles = c->cycles[BY_VERIFIER]}};
        good = hf_measure(tasks, c->verifier ? WAYS : 1, options, &failed);
    }
    hf_bench_progress(NULL);
    if (good)
        tell(c, options, report);
    else
        (void)hf_bench_fail("the check of our own signatures could not be measured");
    if (c) {
        if (c->cert)
            c->crypto.pki->cert_free(c->cert);
        free(c->state);
    }
    free(c);
    return good;
}
