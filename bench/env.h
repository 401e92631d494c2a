/* The environment of a measurement: what a reader must know of the machine to judge its figures. */
#ifndef HF_BENCH_ENV_H
#define HF_BENCH_ENV_H

#include "json.h"

#define HF_ENV_VERSIONS_MAX 8

typedef struct hf_bench_env {
    char cpu[128];      /* model name */
    char microcode[32]; /* "unknown" where the system does not tell */
    const char *flags;  /* CPU features that matter here */
    long cpus;          /* processors online */
    double core_hz;     /* measured; 0 when it cannot be */
    double tsc_hz;
    char governor[32];
    char kernel[256];
    char compiler[64];
    char load[32]; /* load average over one minute at the start: other programs disturb */
    char date[32]; /* UTC */
    struct {
        const char *provider;
        const char *version;
    } libraries[HF_ENV_VERSIONS_MAX];
    size_t libraries_n;
} hf_bench_env;

/* Looks around; the calling thread should be on the core that will be measured (`cpu`). */
void hf_bench_env_read(hf_bench_env *env, int cpu);
/* A few lines on stdout. */
void hf_bench_env_print(const hf_bench_env *env);
/* The object "environment". */
void hf_bench_env_write(const hf_bench_env *env, hf_json *json);

#endif
