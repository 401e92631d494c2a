/* The page of --html: what was measured, as plots that need no explanation, in one file that loads nothing. */
#ifndef HF_BENCH_HTML_H
#define HF_BENCH_HTML_H

#include <stdio.h>

#include "doc.h"

#define HF_HTML_REPORTS_MAX 16

/* Writes the page of n reports (1..HF_HTML_REPORTS_MAX). Sections without rows are left out; of a row that two reports
 * have, the last counts. Errors of the stream are the caller's to look for. */
void hf_html_write(const hf_doc *const *reports, size_t n, FILE *out);

#endif
