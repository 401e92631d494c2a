/* The list of candidates, and the records that all of them work on; see candidate.h. */
#include "candidate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "handfast/providers.h"

#define AUTO "auto" /* what the composition chooses by itself */

void hf_rec_pattern(uint8_t *out, size_t len, uint8_t first)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(first + 7 * i);
}

static void put_be64(uint8_t *out, uint64_t value)
{
    value = __builtin_bswap64(value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    memcpy(out, &value, sizeof value);
}

void hf_rec_keys(size_t i, uint8_t *key, uint8_t *iv, uint8_t *mac_key)
{
    uint64_t number = i;

    hf_rec_pattern(key, HF_CIPHER_KEY_MAX, 1);
    hf_rec_pattern(iv, HF_CIPHER_IV_MAX, 2);
    hf_rec_pattern(mac_key, HF_CIPHER_MAC_KEY_MAX, 3);
    memcpy(key, &number, sizeof number);
    memcpy(mac_key, &number, sizeof number);
}

void hf_rec_cbc_iv(uint64_t sequence, uint8_t iv[HF_CBC_IV_SIZE])
{
    memset(iv, 0, HF_CBC_IV_SIZE);
    memcpy(iv, &sequence, sizeof sequence);
}

uint32_t *hf_rec_shuffled(size_t n)
{
    uint32_t *order = calloc(n ? n : 1, sizeof *order);
    uint64_t random = 88172645463325252u; /* xorshift; any start but 0 does */

    for (size_t i = 0; order && i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n; order && i > 1; i--) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        size_t other = (size_t)(random % i);
        uint32_t kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
    return order;
}

void hf_rec_header(uint8_t out[HF_REC_AAD_SIZE], uint64_t sequence, size_t len)
{
    put_be64(out, sequence);
    out[8] = HF_REC_CONTENT_TYPE;
    out[9] = 3;
    out[10] = 3;
    out[11] = (uint8_t)(len >> 8);
    out[12] = (uint8_t)len;
}

void hf_rec_nonce(const hf_rec_case *c, const uint8_t *iv, uint64_t sequence, uint8_t nonce[HF_REC_NONCE_SIZE],
                  uint8_t aad[HF_REC_AAD_SIZE], uint8_t *prefix)
{
    uint8_t number[8];

    put_be64(number, sequence);
    memcpy(nonce, iv, c->spec->iv_size);
    if (c->spec->iv_size == HF_REC_NONCE_SIZE) {
        for (size_t i = 0; i < sizeof number; i++)
            nonce[4 + i] ^= number[i];
    } else {
        memcpy(nonce + 4, number, sizeof number);
        if (prefix)
            memcpy(prefix, number, sizeof number);
    }
    hf_rec_header(aad, sequence, c->bytes);
}

static hf_status add_provider(const char *provider, bool asked, hf_rec_maker *makers, size_t *n)
{
    const char *why = "";
    hf_status status = hf_rec_provider_maker(provider, &makers[*n], &why);

    if (status == HF_OK)
        (*n)++;
    else
        hf_bench_fail("provider %s is left out: %s", provider, why[0] ? why : hf_status_text(status));
    return asked ? status : HF_OK;
}

/* Of one library: those of the name, or all. */
static void add_others(size_t (*list)(hf_rec_maker *), const char *name, hf_rec_maker *makers, size_t *n)
{
    hf_rec_maker some[HF_REC_PEERS_MAX];
    size_t some_n = list(some);

    for (size_t i = 0; i < some_n && *n < HF_REC_MAKERS_MAX; i++)
        if (!name || strcmp(some[i].name, name) == 0)
            makers[(*n)++] = some[i];
}

hf_status hf_rec_makers(const char *name, hf_rec_maker makers[HF_REC_MAKERS_MAX], size_t *n)
{
    static size_t (*const others[])(hf_rec_maker *) = {hf_rec_ipsecmb_makers, hf_rec_jobs_makers, hf_rec_evp_makers,
                                                       hf_rec_bearssl_makers};
    size_t before = *n;

    if (!name || strcmp(name, AUTO) == 0) {
        hf_status status = add_provider(AUTO, name != NULL, makers, n);
        if (status != HF_OK)
            return status;
    }
    for (const hf_provider *const *p = hf_providers(); *p && *n < HF_REC_MAKERS_MAX; p++) {
        if (name ? strcmp((*p)->name, name) != 0 : !(*p)->ciphers)
            continue; /* one that has hashes only is no candidate, and not worth a word unless it was asked for */
        hf_status status = add_provider((*p)->name, name != NULL, makers, n);
        if (status != HF_OK)
            return status;
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        add_others(others[i], name, makers, n);
    return *n == before ? HF_ERR_NOT_FOUND : HF_OK;
}

void hf_rec_makers_free(hf_rec_maker *makers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (makers[i].provider)
            hf_rec_provider_maker_free(&makers[i]);
}
