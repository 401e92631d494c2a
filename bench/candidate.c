/* The list of candidates, and the records that all of them work on; see candidate.h. */
#include "candidate.h"

#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "handfast/providers.h"

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
    memcpy(aad, number, sizeof number);
    aad[8] = HF_REC_CONTENT_TYPE;
    aad[9] = 3;
    aad[10] = 3;
    aad[11] = (uint8_t)(c->bytes >> 8);
    aad[12] = (uint8_t)c->bytes;
}

static hf_status add_provider(const hf_provider *provider, bool asked, hf_rec_maker *makers, size_t *n)
{
    const char *why = "";
    hf_status status = hf_rec_provider_maker(provider, &makers[*n], &why);

    if (status == HF_OK)
        (*n)++;
    else
        hf_bench_fail("provider %s is left out: %s", provider->name, why[0] ? why : hf_status_text(status));
    return asked ? status : HF_OK;
}

hf_status hf_rec_makers(const char *name, hf_rec_maker makers[HF_REC_MAKERS_MAX], size_t *n)
{
    hf_rec_maker peers[4];
    size_t peers_n = hf_rec_ipsecmb_makers(peers);
    size_t before = *n;

    peers_n += hf_rec_bearssl_makers(peers + peers_n);
    for (const hf_provider *const *p = hf_providers(); *p && *n < HF_REC_MAKERS_MAX; p++) {
        if (name ? strcmp((*p)->name, name) != 0 : !(*p)->ciphers)
            continue; /* one that has hashes only is no candidate, and not worth a word unless it was asked for */
        hf_status status = add_provider(*p, name != NULL, makers, n);
        if (status != HF_OK)
            return status;
    }
    for (size_t i = 0; i < peers_n && *n < HF_REC_MAKERS_MAX; i++)
        if (!name || strcmp(peers[i].name, name) == 0)
            makers[(*n)++] = peers[i];
    return *n == before ? HF_ERR_NOT_FOUND : HF_OK;
}

void hf_rec_makers_free(hf_rec_maker *makers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (makers[i].provider)
            hf_rec_provider_maker_free(&makers[i]);
}
