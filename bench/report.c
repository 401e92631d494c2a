/* What a run leaves behind; see report.h. */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compare.h"
#include "html.h"

static bool open_file(const char *option, const char *path, FILE **out)
{
    if (path && !(*out = fopen(path, "we"))) {
        hf_bench_fail("cannot write --%s %s: %s", option, path, strerror(errno));
        return false;
    }
    return true;
}

/* Closes a file; removes it when it is no good (not /dev/stdout and the like). False after a message. */
static bool close_file(const char *option, const char *path, FILE *file, bool good)
{
    struct stat info;

    if (!file)
        return true;
    bool regular = fstat(fileno(file), &info) == 0 && S_ISREG(info.st_mode);
    bool written = !ferror(file);
    if (fclose(file) != 0)
        written = false;
    if (good && !written)
        hf_bench_fail("cannot write --%s %s: %s", option, path, strerror(errno));
    if (regular && (!good || !written))
        (void)unlink(path);
    return written;
}

static bool close_files(const hf_bench_options *options, FILE *json, FILE *html, bool good)
{
    bool a = close_file("json", options->json, json, good);
    bool b = close_file("html", options->html, html, good);

    return a && b;
}

static bool open_all(hf_report *report)
{
    const hf_bench_options *options = report->options;

    if (options->compare && !(report->old = hf_doc_read(options->compare)))
        return false;
    if (!open_file("json", options->json, &report->json_file) || !open_file("html", options->html, &report->html_file))
        return false;
    report->json.file = open_memstream(&report->text, &report->text_len);
    if (!report->json.file)
        hf_bench_fail("no memory for the report");
    return report->json.file != NULL;
}

bool hf_report_open(hf_report *report, const hf_bench_options *options)
{
    memset(report, 0, sizeof *report);
    report->options = options;
    if (!open_all(report)) {
        (void)close_files(options, report->json_file, report->html_file, false);
        hf_doc_free(report->old);
        return false;
    }
    hf_bench_env_read(&report->env, options->cpu);
    hf_bench_env_print(&report->env);
    hf_json_open_object(&report->json, NULL);
    hf_bench_env_write(&report->env, &report->json);
    hf_json_open_array(&report->json, "results");
    return true;
}

hf_json *hf_report_row(hf_report *report, const char *bench)
{
    hf_json_open_object(&report->json, NULL);
    hf_json_text(&report->json, "bench", bench);
    return &report->json;
}

void hf_report_row_close(hf_json *row)
{
    hf_json_close_object(row);
}

/* The page and the comparison, from the text of the JSON. */
static bool derive(const hf_report *report)
{
    const char *why = NULL;
    hf_doc *doc = hf_doc_parse(report->text, report->text_len, &why);

    if (!doc)
        return hf_bench_fail("the report cannot be read back: %s", why) == HF_BENCH_DONE;
    if (report->old)
        (void)hf_compare(report->old, doc, stdout);
    if (report->html_file)
        hf_html_write((const hf_doc *const[]){doc}, 1, report->html_file);
    hf_doc_free(doc);
    return true;
}

bool hf_report_close(hf_report *report, bool good)
{
    if (good) {
        hf_json_close_array(&report->json);
        hf_json_close_object(&report->json);
    }
    bool kept = !ferror(report->json.file);
    kept = fclose(report->json.file) == 0 && kept;
    if (!kept)
        hf_bench_fail("no memory for the report");
    good = good && kept;
    if (good && report->json_file)
        (void)fwrite(report->text, 1, report->text_len, report->json_file);
    if (good && (report->old || report->html_file))
        good = derive(report);
    bool written = close_files(report->options, report->json_file, report->html_file, good);
    hf_doc_free(report->old);
    free(report->text);
    return good && written;
}

/* ---- handfast-bench report ----------------------------------------------------------------------------------- */

enum { OPT_FROM = HF_BENCH_OPT_OWN };

static const struct option long_options[] = {
    {"from", required_argument, NULL, OPT_FROM},
    {"html", required_argument, NULL, HF_BENCH_OPT_HTML},
    {"compare", required_argument, NULL, HF_BENCH_OPT_COMPARE},
    {"help", no_argument, NULL, HF_BENCH_OPT_HELP},
    {NULL, 0, NULL, 0},
};

typedef struct again {
    hf_bench_options common;
    const char *from[HF_HTML_REPORTS_MAX];
    size_t from_n;
} again;

static int take(void *arg, int opt, const char *value)
{
    again *a = arg;

    (void)opt;
    if (a->from_n == HF_HTML_REPORTS_MAX)
        return hf_bench_usage("report", "--from is given more than %d times", HF_HTML_REPORTS_MAX);
    a->from[a->from_n++] = value;
    return HF_BENCH_DONE;
}

static void print_help(void)
{
    printf("usage: handfast-bench report --from FILE.json [--from FILE.json ...] [--html FILE] [--compare OLD.json]\n\n"
           "Makes the page, or the comparison, from reports that --json wrote before. Reports of several benchmarks\n"
           "become one page; a row that two of them have is taken from the last.\n\n"
           "  --from FILE         a report (up to %d)\n"
           "  --html FILE         the page: one file, plots inside, nothing loaded from elsewhere\n"
           "  --compare FILE      prints each row beside the same row of FILE\n"
           "  --help              this text\n",
           HF_HTML_REPORTS_MAX);
}

static bool make_again(const again *a)
{
    hf_doc *docs[HF_HTML_REPORTS_MAX] = {NULL};
    hf_doc *old = NULL;
    FILE *html = NULL;
    bool good = true;

    for (size_t i = 0; good && i < a->from_n; i++)
        good = (docs[i] = hf_doc_read(a->from[i])) != NULL;
    if (good && a->common.compare)
        good = (old = hf_doc_read(a->common.compare)) != NULL;
    good = good && open_file("html", a->common.html, &html);
    for (size_t i = 0; good && old && i < a->from_n; i++)
        (void)hf_compare(old, docs[i], stdout);
    if (good && html)
        hf_html_write((const hf_doc *const *)docs, a->from_n, html);
    good = close_file("html", a->common.html, html, good) && good;
    hf_doc_free(old);
    for (size_t i = 0; i < a->from_n; i++)
        hf_doc_free(docs[i]);
    return good;
}

int hf_bench_report(int argc, char **argv)
{
    again a = {.from_n = 0};

    int result = hf_bench_parse("report", argc, argv, long_options, &a.common, take, &a);
    if (result == HF_BENCH_DONE && a.common.help)
        print_help();
    if (result != HF_BENCH_DONE || a.common.help)
        return result;
    if (a.from_n == 0)
        return hf_bench_usage("report", "--from FILE is missing");
    if (!a.common.html && !a.common.compare)
        return hf_bench_usage("report", "--html FILE or --compare FILE is missing");
    return make_again(&a) ? HF_BENCH_DONE : HF_BENCH_FAILED;
}
