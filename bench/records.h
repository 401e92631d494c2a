/* `handfast-bench records`: its options, and one cipher in one direction measured and told. */
#ifndef HF_BENCH_RECORDS_H
#define HF_BENCH_RECORDS_H

#include "candidate.h"
#include "measure.h"
#include "report.h"

#define HF_REC_SIZES_MAX 16

typedef struct hf_rec_options {
    hf_bench_options common;
    bool ciphers[HF_CIPHER_COUNT]; /* to measure */
    const char *provider;          /* or NULL: all */
    size_t sizes[HF_REC_SIZES_MAX];
    size_t sizes_n;
    unsigned batch;
    bool directions[2]; /* by hf_direction */
} hf_rec_options;

/* HF_BENCH_DONE (common.help: the help was printed) or HF_BENCH_USAGE. */
int hf_rec_options_parse(hf_rec_options *options, int argc, char **argv);

/* Figures of one candidate and size. */
typedef struct hf_rec_figure {
    double gbps, cycles_per_byte, spread;
    double *ns; /* samples for one batch, one a repetition */
} hf_rec_figure;

/* One cipher and direction: a row of figures for each candidate that offers the cipher. */
typedef struct hf_rec_table {
    const hf_rec_options *options;
    const hf_cipher_spec *spec;
    hf_direction direction;
    const hf_rec_maker *makers[HF_REC_MAKERS_MAX];
    size_t makers_n;
    hf_rec_figure figures[HF_REC_MAKERS_MAX][HF_REC_SIZES_MAX];
} hf_rec_table;

/* On stdout; and as rows of the report. */
void hf_rec_table_print(const hf_rec_table *table);
void hf_rec_table_write(const hf_rec_table *table, hf_report *report);

#endif
