/* Fuzz target of one message parser (FUZZ_CODEC names it): parse; what parses is written back, and what was written
 * parses to the same again. Nothing that is read may be lost on the way. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/codecs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "fuzz_message: %s\n", what);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t first[1 << 18], second[1 << 18];
    const codec *c = codec_by_name(FUZZ_CODEC);
    hf_writer w = hf_writer_of(first, sizeof first), again = hf_writer_of(second, sizeof second);
    hf_slice body;

    if (size > 1 << 16)
        return -1;
    hf_status status = c->rewrite((hf_slice){data, size}, &w);
    if (status != HF_OK) {
        check(hf_status_is_send(status), "a parser fails with an alert");
        check(w.len == 0, "nothing is written");
        return 0;
    }
    check(hf_writer_ok(&w), "what was parsed fits");
    check(codec_body(c, first, w.len, &body), "the header is right");
    check(body.len <= size + 2, "writing adds no more than an empty vector");
    if (c->canonical)
        check(body.len == size && memcmp(body.ptr, data, size) == 0, "one value, one encoding");
    check(c->rewrite(body, &again) == HF_OK, "what was written parses");
    check(again.len == w.len && memcmp(first, second, w.len) == 0, "written twice, the same");
    return 0;
}
