/* The pretence behind fake_crypto.h. */
#include "fake_crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handfast/providers.h"

#define MODULUS 256
#define MASK 0x6b /* what "encrypts" */

struct hf_cert {
    uint8_t der[64];
    size_t len;
};
struct hf_trust {
    int unused;
};

/* ---- Environment ---- */

static uint32_t random_state;

void fake_restart(void)
{
    random_state = 0x2545f491;
}

static hf_status fake_random(void *arg, uint8_t *out, size_t len)
{
    (void)arg;
    for (size_t i = 0; i < len; i++) {
        random_state = random_state * 1664525 + 1013904223;
        out[i] = (uint8_t)(random_state >> 24);
    }
    return HF_OK;
}

static int64_t fake_time(void *arg)
{
    (void)arg;
    return 1800000000;
}

static void *fake_alloc(void *arg, size_t size)
{
    (void)arg;
    return malloc(size);
}

static void fake_free(void *arg, void *p, size_t size)
{
    (void)arg;
    (void)size;
    free(p);
}

const hf_env *fake_env(void)
{
    static const hf_env env = {fake_alloc, fake_free, NULL, fake_random, NULL, fake_time, NULL};
    return &env;
}

/* ---- Signatures ---- */

#define SIGNATURE_SIZE 16

static void checksum(const uint8_t *spki, size_t spki_len, uint16_t scheme, const uint8_t *msg, size_t len,
                     uint8_t out[SIGNATURE_SIZE])
{
    uint64_t h = 0xcbf29ce484222325u ^ scheme;
    for (size_t i = 0; i < spki_len; i++)
        h = (h ^ spki[i]) * 0x100000001b3u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ msg[i]) * 0x100000001b3u;
    for (size_t i = 0; i < SIGNATURE_SIZE; i++) {
        out[i] = (uint8_t)(h >> 56);
        h = (h ^ i) * 0x100000001b3u;
    }
}

static bool fits(hf_key_type type, uint16_t scheme)
{
    switch (scheme) {
    case HF_ECDSA_SECP256R1_SHA256:
    case HF_ECDSA_SECP384R1_SHA384:
    case HF_ECDSA_SECP521R1_SHA512:
        return type == HF_KEY_EC;
    case HF_ED25519:
        return type == HF_KEY_ED25519;
    default:
        return type == HF_KEY_RSA;
    }
}

static hf_status fake_verify(const hf_cert *cert, uint16_t scheme, const uint8_t *msg, size_t msg_len,
                             const uint8_t *sig, size_t sig_len)
{
    uint8_t want[SIGNATURE_SIZE];
    if (!fits((hf_key_type)cert->der[1], scheme))
        return HF_ERR_UNSUPPORTED;
    checksum(cert->der, cert->len, scheme, msg, msg_len, want);
    return sig_len == sizeof want && memcmp(sig, want, sizeof want) == 0 ? HF_OK : HF_ERR_VERIFY;
}

/* ---- Certificates: 'C', key type, name ---- */

static hf_status fake_cert_new(const uint8_t *der, size_t len, hf_cert **out)
{
    if (len < 3 || len > sizeof(*out)->der || der[0] != 'C')
        return HF_ERR_DECODE;
    if (der[1] > HF_KEY_ED25519)
        return HF_ERR_UNSUPPORTED;
    hf_cert *cert = calloc(1, sizeof *cert);
    if (!cert)
        return HF_ERR_NO_MEMORY;
    memcpy(cert->der, der, len);
    cert->len = len;
    *out = cert;
    return HF_OK;
}

static void fake_cert_free(hf_cert *cert)
{
    free(cert);
}

static hf_status fake_cert_info(const hf_cert *cert, hf_cert_info *out)
{
    memset(out, 0, sizeof *out);
    out->key_type = (hf_key_type)cert->der[1];
    out->key_bits = 2048;
    out->group = out->key_type == HF_KEY_EC ? HF_GROUP_X25519 : 0; /* the one group that is offered */
    out->usage = cert->der[2] == '!' ? 0 : HF_USAGE_DIGITAL_SIGNATURE | HF_USAGE_KEY_ENCIPHERMENT;
    snprintf(out->subject, sizeof out->subject, "CN=fake %u", cert->der[2]);
    return HF_OK;
}

static hf_status fake_cert_spki(const hf_cert *cert, const uint8_t **out_der, size_t *out_len)
{
    *out_der = cert->der;
    *out_len = cert->len;
    return HF_OK;
}

static hf_status fake_rsa_encrypt(const hf_cert *cert, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_max,
                                  size_t *out_len)
{
    (void)cert;
    if (in_len > MODULUS - 11 || out_max < MODULUS)
        return HF_ERR_BUFFER;
    memset(out, 0x5a, MODULUS);
    out[0] = 0;
    out[1] = 2;
    out[MODULUS - in_len - 1] = 0;
    memcpy(out + MODULUS - in_len, in, in_len);
    for (size_t i = 0; i < MODULUS; i++)
        out[i] ^= MASK;
    *out_len = MODULUS;
    return HF_OK;
}

static hf_status fake_trust_new(const uint8_t *pem, size_t len, hf_trust **out)
{
    (void)pem;
    (void)len;
    *out = calloc(1, sizeof **out);
    return *out ? HF_OK : HF_ERR_NO_MEMORY;
}

static void fake_trust_free(hf_trust *trust)
{
    free(trust);
}

static hf_status fake_trust_names(const hf_trust *trust, uint8_t *out, size_t out_max, size_t *out_len)
{
    (void)trust;
    if (out_max < 5)
        return HF_ERR_BUFFER;
    memcpy(out, "\0\3\x30\1\0", 5);
    *out_len = 5;
    return HF_OK;
}

static hf_status fake_verify_path(const hf_path *path, char *why, size_t why_max)
{
    snprintf(why, why_max, "the fake authority knows it or not");
    return path->certs[0][2] == '?' ? HF_SEND(HF_ALERT_UNKNOWN_CA) : HF_OK;
}

static hf_status fake_pem_certs(const uint8_t *pem, size_t len,
                                hf_status (*each)(void *arg, const uint8_t *der, size_t der_len), void *arg)
{
    (void)pem;
    (void)len;
    (void)each;
    (void)arg;
    return HF_ERR_DECODE;
}

static bool fake_cert_matches(const hf_cert *cert, const char *name)
{
    return name[0] == (char)cert->der[2];
}

static hf_status fake_cert_issuer(const hf_cert *cert, const uint8_t **out_der, size_t *out_len)
{
    *out_der = cert->der;
    *out_len = cert->len;
    return HF_OK;
}

static hf_status fake_ocsp_check(const hf_ocsp *ocsp, int64_t *out_until, char *why, size_t why_max)
{
    snprintf(why, why_max, "the fake responder knows it or not");
    if (ocsp->response[0] != 'O')
        return HF_SEND(HF_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE);
    *out_until = INT64_MAX;
    return HF_OK;
}

static const hf_provider provider = {.name = "fake"};
static const hf_pki pki = {&provider,      fake_cert_new,     fake_cert_free,   fake_cert_info,
                           fake_cert_spki, fake_verify,       fake_verify,      fake_rsa_encrypt,
                           fake_trust_new, fake_trust_free,   fake_trust_names, fake_verify_path,
                           fake_pem_certs, fake_cert_matches, fake_cert_issuer, fake_ocsp_check};

/* ---- Key agreement ---- */

#define SHARE_SIZE 32

static hf_status fake_generate(void **out_private, uint8_t *out_public)
{
    uint8_t *private_key = malloc(SHARE_SIZE);
    if (!private_key)
        return HF_ERR_NO_MEMORY;
    (void)fake_random(NULL, private_key, SHARE_SIZE);
    memcpy(out_public, private_key, SHARE_SIZE);
    *out_private = private_key;
    return HF_OK;
}

static hf_status fake_derive(void *private_key, const uint8_t *peer, size_t peer_len, uint8_t *out_shared)
{
    const uint8_t *mine = private_key;
    memset(out_shared, 0, SHARE_SIZE);
    if (peer_len != SHARE_SIZE || peer[0] == 0)
        return HF_ERR_VERIFY;
    for (size_t i = 0; i < SHARE_SIZE; i++)
        out_shared[i] = mine[i] ^ peer[i];
    return HF_OK;
}

static const hf_group group = {HF_GROUP_X25519, "fake",      &provider, SHARE_SIZE, SHARE_SIZE,
                               fake_generate,   fake_derive, free,      NULL};

const hf_crypto *fake_crypto(void)
{
    static hf_crypto crypto;
    static bool made;
    char why[256];
    if (made)
        return &crypto;
    if (hf_crypto_compose("libcrypto", &crypto, NULL, NULL, why, sizeof why) != HF_OK) {
        fprintf(stderr, "fake_crypto: %s\n", why);
        abort();
    }
    memset(crypto.groups, 0, sizeof crypto.groups);
    crypto.groups[0] = &group;
    crypto.pki = &pki;
    made = true;
    return &crypto;
}

/* ---- Keys ---- */

static void fake_submit(hf_key *key, hf_key_op *op, hf_key_done_fn *done, void *arg)
{
    op->status = HF_OK;
    if (op->kind == HF_KEY_OP_SIGN) {
        checksum(key->spki, key->spki_len, op->scheme, op->input, op->input_len, op->result);
        op->result_len = SIGNATURE_SIZE;
    } else {
        uint8_t em[MODULUS] = {0};
        for (size_t i = 0; op->input_len == MODULUS && i < MODULUS; i++)
            em[i] = op->input[i] ^ MASK;
        hf_premaster_unpad(em, MODULUS, op->client_version, op->fallback, op->result);
        op->result_len = HF_PREMASTER_SIZE;
    }
    done(arg, op);
}

static void fake_hold(hf_key *key)
{
    (void)key;
}

static const hf_key_ops key_ops = {.submit = fake_submit, .retain = fake_hold, .release = fake_hold};

static fake_credential *make(fake_credential *c, hf_key_type type)
{
    if (c->der_len)
        return c;
    c->der[0] = 'C';
    c->der[1] = (uint8_t)type;
    c->der[2] = 'n';
    c->der_len = 3;
    c->key = (hf_key){.ops = &key_ops,
                      .label = "fake",
                      .where = "nowhere",
                      .type = type,
                      .bits = 2048,
                      .can_decrypt = type == HF_KEY_RSA,
                      .spki = c->der,
                      .spki_len = c->der_len};
    c->key.schemes[0] = type == HF_KEY_RSA ? HF_RSA_PSS_RSAE_SHA256 : HF_ECDSA_SECP256R1_SHA256;
    return c;
}

fake_credential *fake_rsa(void)
{
    static fake_credential credential;
    return make(&credential, HF_KEY_RSA);
}

fake_credential *fake_ec(void)
{
    static fake_credential credential;
    return make(&credential, HF_KEY_EC);
}
