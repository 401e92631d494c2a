/* The kernel for 512-bit vectors. Compiled for VAES, VPCLMULQDQ and AVX-512; provider.c asks the CPU first. */
#define BULK_GROUP 8
#define BULK_KEYS 8

#include "vec512.h"

#include "kernel.h"

const hf_vaes_kernel hf_vaes_wide = KERNEL;
