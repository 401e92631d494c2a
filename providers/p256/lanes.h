/* The sum of points that a verification is made of, eight partial sums side by side: for CPUs with AVX-512 and IFMA.
 * NOT constant time: public data only (see p256.h). docs/kernels.md explains how it works.
 *
 * HF_P256_LANES is defined where lanes.c is part of the build; with HF_IFMA_PLAIN it is plain C (see lanes52.h). */
#ifndef HANDFAST_P256_LANES_H
#define HANDFAST_P256_LANES_H

#include "table.h"

/* Whether this CPU and the operating system can. Any thread; not for hot paths. */
bool hf_p256_lanes_can(void);

/* The x of u1 * G + u2 * Q as X / ZZ, from the tables of G and Q and the digits of u1 and u2. False where the lanes
 * cannot tell: the sum, or a partial one, is infinity or of a point and itself, or there are fewer than eight digits
 * that are not 0. Then the outputs are unchanged, and hf_p256_table_add knows. Only where hf_p256_lanes_can; any
 * thread. */
bool hf_p256_lanes_sum(hf_fe *out_x, hf_fe *out_zz, const hf_p256_table *g, const hf_p256_digits *u1,
                       const hf_p256_table *q, const hf_p256_digits *u2);

#endif
