/* What a run leaves behind: the JSON of --json, {"environment": {...}, "results": [...]}, one row a measurement; the
 * page of --html and the comparison of --compare are made from the same rows. */
#ifndef HF_BENCH_REPORT_H
#define HF_BENCH_REPORT_H

#include "cli.h"
#include "doc.h"
#include "env.h"

typedef struct hf_report {
    hf_bench_env env;
    hf_json json;
    char *text; /* of the JSON, while it grows */
    size_t text_len;
    const hf_bench_options *options;
    FILE *json_file, *html_file; /* NULL: not wanted */
    hf_doc *old;                 /* of --compare, or NULL */
} hf_report;

/* Reads and prints the environment; opens the files early, so that a bad name fails before the measuring. False after a
 * message. options are borrowed until close. */
bool hf_report_open(hf_report *report, const hf_bench_options *options);
/* A row's object, to be filled with hf_json_*; close ends it. */
hf_json *hf_report_row(hf_report *report, const char *bench);
void hf_report_row_close(hf_json *row);
/* Completes the files, and prints the comparison; removes the files when `good` is false. False after a message. */
bool hf_report_close(hf_report *report, bool good);

/* `handfast-bench report`: the page and the comparison of reports that were written before. */
int hf_bench_report(int argc, char **argv);

#endif
