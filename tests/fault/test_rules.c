/* The configuration's grammar: each line that is right, each that is wrong with its line number and a reason, and the
 * arithmetic of conditions and latencies. Pure: no file, no module. */
#include <criterion/criterion.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lexer.h"
#include "names.h"

static fault_error error;

static fault_rules *parse(const char *text)
{
    char whole[8192];

    (void)snprintf(whole, sizeof whole, "module = /m.so\n%s", text);
    return hf_fault_parse(whole, strlen(whole), &error);
}

/* The one rule of a line, with a state that begins at 0. */
static fault_rules *one(const char *text)
{
    fault_rules *r = parse(text);

    cr_assert_not_null(r, "%s: line %u: %s", text, error.line, error.what);
    cr_assert_eq(r->n, 1, "%s", text);
    cr_assert(hf_fault_rules_begin(r, NULL, 0));
    return r;
}

Test(fault_rules, settings_of_the_module)
{
    fault_rules *r = parse("# a comment\n  trace=\"/tmp/a, b\"   # behind\n\ncounters = c\r\nargument = "
                           "\"configdir='sql:/db' x='y'\"\nslot = +7\nseed = 5\n");

    cr_assert_not_null(r, "%s", error.what);
    cr_expect_str_eq(r->module, "/m.so");
    cr_expect_str_eq(r->trace, "/tmp/a, b");
    cr_expect_str_eq(r->counters, "c");
    cr_expect_str_eq(r->argument, "configdir='sql:/db' x='y'");
    cr_expect_eq(r->slot_shift, 7);
    cr_expect_eq(r->seed, 5);
    cr_expect_eq(r->n, 0);
    hf_fault_rules_release(r);
}

Test(fault_rules, a_latency_of_each_shape)
{
    static const struct {
        const char *text;
        fault_shape shape;
        uint64_t low, high;
    } cases[] = {
        {"latency C_Sign = 5ms", FAULT_FIXED_TIME, 5000000, 0},
        {"latency C_Sign = 1.5s", FAULT_FIXED_TIME, 1500000000, 0},
        {"latency C_Sign = 0.25us", FAULT_FIXED_TIME, 250, 0},
        {"latency C_Sign = 3ns", FAULT_FIXED_TIME, 3, 0},
        {"latency C_Sign = 2min", FAULT_FIXED_TIME, 120000000000, 0},
        {"latency C_Sign = 5ms..20ms", FAULT_UNIFORM, 5000000, 20000000},
        {"latency C_Sign = normal(5ms,1ms)", FAULT_NORMAL, 5000000, 1000000},
        {"latency C_Sign = normal( 5ms, 1ms )", FAULT_NORMAL, 5000000, 1000000},
        {"latency C_Sign = exp(2ms)", FAULT_EXPONENTIAL, 2000000, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fault_rules *r = one(cases[i].text);
        cr_expect_eq(r->rules[0].kind, FAULT_LATENCY);
        cr_expect_eq(r->rules[0].shape, cases[i].shape, "%s", cases[i].text);
        cr_expect_eq(r->rules[0].low_ns, cases[i].low, "%s", cases[i].text);
        cr_expect_eq(r->rules[0].high_ns, cases[i].high, "%s", cases[i].text);
        cr_expect_eq(r->rules[0].line, 2);
        hf_fault_rules_release(r);
    }
}

/* Mean and spread of many samples, in shares of the mean that was asked for. */
static void moments(const char *text, double *mean, double *deviation)
{
    enum { N = 20000 };
    fault_rules *r = one(text);
    double sum = 0;
    double squares = 0;

    hf_fault_seed(1);
    for (int i = 0; i < N; i++) {
        double x = (double)hf_fault_sample(&r->rules[0]) / 5e6;
        sum += x;
        squares += x * x;
    }
    hf_fault_rules_release(r);
    *mean = sum / N;
    *deviation = squares / N - *mean * *mean; /* the variance */
}

Test(fault_rules, samples_have_the_shape_asked_for)
{
    double mean = 0;
    double variance = 0;

    moments("latency C_Sign = 5ms", &mean, &variance);
    cr_expect(mean == 1 && variance == 0);
    moments("latency C_Sign = 0ms..10ms", &mean, &variance);
    cr_expect(mean > 0.98 && mean < 1.02 && variance > 0.31 && variance < 0.36, "%f %f", mean, variance); /* 1/3 */
    moments("latency C_Sign = normal(5ms,1ms)", &mean, &variance);
    cr_expect(mean > 0.99 && mean < 1.01 && variance > 0.038 && variance < 0.042, "%f %f", mean, variance); /* 1/25 */
    moments("latency C_Sign = exp(5ms)", &mean, &variance);
    cr_expect(mean > 0.96 && mean < 1.04 && variance > 0.92 && variance < 1.08, "%f %f", mean, variance); /* 1 */
}

Test(fault_rules, functions_by_name_list_and_pattern)
{
    static const struct {
        const char *text;
        unsigned n;
        fault_function in, out;
    } cases[] = {
        {"fail C_Sign = CKR_DEVICE_ERROR", 1, FAULT_C_Sign, FAULT_C_SignInit},
        {"fail C_Sign, C_Decrypt = CKR_DEVICE_ERROR", 2, FAULT_C_Decrypt, FAULT_C_DecryptInit},
        {"fail C_Sign* = CKR_DEVICE_ERROR", 7, FAULT_C_SignRecoverInit, FAULT_C_Decrypt},
        {"fail * = CKR_DEVICE_ERROR", FAULT_FUNCTIONS_N, FAULT_C_WaitForSlotEvent, FAULT_FUNCTIONS_N},
    };

    cr_assert_eq(FAULT_FUNCTIONS_N, 67);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fault_rules *r = one(cases[i].text);
        unsigned n = 0;
        for (unsigned f = 0; f < FAULT_FUNCTIONS_N; f++)
            n += hf_fault_concerns(&r->rules[0], (fault_function)f, NULL);
        cr_expect_eq(n, cases[i].n, "%s: %u", cases[i].text, n);
        cr_expect(hf_fault_concerns(&r->rules[0], cases[i].in, NULL));
        cr_expect(cases[i].out == FAULT_FUNCTIONS_N || !hf_fault_concerns(&r->rules[0], cases[i].out, NULL));
        hf_fault_rules_release(r);
    }
}

Test(fault_rules, values_of_each_setting)
{
    fault_rules *r = parse("fail C_Sign = 0x80000001\nhang C_Sign = forever\nhang C_Sign = 10s\n"
                           "output C_Sign = short 2\noutput C_Decrypt = long 3\noutput C_GenerateRandom = zeros\n"
                           "output C_Decrypt = strip\nsessions = 4\nsessions = 2 untold\ntoken = removed for 3s\n"
                           "token = reset\npin = tries 3\npin = pad \"/a b\"\nkey web = \"the other\"\n"
                           "hide = CKM_RSA_X_509, CKA_EC_POINT, 0x1057\nrefuse = CKM_ECDSA\ntoken = present\n");

    cr_assert_not_null(r, "line %u: %s", error.line, error.what);
    cr_assert_eq(r->n, 17);
    const fault_rule *x = r->rules;
    cr_expect_eq(x[0].code, 0x80000001);
    cr_expect_eq(x[1].low_ns, UINT64_MAX);
    cr_expect_eq(x[2].low_ns, 10000000000);
    cr_expect(x[3].change == FAULT_SHORT && x[3].amount == 2);
    cr_expect(x[4].change == FAULT_LONG && x[4].amount == 3);
    cr_expect_eq(x[5].change, FAULT_ZEROS);
    cr_expect_eq(x[6].change, FAULT_STRIP);
    cr_expect(x[7].kind == FAULT_SESSIONS && x[7].amount == 4 && !x[7].untold);
    cr_expect(x[8].amount == 2 && x[8].untold);
    cr_expect(x[9].presence == FAULT_ABSENT && x[9].when.for_ns == 3000000000);
    cr_expect_eq(x[10].presence, FAULT_RESET);
    cr_expect(x[11].pin == FAULT_PIN_TRIES && x[11].amount == 3);
    cr_expect(x[12].pin == FAULT_PIN_PAD && strcmp(x[12].other, "/a b") == 0);
    cr_expect(strcmp(x[13].name, "web") == 0 && strcmp(x[13].other, "the other") == 0);
    cr_expect(x[14].mechanisms_n == 2 && x[14].mechanisms[0] == CKM_RSA_X_509 && x[14].mechanisms[1] == CKM_EDDSA &&
              x[14].attributes_n == 1 && x[14].attributes[0] == CKA_EC_POINT);
    cr_expect(x[15].kind == FAULT_REFUSE && x[15].mechanisms[0] == CKM_ECDSA);
    cr_expect_eq(x[16].presence, FAULT_PRESENT);
    hf_fault_rules_release(r);
}

/* Which of ten calls, at the time 0, a rule strikes: a string of 0 and 1. */
static void strikes(const char *text, uint64_t now, char out[11])
{
    fault_rules *r = one(text);

    for (int i = 0; i < 10; i++)
        out[i] = hf_fault_strikes(&r->rules[0], now) ? '1' : '0';
    out[10] = '\0';
    hf_fault_rules_release(r);
}

Test(fault_rules, conditions_choose_calls)
{
    static const struct {
        const char *when;
        uint64_t now;
        const char *expected;
    } cases[] = {
        {"", 0, "1111111111"},
        {"always", 0, "1111111111"},
        {"nth 3", 0, "0010000000"},
        {"first 2", 0, "1100000000"},
        {"from 9", 0, "0000000011"},
        {"every 4", 0, "0001000100"},
        {"every 2 from 5", 0, "0000010101"},
        {"from 3 first 5", 0, "0011100000"},
        {"probability 100%", 0, "1111111111"},
        {"for 2s", 1999999999, "1111111111"},
        {"for 2s", 2000000000, "0000000000"},
        {"after 1s", 999999999, "0000000000"},
        {"after 1s", 1000000000, "1111111111"},
        {"after 1s for 1s", 2000000000, "0000000000"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[100];
        char got[11];
        (void)snprintf(line, sizeof line, "fail C_Sign = CKR_DEVICE_ERROR %s", cases[i].when);
        strikes(line, cases[i].now, got);
        cr_expect_str_eq(got, cases[i].expected, "%s: %s", cases[i].when, got);
    }
}

Test(fault_rules, calls_outside_of_its_time_do_not_count)
{
    fault_rules *r = one("fail C_Sign = CKR_DEVICE_ERROR nth 2 after 1s");

    cr_expect(!hf_fault_strikes(&r->rules[0], 0) && !hf_fault_strikes(&r->rules[0], 0));
    cr_expect(!hf_fault_strikes(&r->rules[0], 1000000000));
    cr_expect(hf_fault_strikes(&r->rules[0], 1000000000));
    hf_fault_rules_release(r);
}

Test(fault_rules, a_probability_holds_over_many_calls)
{
    fault_rules *r = one("fail C_Sign = CKR_DEVICE_ERROR probability 0.25");
    unsigned struck = 0;

    hf_fault_seed(7);
    for (int i = 0; i < 10000; i++)
        struck += hf_fault_strikes(&r->rules[0], 0);
    cr_expect(struck > 2300 && struck < 2700, "%u", struck);
    hf_fault_rules_release(r);
}

Test(fault_rules, a_seed_repeats_the_course)
{
    fault_rules *r = one("fail C_Sign = CKR_DEVICE_ERROR probability 0.5");
    char first[101] = "";
    char again[101] = "";

    hf_fault_seed(9);
    for (int i = 0; i < 100; i++)
        first[i] = hf_fault_strikes(&r->rules[0], 0) ? '1' : '0';
    hf_fault_seed(9);
    for (int i = 0; i < 100; i++)
        again[i] = hf_fault_strikes(&r->rules[0], 0) ? '1' : '0';
    cr_expect_str_eq(first, again);
    cr_expect(strchr(first, '1') && strchr(first, '0'));
    hf_fault_rules_release(r);
}

Test(fault_rules, sections_are_for_one_token)
{
    fault_rules *r = parse("fail C_Sign = CKR_DEVICE_ERROR\n[web 1]  # one\ntoken = absent\n[*]\nsessions = 3\n");

    cr_assert_not_null(r, "line %u: %s", error.line, error.what);
    cr_assert_eq(r->n, 3);
    cr_expect(hf_fault_in_scope(&r->rules[0], "web 1") && hf_fault_in_scope(&r->rules[0], NULL));
    cr_expect(hf_fault_in_scope(&r->rules[1], "web 1"));
    cr_expect(!hf_fault_in_scope(&r->rules[1], "web 2") && !hf_fault_in_scope(&r->rules[1], NULL));
    cr_expect(hf_fault_in_scope(&r->rules[2], "web 2"));
    hf_fault_rules_release(r);
}

Test(fault_rules, a_line_that_stays_keeps_its_count)
{
    fault_rules *before = one("fail C_Sign = CKR_DEVICE_ERROR nth 2");
    fault_rules *same = parse("latency C_Sign = 1ms\nfail C_Sign = CKR_DEVICE_ERROR nth 2");
    fault_rules *other = parse("fail C_Sign = CKR_DEVICE_ERROR nth 2 # anew");
    fault_rules *elsewhere = parse("[x]\nfail C_Sign = CKR_DEVICE_ERROR nth 2");

    cr_assert(same && other && elsewhere);
    cr_expect(!hf_fault_strikes(&before->rules[0], 0));
    cr_assert(hf_fault_rules_begin(same, before, 5) && hf_fault_rules_begin(other, before, 5) &&
              hf_fault_rules_begin(elsewhere, before, 5));
    hf_fault_rules_release(before);
    cr_expect_eq(same->rules[1].state->since_ns, 0);
    cr_expect_eq(other->rules[0].state->since_ns, 5);
    cr_expect(hf_fault_strikes(&same->rules[1], 5));
    cr_expect(!hf_fault_strikes(&other->rules[0], 5));
    cr_expect_eq(elsewhere->rules[0].state->since_ns, 5);
    hf_fault_rules_release(same);
    hf_fault_rules_release(other);
    hf_fault_rules_release(elsewhere);
}

Test(fault_rules, each_wrong_line_is_told)
{
    static const struct {
        const char *text, *what;
    } cases[] = {
        {"nonsense = 1", "nonsense is nothing that can be set"},
        {"= 1", "begins with what it sets"},
        {"trace", "= is missing"},
        {"trace =", "file of the trace is missing"},
        {"trace = a b", "b is too much"},
        {"trace = \"a", "without its other half"},
        {"latency = 5ms", "which function"},
        {"latency C_Sign 5ms", "= is missing"},
        {"latency C_Sing = 5ms", "C_Sing is no function"},
        {"latency C_Sign = 5", "5 is no latency"},
        {"latency C_Sign = fast", "fast is no latency"},
        {"latency C_Sign = 2h", "2h is no latency"},
        {"latency C_Sign = 61min", "61min is no latency"},
        {"latency C_Sign = 20ms..5ms", "is no latency"},
        {"latency C_Sign = normal(5ms)", "is no latency"},
        {"latency C_Sign = exp(5ms", "without its other half"},
        {"latency C_Sign = 5ms)", "without its other half"},
        {"latency C_Sign = 5ms often", "often is no condition"},
        {"fail C_Sign = CKR_NONSENSE", "CKR_NONSENSE is no return code"},
        {"fail C_Sign = CKR_OK", "CKR_OK is no failure"},
        {"fail C_Sign = -1", "-1 is no return code"},
        {"fail C_Sign = CKR_DEVICE_ERROR nth", "nothing is no number"},
        {"fail C_Sign = CKR_DEVICE_ERROR nth 0", "0 is no number from 1"},
        {"fail C_Sign = CKR_DEVICE_ERROR nth 3.5", "3.5 is no number"},
        {"fail C_Sign = CKR_DEVICE_ERROR nth 9999999999", "is no number"},
        {"fail C_Sign = CKR_DEVICE_ERROR probability 1.5", "1.5 is no probability"},
        {"fail C_Sign = CKR_DEVICE_ERROR probability 0", "0 is no probability"},
        {"fail C_Sign = CKR_DEVICE_ERROR probability 101%", "101% is no probability"},
        {"fail C_Sign = CKR_DEVICE_ERROR for ever", "ever is no time"},
        {"fail C_Sign = CKR_DEVICE_ERROR, always", "stray"},
        {"hang C_Sign = long", "hang how long"},
        {"output C_Sign = odd", "an output is"},
        {"output C_Sign = short", "nothing is no number"},
        {"output C_Sign = long 65536", "65536 is no number"},
        {"output C_SignInit = wrong", "C_SignInit answers no bytes"},
        {"output C_GenerateRandom = short 1", "C_GenerateRandom answers no bytes"},
        {"sessions = many", "many is no number"},
        {"sessions = 4 nth 3", "only for and after"},
        {"token = lost", "a token is present"},
        {"token = absent every 2", "only for and after"},
        {"pin = 1234", "a pin is incorrect"},
        {"pin = tries 0", "0 is no number"},
        {"pin = pad", "pad's file is missing"},
        {"key web", "= is missing"},
        {"key web =", "other label is missing"},
        {"hide = ", "which mechanism"},
        {"hide = CKM_NONSENSE", "CKM_NONSENSE is neither"},
        {"refuse = CKA_LABEL", "only mechanisms can be refused"},
        {"slot = 7", "slot ids move by"},
        {"slot = +9999999", "slot ids move by"},
        {"seed = x", "x is no number"},
        {"[", "a section is"},
        {"[]", "a section is"},
        {"[123456789012345678901234567890123]", "a section is"},
        {"[web] x", "x is too much"},
        {"[web]\nseed = 1", "seed stands above"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fault_rules *r = parse(cases[i].text);
        cr_expect_null(r, "%s was taken", cases[i].text);
        cr_expect(strstr(error.what, cases[i].what), "%s: %s", cases[i].text, error.what);
        cr_expect_eq(error.line, strchr(cases[i].text, '\n') ? 3 : 2, "%s: line %u", cases[i].text, error.line);
        cr_expect_null(strchr(error.what, '\n'));
        hf_fault_rules_release(r);
    }
    cr_expect_null(hf_fault_parse("trace = x\n", 10, &error));
    cr_expect(strstr(error.what, "module = PATH"));
    cr_expect_null(hf_fault_parse("module = a\0b\n", 13, &error));
    cr_expect(strstr(error.what, "zero byte"));
}

/* `n` times `piece`, as a text on the heap behind a good first line. */
static char *repeat(const char *first, const char *piece, size_t n)
{
    size_t len = strlen(piece);
    char *text = calloc(1, strlen(first) + n * len + 2);

    cr_assert_not_null(text);
    strcpy(text, first);
    for (size_t i = 0; i < n; i++)
        memcpy(text + strlen(first) + i * len, piece, len);
    return text;
}

static void expect_limit(char *text, const char *what)
{
    fault_rules *r = hf_fault_parse(text, strlen(text), &error);

    if (what) {
        cr_expect_null(r);
        cr_expect(strstr(error.what, what), "%s", error.what);
    } else {
        cr_expect_not_null(r, "%s", error.what);
    }
    hf_fault_rules_release(r);
    free(text);
}

Test(fault_rules, limits)
{
    char most[16];
    char mechanisms[16 * FAULT_LIST_MAX + 64] = "module = m\nhide = 1";

    (void)snprintf(most, sizeof most, "%d", FAULT_RULES_MAX);
    expect_limit(repeat("module = m\n", "token = absent\n", FAULT_RULES_MAX), NULL);
    expect_limit(repeat("module = m\n", "token = absent\n", FAULT_RULES_MAX + 1), "more than 256 rules");
    expect_limit(repeat("module = m\n#", "x", FAULT_LINE_MAX - 1), NULL);
    expect_limit(repeat("module = m\n#", "x", FAULT_LINE_MAX), "longer than 1024 bytes");
    expect_limit(repeat("module = m\n", "#..............\n", FAULT_FILE_MAX / 16 - 1), NULL);
    expect_limit(repeat("module = m\n", "#..............\n", FAULT_FILE_MAX / 16), "file is longer");
    expect_limit(repeat("module = ", "m", FAULT_TEXT_MAX - 1), NULL);
    expect_limit(repeat("module = ", "m", FAULT_TEXT_MAX), "longer than 255 bytes");
    expect_limit(repeat("module = m\ntoken = absent ", "always ", FAULT_WORDS_MAX - 3), NULL);
    expect_limit(repeat("module = m\ntoken = absent ", "always ", FAULT_WORDS_MAX - 2), "more than 128 words");
    for (int i = 1; i < FAULT_LIST_MAX; i++)
        strcat(mechanisms, ", 1");
    expect_limit(repeat(mechanisms, "", 0), NULL);
    expect_limit(repeat(mechanisms, ", 1", 1), "more than 32 names");
}

Test(fault_rules, names_both_ways)
{
    char out[FAULT_NAME_MAX];
    unsigned long value = 0;

    cr_expect(hf_fault_value_find(FAULT_CKR, "CKR_PIN_LOCKED", &value) && value == CKR_PIN_LOCKED);
    cr_expect_str_eq(hf_fault_value_name(FAULT_CKR, CKR_PIN_LOCKED, out), "CKR_PIN_LOCKED");
    cr_expect_str_eq(hf_fault_value_name(FAULT_CKR, 0x80000123, out), "0x80000123");
    cr_expect_str_eq(hf_fault_value_name(FAULT_CKM, CKM_RSA_PKCS_PSS, out), "CKM_RSA_PKCS_PSS");
    cr_expect_str_eq(hf_fault_value_name(FAULT_CKA, CKA_EC_POINT, out), "CKA_EC_POINT");
    cr_expect(!hf_fault_value_find(FAULT_CKR, "CKM_ECDSA", &value) && !hf_fault_value_find(FAULT_CKR, " 1", &value));
    cr_expect(hf_fault_value_find(FAULT_CKR, "5", &value) && value == 5);
}
