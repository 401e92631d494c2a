/* The constant-time check of MAC-then-encrypt records: what it accepts and what it refuses, for every padding. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "md_fastest.h"
#include "mte_open.h"
#include "primitives.h"
#include "test_portable_reference.h"

/* Each hash over its plain operations, and over the fastest that this CPU has: the check chooses neither. */
static const struct {
    hf_hash_id id;
    size_t size;
    const hf_md_ops *(*ops)(hf_hash_id id);
} hashes[] = {
    {HF_SHA1, 20, hf_md_ops_of},      {HF_SHA256, 32, hf_md_ops_of},      {HF_SHA384, 48, hf_md_ops_of},
    {HF_SHA1, 20, hf_md_ops_fastest}, {HF_SHA256, 32, hf_md_ops_fastest}, {HF_SHA384, 48, hf_md_ops_fastest},
};
#define HASHES (sizeof hashes / sizeof hashes[0])

static const uint64_t sequence = 0x0102030405060708;
static hf_md_hmac_key key;

/* Plaintext of a record: content, MAC of the plain HMAC over header and content, padding + 1 bytes `padding`.
 * Exactly sized on the heap, so that a sanitizer sees any step outside. Returns its length. */
static size_t make(size_t hash, size_t content, size_t padding, uint8_t **out)
{
    size_t mac_size = hashes[hash].size, len = content + mac_size + padding + 1;
    uint8_t mac_key[48], header[13] = {1, 2, 3, 4, 5, 6, 7, 8, 23, 3, 3, (uint8_t)(content >> 8), (uint8_t)content};
    uint8_t *plain = malloc(len), *message = malloc(13 + content);

    ref_fill(mac_key, sizeof mac_key, 9);
    cr_assert_eq(hf_md_hmac_key_init(&key, hashes[hash].ops(hashes[hash].id), mac_key, mac_size), HF_OK);
    ref_fill(plain, content, 10);
    memcpy(message, header, 13);
    memcpy(message + 13, plain, content);
    cr_assert_eq(hf_portable_hmac(hashes[hash].id, mac_key, mac_size, message, 13 + content, plain + content), HF_OK);
    memset(plain + content + mac_size, (int)padding, padding + 1);
    free(message);
    *out = plain;
    return len;
}

/* The verdict; out_len is checked against it. */
static bool accepted(const uint8_t *plain, size_t len, size_t content)
{
    size_t out_len = 12345;
    uint32_t good = hf_mte_check(&key, sequence, 23, plain, len, &out_len);

    cr_assert(good == 0 || good == 0xffffffff);
    cr_assert_eq(out_len, good ? content : 0);
    return good != 0;
}

Test(portable_mte, every_padding)
{
    for (size_t h = 0; h < HASHES; h++)
        for (size_t content = 0; content < 400; content += content < 140 ? 1 : 37)
            for (size_t padding = 0; padding < 256; padding += content % 16 == 3 ? 1 : 51) {
                uint8_t *plain;
                size_t len = make(h, content, padding, &plain);
                cr_assert(accepted(plain, len, content), "hash %zu content %zu padding %zu", h, content, padding);
                free(plain);
            }
}

Test(portable_mte, longest_record)
{
    for (size_t h = 0; h < HASHES; h++)
        for (size_t padding = 0; padding < 256; padding += 15) {
            uint8_t *plain;
            size_t len = make(h, 16384, padding, &plain);
            cr_assert(accepted(plain, len, 16384));
            plain[0] ^= 1;
            cr_assert_not(accepted(plain, len, 16384));
            free(plain);
        }
}

Test(portable_mte, every_changed_byte_is_refused)
{
    static const size_t contents[] = {0, 1, 40, 55, 64, 300};
    static const size_t paddings[] = {0, 1, 15, 100, 255};

    for (size_t h = 0; h < HASHES; h++)
        for (size_t c = 0; c < 6; c++)
            for (size_t p = 0; p < 5; p++) {
                uint8_t *plain;
                size_t len = make(h, contents[c], paddings[p], &plain);
                for (size_t i = 0; i < len; i++) {
                    uint8_t change = (uint8_t)(1 << (i + p) % 8);
                    plain[i] ^= change;
                    cr_assert_not(accepted(plain, len, contents[c]), "hash %zu content %zu padding %zu byte %zu", h,
                                  contents[c], paddings[p], i);
                    plain[i] ^= change;
                }
                free(plain);
            }
}

Test(portable_mte, header_is_covered)
{
    uint8_t *plain;
    size_t out_len, len = make(1, 100, 7, &plain);

    cr_assert(accepted(plain, len, 100));
    cr_assert_eq(hf_mte_check(&key, sequence + 1, 23, plain, len, &out_len), 0);
    cr_assert_eq(hf_mte_check(&key, sequence, 22, plain, len, &out_len), 0);
    free(plain);
}

/* A padding length that leaves no room for the MAC, although all padding bytes agree. */
Test(portable_mte, padding_longer_than_record)
{
    for (size_t h = 0; h < HASHES; h++)
        for (size_t len = hashes[h].size + 1; len < 256 + hashes[h].size; len++) {
            uint8_t *plain, *all = malloc(len);
            free((make(h, 0, 0, &plain), plain));
            memset(all, (int)(len - hashes[h].size < 256 ? len - hashes[h].size : 255), len);
            cr_assert_not(accepted(all, len, 0));
            free(all);
        }
}

Test(portable_mte, too_short)
{
    for (size_t h = 0; h < HASHES; h++)
        for (size_t len = 0; len <= hashes[h].size; len++) {
            uint8_t *plain, *zeros = calloc(1, len + 1);
            free((make(h, 0, 0, &plain), plain));
            cr_assert_not(accepted(zeros, len, 0));
            free(zeros);
        }
}
