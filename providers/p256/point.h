/* Points of P-256: y^2 = x^3 - 3x + b modulo p. NOT constant time: public data only (see p256.h).
 *
 * A sum is kept as X, Y, ZZ, ZZZ with x = X / ZZ, y = Y / ZZZ and ZZ^3 = ZZZ^2, where adding an affine point takes ten
 * multiplications ("XYZZ" of the Explicit-Formulas Database, madd-2008-s). ZZ = 0 is the point at infinity. The
 * addition is complete: it notices the same point, the opposite one and infinity, which those formulas cannot add. */
#ifndef HANDFAST_P256_POINT_H
#define HANDFAST_P256_POINT_H

#include "field.h"

typedef struct hf_affine { /* never the point at infinity */
    hf_fe x, y;
} hf_affine;

typedef struct hf_sum {
    hf_fe x, y, zz, zzz;
} hf_sum;

extern const hf_affine hf_p256_base; /* G */

static inline void hf_sum_clear(hf_sum *sum)
{
    *sum = (hf_sum){.zz = {{0}}};
}

static inline bool hf_sum_is_infinity(const hf_sum *sum)
{
    return hf_fe_is_zero(&sum->zz);
}

/* *sum += point, whatever the two are. */
void hf_sum_add(hf_sum *sum, const hf_affine *point);

/* The affine forms of n finite points, 1..HF_P256_BATCH, with one inversion. */
#define HF_P256_BATCH 64
void hf_sum_to_affine(hf_affine *out, const hf_sum *sums, unsigned n);

/* An uncompressed point's coordinates (SEC 1 section 2.3.4); false when it is not on the curve. */
bool hf_affine_from_bytes(hf_affine *out, const uint8_t x[HF_P256_BYTES], const uint8_t y[HF_P256_BYTES]);

#endif
