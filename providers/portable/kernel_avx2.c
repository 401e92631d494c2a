/* The kernel for x86-64 with AVX2. */
#define HF_KERNEL hf_kernel_avx2
#define HF_KERNEL_NAME "32-byte vectors (AVX2)"
#define HF_WIDE_SIZE 32
#include "kernel_body.h"
