/* The kernel for the 128-bit registers that every x86-64 system saves. Compiled for AES-NI, the SHA extensions and
 * SSE4.1; provider.c asks the CPU first. */
#include "kernel.h"

const hf_shani_kernel hf_shani_narrow = KERNEL;
