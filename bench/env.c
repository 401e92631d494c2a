/* The environment of a measurement; see env.h. */
#include "env.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "handfast/handfast.h"
#include "handfast/providers.h"

#define UNKNOWN "unknown"

static void copy_text(char *out, size_t max, const char *text)
{
    (void)snprintf(out, max, "%s", text);
    out[strcspn(out, "\n")] = 0;
}

/* The first line of a file, or UNKNOWN. */
static void read_line(const char *path, char *out, size_t max)
{
    char line[256] = "";
    FILE *file = fopen(path, "re");

    if (!file || !fgets(line, sizeof line, file) || line[0] == '\n')
        (void)snprintf(line, sizeof line, UNKNOWN);
    if (file)
        (void)fclose(file);
    copy_text(out, max, line);
}

/* The first value of a field of /proc/cpuinfo, or UNKNOWN. */
static void read_cpuinfo(const char *field, char *out, size_t max)
{
    char line[4096];
    size_t len = strlen(field);
    FILE *file = fopen("/proc/cpuinfo", "re");

    copy_text(out, max, UNKNOWN);
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, field, len) == 0 && strchr("\t :", line[len]) && colon && colon[1] == ' ') {
            copy_text(out, max, colon + 2);
            break;
        }
    }
    if (file)
        (void)fclose(file);
}

static void read_kernel(char *out, size_t max)
{
    struct utsname name;

    if (uname(&name) == 0)
        (void)snprintf(out, max, "%s %s %s", name.sysname, name.release, name.machine);
    else
        copy_text(out, max, UNKNOWN);
}

static void read_libraries(hf_bench_env *env)
{
    const char *why = NULL;

    for (const hf_provider *const *p = hf_providers(); *p && env->libraries_n < HF_ENV_VERSIONS_MAX; p++) {
        env->libraries[env->libraries_n].provider = (*p)->name;
        env->libraries[env->libraries_n++].version = (*p)->available(&why) ? (*p)->version() : "not available here";
    }
}

void hf_bench_env_read(hf_bench_env *env, int cpu)
{
    char path[96];
    time_t now = time(NULL);
    struct tm utc;

    memset(env, 0, sizeof *env);
    read_cpuinfo("model name", env->cpu, sizeof env->cpu);
    read_cpuinfo("microcode", env->microcode, sizeof env->microcode);
    env->flags = hf_cpu_features();
    env->cpus = sysconf(_SC_NPROCESSORS_ONLN);
    (void)snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", cpu);
    read_line(path, env->governor, sizeof env->governor);
    read_kernel(env->kernel, sizeof env->kernel);
    copy_text(env->compiler, sizeof env->compiler, "gcc " __VERSION__);
#if defined(__clang__)
    copy_text(env->compiler, sizeof env->compiler, __VERSION__);
#endif
    read_line("/proc/loadavg", env->load, sizeof env->load);
    env->load[strcspn(env->load, " ")] = 0;
    if (!gmtime_r(&now, &utc) || strftime(env->date, sizeof env->date, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        copy_text(env->date, sizeof env->date, UNKNOWN);
    read_libraries(env);
    env->tsc_hz = hf_clock_tsc_hz();
    env->core_hz = hf_clock_core_hz();
}

void hf_bench_env_print(const hf_bench_env *env)
{
    printf("cpu        %s, %ld online, microcode %s, governor %s\n", env->cpu, env->cpus, env->microcode,
           env->governor);
    printf("features   %s\n", env->flags);
    printf("clock      core %.2f GHz (measured), TSC %.2f GHz\n", env->core_hz / 1e9, env->tsc_hz / 1e9);
    printf("libraries  handfast %s", hf_version());
    for (size_t i = 0; i < env->libraries_n; i++)
        printf("; %s: %s", env->libraries[i].provider, env->libraries[i].version);
    printf("\nsystem     %s, built with %s, load %s, %s\n\n", env->kernel, env->compiler, env->load, env->date);
}

void hf_bench_env_write(const hf_bench_env *env, hf_json *json)
{
    hf_json_open_object(json, "environment");
    hf_json_text(json, "handfast", hf_version());
    hf_json_text(json, "cpu", env->cpu);
    hf_json_integer(json, "cpus", (uint64_t)env->cpus);
    hf_json_text(json, "cpu_features", env->flags);
    hf_json_text(json, "microcode", env->microcode);
    hf_json_text(json, "governor", env->governor);
    hf_json_number(json, "core_ghz", env->core_hz / 1e9);
    hf_json_number(json, "tsc_ghz", env->tsc_hz / 1e9);
    hf_json_text(json, "kernel", env->kernel);
    hf_json_text(json, "compiler", env->compiler);
    hf_json_text(json, "load", env->load);
    hf_json_text(json, "date", env->date);
    hf_json_open_object(json, "libraries");
    for (size_t i = 0; i < env->libraries_n; i++)
        hf_json_text(json, env->libraries[i].provider, env->libraries[i].version);
    hf_json_close_object(json);
    hf_json_close_object(json);
}
