/* The kernel for 256-bit vectors. Compiled for VAES, VPCLMULQDQ and AVX2; provider.c asks the CPU first. */
#define BULK_GROUP 4
#define BULK_KEYS 0

#include "vec256.h"

#include "kernel.h"

const hf_vaes_kernel hf_vaes_narrow = KERNEL;
