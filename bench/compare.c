/* --compare; see compare.h. */
#include "compare.h"

#include <math.h>
#include <string.h>

/* Numbers that are settings and not results, and so belong to what a row is. */
static const char *const settings[] = {"bytes",       "batch",      "clients",  "latency_ms", "threads",
                                       "connections", "body_bytes", "sessions", "keys"};
/* Texts that tell what was found, not what was asked for. */
static const char *const found[] = {"software", "token_operation"};

/* The figure of each benchmark, in order of importance: the first that a row has. */
static const struct {
    const char *name;
    bool more_is_better;
} figures[] = {
    {"gbps", true},      {"per_cpu_s", true},      {"server_cpu_s", false}, {"handshakes_per_s", true},
    {"ops_per_s", true}, {"ns_per_record", false}, {"bytes_each", false},
};

static bool listed(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

static bool identifies(const hf_doc *member)
{
    if (member->type == HF_DOC_TEXT)
        return !listed(member->key, found, sizeof found / sizeof found[0]);
    return member->type == HF_DOC_NUMBER && listed(member->key, settings, sizeof settings / sizeof settings[0]);
}

static bool equal(const hf_doc *a, const hf_doc *b)
{
    if (!b || a->type != b->type)
        return false;
    return a->type == HF_DOC_TEXT ? strcmp(a->text, b->text) == 0 : a->number == b->number;
}

static bool covers(const hf_doc *a, const hf_doc *b)
{
    for (const hf_doc *m = a->child; m; m = m->next)
        if (identifies(m) && !equal(m, hf_doc_get(b, m->key)))
            return false;
    return true;
}

bool hf_compare_same(const hf_doc *a, const hf_doc *b)
{
    return covers(a, b) && covers(b, a);
}

const char *hf_compare_figure(const hf_doc *row, bool *out_more_is_better)
{
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        if (isnan(hf_doc_number(row, figures[i].name)))
            continue;
        *out_more_is_better = figures[i].more_is_better;
        return figures[i].name;
    }
    return NULL;
}

static const hf_doc *find(const hf_doc *report, const hf_doc *row)
{
    const hf_doc *other = hf_doc_rows(report);

    while (other && !hf_compare_same(row, other))
        other = other->next;
    return other;
}

static bool has_bench(const hf_doc *report, const char *bench)
{
    for (const hf_doc *row = hf_doc_rows(report); row; row = row->next)
        if (strcmp(hf_doc_text(row, "bench", ""), bench) == 0)
            return true;
    return false;
}

/* Rows of `a` that `b` has not, though it has the benchmark. */
static unsigned count_missing(const hf_doc *a, const hf_doc *b)
{
    unsigned n = 0;

    for (const hf_doc *row = hf_doc_rows(a); row; row = row->next)
        n += has_bench(b, hf_doc_text(row, "bench", "")) && !find(b, row);
    return n;
}

static void print_name(const hf_doc *row, FILE *out)
{
    for (const hf_doc *m = row->child; m; m = m->next) {
        if (!identifies(m))
            continue;
        if (m->type == HF_DOC_TEXT)
            fprintf(out, "%s ", m->text);
        else
            fprintf(out, "%s=%g ", m->key, m->number);
    }
}

static double spread_of(const hf_doc *row)
{
    double spread = hf_doc_number(row, "spread");

    return isnan(spread) ? 0 : spread;
}

static void compare_row(const hf_doc *old, const hf_doc *row, FILE *out, hf_compared *sum)
{
    bool more = true;
    const char *figure = hf_compare_figure(row, &more);
    double before = figure ? hf_doc_number(old, figure) : (double)NAN;
    double now = figure ? hf_doc_number(row, figure) : (double)NAN;

    if (!(before > 0) || !(now > 0))
        return;
    double ratio = more ? now / before : before / now;
    double noise = fmax(fmax(spread_of(old), spread_of(row)), HF_COMPARE_MIN);
    bool better = ratio > 1 + noise, worse = ratio < 1 / (1 + noise);
    sum->rows++;
    sum->better += better;
    sum->worse += worse;
    print_name(row, out);
    fprintf(out, "%s: %.4g, was %.4g: x %.3f%s\n", figure, now, before, ratio,
            better  ? "  BETTER"
            : worse ? "  WORSE"
                    : "");
}

static void warn_environment(const hf_doc *old, const hf_doc *new_, FILE *out)
{
    static const char *const names[] = {"cpu", "microcode", "governor", "kernel", "compiler"};
    const hf_doc *a = hf_doc_get(old, "environment");
    const hf_doc *b = hf_doc_get(new_, "environment");

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *x = hf_doc_text(a, names[i], "unknown"), *y = hf_doc_text(b, names[i], "unknown");
        if (strcmp(x, y) != 0)
            fprintf(out, "note: %s was \"%s\" and is \"%s\"\n", names[i], x, y);
    }
}

hf_compared hf_compare(const hf_doc *old, const hf_doc *new_, FILE *out)
{
    hf_compared sum = {0};

    fprintf(out, "compared with the run of %s (x above 1: better than then)\n",
            hf_doc_text(hf_doc_get(old, "environment"), "date", "an unknown date"));
    warn_environment(old, new_, out);
    for (const hf_doc *row = hf_doc_rows(new_); row; row = row->next) {
        const hf_doc *before = find(old, row);
        if (before)
            compare_row(before, row, out, &sum);
    }
    sum.gone = count_missing(old, new_);
    sum.appeared = count_missing(new_, old);
    fprintf(out, "%u rows compared: %u better and %u worse by more than their spread; %u are new, %u are gone\n",
            sum.rows, sum.better, sum.worse, sum.appeared, sum.gone);
    return sum;
}
