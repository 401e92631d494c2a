/* The kernel for any CPU: 16-byte vectors, or words where there are none. */
#define HF_KERNEL hf_kernel_base
#define HF_KERNEL_NAME "16-byte vectors"
#define HF_WIDE_SIZE 16
#include "kernel_body.h"
