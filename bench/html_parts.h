/* The sections of the page, and what they share: the rows of all reports, and the look of a name. */
#ifndef HF_BENCH_HTML_PARTS_H
#define HF_BENCH_HTML_PARTS_H

#include "html.h"
#include "plot.h"

/* Rows of all reports, without those that a later report replaces. */
typedef struct hf_rows {
    const hf_doc **row;
    size_t n;
} hf_rows;

bool hf_row_is(const hf_doc *row, const char *key, const char *text);
/* Whether any row is of this benchmark. */
bool hf_rows_have(const hf_rows *rows, const char *bench);

#define HF_NAMES_MAX 32
/* The different texts of `key` in the rows of a benchmark, in order of appearance; and the different numbers,
 * ascending. How many there are, up to HF_NAMES_MAX. */
size_t hf_rows_texts(const hf_rows *rows, const char *bench, const char *key, const char *out[HF_NAMES_MAX]);
size_t hf_rows_numbers(const hf_rows *rows, const char *bench, const char *key, double out[HF_NAMES_MAX]);

/* The class for a provider or a server: colour by family, dashes for bare loops. */
const char *hf_style_of(const char *name);
/* The style sheet. */
extern const char hf_html_style[];

/* <section> with a heading and a paragraph of HTML. */
void hf_html_section(FILE *out, const char *heading, const char *text);
void hf_html_section_end(FILE *out);

/* The sections; each writes nothing when it has no rows. */
void hf_html_records(const hf_rows *rows, FILE *out);
void hf_html_limits(const hf_rows *rows, FILE *out);
void hf_html_servers(const hf_rows *rows, FILE *out);
void hf_html_handshakes(const hf_rows *rows, FILE *out);
void hf_html_token(const hf_rows *rows, FILE *out);
void hf_html_memory(const hf_rows *rows, FILE *out);
void hf_html_scale(const hf_rows *rows, FILE *out);
/* Every row, one table for each benchmark. */
void hf_html_tables(const hf_rows *rows, FILE *out);

#endif
