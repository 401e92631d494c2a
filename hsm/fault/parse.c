/* Room `parse`: the text of a configuration to rules. Pure; a fuzz target. docs/fault-module.md is the grammar for
 * people. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lexer.h"
#include "names.h"

typedef struct parser {
    fault_rules *rules;
    fault_rule rule; /* the one being made */
    fault_line line;
    const char *text; /* the line */
    size_t text_len;
    char scope[FAULT_LABEL_MAX];
    fault_error *error;
} parser;

__attribute__((format(printf, 2, 3))) static bool wrong(parser *p, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(p->error->what, sizeof p->error->what, format, args);
    va_end(args);
    return false;
}

static bool copy_word(parser *p, char *out, size_t max, const char *what)
{
    const char *word = hf_fault_word(&p->line);

    if (!word || *word == '\0')
        return wrong(p, "%s is missing (in quotes when it holds a blank, = or ,)", what);
    if (strlen(word) >= max)
        return wrong(p, "%s is longer than %zu bytes", what, max - 1);
    memcpy(out, word, strlen(word) + 1);
    return true;
}

static bool equals(parser *p)
{
    return hf_fault_mark(&p->line, '=') || wrong(p, "an = is missing");
}

static bool time_word(parser *p, uint64_t *out_ns)
{
    const char *word = hf_fault_word(&p->line);

    return (word && hf_fault_duration(word, out_ns)) ||
           wrong(p, "%s is no time: write 5ms, 200us, 1.5s (at most 1 hour)", word ? word : "nothing");
}

static bool number_word(parser *p, uint64_t low, uint64_t high, uint64_t *out)
{
    const char *word = hf_fault_word(&p->line);

    return (word && hf_fault_number(word, low, high, out)) ||
           wrong(p, "%s is no number from %llu to %llu", word ? word : "nothing", (unsigned long long)low,
                 (unsigned long long)high);
}

static bool amount_word(parser *p, uint64_t low, uint64_t high)
{
    uint64_t value = 0;

    if (!number_word(p, low, high, &value))
        return false;
    p->rule.amount = (unsigned long)value;
    return true;
}

/* nth 3, first 2, from 5, every 10, probability 1%, for 2s, after 500ms, always: in any order, to the end of the line.
 */
static bool conditions(parser *p)
{
    static const uint64_t calls_max = 1000000000 - 1;
    fault_when *when = &p->rule.when;

    while (!hf_fault_at_end(&p->line)) {
        const char *word = hf_fault_word(&p->line);
        bool good = true;
        if (!word)
            return wrong(p, "a stray = or ,");
        if (strcmp(word, "nth") == 0) {
            good = number_word(p, 1, calls_max, &when->nth);
        } else if (strcmp(word, "first") == 0) {
            good = number_word(p, 1, calls_max, &when->first);
        } else if (strcmp(word, "from") == 0) {
            good = number_word(p, 1, calls_max, &when->from);
        } else if (strcmp(word, "every") == 0) {
            good = number_word(p, 1, calls_max, &when->every);
        } else if (strcmp(word, "for") == 0) {
            good = time_word(p, &when->for_ns);
        } else if (strcmp(word, "after") == 0) {
            good = time_word(p, &when->after_ns);
        } else if (strcmp(word, "probability") == 0) {
            const char *chance = hf_fault_word(&p->line);
            good = (chance && hf_fault_chance(chance, &when->chance)) ||
                   wrong(p, "%s is no probability: write 0.01 or 1%%", chance ? chance : "nothing");
        } else if (strcmp(word, "always") != 0) {
            good = wrong(p, "%s is no condition: nth, first, from, every, probability, for, after, always", word);
        }
        if (!good)
            return false;
    }
    return true;
}

/* The same for what is a state of the token and not something that happens to a call. */
static bool times_only(parser *p)
{
    const fault_when *when = &p->rule.when;

    if (!conditions(p))
        return false;
    return (!when->nth && !when->first && !when->from && !when->every && when->chance == FAULT_ALWAYS) ||
           wrong(p, "only for and after are conditions here");
}

static bool nothing_more(parser *p)
{
    return hf_fault_at_end(&p->line) || wrong(p, "%s is too much", p->line.words[p->line.at]);
}

/* A name, a name with * at its end, or *. */
static bool add_functions(parser *p, const char *pattern)
{
    size_t len = strlen(pattern);
    bool open = len > 0 && pattern[len - 1] == '*';
    bool any = false;

    for (unsigned i = 0; i < FAULT_FUNCTIONS_N; i++) {
        const char *name = hf_fault_function_name((fault_function)i);
        if (open ? strncmp(name, pattern, len - 1) == 0 : strcmp(name, pattern) == 0) {
            p->rule.functions[i / 64] |= (uint64_t)1 << (i % 64);
            any = true;
        }
    }
    return any || wrong(p, "%s is no function of PKCS#11 (C_Sign, C_Sign*, *)", pattern);
}

static bool subject(parser *p)
{
    do {
        const char *word = hf_fault_word(&p->line);
        if (!word)
            return wrong(p, "which function? (C_Sign, C_Sign*, *)");
        if (!add_functions(p, word))
            return false;
    } while (hf_fault_mark(&p->line, ','));
    return equals(p);
}

/* normal(5ms,1ms) and exp(5ms) */
static bool shaped(fault_rule *rule, const char *word)
{
    char low[FAULT_TEXT_MAX];
    char high[FAULT_TEXT_MAX];
    int end = 0;

    if (sscanf(word, "normal(%255[0-9a-z.],%255[0-9a-z.])%n", low, high, &end) == 2 && end > 0 && word[end] == '\0') {
        rule->shape = FAULT_NORMAL;
        return hf_fault_duration(low, &rule->low_ns) && hf_fault_duration(high, &rule->high_ns);
    }
    end = 0;
    if (sscanf(word, "exp(%255[0-9a-z.])%n", low, &end) == 1 && end > 0 && word[end] == '\0') {
        rule->shape = FAULT_EXPONENTIAL;
        return hf_fault_duration(low, &rule->low_ns);
    }
    return false;
}

/* 5ms..20ms */
static bool ranged(fault_rule *rule, const char *word)
{
    char low[FAULT_TEXT_MAX];
    const char *dots = strstr(word, "..");

    if (!dots || (size_t)(dots - word) >= sizeof low)
        return false;
    memcpy(low, word, (size_t)(dots - word));
    low[dots - word] = '\0';
    rule->shape = FAULT_UNIFORM;
    return hf_fault_duration(low, &rule->low_ns) && hf_fault_duration(dots + 2, &rule->high_ns) &&
           rule->low_ns <= rule->high_ns;
}

static bool parse_latency(parser *p)
{
    if (!subject(p))
        return false;
    const char *word = hf_fault_word(&p->line);
    p->rule.shape = FAULT_FIXED_TIME;
    if (!word || (!hf_fault_duration(word, &p->rule.low_ns) && !ranged(&p->rule, word) && !shaped(&p->rule, word)))
        return wrong(p, "%s is no latency: write 5ms, 5ms..20ms, normal(5ms,1ms) or exp(5ms)", word ? word : "nothing");
    return conditions(p);
}

static bool parse_fail(parser *p)
{
    if (!subject(p))
        return false;
    const char *word = hf_fault_word(&p->line);
    if (!word || !hf_fault_value_find(FAULT_CKR, word, &p->rule.code))
        return wrong(p, "%s is no return code: write CKR_DEVICE_ERROR or a number", word ? word : "nothing");
    if (p->rule.code == 0)
        return wrong(p, "CKR_OK is no failure");
    return conditions(p);
}

static bool parse_hang(parser *p)
{
    if (!subject(p))
        return false;
    p->rule.low_ns = UINT64_MAX;
    if (!hf_fault_take(&p->line, "forever") && !time_word(p, &p->rule.low_ns))
        return wrong(p, "hang how long? forever (until the line goes), or a time such as 10s");
    return conditions(p);
}

/* What the value changes must be bytes, and a length of the function's own where it changes the length. */
static bool check_output(parser *p)
{
    for (unsigned i = 0; i < FAULT_FUNCTIONS_N; i++) {
        fault_answer answer = hf_fault_function_answer((fault_function)i);
        bool bytes_only = p->rule.change == FAULT_WRONG || p->rule.change == FAULT_ZEROS;
        if ((p->rule.functions[i / 64] >> (i % 64) & 1) && answer != FAULT_BYTES &&
            (answer != FAULT_FIXED || !bytes_only))
            return wrong(p, "%s answers no bytes that could be changed so", hf_fault_function_name((fault_function)i));
    }
    return true;
}

static bool parse_output(parser *p)
{
    if (!subject(p))
        return false;
    p->rule.amount = 1;
    bool good = true;
    if (hf_fault_take(&p->line, "short")) {
        p->rule.change = FAULT_SHORT;
        good = amount_word(p, 1, 65535);
    } else if (hf_fault_take(&p->line, "long")) {
        p->rule.change = FAULT_LONG;
        good = amount_word(p, 1, 65535);
    } else if (hf_fault_take(&p->line, "wrong")) {
        p->rule.change = FAULT_WRONG;
    } else if (hf_fault_take(&p->line, "zeros")) {
        p->rule.change = FAULT_ZEROS;
    } else if (hf_fault_take(&p->line, "strip")) {
        p->rule.change = FAULT_STRIP;
    } else {
        good = wrong(p, "an output is short N, long N, wrong, zeros or strip");
    }
    return good && check_output(p) && conditions(p);
}

static bool parse_sessions(parser *p)
{
    if (!equals(p) || !amount_word(p, 0, 65535))
        return false;
    p->rule.untold = hf_fault_take(&p->line, "untold");
    return times_only(p);
}

static bool parse_token(parser *p)
{
    if (!equals(p))
        return false;
    if (hf_fault_take(&p->line, "present"))
        p->rule.presence = FAULT_PRESENT;
    else if (hf_fault_take(&p->line, "absent") || hf_fault_take(&p->line, "removed"))
        p->rule.presence = FAULT_ABSENT;
    else if (hf_fault_take(&p->line, "reset"))
        p->rule.presence = FAULT_RESET;
    else
        return wrong(p, "a token is present, absent, removed (for 3s) or reset");
    return times_only(p);
}

static bool parse_pin(parser *p)
{
    static const struct {
        const char *word;
        fault_pin pin;
    } words[] = {{"incorrect", FAULT_PIN_INCORRECT},
                 {"locked", FAULT_PIN_LOCKED},
                 {"expired", FAULT_PIN_EXPIRED},
                 {"count-low", FAULT_PIN_COUNT_LOW},
                 {"final-try", FAULT_PIN_FINAL_TRY},
                 {"tries", FAULT_PIN_TRIES},
                 {"pad", FAULT_PIN_PAD}};

    if (!equals(p))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (hf_fault_take(&p->line, words[i].word)) {
            p->rule.pin = words[i].pin;
            if (words[i].pin == FAULT_PIN_TRIES && !amount_word(p, 1, 100))
                return false;
            if (words[i].pin == FAULT_PIN_PAD && !copy_word(p, p->rule.other, FAULT_TEXT_MAX, "the pad's file"))
                return false;
            return words[i].pin == FAULT_PIN_INCORRECT ? conditions(p) : times_only(p);
        }
    return wrong(p, "a pin is incorrect, locked, expired, count-low, final-try, tries N or pad FILE");
}

static bool parse_key(parser *p)
{
    return copy_word(p, p->rule.name, FAULT_TEXT_MAX, "the label") && equals(p) &&
           copy_word(p, p->rule.other, FAULT_TEXT_MAX, "the other label") && times_only(p);
}

static bool add_hidden(parser *p, const char *word)
{
    fault_rule *rule = &p->rule;
    bool attribute = strncmp(word, "CKA_", 4) == 0;
    unsigned long value = 0;

    if (rule->mechanisms_n + rule->attributes_n == FAULT_LIST_MAX)
        return wrong(p, "more than %d names in one line", FAULT_LIST_MAX);
    if (!hf_fault_value_find(attribute ? FAULT_CKA : FAULT_CKM, word, &value))
        return wrong(p, "%s is neither CKM_... nor CKA_... nor the number of a mechanism", word);
    if (attribute && rule->kind == FAULT_REFUSE)
        return wrong(p, "only mechanisms can be refused; to hide an attribute: hide = %s", word);
    if (attribute)
        rule->attributes[rule->attributes_n++] = value;
    else
        rule->mechanisms[rule->mechanisms_n++] = value;
    return true;
}

static bool parse_hide(parser *p)
{
    if (!equals(p))
        return false;
    do {
        const char *word = hf_fault_word(&p->line);
        if (!word)
            return wrong(p, "which mechanism or attribute? (CKM_RSA_X_509, CKA_EC_POINT)");
        if (!add_hidden(p, word))
            return false;
    } while (hf_fault_mark(&p->line, ','));
    return times_only(p);
}

static const struct {
    const char *word;
    fault_kind kind;
    bool (*parse)(parser *p);
} settings[] = {
    {"latency", FAULT_LATENCY, parse_latency},
    {"fail", FAULT_FAIL, parse_fail},
    {"hang", FAULT_HANG, parse_hang},
    {"output", FAULT_OUTPUT, parse_output},
    {"sessions", FAULT_SESSIONS, parse_sessions},
    {"token", FAULT_TOKEN, parse_token},
    {"pin", FAULT_PIN, parse_pin},
    {"key", FAULT_KEY, parse_key},
    {"hide", FAULT_HIDE, parse_hide},
    {"refuse", FAULT_REFUSE, parse_hide},
};

static bool append(parser *p)
{
    fault_rules *rules = p->rules;

    if (rules->n == FAULT_RULES_MAX)
        return wrong(p, "more than %d rules", FAULT_RULES_MAX);
    fault_rule *grown = realloc(rules->rules, (rules->n + 1) * sizeof *grown);
    if (!grown)
        return wrong(p, "out of memory");
    rules->rules = grown;
    p->rule.text = strndup(p->text, p->text_len);
    if (!p->rule.text)
        return wrong(p, "out of memory");
    p->rule.line = p->error->line;
    memcpy(p->rule.scope, p->scope, sizeof p->scope);
    rules->rules[rules->n++] = p->rule;
    return true;
}

static bool parse_counters(parser *p)
{
    (void)snprintf(p->rules->counters_text, FAULT_LINE_MAX, "%.*s", (int)p->text_len, p->text);
    return copy_word(p, p->rules->counters, FAULT_TEXT_MAX, "the file of the counters");
}

static bool parse_slot(parser *p)
{
    const char *word = hf_fault_word(&p->line);
    uint64_t shift = 0;

    if (!word || *word != '+' || !hf_fault_number(word + 1, 0, FAULT_SLOT_SHIFT_MAX, &shift))
        return wrong(p, "slot ids move by +1 to +%d", FAULT_SLOT_SHIFT_MAX);
    p->rules->slot_shift = (unsigned long)shift;
    return true;
}

static bool parse_seed(parser *p)
{
    return number_word(p, 0, 1000000000 - 1, &p->rules->seed);
}

static bool parse_module(parser *p)
{
    return copy_word(p, p->rules->module, FAULT_TEXT_MAX, "the module's path");
}

static bool parse_argument(parser *p)
{
    return copy_word(p, p->rules->argument, FAULT_LINE_MAX, "the module's argument");
}

static bool parse_trace(parser *p)
{
    return copy_word(p, p->rules->trace, FAULT_TEXT_MAX, "the file of the trace");
}

/* What is set once for the module as a whole, and so above all sections. */
static const struct {
    const char *word;
    bool (*parse)(parser *p);
} globals[] = {{"module", parse_module},     {"argument", parse_argument}, {"trace", parse_trace},
               {"counters", parse_counters}, {"slot", parse_slot},         {"seed", parse_seed}};

static bool parse_setting(parser *p)
{
    const char *word = hf_fault_word(&p->line);

    if (!word)
        return wrong(p, "a line begins with what it sets");
    for (size_t i = 0; i < sizeof globals / sizeof globals[0]; i++)
        if (strcmp(word, globals[i].word) == 0) {
            if (p->scope[0] != '\0')
                return wrong(p, "%s stands above the first [token]", word);
            return equals(p) && globals[i].parse(p) && nothing_more(p);
        }
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (strcmp(word, settings[i].word) == 0) {
            memset(&p->rule, 0, sizeof p->rule);
            p->rule.kind = settings[i].kind;
            p->rule.when.chance = FAULT_ALWAYS;
            return settings[i].parse(p) && append(p);
        }
    return wrong(
        p,
        "%s is nothing that can be set: module, argument, trace, counters, slot, seed, latency, fail, hang, output, "
        "sessions, token, pin, key, hide, refuse",
        word);
}

/* [LABEL]: what follows concerns the token of this label; [*]: every token again. */
static bool parse_section(parser *p, const char *text, size_t len)
{
    const char *close = memchr(text, ']', len);
    size_t label = close ? (size_t)(close - text) - 1 : 0;

    if (!close || label == 0 || label >= FAULT_LABEL_MAX)
        return wrong(p, "a section is [LABEL], the label of a token of at most 32 bytes, or [*]");
    size_t rest = len - label - 2;
    if (!hf_fault_lex(&p->line, close + 1, rest, p->error->what, sizeof p->error->what))
        return false;
    memset(p->scope, 0, sizeof p->scope);
    memcpy(p->scope, text + 1, label);
    if (strcmp(p->scope, "*") == 0)
        p->scope[0] = '\0';
    return nothing_more(p);
}

static bool parse_line(parser *p)
{
    const char *text = p->text;
    size_t len = p->text_len;

    if (memchr(text, '\0', len))
        return wrong(p, "a zero byte: is this a text file?");
    while (len > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        len--;
    }
    if (len > 0 && *text == '[')
        return parse_section(p, text, len);
    if (!hf_fault_lex(&p->line, text, len, p->error->what, sizeof p->error->what))
        return false;
    return hf_fault_at_end(&p->line) || parse_setting(p);
}

static bool parse_lines(parser *p, const char *text, size_t len)
{
    if (len > FAULT_FILE_MAX)
        return wrong(p, "the file is longer than %d bytes", FAULT_FILE_MAX);
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        p->text = text + at;
        p->text_len = end ? (size_t)(end - p->text) : len - at;
        p->error->line++;
        if (!parse_line(p))
            return false;
        at += p->text_len + 1;
    }
    return p->rules->module[0] != '\0' || wrong(p, "no line says module = PATH");
}

fault_rules *hf_fault_parse(const char *text, size_t len, fault_error *error)
{
    parser *p = calloc(1, sizeof *p);
    fault_rules *rules = calloc(1, sizeof *rules);

    memset(error, 0, sizeof *error);
    if (p && rules) {
        atomic_init(&rules->refs, 1);
        p->rules = rules;
        p->error = error;
        rules->seed = 1;
        if (parse_lines(p, text, len)) {
            free(p);
            return rules;
        }
    } else {
        (void)snprintf(error->what, sizeof error->what, "out of memory");
    }
    free(p);
    if (rules)
        atomic_init(&rules->refs, 1);
    hf_fault_rules_release(rules);
    return NULL;
}
