/* The benchmarks of handfast-bench, one a file: what `handfast-bench NAME` runs. argv[0] is the name. */
#ifndef HF_BENCH_BENCH_H
#define HF_BENCH_BENCH_H

int hf_bench_records(int argc, char **argv);
int hf_bench_keys(int argc, char **argv);
int hf_bench_handshakes(int argc, char **argv);
int hf_bench_scale(int argc, char **argv);
int hf_bench_token(int argc, char **argv);
int hf_bench_server(int argc, char **argv);
int hf_bench_memory(int argc, char **argv);

#endif
