/* The file of --json: {"environment": {...}, "results": [...]}, one row a measurement. */
#ifndef HF_BENCH_REPORT_H
#define HF_BENCH_REPORT_H

#include "env.h"

typedef struct hf_report {
    hf_bench_env env;
    hf_json json;
    const char *path; /* NULL: no file */
} hf_report;

/* Reads and prints the environment; opens the file early, so that a bad name fails before the measuring. False after a
 * message. path may be NULL, and is borrowed. */
bool hf_report_open(hf_report *report, const char *path, int cpu);
/* A row's object, to be filled with hf_json_*, or NULL when there is no file. close takes NULL as well. */
hf_json *hf_report_row(hf_report *report, const char *bench);
void hf_report_row_close(hf_json *row);
/* Completes the file; removes it when `good` is false. False after a message. */
bool hf_report_close(hf_report *report, bool good);

#endif
