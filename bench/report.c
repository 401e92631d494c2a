/* The file of --json; see report.h. */
#include "report.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

bool hf_report_open(hf_report *report, const char *path, int cpu)
{
    memset(report, 0, sizeof *report);
    report->path = path;
    if (path) {
        report->json.file = fopen(path, "we");
        if (!report->json.file) {
            hf_bench_fail("cannot write --json %s: %s", path, strerror(errno));
            return false;
        }
    }
    hf_bench_env_read(&report->env, cpu);
    hf_bench_env_print(&report->env);
    if (path) {
        hf_json_open_object(&report->json, NULL);
        hf_bench_env_write(&report->env, &report->json);
        hf_json_open_array(&report->json, "results");
    }
    return true;
}

hf_json *hf_report_row(hf_report *report, const char *bench)
{
    if (!report->path)
        return NULL;
    hf_json_open_object(&report->json, NULL);
    hf_json_text(&report->json, "bench", bench);
    return &report->json;
}

void hf_report_row_close(hf_json *row)
{
    if (row)
        hf_json_close_object(row);
}

bool hf_report_close(hf_report *report, bool good)
{
    if (!report->path)
        return true;
    if (good) {
        hf_json_close_array(&report->json);
        hf_json_close_object(&report->json);
    }
    struct stat info;
    bool regular = fstat(fileno(report->json.file), &info) == 0 && S_ISREG(info.st_mode);
    bool written = !ferror(report->json.file);
    if (fclose(report->json.file) != 0)
        written = false;
    if (good && !written)
        hf_bench_fail("cannot write --json %s: %s", report->path, strerror(errno));
    if (regular && (!good || !written)) /* not /dev/stdout and the like */
        (void)unlink(report->path);
    return written;
}
