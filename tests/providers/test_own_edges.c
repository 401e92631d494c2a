/* Our own kernels at the ends of memory: rows of vectors begin before the text and end behind it, so rooms stand right
 * behind and right before pages that nobody may touch. And what they leave in registers. */
#include <criterion/parameterized.h>

#include "own_rigs.h"
#include "portable/primitives.h"

#define SIDE_BY_SIDE OWN_SIDE_BY_SIDE
#define EDGE_MAX 700

typedef struct edges {
    own_rigs rigs;
    contract_room in[SIDE_BY_SIDE], out[SIDE_BY_SIDE];
    uint8_t content[EDGE_MAX], sealed[EDGE_MAX + 64];
    size_t len, sealed_len;
} edges;

static edges e;

/* `size` bytes at the low end of the room, or at the high one. */
static uint8_t *at(const contract_room *room, size_t size, bool low)
{
    return low ? room->low : contract_last(room, size);
}

static void seal_at(const contract_rig *rig, size_t n, bool low, bool in_place)
{
    hf_record_job jobs[SIDE_BY_SIDE];

    for (size_t i = 0; i < n; i++) {
        uint8_t *out = at(&e.out[i], e.sealed_len, low);
        uint8_t *in = in_place ? out + rig->prefix : at(&e.in[i], e.len, low);
        memcpy(in, e.content, e.len);
        jobs[i] = contract_seal_job(rig, 5, in, e.len, out);
    }
    contract_run(rig, HF_SEAL, jobs, n);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(jobs[i].status, HF_OK);
        cr_assert_eq(memcmp(jobs[i].out, e.sealed, e.sealed_len), 0, "%s: %zu bytes, low %d, in place %d",
                     contract_name(rig), e.len, low, in_place);
    }
}

static void open_at(const contract_rig *rig, size_t n, bool low, bool in_place)
{
    size_t room = e.sealed_len - rig->prefix;
    hf_record_job jobs[SIDE_BY_SIDE];

    for (size_t i = 0; i < n; i++) {
        uint8_t *in = at(&e.in[i], e.sealed_len, low);
        memcpy(in, e.sealed, e.sealed_len);
        jobs[i] = contract_open_job(rig, 5, in, e.sealed_len, in_place ? in + rig->prefix : at(&e.out[i], room, low));
    }
    contract_run(rig, HF_OPEN, jobs, n);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(jobs[i].status, HF_OK);
        cr_assert_eq(memcmp(jobs[i].out, e.content, e.len), 0, "%s: %zu bytes, low %d, in place %d", contract_name(rig),
                     e.len, low, in_place);
    }
}

OWN_EACH_CASE(own, nothing_outside_is_touched)
{
    if (!own_rigs_open(&e.rigs, which, 31))
        return;
    contract_fill(e.content, sizeof e.content, 32);
    for (size_t i = 0; i < SIDE_BY_SIDE; i++) {
        contract_room_new(&e.in[i], sizeof e.sealed);
        contract_room_new(&e.out[i], sizeof e.sealed);
    }
    for (e.len = 0; e.len <= EDGE_MAX; e.len++) {
        e.sealed_len = contract_seal(e.rigs.reference, 5, e.content, e.len, e.sealed);
        for (unsigned how = 0; how < 4; how++)
            for (size_t kernel = 0; kernel < OWN_KERNELS; kernel++)
                for (size_t n = 1; n <= SIDE_BY_SIDE; n += SIDE_BY_SIDE - 1) {
                    seal_at(e.rigs.kernels[kernel], n, how & 1, how & 2);
                    open_at(e.rigs.kernels[kernel], n, how & 1, how & 2);
                }
    }
    for (size_t i = 0; i < SIDE_BY_SIDE; i++) {
        contract_room_free(&e.in[i]);
        contract_room_free(&e.out[i]);
    }
    own_rigs_close(&e.rigs);
}

/* Text at every distance from the start of a cache line. */
OWN_EACH_CASE(own, every_alignment)
{
    static uint8_t in[64 + 1500], out[64 + 1600], sealed[1600];
    static const size_t lengths[] = {1, 64, 257, 1400};

    if (!own_rigs_open(&e.rigs, which, 33))
        return;
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++)
        for (size_t shift = 0; shift < 64; shift++)
            for (size_t kernel = 0; kernel < OWN_KERNELS; kernel++) {
                const contract_rig *rig = e.rigs.kernels[kernel];
                contract_fill(in + shift, lengths[k], 34);
                size_t len = contract_seal(e.rigs.reference, shift, in + shift, lengths[k], sealed);
                cr_assert_eq(contract_seal(rig, shift, in + shift, lengths[k], out + 63 - shift), len);
                cr_assert_eq(memcmp(out + 63 - shift, sealed, len), 0, "%s: %zu bytes, shift %zu", contract_name(rig),
                             lengths[k], shift);
                hf_record_job job = contract_open_job(rig, shift, out + 63 - shift, len, sealed);
                contract_run(rig, HF_OPEN, &job, 1);
                cr_assert_eq(job.status, HF_OK);
                cr_assert_eq(memcmp(sealed, in + shift, lengths[k]), 0);
            }
    own_rigs_close(&e.rigs);
}

#ifndef OWN_SHANI /* long bodies of CBC: test_contract_cbc.c; its kernel has no wide registers */

/* A peer may send more content than a record may carry, up to the largest body: it is opened, and the engine refuses
 * it. The contract seals no such record, so the algorithm itself does it here. */
OWN_EACH_CASE(own, the_longest_bodies_are_opened)
{
    static uint8_t body[HF_RECORD_BODY_MAX], content[HF_RECORD_BODY_MAX], out[HF_RECORD_BODY_MAX];
    uint8_t key[HF_CIPHER_KEY_MAX], iv[HF_CIPHER_IV_MAX], aad[13] = {0};
    uint64_t sequence = 0x0203040506070809;

    if (!own_rigs_open(&e.rigs, which, 35))
        return;
    contract_fill(key, sizeof key, 3 * 35); /* as contract.c makes them */
    contract_fill(iv, sizeof iv, 3 * 35 + 1);
    contract_fill(content, sizeof content, 36);
    bool tls13 = which->mode == HF_RECORD_TLS13, chacha = which->id == HF_CHACHA20_POLY1305;
    hf_status (*algorithm)(const uint8_t *, size_t, const uint8_t *, size_t, const uint8_t *, size_t, const uint8_t *,
                           size_t, uint8_t *, uint8_t *) =
        chacha ? hf_portable_chacha20_poly1305_seal : hf_portable_gcm_seal;
    size_t prefix = e.rigs.reference->prefix;
    size_t longest = HF_RECORD_BODY_MAX - prefix - 16;
    for (size_t len = HF_PLAINTEXT_MAX; len <= longest; len += len + 40 < longest && len > 17000 ? 37 : 1) {
        size_t body_len = prefix + len + 16, aad_len = tls13 ? 5 : 13;
        uint64_t number = __builtin_bswap64(sequence);
        uint8_t nonce[HF_CIPHER_IV_MAX];
        memcpy(nonce, iv, sizeof nonce);
        for (size_t i = 0; i < 8; i++)
            nonce[4 + i] = (uint8_t)((prefix == 0 ? nonce[4 + i] : 0) ^ ((uint8_t *)&number)[i]);
        memcpy(aad, &number, 8);
        memcpy(aad + aad_len - 5, (uint8_t[]){23, 3, 3}, 3);
        aad[aad_len - 2] = (uint8_t)((tls13 ? body_len : len) >> 8);
        aad[aad_len - 1] = (uint8_t)(tls13 ? body_len : len);
        memcpy(body, &number, prefix);
        cr_assert_eq(algorithm(key, e.rigs.reference->spec->key_size, nonce, sizeof nonce, aad, aad_len, content, len,
                               body + prefix, body + prefix + len),
                     HF_OK);
        for (size_t kernel = 0; kernel < OWN_KERNELS; kernel++) {
            hf_record_job job = contract_open_job(e.rigs.kernels[kernel], sequence, body, body_len, out);
            contract_run(e.rigs.kernels[kernel], HF_OPEN, &job, 1);
            cr_assert_eq(job.status, HF_OK, "%s: %zu bytes", contract_name(e.rigs.kernels[kernel]), len);
            cr_assert_eq(job.out_len, len);
            cr_assert_eq(memcmp(out, content, len), 0);
        }
    }
    own_rigs_close(&e.rigs);
}

/* What compiled C uses by itself in between is 128 bits wide, so only what is above that is looked at. */
static __attribute__((noinline, target("avx"))) void upper_halves(uint8_t out[16][32])
{
    __asm__ volatile("vmovups %%ymm0, 0(%0)\n\t vmovups %%ymm1, 32(%0)\n\t vmovups %%ymm2, 64(%0)\n\t"
                     "vmovups %%ymm3, 96(%0)\n\t vmovups %%ymm4, 128(%0)\n\t vmovups %%ymm5, 160(%0)\n\t"
                     "vmovups %%ymm6, 192(%0)\n\t vmovups %%ymm7, 224(%0)\n\t vmovups %%ymm8, 256(%0)\n\t"
                     "vmovups %%ymm9, 288(%0)\n\t vmovups %%ymm10, 320(%0)\n\t vmovups %%ymm11, 352(%0)\n\t"
                     "vmovups %%ymm12, 384(%0)\n\t vmovups %%ymm13, 416(%0)\n\t vmovups %%ymm14, 448(%0)\n\t"
                     "vmovups %%ymm15, 480(%0)"
                     :
                     : "r"(out)
                     : "memory");
}

static __attribute__((noinline, target("avx512f"))) void upper_registers(uint8_t out[16][64])
{
    __asm__ volatile("vmovups %%zmm16, 0(%0)\n\t vmovups %%zmm17, 64(%0)\n\t vmovups %%zmm18, 128(%0)\n\t"
                     "vmovups %%zmm19, 192(%0)\n\t vmovups %%zmm20, 256(%0)\n\t vmovups %%zmm21, 320(%0)\n\t"
                     "vmovups %%zmm22, 384(%0)\n\t vmovups %%zmm23, 448(%0)\n\t vmovups %%zmm24, 512(%0)\n\t"
                     "vmovups %%zmm25, 576(%0)\n\t vmovups %%zmm26, 640(%0)\n\t vmovups %%zmm27, 704(%0)\n\t"
                     "vmovups %%zmm28, 768(%0)\n\t vmovups %%zmm29, 832(%0)\n\t vmovups %%zmm30, 896(%0)\n\t"
                     "vmovups %%zmm31, 960(%0)"
                     :
                     : "r"(out)
                     : "memory");
}

OWN_EACH_CASE(own, registers_are_cleared)
{
    static const size_t lengths[] = {20, 100, 1400};
    static uint8_t content[1400], body[1500], low[16][32], high[16][64];
    bool wide = strcmp(own_providers[0]->version(), "512-bit vectors") == 0;

    if (!own_rigs_open(&e.rigs, which, 37))
        return;
    contract_fill(content, sizeof content, 38);
    for (size_t kernel = 0; kernel < OWN_KERNELS; kernel++)
        for (size_t k = 0; k < 2 * sizeof lengths / sizeof lengths[0]; k++) {
            const contract_rig *rig = e.rigs.kernels[kernel];
            size_t len = contract_seal(rig, 1, content, lengths[k / 2], body);
            hf_record_job job = k % 2 == 0 ? contract_seal_job(rig, 1, content, lengths[k / 2], body)
                                           : contract_open_job(rig, 1, body, len, body + rig->prefix);
            memset(low, 0xff, sizeof low);
            (k % 2 == 0 ? rig->cipher->seal : rig->cipher->open)(NULL, &job, 1);
            upper_halves(low);
            if (wide && kernel == 0)
                upper_registers(high);
            cr_assert_eq(job.status, HF_OK);
            for (size_t i = 0; i < 16; i++) {
                for (size_t byte = 16; byte < 32; byte++)
                    cr_assert_eq(low[i][byte], 0, "%s: ymm%zu", contract_name(rig), i);
                for (size_t byte = 0; byte < 64; byte++)
                    cr_assert_eq(high[i][byte], 0, "%s: zmm%zu", contract_name(rig), 16 + i);
            }
        }
    own_rigs_close(&e.rigs);
}

#endif
