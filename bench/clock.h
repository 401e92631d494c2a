/* Time and processors: the clocks that the benchmarks read, the core's real frequency, and pinning.
 *
 * The TSC ticks at a fixed rate, whatever the core does; cycles per byte need the core's own clock. It is measured: a
 * chain of additions, each waiting for the one before, takes exactly one cycle each. */
#ifndef HF_BENCH_CLOCK_H
#define HF_BENCH_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Nanoseconds: of the wall (monotonic), and of processor time that this thread got. The second does not count what
 * other programs took of the core. */
uint64_t hf_clock_wall_ns(void);
uint64_t hf_clock_thread_ns(void);
/* Processor time of this process, and of another one; 0 when it is gone. */
uint64_t hf_clock_process_ns(void);
uint64_t hf_clock_other_process_ns(pid_t pid);

/* Clock of the core that runs this thread, in Hz; takes about a millisecond. 0 where we have no chain for the CPU. */
double hf_clock_core_hz(void);
/* Rate of the time stamp counter, in Hz; takes about 20 milliseconds. 0 where there is none. */
double hf_clock_tsc_hz(void);

/* Number of the last processor this process may use. */
int hf_cpu_last(void);
/* A processor this process may use other than `cpu`; `cpu` when there is no other. */
int hf_cpu_other(int cpu);
/* Restricts the calling thread (and the threads and processes it starts from now on) to one processor; -1: to all
 * that the process had at first. */
bool hf_cpu_pin(int cpu);

#endif
