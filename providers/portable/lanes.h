/* Vectors of HF_VEC_SIZE bytes (16, 32 or 64) in the compilers' own vector extension: plain C operators, no
 * intrinsics. Where the CPU has no vectors the compiler makes words of them. A template: include after defining
 * HF_VEC_SIZE and HF_T(name), which gives each width its own names. */

typedef uint8_t HF_T(bytes) __attribute__((vector_size(HF_VEC_SIZE)));
typedef uint16_t HF_T(halves) __attribute__((vector_size(HF_VEC_SIZE)));
typedef uint32_t HF_T(words) __attribute__((vector_size(HF_VEC_SIZE)));

static inline __attribute__((always_inline)) HF_T(bytes) HF_T(load)(const void *p)
{
    HF_T(bytes) v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline __attribute__((always_inline)) void HF_T(store)(void *p, HF_T(bytes) v)
{
    memcpy(p, &v, sizeof v);
}

/* The same 16 bytes in every lane. */
static inline __attribute__((always_inline)) HF_T(bytes) HF_T(broadcast)(const uint8_t *p)
{
    uint8_t b[HF_VEC_SIZE];
    for (size_t i = 0; i < HF_VEC_SIZE; i += 16)
        memcpy(b + i, p, 16);
    return HF_T(load)(b);
}
