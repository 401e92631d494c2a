/* Kernels of our own for x86-64, in intrinsics. Internal to `providers`; only there when HF_HAVE_X86. */
#ifndef HANDFAST_X86_H
#define HANDFAST_X86_H

#include <stdbool.h>

#include "../portable/md.h"

/* Whether this CPU has the SHA extensions. They work on the 128-bit registers that every x86-64 system saves, so the
 * operating system has no say. Asks once; any thread. */
bool hf_x86_has_sha(void);

/* SHA-1 and SHA-256 over the SHA extensions. NULL for other hashes, and when the CPU has no such extensions. */
const hf_md_ops *hf_x86_md_ops(hf_hash_id id);

/* Compression functions; only when hf_x86_has_sha(). */
void hf_x86_sha1_compress(hf_md_chain *chain, const uint8_t *blocks, size_t n);
void hf_x86_sha256_compress(hf_md_chain *chain, const uint8_t *blocks, size_t n);

extern const hf_hash *const hf_x86_hashes[]; /* NULL-terminated */

#endif
