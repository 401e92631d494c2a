/* `handfast-bench records`: its options, and one cipher in one direction measured and told. */
#ifndef HF_BENCH_RECORDS_H
#define HF_BENCH_RECORDS_H

#include "candidate.h"
#include "measure.h"
#include "report.h"

#define HF_REC_SIZES_MAX 16
#define HF_REC_BATCHES_MAX 16

typedef struct hf_rec_options {
    hf_bench_options common;
    bool ciphers[HF_CIPHER_COUNT]; /* to measure */
    const char *provider;          /* or NULL: all */
    size_t sizes[HF_REC_SIZES_MAX];
    size_t sizes_n;
    unsigned batches[HF_REC_BATCHES_MAX];
    size_t batches_n;
    bool directions[2]; /* by hf_direction */
} hf_rec_options;

/* HF_BENCH_DONE (common.help: the help was printed) or HF_BENCH_USAGE. */
int hf_rec_options_parse(hf_rec_options *options, int argc, char **argv);
/* A list such as "1,2,4" added to list (*n of max are there). HF_BENCH_DONE, or HF_BENCH_USAGE after a message. */
int hf_rec_take_list(const char *bench, const char *option, const char *value, unsigned max_value, unsigned *list,
                     size_t max, size_t *n);
/* AES-128-GCM and the like; false when there is no such cipher. */
bool hf_rec_cipher_by_name(const char *name, hf_cipher_id *out);

/* Figures of one candidate and size. */
typedef struct hf_rec_figure {
    double gbps, cycles_per_byte, spread;
    double *ns; /* samples for one batch, one a repetition */
} hf_rec_figure;

/* One cipher, direction and batch: a row of figures for each candidate that offers the cipher. */
typedef struct hf_rec_table {
    const hf_rec_options *options;
    const hf_cipher_spec *spec;
    hf_direction direction;
    unsigned batch;
    const hf_rec_maker *makers[HF_REC_MAKERS_MAX];
    size_t makers_n;
    hf_rec_figure figures[HF_REC_MAKERS_MAX][HF_REC_SIZES_MAX];
} hf_rec_table;

/* On stdout; and as rows of the report. */
void hf_rec_table_print(const hf_rec_table *table);
void hf_rec_table_write(const hf_rec_table *table, hf_report *report);

#endif
