/* Room `provision`: does the key do what it says? Runs the operations through the same queue and threads as a server
 * does, and compares with libcrypto and with the certificate. */
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "handfast/secret.h"
#include "provision.h"

#define LINE_MAX_BYTES 512

typedef struct checker {
    hf_hsm_key *k;
    void (*each)(void *arg, bool good, const char *line);
    void *arg;
    hf_status worst;
} checker;

static void say(checker *c, hf_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(checker *c, hf_status status, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (status != HF_OK && c->worst == HF_OK)
        c->worst = status;
    c->each(c->arg, status == HF_OK, line);
}

/* ---- One operation, waited for ------------------------------------------------------------------- */

typedef struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t come;
    bool done;
} waiter;

static void on_done(void *arg, hf_key_op *op)
{
    waiter *w = arg;

    (void)op;
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->come);
    pthread_mutex_unlock(&w->lock);
}

static void run(checker *c, hf_key_op *op)
{
    waiter w = {.lock = PTHREAD_MUTEX_INITIALIZER, .come = PTHREAD_COND_INITIALIZER};

    op->key = &c->k->face;
    c->k->face.ops->submit(&c->k->face, op, on_done, &w);
    pthread_mutex_lock(&w.lock);
    while (!w.done)
        pthread_cond_wait(&w.come, &w.lock);
    pthread_mutex_unlock(&w.lock);
    pthread_cond_destroy(&w.come);
    pthread_mutex_destroy(&w.lock);
}

/* ---- The checks ---------------------------------------------------------------------------------- */

static void check_attributes(checker *c)
{
    const hf_key_facts *f = &c->k->facts;
    char name[32];

    hf_pubkey_name(&c->k->pub, name, sizeof name);
    say(c, f->sensitive && !f->extractable ? HF_OK : HF_ERR_KEY_UNSAFE, "key %s: %s, %s", name,
        f->sensitive ? "sensitive" : "not sensitive",
        f->extractable         ? "extractable"
        : f->never_extractable ? "never extractable"
                               : "not extractable (imported)");
}

static void check_scheme(checker *c, uint16_t id)
{
    const hf_scheme *scheme = hf_scheme_find(id);
    uint8_t input[64];
    hf_key_op *op = calloc(1, sizeof *op);

    if (!op || RAND_bytes(input, sizeof input) != 1) {
        say(c, HF_ERR_NO_MEMORY, "sign %s: no memory or no random numbers", scheme->name);
        free(op);
        return;
    }
    op->kind = HF_KEY_OP_SIGN;
    op->scheme = id;
    op->input = input;
    op->input_len = scheme->digest ? scheme->digest_size : sizeof input;
    run(c, op);
    hf_status status = op->status;
    if (status == HF_OK)
        status = hf_scheme_verify(scheme, &c->k->pub, input, op->input_len, op->result, op->result_len);
    say(c, status, "sign %s: %s", scheme->name, status == HF_OK ? "verified" : hf_status_text(status));
    free(op);
}

/* `bad` encrypts with a wrong version: the answer must be the fallback, and no error. */
static void check_decrypt(checker *c, bool bad)
{
    uint8_t cipher[HF_RSA_MAX_BYTES];
    uint8_t secret[HF_PREMASTER_SIZE];
    size_t len = 0;
    hf_key_op *op = calloc(1, sizeof *op);

    if (!op || RAND_bytes(secret, sizeof secret) != 1 || RAND_bytes(op->fallback, sizeof op->fallback) != 1) {
        say(c, HF_ERR_NO_MEMORY, "decrypt: no memory or no random numbers");
        free(op);
        return;
    }
    secret[0] = 3;
    secret[1] = bad ? 1 : 3;
    hf_status status = hf_decrypter_encrypt(&c->k->pub, secret, sizeof secret, cipher, sizeof cipher, &len);
    if (status == HF_OK) {
        op->kind = HF_KEY_OP_DECRYPT;
        op->client_version = 0x0303;
        op->input = cipher;
        op->input_len = len;
        run(c, op);
        status = op->status;
    }
    if (status == HF_OK && !hf_ct_equal(op->result, bad ? op->fallback : secret, HF_PREMASTER_SIZE))
        status = HF_ERR_VERIFY;
    say(c, status, "decrypt %s: %s", bad ? "a bad premaster secret" : "a premaster secret",
        status != HF_OK ? hf_status_text(status)
        : bad           ? "answered like a good one, with the fallback"
        : c->k->usable.decrypt == HF_DECRYPT_RAW
            ? "equal (raw RSA, padding checked in constant time)"
            : "equal (the token removes the padding: its time for bad padding is its own)");
    hf_wipe(secret, sizeof secret);
    hf_wipe(op, sizeof *op);
    free(op);
}

static void check_cert(checker *c, X509 *cert, const char *which)
{
    EVP_PKEY *key = cert ? X509_get0_pubkey(cert) : NULL;

    if (!key) {
        say(c, HF_ERR_DECODE, "certificate %s: cannot be read", which);
        return;
    }
    bool same = EVP_PKEY_eq(key, c->k->pub.pkey) == 1;
    say(c, same ? HF_OK : HF_ERR_KEY_MISMATCH, "certificate %s: %s", which,
        same ? "belongs to the key" : "belongs to another key: give the certificate of this key");
    if (!same)
        return;
    bool begun = X509_cmp_current_time(X509_get0_notBefore(cert)) < 0;
    bool ended = X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0;
    say(c, begun && !ended ? HF_OK : HF_ERR_VERIFY, "certificate %s: %s", which,
        !begun  ? "is not valid yet: check the clock"
        : ended ? "has expired: renew it"
                : "is valid today");
}

static void check_pem(checker *c, const char *pem, size_t len)
{
    BIO *bio = len <= INT32_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

    check_cert(c, cert, "in the file");
    X509_free(cert);
    BIO_free(bio);
}

static void check_beside(checker *c)
{
    const uint8_t *at = c->k->certs.der[0];

    if (c->k->certs.n == 0) {
        say(c, HF_OK, "certificate in the token: none beside the key");
        return;
    }
    X509 *cert = d2i_X509(NULL, &at, (long)c->k->certs.len[0]);
    check_cert(c, cert, "in the token");
    X509_free(cert);
}

hf_status hf_hsm_check(const hf_hsm_options *options, const char *key_uri, const char *cert_pem, size_t cert_pem_len,
                       void (*each)(void *arg, bool good, const char *line), void *arg, char *why_text, size_t why_max)
{
    const hf_why why = {.text = why_text, .max = why_max};
    hf_hsm_options mine = *options;
    hf_key *key = NULL;

    mine.threads = 1;
    hf_status status = hf_hsm_key_open(&mine, key_uri, &key, why_text, why_max);
    if (status != HF_OK)
        return status;
    checker c = {.k = hf_hsm_key_of(key), .each = each, .arg = arg, .worst = HF_OK};
    check_attributes(&c);
    if (why_text && why_max > 0 && why_text[0])
        say(&c, HF_ERR_TOKEN, "token: %s", why_text);
    for (size_t i = 0; key->schemes[i]; i++)
        check_scheme(&c, key->schemes[i]);
    if (key->can_decrypt) {
        check_decrypt(&c, false);
        check_decrypt(&c, true);
    } else if (key->type == HF_KEY_RSA) {
        say(&c, HF_OK, "decrypt: not offered, the key or the token does not allow it");
    }
    if (cert_pem)
        check_pem(&c, cert_pem, cert_pem_len);
    check_beside(&c);
    key->ops->release(key);
    if (c.worst != HF_OK)
        return hf_why_set(&why, c.worst, "the key did not pass every check: see the lines marked FAILED");
    return hf_why_set(&why, HF_OK, "%s", "");
}
