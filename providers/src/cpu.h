/* Whether this CPU has a feature and the operating system lets it be used: one of the words of hf_cpu_features.
 * Internal to `providers`. */
#ifndef HANDFAST_CPU_H
#define HANDFAST_CPU_H

#include <stdbool.h>

/* word: "vaes", "avx512f", ... Any thread; not for hot paths. */
bool hf_cpu_has(const char *word);

#endif
