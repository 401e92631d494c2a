/* --compare: which rows belong together, and which changes count. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

#define REPORT(rows) "{\"environment\": {\"cpu\": \"x\", \"date\": \"then\"}, \"results\": [" rows "]}"
#define ROW(provider, bytes, gbps, spread)                                                                             \
    "{\"bench\": \"records\", \"provider\": \"" provider "\", \"bytes\": " bytes ", \"gbps\": " gbps                   \
    ", \"spread\": " spread "}"

static hf_doc *parse(const char *text)
{
    const char *why = NULL;
    hf_doc *doc = hf_doc_parse(text, strlen(text), &why);

    cr_assert_not_null(doc, "%s", why);
    return doc;
}

/* The caller frees *out_text. */
static hf_compared compare(const char *old_text, const char *new_text, char **out_text)
{
    hf_doc *old = parse(old_text), *new_ = parse(new_text);
    size_t len = 0;
    FILE *out = open_memstream(out_text, &len);

    cr_assert_not_null(out);
    hf_compared sum = hf_compare(old, new_, out);
    fclose(out);
    hf_doc_free(old);
    hf_doc_free(new_);
    return sum;
}

Test(bench_compare, only_what_passes_the_spread_counts)
{
    char *text = NULL;
    hf_compared sum =
        compare(REPORT(ROW("a", "64", "1", "0.01") "," ROW("b", "64", "1", "0.30") "," ROW("c", "64", "2", "0")),
                REPORT(ROW("a", "64", "1.2", "0") "," ROW("b", "64", "1.2", "0") "," ROW("c", "64", "1", "0")), &text);

    cr_assert_eq(sum.rows, 3);
    cr_assert_eq(sum.better, 1); /* a; b changed by less than its spread */
    cr_assert_eq(sum.worse, 1);  /* c */
    cr_assert_not_null(strstr(text, "records a bytes=64 gbps: 1.2, was 1: x 1.200  BETTER\n"), "%s", text);
    cr_assert_not_null(strstr(text, "records b bytes=64 gbps: 1.2, was 1: x 1.200\n"), "%s", text);
    cr_assert_not_null(strstr(text, "records c bytes=64 gbps: 1, was 2: x 0.500  WORSE\n"), "%s", text);
    free(text);
}

Test(bench_compare, less_is_better_for_costs)
{
    char *text = NULL;
    hf_compared sum = compare(REPORT("{\"bench\": \"memory\", \"bytes_each\": 4000}"),
                              REPORT("{\"bench\": \"memory\", \"bytes_each\": 2000}"), &text);

    cr_assert_eq(sum.better, 1);
    cr_assert_not_null(strstr(text, "x 2.000  BETTER"), "%s", text);
    free(text);
}

Test(bench_compare, rows_of_one_report_only)
{
    char *text = NULL;
    hf_compared sum = compare(
        REPORT(ROW("a", "64", "1", "0") "," ROW("a", "256", "1", "0") ",{\"bench\": \"keys\", \"ops_per_s\": 1}"),
        REPORT(ROW("a", "64", "1", "0") "," ROW("z", "64", "1", "0")), &text);

    cr_assert_eq(sum.rows, 1);
    cr_assert_eq(sum.gone, 1); /* not the row of keys: that benchmark did not run */
    cr_assert_eq(sum.appeared, 1);
    free(text);
}

Test(bench_compare, another_machine_is_told)
{
    char *text = NULL;

    (void)compare(REPORT(""), "{\"environment\": {\"cpu\": \"y\"}, \"results\": []}", &text);
    cr_assert_not_null(strstr(text, "cpu was \"x\" and is \"y\""), "%s", text);
    free(text);
}
