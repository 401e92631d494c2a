/* The JSON that handfast-bench reads back: what it takes from a report, and what it refuses. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "doc.h"

static hf_doc *parse(const char *text)
{
    const char *why = NULL;
    hf_doc *doc = hf_doc_parse(text, strlen(text), &why);

    cr_assert((doc != NULL) == (why == NULL), "%s: %s", text, why ? why : "no reason");
    return doc;
}

Test(bench_doc, a_report)
{
    hf_doc *doc =
        parse("{\"environment\": {\"cpu\": \"x\"}, \"results\": [{\"bench\": \"a\", \"gbps\": 1.5e1, \"n\": null,"
              " \"yes\": true},\n {\"bench\": \"b\"}]}\n");

    cr_assert_not_null(doc);
    cr_assert_str_eq(hf_doc_text(hf_doc_get(doc, "environment"), "cpu", ""), "x");
    const hf_doc *row = hf_doc_rows(doc);
    cr_assert_str_eq(hf_doc_text(row, "bench", ""), "a");
    cr_assert_eq(hf_doc_number(row, "gbps"), 15);
    cr_assert(isnan(hf_doc_number(row, "n")));
    cr_assert(isnan(hf_doc_number(row, "absent")));
    cr_assert_eq(hf_doc_get(row, "yes")->type, HF_DOC_BOOL);
    cr_assert_str_eq(hf_doc_text(row->next, "bench", ""), "b");
    cr_assert_null(row->next->next);
    cr_assert_str_eq(hf_doc_text(row, "gbps", "otherwise"), "otherwise");
    hf_doc_free(doc);
}

Test(bench_doc, escapes)
{
    hf_doc *doc = parse("\"q\\\" b\\\\ s\\/ n\\n u\\u00e9 \\u20AC pair\\ud83d\\ude00 alone\\ud83d zero\\u0000\"");

    cr_assert_not_null(doc);
    cr_assert_str_eq(doc->text,
                     "q\" b\\ s/ n\n u\xc3\xa9 \xe2\x82\xac pair\xf0\x9f\x98\x80 alone\xef\xbf\xbd zero\xef\xbf\xbd");
    hf_doc_free(doc);
}

Test(bench_doc, what_is_refused)
{
    static const char *const bad[] = {"",         " ",           "{",     "[1",       "[1,]",  "{\"a\" 1}",
                                      "{\"a\":}", "{a:1}",       "[1 2]", "01",       "1.",    "1e",
                                      "-",        ".5",          "+1",    "nul",      "truth", "\"open",
                                      "\"\\x\"",  "\"\\u12g4\"", "\"\\",  "\"a\nb\"", "[] []", "\"tab\t\"",
                                      "{\"a\":1", "{\"a\":1,}",  "NaN",   "'a'"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        hf_doc *doc = parse(bad[i]);
        cr_assert_null(doc, "taken: %s", bad[i]);
    }
}

Test(bench_doc, depth_ends)
{
    char text[2 * HF_DOC_DEPTH_MAX + 3];

    for (size_t depth = HF_DOC_DEPTH_MAX; depth <= HF_DOC_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = 0;
        hf_doc *doc = parse(text);
        cr_assert((doc != NULL) == (depth == HF_DOC_DEPTH_MAX), "depth %zu", depth);
        hf_doc_free(doc);
    }
}
