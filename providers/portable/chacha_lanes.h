/* ChaCha20 (RFC 8439 section 2.3) over vectors: word i of HF_VEC_SIZE / 4 blocks side by side in vector i.
 * A template: see lanes.h. */

enum { HF_T(chacha_blocks) = HF_VEC_SIZE / 4, HF_T(chacha_bytes) = HF_VEC_SIZE * 16 };

/* Words of a and b within every 16-byte lane: indices 0-3 are a's, 4-7 b's. */
#define HF_PICK(o, i) ((i) < 4 ? (i) + (o) : (i)-4 + (o) + HF_VEC_SIZE / 4)
#define HF_PICK4(o, i, j, k, l) HF_PICK(o, i), HF_PICK(o, j), HF_PICK(o, k), HF_PICK(o, l)
#if HF_VEC_SIZE == 16
#define HF_MERGE(a, b, ...) __builtin_shufflevector(a, b, HF_PICK4(0, __VA_ARGS__))
#elif HF_VEC_SIZE == 32
#define HF_MERGE(a, b, ...) __builtin_shufflevector(a, b, HF_PICK4(0, __VA_ARGS__), HF_PICK4(4, __VA_ARGS__))
#else
#define HF_MERGE(a, b, ...)                                                                                            \
    __builtin_shufflevector(a, b, HF_PICK4(0, __VA_ARGS__), HF_PICK4(4, __VA_ARGS__), HF_PICK4(8, __VA_ARGS__),        \
                            HF_PICK4(12, __VA_ARGS__))
#endif

#define HF_ROTL(v, n) ((v) << (n) | (v) >> (32 - (n)))

static inline __attribute__((always_inline)) void HF_T(quarter_round)(HF_T(words) * a, HF_T(words) * b, HF_T(words) * c,
                                                                      HF_T(words) * d)
{
    *a += *b;
    *d = HF_ROTL(*d ^ *a, 16);
    *c += *d;
    *b = HF_ROTL(*b ^ *c, 12);
    *a += *b;
    *d = HF_ROTL(*d ^ *a, 8);
    *c += *d;
    *b = HF_ROTL(*b ^ *c, 7);
}

/* Four vectors (words 4g..4g+3 of all blocks) to 16-byte pieces of the blocks' keystream. */
static inline __attribute__((always_inline)) void HF_T(chacha_emit)(const HF_T(words) w[4], uint8_t *out)
{
    HF_T(words) t0 = HF_MERGE(w[0], w[1], 0, 4, 1, 5), t1 = HF_MERGE(w[0], w[1], 2, 6, 3, 7);
    HF_T(words) t2 = HF_MERGE(w[2], w[3], 0, 4, 1, 5), t3 = HF_MERGE(w[2], w[3], 2, 6, 3, 7);
    HF_T(words)
    r[4] = {HF_MERGE(t0, t2, 0, 1, 4, 5), HF_MERGE(t0, t2, 2, 3, 6, 7), HF_MERGE(t1, t3, 0, 1, 4, 5),
            HF_MERGE(t1, t3, 2, 3, 6, 7)};

    for (size_t j = 0; j < 4; j++)
        for (size_t l = 0; l < HF_VEC_SIZE / 16; l++)
            memcpy(out + HF_CHACHA_BLOCK * (4 * l + j), (const uint8_t *)&r[j] + 16 * l, 16);
}

/* Keystream of the blocks counter .. counter + HF_VEC_SIZE / 4 - 1. input: the 16 words, the counter's ignored. */
static inline __attribute__((always_inline)) void HF_T(chacha_batch)(const uint32_t input[16], uint32_t counter,
                                                                     uint8_t *out)
{
    HF_T(words) start[16], x[16];
    uint32_t counters[HF_T(chacha_blocks)];

    for (unsigned i = 0; i < 16; i++)
        start[i] = (HF_T(words)){0} + input[i];
    for (unsigned l = 0; l < HF_T(chacha_blocks); l++)
        counters[l] = counter + l;
    memcpy(&start[12], counters, sizeof counters);
    for (unsigned i = 0; i < 16; i++)
        x[i] = start[i];
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 4; i++)
            HF_T(quarter_round)(&x[i], &x[4 + i], &x[8 + i], &x[12 + i]);
        for (unsigned i = 0; i < 4; i++)
            HF_T(quarter_round)(&x[i], &x[4 + (i + 1) % 4], &x[8 + (i + 2) % 4], &x[12 + (i + 3) % 4]);
    }
    for (unsigned i = 0; i < 16; i++) {
        x[i] += start[i];
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        x[i] = x[i] << 24 | (x[i] << 8 & 0xff0000) | (x[i] >> 8 & 0xff00) | x[i] >> 24;
#endif
    }
    for (unsigned g = 0; g < 4; g++)
        HF_T(chacha_emit)(x + (size_t)4 * g, out + (size_t)16 * g);
}

#undef HF_PICK
#undef HF_PICK4
#undef HF_MERGE
#undef HF_ROTL
