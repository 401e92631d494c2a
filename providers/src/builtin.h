/* The descriptors of the providers in this build. Internal to `providers`. */
#ifndef HANDFAST_BUILTIN_H
#define HANDFAST_BUILTIN_H

#include "handfast/provider.h"

extern const hf_provider hf_provider_portable;
extern const hf_provider hf_provider_libcrypto;
extern const hf_provider hf_provider_ipsecmb; /* only when HF_HAVE_IPSECMB */
extern const hf_provider hf_provider_x86;     /* only when HF_HAVE_X86 */
extern const hf_provider hf_provider_mixed;   /* two of them together: mixed.c */
extern const hf_provider hf_provider_vaes;    /* only when HF_HAVE_VAES */
extern const hf_provider hf_provider_ifma;    /* only when HF_HAVE_IFMA */
extern const hf_provider hf_provider_p256;    /* only when HF_HAVE_P256 */
extern const hf_provider hf_provider_shani;   /* only when HF_HAVE_SHANI */

/* `vaes` with 256-bit vectors also where the CPU has wider ones: for tests, in no list. */
extern const hf_provider hf_provider_vaes_narrow;

#endif
