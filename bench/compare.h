/* --compare: the rows of this run beside those of an earlier one. */
#ifndef HF_BENCH_COMPARE_H
#define HF_BENCH_COMPARE_H

#include <stdio.h>

#include "doc.h"

typedef struct hf_compared {
    unsigned rows;           /* that are in both */
    unsigned better, worse;  /* of them, by more than the spread of either */
    unsigned gone, appeared; /* rows of one report only, among the benchmarks that both have */
} hf_compared;

/* One line on `out` for each row: what it is, old and new figure, and new / old so that above 1 is better; then a
 * summary. A change counts when it is larger than both rows' spread, and at least HF_COMPARE_MIN. */
#define HF_COMPARE_MIN 0.02
hf_compared hf_compare(const hf_doc *old, const hf_doc *new_, FILE *out);

/* Whether two rows measure the same thing: bench, every text and every setting are equal. */
bool hf_compare_same(const hf_doc *a, const hf_doc *b);
/* The figure that a row is about: its name, and whether more is better; NULL: unknown. */
const char *hf_compare_figure(const hf_doc *row, bool *out_more_is_better);

#endif
