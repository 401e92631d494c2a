/* Processor time of a server that is several processes. */
#ifndef HF_BENCH_PROCESS_TREE_H
#define HF_BENCH_PROCESS_TREE_H

#include <stdint.h>
#include <sys/types.h>

#define HF_PROCESS_TREE_MAX 64 /* processes of it that are counted */

/* What the process and those below it used so far, in nanoseconds; of those that are alive. 0: it is gone. */
uint64_t hf_process_tree_cpu_ns(pid_t root);

#endif
