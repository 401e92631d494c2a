/* Every kernel that runs here against the plain reference: all short lengths, and lengths around the batches. */
#include <criterion/criterion.h>
#include <string.h>

#include "aead.h"
#include "poly1305.h"
#include "test_portable_reference.h"

#define LONGEST 17000

static uint8_t key[32], nonce[12], aad[600], text[LONGEST], expected[LONGEST], got[LONGEST], back[LONGEST];

static void fill(void)
{
    ref_fill(key, sizeof key, 1);
    ref_fill(nonce, sizeof nonce, 2);
    ref_fill(aad, sizeof aad, 3);
    ref_fill(text, sizeof text, 4);
}

/* 0..300, then around multiples of the batch sizes, then long. Returns the next length, or 0 at the end. */
static size_t next_length(size_t len)
{
    static const size_t more[] = {479,  480,  481,  495,  496,  511,   512,   513,   735,   736,   767,  768,
                                  991,  992,  1007, 1023, 1024, 1025,  1087,  1088,  1400,  2047,  2048, 4095,
                                  4096, 4097, 8191, 8192, 8193, 16352, 16383, 16384, 16385, 16401, 0};
    if (len < 300)
        return len + 1;
    for (const size_t *p = more;; p++)
        if (*p == 0 || *p > len)
            return *p;
}

typedef void seal_function(const hf_kernel *kernel, const hf_aead_text *t, uint8_t tag[16]);
typedef bool open_function(const hf_kernel *kernel, const hf_aead_text *t, const uint8_t tag[16]);

/* Seals and opens one message, in place and not, with a wrong tag too. expected and expected_tag are the reference's.
 */
static void check_aead(const hf_kernel *kernel, seal_function *seal, open_function *open, size_t aad_len, size_t len,
                       const uint8_t expected_tag[16])
{
    static const uint8_t zeros[LONGEST];
    uint8_t tag[16];

    memset(got, 0xa5, sizeof got);
    seal(kernel, &(hf_aead_text){nonce, aad, aad_len, text, len, got}, tag);
    cr_assert_arr_eq(got, expected, len, "%s: ciphertext of %zu", kernel->name, len);
    cr_assert_arr_eq(tag, expected_tag, 16, "%s: tag of %zu, aad %zu", kernel->name, len, aad_len);
    cr_assert(got[len] == 0xa5);

    memset(back, 0xa5, sizeof back);
    cr_assert(open(kernel, &(hf_aead_text){nonce, aad, aad_len, got, len, back}, tag));
    cr_assert_arr_eq(back, text, len);
    cr_assert(back[len] == 0xa5);
    tag[len % 16] ^= (uint8_t)(1 << len % 8);
    cr_assert_not(open(kernel, &(hf_aead_text){nonce, aad, aad_len, got, len, back}, tag));
    cr_assert_arr_eq(back, zeros, len);

    memcpy(back, text, len);
    seal(kernel, &(hf_aead_text){nonce, aad, aad_len, back, len, back}, tag);
    cr_assert_arr_eq(back, expected, len);
    cr_assert(open(kernel, &(hf_aead_text){nonce, aad, aad_len, back, len, back}, tag));
    cr_assert_arr_eq(back, text, len);
    if (len > 0) { /* a changed ciphertext, in place */
        memcpy(back, expected, len);
        back[len / 2] ^= 1;
        cr_assert_not(open(kernel, &(hf_aead_text){nonce, aad, aad_len, back, len, back}, tag));
        cr_assert_arr_eq(back, zeros, len);
    }
}

static hf_gcm_key gcm_key;
static hf_aes_key aes_key;

static void gcm_seal(const hf_kernel *kernel, const hf_aead_text *t, uint8_t tag[16])
{
    hf_gcm_seal(&gcm_key, kernel, t, tag);
}
static bool gcm_open(const hf_kernel *kernel, const hf_aead_text *t, const uint8_t tag[16])
{
    return hf_gcm_open(&gcm_key, kernel, t, tag);
}
static void chapoly_seal(const hf_kernel *kernel, const hf_aead_text *t, uint8_t tag[16])
{
    hf_chapoly_seal(key, kernel, t, tag);
}
static bool chapoly_open(const hf_kernel *kernel, const hf_aead_text *t, const uint8_t tag[16])
{
    return hf_chapoly_open(key, kernel, t, tag);
}
static void ccm_seal(const hf_kernel *kernel, const hf_aead_text *t, uint8_t tag[16])
{
    hf_ccm_message m = {&aes_key, *t, 12, 16, {0}};
    hf_ccm_seal(&m, 1, kernel);
    memcpy(tag, m.mac, 16);
}
static bool ccm_open(const hf_kernel *kernel, const hf_aead_text *t, const uint8_t tag[16])
{
    hf_ccm_message m = {&aes_key, *t, 12, 16, {0}};
    bool good;
    hf_ccm_open(&m, 1, kernel, &tag, &good);
    return good;
}

Test(portable_kernels, gcm)
{
    uint8_t tag[16];

    fill();
    for (size_t key_len = 16; key_len <= 32; key_len += 16) {
        for (size_t len = 0, aad_len = 13;; aad_len = (aad_len * 7 + len) % 300) {
            ref_gcm_seal(key, key_len, nonce, aad, aad_len, text, len, expected, tag);
            const hf_kernel *kernel;
            for (size_t k = 0; (kernel = hf_kernel_at(k)); k++) {
                hf_gcm_key_init(&gcm_key, kernel, key, key_len);
                check_aead(kernel, gcm_seal, gcm_open, aad_len, len, tag);
            }
            if ((len = next_length(len)) == 0)
                break;
        }
    }
}

Test(portable_kernels, chacha20_poly1305)
{
    uint8_t tag[16];

    fill();
    for (size_t len = 0, aad_len = 13;; aad_len = (aad_len * 7 + len) % 300) {
        ref_chapoly_seal(key, nonce, aad, aad_len, text, len, expected, tag);
        const hf_kernel *kernel;
        for (size_t k = 0; (kernel = hf_kernel_at(k)); k++)
            check_aead(kernel, chapoly_seal, chapoly_open, aad_len, len, tag);
        if ((len = next_length(len)) == 0)
            break;
    }
}

Test(portable_kernels, ccm)
{
    uint8_t tag[16];

    fill();
    for (size_t key_len = 16; key_len <= 32; key_len += 16) {
        hf_aes_key_init(&aes_key, key, key_len);
        for (size_t len = 0, aad_len = 13;; aad_len = (aad_len * 7 + len) % 300) {
            ref_ccm_seal(key, key_len, nonce, aad, aad_len, text, len, expected, tag);
            const hf_kernel *kernel;
            for (size_t k = 0; (kernel = hf_kernel_at(k)); k++)
                check_aead(kernel, ccm_seal, ccm_open, aad_len, len, tag);
            if ((len = next_length(len)) == 0)
                break;
        }
    }
}

/* Chains of different keys and lengths side by side; decryption gives them back, in place too. */
Test(portable_kernels, cbc_chains)
{
    enum { BLOCKS = 70 };
    static uint8_t keys[HF_CBC_CHAINS_MAX][32], out[HF_CBC_CHAINS_MAX][16 * BLOCKS];
    static hf_aes_key aes[HF_CBC_CHAINS_MAX];
    const hf_kernel *kernel;

    fill();
    for (size_t k = 0; (kernel = hf_kernel_at(k)); k++) {
        for (size_t n = 1; n <= HF_CBC_CHAINS_MAX; n += n < 12 ? 1 : 5) {
            hf_cbc_chain chains[HF_CBC_CHAINS_MAX];
            size_t key_len = n % 2 ? 16 : 32;
            for (size_t i = 0; i < n; i++) {
                ref_fill(keys[i], 32, (uint32_t)(100 + i));
                hf_aes_key_init(&aes[i], keys[i], key_len);
                chains[i] =
                    (hf_cbc_chain){.key = &aes[i], .in = text + i, .out = out[i], .blocks = (i * 7 + n) % BLOCKS};
                ref_fill(chains[i].state, 16, (uint32_t)i);
            }
            kernel->cbc_encrypt(chains, n);
            for (size_t i = 0; i < n; i++) {
                uint8_t state[16], iv[16];
                ref_fill(iv, 16, (uint32_t)i);
                memcpy(state, iv, 16);
                for (size_t b = 0; b < chains[i].blocks; b++) {
                    for (size_t j = 0; j < 16; j++)
                        state[j] ^= text[i + 16 * b + j];
                    ref_aes_block(keys[i], key_len, state, state);
                    cr_assert_arr_eq(out[i] + 16 * b, state, 16, "%s: chain %zu of %zu", kernel->name, i, n);
                }
                cr_assert_arr_eq(chains[i].state, state, 16);
                kernel->cbc_decrypt(&aes[i], iv, out[i], got, 16 * chains[i].blocks);
                cr_assert_arr_eq(got, text + i, 16 * chains[i].blocks, "%s: %zu", kernel->name, chains[i].blocks);
                kernel->cbc_decrypt(&aes[i], iv, out[i], out[i], 16 * chains[i].blocks);
                cr_assert_arr_eq(out[i], text + i, 16 * chains[i].blocks);
            }
        }
    }
}

/* Values where carries and the final subtraction matter: r and messages of all ones, sums next to 2^130 - 5. */
Test(portable_kernels, poly1305_edges)
{
    static const uint8_t firsts[] = {0xff, 0xfb, 0xfa, 0xfc, 0xfe, 0x00, 0x01};
    uint8_t one_time[32], msg[64], tag[16], want[16];

    for (unsigned r = 0; r < 3; r++)
        for (size_t f = 0; f < sizeof firsts; f++)
            for (size_t len = 16; len <= sizeof msg; len += 16) {
                hf_poly1305 poly;
                memset(one_time, r == 1 ? 0xff : 0, 32);
                if (r == 0)
                    one_time[0] = 1;
                if (r == 2)
                    one_time[0] = 2;
                memset(msg, 0xff, sizeof msg);
                msg[len - 16] = firsts[f];
                ref_poly1305(one_time, msg, len, want);
                hf_poly1305_init(&poly, one_time);
                hf_poly1305_update_padded(&poly, msg, len);
                hf_poly1305_final(&poly, tag);
                cr_assert_arr_eq(tag, want, 16, "r %u first %zu len %zu", r, f, len);
            }
}
