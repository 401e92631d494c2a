/* Poly1305 of the provider `ifma` by itself, where carries run furthest: keys and blocks of ones, sums around 2^130
 * - 5. A record's one-time key comes from ChaCha20, so the contract never meets them. All three ways, against the plain
 * one. */
#include "ifma/lonely.h"

#include <criterion/criterion.h>

#include "builtin.h"
#include "test_portable_reference.h"

#define RECORDS 8
#define TEXT_MAX 2000

static uint8_t text[RECORDS][TEXT_MAX], message[TEXT_MAX + 48];
static hf_ifma_record records[RECORDS];
static vec one_time[RECORDS];
static hash_tag right[RECORDS], tags[RECORDS];

/* Everything `byte`, but the last block ends a little lower; r and s as given. */
static void prepare(size_t i, size_t len, uint8_t byte, uint8_t lower, const uint8_t key[32])
{
    hf_ifma_record *r = &records[i];
    uint8_t block[16];

    memset(text[i], byte, len);
    memset(block, byte, sizeof block);
    memset(message, 0, sizeof message);
    memcpy(&r->aad, block, sizeof block);
    memcpy(message, block, sizeof block);
    memcpy(message + 16, text[i], len);
    block[0] = (uint8_t)(block[0] - lower);
    memcpy(&r->lengths, block, sizeof block);
    memcpy(message + 16 + (len + 15) / 16 * 16, block, sizeof block);
    r->hashed = text[i];
    r->len = (uint32_t)len;
    memset(&one_time[i], 0xee, sizeof one_time[i]);
    memcpy(&one_time[i], key, 32);
    ref_poly1305(key, message, 32 + (len + 15) / 16 * 16, (uint8_t *)&right[i]);
}

static void same(size_t i, const char *how)
{
    cr_assert_eq(memcmp(&tags[i], &right[i], sizeof tags[i]), 0, "%s, %u bytes", how, records[i].len);
    memset(&tags[i], 0, sizeof tags[i]);
}

/* As the key, the first byte of r and what all its other bytes and all bytes of s are. */
static __attribute__((noinline)) void check(size_t len, uint8_t byte, uint8_t first, uint8_t others)
{
    const hf_ifma_record *of[RECORDS];
    const vec *keys[RECORDS];
    hash_tag *out[RECORDS];
    uint8_t key[32];
    size_t longest = 0;

    memset(key, others, sizeof key);
    key[0] = first;
    for (unsigned lower = 0; lower < 32; lower += RECORDS) {
        for (size_t i = 0; i < RECORDS; i++) {
            prepare(i, len > 7 * i ? len - 7 * i : len, byte, (uint8_t)(lower + i), key);
            longest = row_blocks(&records[i]) > longest ? row_blocks(&records[i]) : longest;
            of[i] = &records[i];
            keys[i] = &one_time[i];
            out[i] = &tags[i];
            hash_lonely(&records[i], keys[i], out[i]);
            same(i, "lonely");
            hash_stripes(&records[i], keys[i], out[i]);
            same(i, "stripes");
        }
        for (size_t n = 1; n <= RECORDS; n++) {
            hash_side_by_side(of, keys, n, longest, out);
            for (size_t i = 0; i < n; i++)
                same(i, "side by side");
        }
    }
}

Test(ifma_hash, where_carries_run_furthest)
{
    static const uint8_t firsts[] = {0x00, 0x01, 0x02, 0x05, 0x80, 0xfb, 0xff}, others[] = {0x00, 0xff};
    static const size_t lengths[] = {0, 1, 15, 16, 31, 32, 48, 64, 96, 97, 128, 200, 300, 511, 700, 1500};
    const char *why = "";

    if (!hf_provider_ifma.available(&why))
        return;
    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++)
        for (size_t f = 0; f < sizeof firsts; f++)
            for (size_t o = 0; o < sizeof others; o++) {
                check(lengths[l], 0xff, firsts[f], others[o]);
                check(lengths[l], 0x00, firsts[f], others[o]);
                check(lengths[l], 0xfb, firsts[f], others[o]);
            }
}
