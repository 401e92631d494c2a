/* The JSON that handfast-bench writes: RFC 8259. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "json.h"

Test(bench_json, report_of_rows)
{
    char *text = NULL;
    size_t len = 0;
    hf_json json = {.file = open_memstream(&text, &len)};

    cr_assert_not_null(json.file);
    hf_json_open_object(&json, NULL);
    hf_json_open_array(&json, "results");
    for (int i = 0; i < 2; i++) {
        hf_json_open_object(&json, NULL);
        hf_json_integer(&json, "i", (uint64_t)i);
        hf_json_number(&json, "half", i / 2.0);
        hf_json_bool(&json, "odd", i == 1);
        hf_json_close_object(&json);
    }
    hf_json_close_array(&json);
    hf_json_close_object(&json);
    fclose(json.file);
    cr_assert_str_eq(text, "{\n\"results\": [\n{\"i\": 0, \"half\": 0, \"odd\": false},\n"
                           "{\"i\": 1, \"half\": 0.5, \"odd\": true}]}\n");
    free(text);
}

Test(bench_json, what_needs_care)
{
    char *text = NULL;
    size_t len = 0;
    hf_json json = {.file = open_memstream(&text, &len)};

    cr_assert_not_null(json.file);
    hf_json_open_object(&json, NULL);
    hf_json_text(&json, "a\"b", "back\\slash, tab\t, \"quoted\", \xc3\xa9");
    hf_json_text(&json, "none", NULL);
    hf_json_number(&json, "nan", NAN);
    hf_json_number(&json, "infinite", INFINITY);
    hf_json_close_object(&json);
    fclose(json.file);
    cr_assert_str_eq(text, "{\n\"a\\\"b\": \"back\\\\slash, tab\\u0009, \\\"quoted\\\", \xc3\xa9\",\n\"none\": null,\n"
                           "\"nan\": null,\n\"infinite\": null}\n");
    free(text);
}
