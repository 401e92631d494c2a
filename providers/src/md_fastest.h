/* Which implementation of a hash the providers with a library or intrinsics below use where they hash by themselves.
 * Internal to `providers`; `portable` does without it, since it promises plain C. */
#ifndef HANDFAST_MD_FASTEST_H
#define HANDFAST_MD_FASTEST_H

#include "../portable/md.h"

/* The fastest operations that this CPU can run, plain C where there is nothing better. NULL for an unknown id. */
const hf_md_ops *hf_md_ops_fastest(hf_hash_id id);

#endif
