/* The lanes of p256, in plain C, beside its scalar sum: whatever the digits are, and the keys such that sums meet the
 * point that is added, or its opposite. A byte chooses the key, each of the others is a digit. */
#include <stdlib.h>
#include <string.h>

#include "lanes.h"
#include "p256.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define KEYS 4

/* Tables of G, -G, 2 G and 128 G, whose first row is the second of G's. */
static const hf_p256_table *table_of(unsigned key)
{
    static hf_p256_table tables[KEYS];
    static bool filled;
    const hf_p256_table *g = hf_p256_base_table();

    if (!filled) {
        hf_affine minus = g->rows[0][0];
        hf_fe_negate(&minus.y, &minus.y);
        hf_p256_table_fill(&tables[0], &g->rows[0][0]);
        hf_p256_table_fill(&tables[1], &minus);
        hf_p256_table_fill(&tables[2], &g->rows[0][1]);
        hf_p256_table_fill(&tables[3], &g->rows[1][0]);
        filled = true;
    }
    return &tables[key % KEYS];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const hf_p256_table *g = hf_p256_base_table(), *q;
    hf_p256_digits u[2] = {{{0}}, {{0}}};
    hf_sum sum;
    hf_fe x, zz;

    if (len == 0 || len > 1 + 2 * HF_P256_ROWS)
        return 0;
    q = table_of(data[0]);
    for (size_t i = 1; i < len; i++)
        u[(i - 1) / HF_P256_ROWS].d[(i - 1) % HF_P256_ROWS] =
            (int8_t)(data[i] % (2 * HF_P256_MULTIPLES + 1) - HF_P256_MULTIPLES);
    if (!hf_p256_lanes_sum(&x, &zz, g, &u[0], q, &u[1]))
        return 0;
    hf_sum_clear(&sum);
    hf_p256_table_add(&sum, g, &u[0]);
    hf_p256_table_add(&sum, q, &u[1]);
    hf_fe_mul(&x, &x, &sum.zz);
    hf_fe_mul(&zz, &zz, &sum.x);
    if (hf_sum_is_infinity(&sum) || hf_fe_is_zero(&zz) || !hf_fe_equal(&x, &zz))
        abort();
    return 0;
}
