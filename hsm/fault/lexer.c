/* Room `lexer`: words, times, numbers of a line. */
#include "lexer.h"

#include <stdio.h>
#include <string.h>

typedef struct cursor {
    const char *at, *end;
    char *to; /* into store */
} cursor;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* A quoted word; `from->at` stands behind the first quote. */
static bool lex_quoted(cursor *from)
{
    while (from->at < from->end && *from->at != '"')
        *from->to++ = *from->at++;
    if (from->at == from->end)
        return false;
    from->at++;
    return true;
}

static bool lex_plain(cursor *from)
{
    unsigned depth = 0;

    for (; from->at < from->end; from->at++) {
        char c = *from->at;
        if (depth == 0 && (is_blank(c) || c == '=' || c == ',' || c == '"'))
            break;
        depth += c == '(';
        if (c == ')') {
            if (depth == 0)
                return false;
            depth--;
        }
        if (!is_blank(c)) /* inside of parentheses: normal(5ms, 1ms) is one word */
            *from->to++ = c;
    }
    return depth == 0;
}

static bool lex_word(fault_line *line, cursor *from)
{
    char c = *from->at;
    size_t i = line->n++;

    line->words[i] = from->to;
    line->mark[i] = c == '=' || c == ',';
    bool good = true;
    if (line->mark[i]) {
        *from->to++ = c;
        from->at++;
    } else if (c == '"') {
        from->at++;
        good = lex_quoted(from);
    } else {
        good = lex_plain(from);
    }
    *from->to++ = '\0';
    return good;
}

bool hf_fault_lex(fault_line *line, const char *text, size_t len, char *what, size_t what_max)
{
    cursor from = {text, text + len, line->store};

    line->n = 0;
    line->at = 0;
    if (len > FAULT_LINE_MAX) {
        (void)snprintf(what, what_max, "longer than %d bytes", FAULT_LINE_MAX);
        return false;
    }
    for (;;) {
        while (from.at < from.end && is_blank(*from.at))
            from.at++;
        if (from.at == from.end || *from.at == '#')
            return true;
        if (line->n == FAULT_WORDS_MAX) {
            (void)snprintf(what, what_max, "more than %d words", FAULT_WORDS_MAX);
            return false;
        }
        if (!lex_word(line, &from)) {
            (void)snprintf(what, what_max, "a quote or a parenthesis without its other half");
            return false;
        }
    }
}

const char *hf_fault_word(fault_line *line)
{
    if (line->at == line->n || line->mark[line->at])
        return NULL;
    return line->words[line->at++];
}

bool hf_fault_mark(fault_line *line, char mark)
{
    if (line->at == line->n || !line->mark[line->at] || line->words[line->at][0] != mark)
        return false;
    line->at++;
    return true;
}

bool hf_fault_take(fault_line *line, const char *word)
{
    if (line->at == line->n || line->mark[line->at] || strcmp(line->words[line->at], word) != 0)
        return false;
    line->at++;
    return true;
}

bool hf_fault_at_end(const fault_line *line)
{
    return line->at == line->n;
}

/* Digits with at most `scale` decimals, times 10^scale; returns what follows, or NULL. At most 12 digits before. */
static const char *decimal(const char *text, unsigned scale, uint64_t *out)
{
    uint64_t value = 0;
    unsigned digits = 0;

    for (; *text >= '0' && *text <= '9'; text++) {
        if (++digits > 9)
            return NULL;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    if (digits == 0)
        return NULL;
    if (*text == '.' && text[1] >= '0' && text[1] <= '9')
        for (text++; *text >= '0' && *text <= '9'; text++) {
            if (scale == 0)
                return NULL;
            scale--;
            value = value * 10 + (uint64_t)(*text - '0');
        }
    for (; scale > 0; scale--)
        value *= 10;
    *out = value;
    return text;
}

bool hf_fault_duration(const char *text, uint64_t *out_ns)
{
    static const struct {
        const char *unit;
        uint64_t ns;
    } units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"min", 60000000000ULL}};
    uint64_t thousandths = 0;
    const char *unit = decimal(text, 3, &thousandths);

    for (size_t i = 0; unit && i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].unit) == 0) {
            if (thousandths / 1000 > FAULT_TIME_MAX_NS / units[i].ns)
                return false;
            uint64_t ns = thousandths / 1000 * units[i].ns + thousandths % 1000 * units[i].ns / 1000;
            if (ns > FAULT_TIME_MAX_NS)
                return false;
            *out_ns = ns;
            return true;
        }
    return false;
}

bool hf_fault_number(const char *text, uint64_t low, uint64_t high, uint64_t *out)
{
    uint64_t value = 0;
    const char *end = decimal(text, 0, &value);

    if (!end || *end != '\0' || value < low || value > high)
        return false;
    *out = value;
    return true;
}

bool hf_fault_chance(const char *text, uint64_t *out)
{
    uint64_t millionths = 0;
    const char *end = decimal(text, 6, &millionths);

    if (!end)
        return false;
    uint64_t whole = *end == '%' ? 100000000 : 1000000;
    if (millionths == 0 || millionths > whole || strcmp(end, *end == '%' ? "%" : "") != 0)
        return false;
    *out = millionths * FAULT_ALWAYS / whole; /* at most 10^8 times 2^32: fits */
    if (*out == 0)
        *out = 1;
    return true;
}
