/* What the check of our own signatures costs before they are sent: the composition's prepared verifier beside pki. */
#ifndef HF_BENCH_OWN_CHECK_H
#define HF_BENCH_OWN_CHECK_H

#include "report.h"

/* Prints and reports a row of ECDSA P-256 for each, measured in turns: operation "verify-own-ecdsa". On
 * options->cpu. False after a message. Platforms without such a verifier have the one row. */
bool hf_own_check_measure(const hf_bench_options *options, hf_report *report);

#endif
