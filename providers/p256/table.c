/* Tables of multiples: see table.h. NOT constant time, for public data only. */
#include "table.h"

_Static_assert(HF_P256_ROWS *HF_P256_WINDOW > 256, "the last window takes the carry");
_Static_assert(HF_P256_MULTIPLES <= HF_P256_BATCH, "a row is one batch");

void hf_p256_table_fill(hf_p256_table *out, const hf_affine *point)
{
    hf_sum sums[HF_P256_MULTIPLES], next;
    hf_affine base = *point;

    for (int i = 0; i < HF_P256_ROWS; i++) {
        hf_sum_clear(&next);
        for (int j = 0; j < HF_P256_MULTIPLES; j++) {
            hf_sum_add(&next, &base);
            sums[j] = next;
        }
        hf_sum_to_affine(out->rows[i], sums, HF_P256_MULTIPLES);
        /* Twice the last one is the first of the next row. */
        hf_sum_add(&next, &out->rows[i][HF_P256_MULTIPLES - 1]);
        hf_sum_to_affine(&base, &next, 1);
    }
}

/* `count` bits from `at` on; beyond the last there are zeros. */
static unsigned bits(const hf_scalar *scalar, unsigned at, unsigned count)
{
    unsigned limb = at / 64, shift = at % 64;
    uint64_t value = scalar->l[limb] >> shift;

    if (shift + count > 64 && limb + 1 < HF_P256_LIMBS)
        value |= scalar->l[limb + 1] << (64 - shift);
    return (unsigned)(value & ((UINT64_C(1) << count) - 1));
}

void hf_p256_digits_of(hf_p256_digits *out, const hf_scalar *scalar)
{
    int carry = 0;

    for (unsigned i = 0; i < HF_P256_ROWS; i++) {
        int digit = (int)bits(scalar, i * HF_P256_WINDOW, HF_P256_WINDOW) + carry;
        carry = digit > HF_P256_MULTIPLES;
        out->d[i] = (int8_t)(carry ? digit - 2 * HF_P256_MULTIPLES : digit);
    }
}

void hf_p256_table_fetch(const hf_p256_table *table, const hf_p256_digits *digits)
{
    for (int i = 0; i < HF_P256_ROWS; i++) {
        int digit = digits->d[i];
        if (digit != 0)
            __builtin_prefetch(&table->rows[i][(digit < 0 ? -digit : digit) - 1]);
    }
}

void hf_p256_table_add(hf_sum *sum, const hf_p256_table *table, const hf_p256_digits *digits)
{
    for (int i = 0; i < HF_P256_ROWS; i++) {
        int digit = digits->d[i];
        if (digit > 0) {
            hf_sum_add(sum, &table->rows[i][digit - 1]);
        } else if (digit < 0) {
            hf_affine opposite = table->rows[i][-digit - 1];
            hf_fe_negate(&opposite.y, &opposite.y);
            hf_sum_add(sum, &opposite);
        }
    }
}
