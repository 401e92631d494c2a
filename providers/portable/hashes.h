/* The hashes of the portable provider, NULL-terminated. */
#ifndef HANDFAST_PORTABLE_HASHES_H
#define HANDFAST_PORTABLE_HASHES_H

#include "handfast/provider.h"

extern const hf_hash *const hf_portable_hashes[];

#endif
