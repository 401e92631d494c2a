/* The clients' check of one server's signatures; see known_key.h. */
#include "known_key.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SPKI_MAX 128

static struct {
    const hf_pki *pki; /* what does the rest; NULL: not in use */
    hf_pki faster;
    const hf_verifier *verifier;
    const hf_hash *hash; /* SHA-256 */
    pthread_mutex_t lock;
    void *tables; /* lock: of the key below; NULL: none yet */
    uint8_t spki[SPKI_MAX];
    size_t spki_len;
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The tables of the first key that is asked for, however often. */
static void make_tables(const uint8_t *spki, size_t len)
{
    size_t size = (known.verifier->state_size + HF_VERIFIER_ALIGN - 1) & ~(size_t)(HF_VERIFIER_ALIGN - 1);
    void *tables = len <= SPKI_MAX ? aligned_alloc(HF_VERIFIER_ALIGN, size) : NULL;

    if (!tables || known.verifier->prepare(tables, spki, len) != HF_OK) {
        free(tables);
        return;
    }
    memcpy(known.spki, spki, len);
    known.spki_len = len;
    known.tables = tables;
}

/* NULL: it is another key. */
static const void *tables_of(const hf_cert *cert)
{
    const uint8_t *spki;
    size_t len;

    if (known.pki->cert_spki(cert, &spki, &len) != HF_OK)
        return NULL;
    pthread_mutex_lock(&known.lock);
    if (!known.tables)
        make_tables(spki, len);
    const void *tables =
        known.tables && len == known.spki_len && memcmp(spki, known.spki, len) == 0 ? known.tables : NULL;
    pthread_mutex_unlock(&known.lock);
    return tables;
}

static hf_status digest_of(const uint8_t *msg, size_t msg_len, uint8_t *out)
{
    _Alignas(16) uint8_t state[HF_HASH_STATE_MAX];

    hf_status status = known.hash->init(state);
    if (status != HF_OK)
        return status;
    status = known.hash->update(state, msg, msg_len);
    if (status == HF_OK)
        status = known.hash->final(state, out);
    known.hash->cleanup(state);
    return status;
}

static hf_status verify(const hf_cert *cert, uint16_t scheme, const uint8_t *msg, size_t msg_len, const uint8_t *sig,
                        size_t sig_len)
{
    const void *tables = scheme == HF_ECDSA_SECP256R1_SHA256 ? tables_of(cert) : NULL;
    uint8_t digest[HF_HASH_SIZE_MAX];

    if (!tables)
        return known.pki->verify(cert, scheme, msg, msg_len, sig, sig_len);
    hf_status status = digest_of(msg, msg_len, digest);
    return status == HF_OK ? known.verifier->verify_digest(tables, digest, known.hash->size, sig, sig_len) : status;
}

static hf_status verify_digest(const hf_cert *cert, uint16_t scheme, const uint8_t *digest, size_t digest_len,
                               const uint8_t *sig, size_t sig_len)
{
    const void *tables = scheme == HF_ECDSA_SECP256R1_SHA256 ? tables_of(cert) : NULL;

    return tables ? known.verifier->verify_digest(tables, digest, digest_len, sig, sig_len)
                  : known.pki->verify_digest(cert, scheme, digest, digest_len, sig, sig_len);
}

void hf_known_key_use(hf_crypto *crypto)
{
    const hf_verifier *verifier = crypto->verifiers[0];

    if (!known.pki && verifier && verifier->group == HF_GROUP_P256 && crypto->hashes[HF_SHA256]) {
        known.pki = crypto->pki;
        known.hash = crypto->hashes[HF_SHA256];
        known.verifier = verifier;
        known.faster = *crypto->pki;
        known.faster.verify = verify;
        known.faster.verify_digest = verify_digest;
    }
    if (known.pki)
        crypto->pki = &known.faster;
}
