/* The kernel for x86-64 with AVX-512 F, BW, DQ and VL. */
#define HF_KERNEL hf_kernel_avx512
#define HF_KERNEL_NAME "64-byte vectors (AVX-512)"
#define HF_WIDE_SIZE 64
#include "kernel_body.h"
