/* Multiples of one point, so that a multiplication by any scalar is additions alone.
 *
 * The scalar is written in windows of HF_P256_WINDOW bits with digits from -2^(w-1) to 2^(w-1); row i has the multiples
 * 1 to 2^(w-1) of 2^(w i) times the point. A digit is an index: public data only (see p256.h). */
#ifndef HANDFAST_P256_TABLE_H
#define HANDFAST_P256_TABLE_H

#include "point.h"
#include "scalar.h"

#define HF_P256_WINDOW 7                              /* bits */
#define HF_P256_ROWS 37                               /* windows: 259 bits, the last of which take the carry */
#define HF_P256_MULTIPLES (1 << (HF_P256_WINDOW - 1)) /* points in a row */

typedef struct hf_p256_table {
    _Alignas(64) hf_affine rows[HF_P256_ROWS][HF_P256_MULTIPLES]; /* a point is one cache line */
} hf_p256_table;

void hf_p256_table_fill(hf_p256_table *out, const hf_affine *point);

typedef struct hf_p256_digits {
    int8_t d[HF_P256_ROWS];
} hf_p256_digits;

void hf_p256_digits_of(hf_p256_digits *out, const hf_scalar *scalar);

/* Asks the CPU for the points that the digits name, which come from far when other work has used the caches. */
void hf_p256_table_fetch(const hf_p256_table *table, const hf_p256_digits *digits);

/* *sum += scalar * point of the table */
void hf_p256_table_add(hf_sum *sum, const hf_p256_table *table, const hf_p256_digits *digits);

#endif
